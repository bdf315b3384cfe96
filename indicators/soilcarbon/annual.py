"""Stocks of soil carbon year by year from annual land cover and the stock of the first year.

    if the class changed from y-1 to y:  loss = SOC(y-1) (1 - F) / 20, and its years are counted from 1
    SOC(y) = SOC(y-1) - loss             for 20 years, or until the next change

Trends.Earth, gee/soc.py; UNCCD PRAIS 4 manual, SO1.md, SO 1-3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from indicators.soilcarbon.covers import NO_COVER, Codes, cover_positions
from indicators.soilcarbon.factors import TIER1, FactorTable
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch, WrongUse

type Stock = npt.NDArray[np.floating[Any]]
"""(row, col), t/ha, NaN = missing."""

type Covers = npt.NDArray[np.integer[Any]] | Iterable[Codes]


def annual_stocks(
    reference_RC: Stock,
    covers: Covers,
    f: npt.NDArray[np.float64] | float,
    *,
    table: FactorTable = TIER1,
) -> Iterator[npt.NDArray[np.float64]]:
    """The stock of each year, one array at a time.

    Args:
        reference_RC: (row, col), stock of the first year, t/ha; floats or integers. NaN and values below 0 (-32768,
            -32767) mean missing.
        covers: land cover of consecutive years, the first that of ``reference_RC``: (year, row, col), or anything that
            yields (row, col); UNCCD-7 codes 1 to 7; 0, 255, -32768 and -32767 mean no data. From a year without
            data on the stock is unknown.
        f: f of the climate, (row, col) as from ``FactorTable.f_of_zones``, or one number; NaN where it is not known,
            and then the stock is unknown from a change on that needs it.
        table: land-use factors.

    Yields:
        float64 (row, col), t/ha, NaN = missing; arrays of their own.

    Raises:
        GridMismatch: when shapes differ.
        DtypeMismatch: when land cover is not of an integer type, or stocks are not numbers.
        UnmappedCodes: with other land-cover codes and their pixel counts.
    """
    stock = _stock(reference_RC).reshape(-1)
    spread = np.broadcast_to(np.asarray(f, np.float64), _shape_of(f, reference_RC)).reshape(-1)
    loss, elapsed = np.zeros_like(stock), np.zeros(stock.shape, np.int32)
    before: npt.NDArray[np.uint8] | None = None
    for cover in covers:
        after = _classes(cover, reference_RC.shape)
        if before is not None:
            _renew(loss, elapsed, stock, (before, after, spread), table)
            stock = stock - loss
        stock[after == NO_COVER] = np.nan
        before = after
        yield stock.reshape(reference_RC.shape).copy()


def stocks_of_years(
    reference_RC: Stock,
    covers: Covers,
    f: npt.NDArray[np.float64] | float,
    *,
    years: Sequence[int],
    wanted: Sequence[int],
    table: FactorTable = TIER1,
) -> dict[int, npt.NDArray[np.float64]]:
    """The stocks of some years; the others are passed through without being kept.

    Args:
        reference_RC: see ``annual_stocks``; the stock of ``years[0]``.
        covers: see ``annual_stocks``; one for each of ``years``.
        f: see ``annual_stocks``.
        years: consecutive years.
        wanted: which of them to give, 2000, 2015, ... of table SO1-3.T1.
        table: land-use factors.

    Returns:
        By year: float64 (row, col), t/ha, NaN = missing.

    Raises:
        ConfigError: when the years are not consecutive, or not those of the land cover.
        WrongUse: when a wanted year is not among them.
        SteppeError: as ``annual_stocks``.
    """
    check_years(years)
    if absent := sorted(set(wanted) - set(years)):
        raise WrongUse(f"stock of {absent[0]} wanted, with land cover of {years[0]} to {years[-1]}")
    series = annual_stocks(reference_RC, covers, f, table=table)
    try:
        return {year: stock for year, stock in zip(years, series, strict=True) if year in wanted}
    except ValueError as error:
        raise ConfigError(f"land cover of another number of years than the {len(years)} that were named") from error


def check_years(years: Sequence[int]) -> None:
    """Refuse years that do not follow each other: the recursion goes year by year.

    Raises:
        ConfigError: with the years.
    """
    if not years or list(years) != list(range(years[0], years[0] + len(years))):
        raise ConfigError(f"years {', '.join(map(str, years)) or 'of none'}: expected one year after the other")


def _renew(
    loss: npt.NDArray[np.float64],
    elapsed: npt.NDArray[np.int32],
    stock: npt.NDArray[np.float64],
    change: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.float64]],
    table: FactorTable,
) -> None:
    """Annual losses of this year, in place; ``change`` is class before, class after and f."""
    before, after, f = change
    known = (before != NO_COVER) & (after != NO_COVER)
    changed = np.flatnonzero((before != after) & known)
    elapsed += 1
    loss[elapsed > table.years] = 0.0
    factors = table.factors(before[changed], after[changed], f[changed])
    loss[changed] = stock[changed] * (1.0 - factors) / table.years
    elapsed[changed] = 1


def _stock(reference_RC: Stock) -> npt.NDArray[np.float64]:
    if reference_RC.dtype.kind not in "iuf":
        raise DtypeMismatch(f"stocks of soil carbon came as {reference_RC.dtype}: expected numbers, t/ha")
    stock = reference_RC.astype(np.float64)
    stock[stock < 0] = np.nan
    return stock


def _shape_of(f: npt.NDArray[np.float64] | float, reference_RC: Stock) -> tuple[int, ...]:
    shape = np.shape(f)
    if shape not in ((), reference_RC.shape):
        raise GridMismatch(f"climate of shape {shape} for stocks of {reference_RC.shape}; bring both to one grid first")
    return reference_RC.shape


def _classes(cover: Codes, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Class positions 0 to 6, and 7 for no data, flat."""
    if cover.shape != shape:
        raise GridMismatch(f"land cover of shape {cover.shape} for stocks of {shape}; bring both to one grid first")
    return cover_positions(cover).reshape(-1)
