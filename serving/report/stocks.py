"""Stocks of soil carbon in a report: rows of table SO1-3.T1, and whether they carry on those of the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Final

from indicators.caveats import Caveat
from indicators.codes import NODATA
from indicators.reporting.entries import SocStock
from indicators.reporting.period import Period
from indicators.soilcarbon.totals import StockTable

_DIFFERENCE: Final = 0.01
"""Share of the stock by which classes together may differ between two reports of one year."""

type YearTables = Sequence[StockTable]
"""Stocks of the initial and of the final year."""


def soc_stocks(tables: YearTables, period: Period) -> tuple[SocStock, ...]:
    """Rows of SO1-3.T1 of an area.

    Args:
        tables: of the initial and the final year; empty where no stock was followed.
        period: their years.
    """
    return tuple(_row(year, table) for year, table in zip(period.years, tables, strict=True)) if tables else ()


def all_zones(stocks: Sequence[YearTables]) -> YearTables:
    """Stocks of all zones together."""
    return [reduce(add, tables) for tables in zip(*stocks, strict=True)]


def carried_on(baseline: Sequence[SocStock], stocks: Sequence[SocStock]) -> tuple[Caveat, ...]:
    """Whether stocks of a period begin where those of the baseline end.

    Args:
        baseline: of the baseline's report.
        stocks: of this period.
    """
    if not baseline or not stocks:
        return ()
    last, first = max(baseline, key=lambda each: each.year), min(stocks, key=lambda each: each.year)
    if last.year != first.year:
        return (
            Caveat(
                "soc-stock-years",
                f"Stocks of soil organic carbon of the baseline end in {last.year}, those of this period begin in "
                f"{first.year}; whether they carry on cannot be checked.",
            ),
        )
    before, now = (math.fsum(tonnes for _, tonnes in each.tonnes) for each in (last, first))
    here = dict(first.tonnes)
    if math.fsum(abs(tonnes - here.get(code, 0.0)) for code, tonnes in last.tonnes) <= _DIFFERENCE * before:
        return ()
    return (
        Caveat(
            "soc-stock-differs",
            f"Soil organic carbon of {first.year} by class is not that of the baseline's report ({before:,.0f} t in "
            f"all there, {now:,.0f} t here), which the tables show; begin this period with soc_stock_final.tif of the "
            "baseline's report, on the same areas.",
        ),
    )


def _row(year: int, table: StockTable) -> SocStock:
    classes = [each for each in table.classes if each.code != NODATA]
    return SocStock(
        year=year,
        tonnes=tuple((each.code, each.tonnes) for each in classes),
        km2=tuple((each.code, each.area_km2) for each in classes),
    )
