"""One table from which all tables of a report follow: pixels and area by every combination of codes.

Each pixel of a report has a land-cover class before and after, and maybe a class of productivity, of soil carbon and so
on. How many pixels and how many km2 have each combination is all that the tables of SO 1-1 to SO 1-4 need: they are
sums along axes, and so agree with each other to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA, OUTSIDE
from landcover.errors import ConfigError
from landcover.legends import Legend

INITIAL: Final = "initial"
"""Axis: land-cover class of the initial year, codes of the legend and -32768."""
FINAL: Final = "final"
"""Axis: land-cover class of the final year."""
REGION: Final = "region"
"""Axis: which transition matrix holds, by its position from 0, and -32768 where none does; there is no such axis where
one matrix holds everywhere."""
LPD: Final = "lpd"
"""Axis: land productivity dynamics 1 to 5, and -32768."""
PRODUCTIVITY: Final = "productivity"
"""Axis: -1, 0, 1, -32768 of land productivity; not a function of ``LPD`` under every table of combinations."""
SOC: Final = "soc"
"""Axis: -1, 0, 1, -32768 of soil organic carbon."""
SDG: Final = "sdg"
"""Axis: -1, 0, 1, -32768 of the indicator (one out, all out) of the period, after corrections."""
UNCORRECTED: Final = "uncorrected"
"""Axis: the same before corrections by experts; there is none without corrections."""
BASELINE: Final = "baseline"
"""Axis: -1, 0, 1, -32767, -32768 of the baseline's indicator, after corrections; only in accounts of later periods.

-32767 is what the baseline's map of its initial year calls water, as far as its final year is known too: it was no land
in the baseline, and is not to be told as land without data (LDN facts, section 4.3). Accounts of earlier versions have
no such code; there all water of the baseline has no data.
"""

WATER_BEFORE: Final = OUTSIDE
"""Code of the axis ``baseline``: water of the baseline's initial year."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One property of pixels.

    Attributes:
        name: one of the names above.
        codes: product codes in the order of positions along the axis; no data, -32768, comes last where there is any.
    """

    name: str
    codes: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse codes that repeat.

        Raises:
            ConfigError: naming the axis.
        """
        if len(set(self.codes)) != len(self.codes) or not self.codes:
            raise ConfigError(f"axis {self.name!r} needs distinct codes, at least one; got {self.codes}")

    def __len__(self) -> int:
        """Number of codes."""
        return len(self.codes)

    def index(self, code: int) -> int:
        """Position of a code.

        Raises:
            ConfigError: when the axis does not have it.
        """
        if code not in self.codes:
            raise ConfigError(f"axis {self.name!r} has no code {code}; its codes are {self.codes}")
        return self.codes.index(code)


def cover_axis(name: str, legend: Legend) -> Axis:
    """The axis of a land-cover map: the legend's codes in its order, and no data."""
    return Axis(name, (*legend.codes, NODATA))


def condition_axis(name: str) -> Axis:
    """The axis of a layer of -1, 0, 1 and no data."""
    return Axis(name, (*CONDITIONS, NODATA))


def baseline_axis() -> Axis:
    """The axis of the baseline's indicator, with a code of its own for water of the baseline."""
    return Axis(BASELINE, (*CONDITIONS, WATER_BEFORE, NODATA))


def lpd_axis() -> Axis:
    """The axis of land productivity dynamics."""
    return Axis(LPD, (1, 2, 3, 4, 5, NODATA))


@dataclass(frozen=True, slots=True, eq=False)
class JointTable:
    """Pixels and mapped area (pixel count) of every combination of codes.

    Attributes:
        axes: the properties, in the order of the arrays' axes.
        pixels: int64, one axis for each of ``axes``; pixels that the area covers at all.
        km2: float64 of the same shape, geodesic km2; of a pixel partly in the area its covered share.
        method: how pixel areas were computed, one phrase for people.
    """

    axes: tuple[Axis, ...]
    pixels: npt.NDArray[np.int64]
    km2: npt.NDArray[np.float64]
    method: str

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit the axes.

        Raises:
            ConfigError: with the shapes, or a name that repeats.
        """
        shape = tuple(map(len, self.axes))
        if self.pixels.shape != shape or self.km2.shape != shape:
            raise ConfigError(f"arrays of shape {self.pixels.shape} and {self.km2.shape} for axes of {shape}")
        if len(set(self.names)) != len(self.names):
            raise ConfigError(f"axes {self.names} repeat a name")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes, in order."""
        return tuple(axis.name for axis in self.axes)

    def axis(self, name: str) -> Axis:
        """The axis of a name.

        Raises:
            ConfigError: when the table does not have it.
        """
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise ConfigError(f"the table has no axis {name!r}; its axes are {', '.join(self.names)}")

    def over(self, names: Sequence[str]) -> JointTable:
        """The table over some of the axes only, in the order of ``names``; the others are summed.

        Raises:
            ConfigError: when the table does not have one of them.
        """
        kept = tuple(self.axis(name) for name in names)
        place = [self.names.index(name) for name in names]
        summed = tuple(i for i in range(len(self.axes)) if i not in place)
        order = np.argsort(np.argsort(place))
        pixels, km2 = self.pixels.sum(axis=summed, dtype=np.int64), self.km2.sum(axis=summed, dtype=np.float64)
        return JointTable(kept, np.transpose(pixels, order), np.transpose(km2, order), self.method)

    def __add__(self, other: JointTable) -> JointTable:
        """Both together, of one kind: the areas of two zones, or of two parts of a map.

        Raises:
            ConfigError: when the axes differ.
        """
        if self.axes != other.axes:
            raise ConfigError(f"tables over {self.names} and {other.names} do not add up: their axes differ")
        return JointTable(self.axes, self.pixels + other.pixels, self.km2 + other.km2, self.method)
