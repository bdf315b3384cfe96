"""What a sample is drawn from: the pixels of a class map that have a class, counted and measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.areas import AreaTable, ClassAreas, PixelAreas
from indicators.codes import NODATA, OUTSIDE
from indicators.sampling.draw import Position
from indicators.sampling.strata import Strata, Stratum
from landcover.errors import NoValidData, UnknownLegend, UnmappedCodes, WrongUse
from landcover.grid import Window
from landcover.legends import CLASS_NODATA, Legend, get_legend
from landcover.raster.categorical import CodeMap
from landcover.raster.stated_legend import stated_legend
from serving.report.samplingareas import SampledAreas

WHOLE: Final = 0
"""Code of the only stratum where the whole map is one."""

_PIECE_PIXELS: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Population:
    """What is sampled.

    Attributes:
        strata: with pixels and areas.
        table: areas of all classes of the map.
        legend: of the map.
        excluded: codes that are not of the population.
        by_class: whether the strata are classes.
        areas: where its pixels have their centres; None = on all of the map.
    """

    strata: Strata
    table: AreaTable
    legend: Legend
    excluded: frozenset[int]
    by_class: bool
    areas: SampledAreas | None = None

    def rows(self, codes: CodeMap) -> Iterator[tuple[int, npt.NDArray[np.int16]]]:
        """The strata from top to bottom: first row, and codes (row, col) int16; -32768 = not of the population."""
        for row, codes_RW, _ in code_rows(codes, self.areas):
            if self.by_class:
                yield row, codes_RW
            else:
                outside_RW = np.isin(codes_RW, [NODATA, *self.excluded])
                yield row, np.where(outside_RW, np.int16(NODATA), np.int16(WHOLE))

    def classes_at(self, codes: CodeMap, positions: Sequence[Position]) -> dict[Position, int]:
        """Class of the map at each drawn pixel; read once more where the strata do not tell."""
        if self.by_class:
            return {at: at.stratum for at in positions}
        found: dict[Position, int] = {}
        for row, codes_RW, _ in code_rows(codes, self.areas):
            here = [at for at in positions if row <= at.row < row + len(codes_RW)]
            found |= {at: int(codes_RW[at.row - row, at.col]) for at in here}
        return found


def legend_of(path: Path, wanted: str | None) -> Legend:
    """The legend of a map: the one that the caller names, else the one that the map states.

    Raises:
        UnknownLegend: when there is neither.
        DataError: when the map cannot be opened.
    """
    if wanted is not None:
        return get_legend(wanted)
    found = stated_legend(path)
    if found is None:
        raise UnknownLegend(
            f"{path.name!r} does not state its legend; name it with --legend, for example --legend unccd7"
        )
    return found


def class_code(text: str, legend: Legend) -> int:
    """The class that a caller names by code or machine name.

    Raises:
        WrongUse: when the legend does not have it.
    """
    by_name = dict(zip(legend.names, legend.codes, strict=True)) | {str(code): code for code in legend.codes}
    if text.strip() not in by_name:
        raise WrongUse(f"{text!r} is no class of legend {legend.id!r}; its classes are {', '.join(by_name)}")
    return by_name[text.strip()]


def count_population(
    codes: CodeMap, legend: Legend, *, exclude: Sequence[str], by_class: bool, areas: SampledAreas | None = None
) -> Population:
    """First pass over a map: pixels and areas of its classes.

    Args:
        codes: the map.
        legend: of the map.
        exclude: classes that are not of the population, by code or machine name.
        by_class: whether the map's classes are the strata; else the whole map is one.
        areas: where pixels of the population have their centres; None = on all of the map.

    Raises:
        NoValidData: when nothing is left.
        UnmappedCodes: when the map holds codes that the legend does not have.
        WrongUse: when ``exclude`` names a class that there is not.
    """
    excluded = frozenset(class_code(text, legend) for text in exclude)
    table = _counted(codes, legend, areas)
    rows = [row for row in table.rows if row.pixels and row.code not in excluded]
    if not rows:
        where = "" if areas is None else f" in {areas.zones.name!r}"
        raise NoValidData(
            f"no pixel of {codes.scene.identifier!r}{where} is of the population; there is nothing to sample"
        )
    each = [Stratum(code=row.code, title=row.title, pixels=row.pixels, area_km2=row.area_km2) for row in rows]
    if not by_class:
        pixels, km2 = sum(one.pixels for one in each), sum(one.area_km2 for one in each)
        each = [Stratum(code=WHOLE, title="whole map" if areas is None else "whole area", pixels=pixels, area_km2=km2)]
    return Population(Strata(tuple(each)), table, legend, excluded, by_class, areas)


def _counted(codes: CodeMap, legend: Legend, areas: SampledAreas | None) -> AreaTable:
    """Pixels and areas of all classes; what lies outside of the areas is not counted as no data either."""
    found = ClassAreas(codes.grid, legend, nodata=NODATA)
    pixels, km2, sizes = 0, 0.0, PixelAreas(codes.grid)
    for row, codes_RW, outside_RW in code_rows(codes, areas):
        found.add(row, codes_RW)
        if outside_RW is not None:
            size_RW = sizes.rows(row, row + len(codes_RW))
            pixels += int(np.count_nonzero(outside_RW))
            km2 += float((outside_RW * (size_RW if size_RW.ndim > 1 else size_RW[:, None])).sum())
    table = found.table()
    missing, left = table.nodata_pixels - pixels, table.nodata_area_km2 - km2
    return replace(table, nodata_pixels=missing, nodata_area_km2=max(left, 0.0) if missing else 0.0)


def code_rows(
    codes: CodeMap, areas: SampledAreas | None = None
) -> Iterator[tuple[int, npt.NDArray[np.int16], npt.NDArray[np.bool_] | None]]:
    """A map from top to bottom, some rows at a time; rows without pixels of the areas are not read.

    Args:
        codes: the map.
        areas: what lies outside of them has no data.

    Yields:
        The first row; codes (row, col) int16, -32768 = no data; True (row, col) outside of the areas, None without.

    Raises:
        UnmappedCodes: for codes beyond int16, which no legend has.
        RasterTruncated: when pixels are missing or damaged.
    """
    grid = codes.grid
    step = max(1, min(512, _PIECE_PIXELS // grid.width))
    for row in range(0, grid.height, step):
        window = Window(row, 0, min(step, grid.height - row), grid.width)
        outside_RW = None if areas is None else ~areas.inside(window)
        if outside_RW is not None and outside_RW.all():
            yield row, np.full(outside_RW.shape, NODATA, np.int16), outside_RW
        else:
            yield row, _codes_in(codes, window, outside_RW), outside_RW


def _codes_in(codes: CodeMap, window: Window, outside_RW: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.int16]:
    limits, block = np.iinfo(np.int16), codes.scene.read(window)
    data_RW = block.data[0]
    missing_RW = ~block.valid | (data_RW == OUTSIDE) | (data_RW == CLASS_NODATA)
    if outside_RW is not None:
        missing_RW |= outside_RW
    kept = np.where(missing_RW, 0, data_RW)
    if kept.min() <= limits.min or kept.max() > limits.max:
        raise UnmappedCodes(f"{codes.scene.identifier!r} has codes beyond int16, which no legend has")
    return np.where(missing_RW, np.int16(NODATA), kept.astype(np.int16))
