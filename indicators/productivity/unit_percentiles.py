"""First pass of performance: how productive the best pixels of each unit are, over an extent.

Trends.Earth, gee/productivity.py, ``productivity_performance``. The percentile of a unit depends on the extent that it
is taken over, so the result is an object that names the extent.

Means are rounded to whole steps of NDVI x 10000 for counting, half a step up. The percentile of the rounded means is
exact; it lies within half a step of that of the means before rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.productivity.ndvi import NDVI_NODATA, NDVI_SCALE, Ndvi, check_ndvi
from indicators.productivity.performance_methods import PERFORMANCE, PerformanceMethod
from indicators.productivity.positions import check_alike
from indicators.productivity.units import NO_UNIT, TooManyUnits, Units
from landcover.errors import GridMismatch
from landcover.identity import canonical_sha256

MOST_UNITS: Final = 4096
"""Units that a histogram takes, 80 kB each: 328 MB at most."""

_BINS: Final = NDVI_SCALE + 1  # 0 and less, 1, ..., 10000


@dataclass(frozen=True, slots=True, eq=False)
class UnitPercentiles:
    """The percentile of each unit over one extent.

    Attributes:
        units: int32, ascending.
        hundredths: int64 of the same length: the percentile in hundredths of a step of NDVI x 10000; 0 for units whose
            percentile is not above 0.
        pixels: int64, pixels of each unit that were counted.
        extent: what was counted, one phrase for people.
        method: percentile and share.
    """

    units: Units
    hundredths: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.int64]
    extent: str
    method: PerformanceMethod

    def to_document(self) -> dict[str, Any]:
        """Extent, method and percentiles as JSON-ready data."""
        rows = zip(self.units.tolist(), self.hundredths.tolist(), self.pixels.tolist(), strict=True)
        return {
            "id": "unit-percentiles",
            "version": "1",
            "extent": self.extent,
            "method": self.method.identity,
            "units": [{"unit": unit, "ndvi_x1000000": value, "pixels": count} for unit, value, count in rows],
        }

    @property
    def sha256(self) -> str:
        """Hash of ``to_document``, for provenance."""
        return canonical_sha256(self.to_document())

    def of(self, units: Units) -> npt.NDArray[np.int64]:
        """The percentile at each pixel in hundredths of a step; 0 without a unit or percentile."""
        if not self.units.size:
            return np.zeros(units.shape, np.int64)
        place = np.minimum(np.searchsorted(self.units, units), len(self.units) - 1)
        return np.where(self.units[place] == units, self.hundredths[place], 0)


class UnitHistogram:
    """First pass: counts the mean NDVI of the pixels of each unit.

    Memory is 80 kB for each unit that occurs, whatever the raster. Blocks may come in any order, each once.
    """

    def __init__(self, method: PerformanceMethod = PERFORMANCE) -> None:
        """Start with no pixel."""
        self.method = method
        self._counts: dict[int, npt.NDArray[np.int64]] = {}

    def add(self, ndvi_YRC: Ndvi, units_RC: Units, *, within_RC: npt.NDArray[np.bool_] | None = None) -> None:
        """Count a block.

        Args:
            ndvi_YRC: (year, row, col) int16, NDVI x 10000, -32768 = missing.
            units_RC: (row, col), see ``unit_codes``.
            within_RC: (row, col), True = in the extent; the whole block when none is given.

        Raises:
            NdviUnfit: when the stack is not int16 (year, row, col).
            GridMismatch: when the shapes differ.
            TooManyUnits: when more units came than can be counted; nothing of the block is counted then.
        """
        total, years = sums_of_years(ndvi_YRC, units_RC, self.method)
        counted = (years > 0) & (units_RC != NO_UNIT)
        if within_RC is not None:
            check_alike(units=units_RC, within=within_RC)
            counted &= within_RC
        n = years[counted]
        mean = (2 * total[counted] + n) // (2 * n)  # rounded, half a step up
        keys, counts = np.unique(units_RC[counted].astype(np.int64) * _BINS + np.maximum(mean, 0), return_counts=True)
        units = keys // _BINS
        self._take_in(np.unique(units))
        for unit in np.unique(units):
            of_unit = units == unit
            self._counts[int(unit)][keys[of_unit] % _BINS] += counts[of_unit]

    def percentiles(self, extent: str) -> UnitPercentiles:
        """The percentile of each unit that was counted.

        Args:
            extent: what was counted, one phrase for people; it is part of the identity.
        """
        units = sorted(self._counts)
        return UnitPercentiles(
            units=np.array(units, np.int32),
            hundredths=np.array([_percentile(self._counts[u], self.method.percentile) for u in units], np.int64),
            pixels=np.array([self._counts[u].sum() for u in units], np.int64),
            extent=extent,
            method=self.method,
        )

    def _take_in(self, units: npt.NDArray[np.int64]) -> None:
        """Make room for units that were not seen before."""
        new = [int(unit) for unit in units if int(unit) not in self._counts]
        if len(self._counts) + len(new) > MOST_UNITS:
            raise TooManyUnits(
                f"more than {MOST_UNITS} units of soil and land cover: is the layer of soils one of classes? Expected "
                "USDA soil taxonomy or a layer like it"
            )
        self._counts.update((unit, np.zeros(_BINS, np.int64)) for unit in new)


def sums_of_years(
    ndvi_YRC: Ndvi, units_RC: Units, method: PerformanceMethod
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sum and number of the years of each pixel; 0 and 0 where too many are missing.

    Args:
        ndvi_YRC: (year, row, col) int16, NDVI x 10000, -32768 = missing.
        units_RC: (row, col), see ``unit_codes``.
        method: how many years may be missing.

    Raises:
        NdviUnfit: when the stack is not int16 (year, row, col).
        GridMismatch: when the shapes differ.
    """
    check_ndvi(ndvi_YRC)
    if ndvi_YRC.shape[1:] != units_RC.shape:
        raise GridMismatch(f"NDVI of {ndvi_YRC.shape[1:]} pixels and units of {units_RC.shape}; bring both to one grid")
    years, total = np.zeros(units_RC.shape, np.int64), np.zeros(units_RC.shape, np.int64)
    for values in ndvi_YRC:
        there = values != NDVI_NODATA
        years += there
        total += values * there
    few = years < len(ndvi_YRC) - method.max_missing_years
    years[few] = total[few] = 0
    return total, years


def _percentile(counts: npt.NDArray[np.int64], percent: int) -> int:
    """Percentile of a histogram in hundredths of a step, by linear interpolation at rank p (m - 1)."""
    upto = np.cumsum(counts)
    low, part = divmod(percent * (int(upto[-1]) - 1), 100)
    first, second = np.searchsorted(upto, [low, min(low + 1, int(upto[-1]) - 1)], side="right").tolist()
    return int(first * (100 - part) + second * part)
