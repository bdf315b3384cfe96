"""From joint tables to what the page shows; sums along axes and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE
from indicators.joint import FINAL, INITIAL, LPD, REGION, JointTable
from indicators.transitions import TransitionMatrix
from serving.report.page.conditions import Conditions, Denominator
from serving.report.page.cover import CoverChange, Flow
from serving.report.page.sections import Crosstab

_ONE_YEAR: Final = 1


def cover_change(table: JointTable, matrices: Sequence[TransitionMatrix], *, years: int) -> CoverChange:
    """Flows of a joint table (UNCCD PRAIS 4 tables SO1-1.T4 to T6).

    A change within one year needs verification whatever it is (LDN facts, section 2.3).

    Args:
        table: with the axes ``initial`` and ``final``, and ``region`` where there are several matrices.
        matrices: signs, processes and unlikely transitions, by region.
        years: from the initial to the final year.

    Raises:
        ConfigError: the table lacks an axis.
    """
    codes = _codes_with_area(table)
    sums: dict[Flow, float] = {}
    for region, cells in _regions(table, len(matrices)):
        rows, cols = (axis.codes for axis in cells.axes)
        for (i, before), (j, after) in product(enumerate(rows), enumerate(cols)):
            if {before, after} <= set(codes):
                key = _verdict((before, after), None if region == NODATA else matrices[region], years)
                sums[key] = sums.get(key, 0.0) + float(cells.km2[i, j])
    flows = tuple(replace(key, km2=km2) for key, km2 in sums.items())
    return CoverChange(matrices[0].legend_id, codes, flows)


def conditions(
    table: JointTable, axis: str, of_km2: float, of: Denominator = "land", *, water: int | None = None
) -> Conditions:
    """Area by land condition along an axis of -1, 0, 1 and -32768.

    Water of the initial year is no data in the indicator, and must not be told as land without data (LDN facts,
    sections 4.3 and 5.3): pass its class wherever the denominator is land.

    Args:
        table: with that axis, and ``initial`` where water is left out.
        axis: its name.
        of_km2: what shares are taken of.
        of: its name.
        water: class of the initial year that is left out.

    Raises:
        ConfigError: the table lacks an axis.
    """
    if water is None:
        sums = table.over((axis,)).km2
    else:
        cells = table.over((INITIAL, axis))
        sums = cells.km2.sum(axis=0) - cells.km2[cells.axes[0].index(water)]
    return _conditions(dict(zip(table.axis(axis).codes, map(float, sums), strict=True)), of_km2, of)


def cover_conditions(
    cover: CoverChange, of_km2: float, of: Denominator = "total", *, water: int | None = None
) -> Conditions:
    """Degradation by land-cover change alone (UNCCD PRAIS 4 table SO1-1.T7); arguments as of ``conditions``."""
    km2 = dict.fromkeys((DEGRADED, STABLE, IMPROVED, NODATA), 0.0)
    for flow in cover.flows:
        if flow.initial != water:
            km2[flow.sign] += flow.km2
    return _conditions(km2, of_km2, of)


def dynamics(table: JointTable) -> Crosstab:
    """Land productivity dynamics by land cover of the initial year (UNCCD PRAIS 4 table SO1-2.T1).

    Raises:
        ConfigError: the table lacks an axis.
    """
    return crosstab(table, INITIAL, LPD)


def crosstab(table: JointTable, rows: str, cols: str) -> Crosstab:
    """Areas along two axes; rows of no data are left out where there are none.

    Raises:
        ConfigError: the table lacks an axis.
    """
    cells = table.over((rows, cols))
    row_codes, col_codes = (axis.codes for axis in cells.axes)
    kept = [i for i, code in enumerate(row_codes) if code != NODATA or cells.km2[i].sum() > 0]
    return Crosstab(tuple(row_codes[i] for i in kept), col_codes, tuple(tuple(map(float, cells.km2[i])) for i in kept))


def _conditions(km2: Mapping[int, float], of_km2: float, of: Denominator) -> Conditions:
    return Conditions(
        degraded=km2.get(DEGRADED, 0.0),
        stable=km2.get(STABLE, 0.0),
        improved=km2.get(IMPROVED, 0.0),
        nodata=km2.get(NODATA, 0.0),
        of_km2=of_km2,
        of=of,
    )


def _codes_with_area(table: JointTable) -> tuple[int, ...]:
    """Classes in the order of the legend, and no data where a year has some."""
    cells = table.over((INITIAL, FINAL))
    missing = any(
        cells.km2.take(axis.index(NODATA), axis=i).sum() > 0
        for i, axis in enumerate(cells.axes)
        if NODATA in axis.codes
    )
    return tuple(code for code in cells.axes[0].codes if code != NODATA or missing)


def _regions(table: JointTable, matrices: int) -> Iterator[tuple[int, JointTable]]:
    """Position of a matrix, or -32768 outside all regions, and the table over both years there."""
    if matrices == 1 and REGION not in table.names:
        yield 0, table.over((INITIAL, FINAL))
        return
    each = table.over((REGION, INITIAL, FINAL))
    for i, code in enumerate(each.axes[0].codes):
        yield code, JointTable(each.axes[1:], each.pixels[i], each.km2[i], each.method)


def _verdict(pair: tuple[int, int], matrix: TransitionMatrix | None, years: int) -> Flow:
    """A flow without area."""
    if NODATA in pair or matrix is None:
        return Flow(*pair, km2=0.0, sign=NODATA, process="")
    hasty = years <= _ONE_YEAR and pair[0] != pair[1]
    return Flow(
        *pair,
        km2=0.0,
        sign=matrix.sign(*pair),
        process=matrix.process(*pair),
        unlikely=hasty or pair in matrix.unlikely,
    )
