"""Strata of a sample: parts of a map that do not overlap and together are the population."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from landcover.errors import ConfigError

type Floats = npt.NDArray[np.float64]
type Counts = npt.NDArray[np.int64]

LEAST: Final = 2
"""Points without which the variance within a stratum cannot be estimated: its divisor is n - 1."""

FEW: Final = 50
"""Points of a stratum below which its accuracy is hardly known (Olofsson et al. 2014, section 5.1.2)."""

_SUM_TOLERANCE: Final = 1e-9


class SampleDesignInvalid(ConfigError):
    """A sample cannot be drawn as it was asked for."""

    slug = "sample-design"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One stratum.

    Attributes:
        code: class code in the map, or any other number.
        title: for people.
        pixels: pixels that may be drawn, N_i.
        area_km2: mapped area (pixel count), A_i, geodesic km2.
    """

    code: int
    title: str
    pixels: int
    area_km2: float

    def __post_init__(self) -> None:
        """Refuse strata that are nowhere.

        Raises:
            SampleDesignInvalid: with the numbers.
        """
        if self.pixels < 1 or not (math.isfinite(self.area_km2) and self.area_km2 > 0):
            raise SampleDesignInvalid(
                f"stratum {self.code} ({self.title}) has {self.pixels} pixels and {self.area_km2} km2; expected at "
                "least one pixel with an area: leave the stratum out"
            )

    def to_document(self) -> dict[str, Any]:
        """The stratum as JSON."""
        return {"code": self.code, "title": self.title, "pixels": self.pixels, "area_km2": self.area_km2}


@dataclass(frozen=True, slots=True)
class Strata:
    """All strata of a population, in the order of tables.

    Attributes:
        each: the strata.
    """

    each: tuple[Stratum, ...]

    def __post_init__(self) -> None:
        """Refuse codes that repeat.

        Raises:
            SampleDesignInvalid: naming them.
        """
        codes = self.codes
        repeated = sorted({code for code in codes if codes.count(code) > 1})
        if repeated or not codes:
            raise SampleDesignInvalid(
                f"strata need distinct codes, at least one; repeated: {repeated or 'none at all'}"
            )

    @classmethod
    def of_document(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """The strata of ``Stratum.to_document``; further members are passed over.

        Raises:
            SampleDesignInvalid: when a member is missing or no number.
        """
        try:
            each = tuple(
                Stratum(
                    code=int(row["code"]),
                    title=str(row["title"]),
                    pixels=int(row["pixels"]),
                    area_km2=float(row["area_km2"]),
                )
                for row in rows
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SampleDesignInvalid(
                f"a stratum of the design is incomplete ({error}); it needs code, title, pixels and area_km2"
            ) from error
        return cls(each)

    def __len__(self) -> int:
        """Number of strata."""
        return len(self.each)

    @property
    def codes(self) -> tuple[int, ...]:
        """Their codes."""
        return tuple(stratum.code for stratum in self.each)

    @property
    def pixels(self) -> Counts:
        """N_i, int64, shape (strata,)."""
        return np.array([stratum.pixels for stratum in self.each], np.int64)

    @property
    def km2(self) -> Floats:
        """A_i in km2, float64, shape (strata,)."""
        return np.array([stratum.area_km2 for stratum in self.each])

    @property
    def total_pixels(self) -> int:
        """N, pixels of the population."""
        return sum(stratum.pixels for stratum in self.each)

    @property
    def total_km2(self) -> float:
        """A, area of the population in km2."""
        return math.fsum(stratum.area_km2 for stratum in self.each)

    @property
    def weights(self) -> Floats:
        """W_i = A_i / A, float64, shape (strata,); they sum to 1."""
        return self.km2 / self.total_km2

    def index(self, code: int) -> int:
        """Position of a stratum.

        Raises:
            SampleDesignInvalid: when there is none of that code.
        """
        if code not in self.codes:
            raise SampleDesignInvalid(f"there is no stratum {code}; the strata are {', '.join(map(str, self.codes))}")
        return self.codes.index(code)


def checked_weights(weights: Sequence[float] | Floats) -> Floats:
    """Shares of the population as an array.

    Args:
        weights: W_i, dimensionless, shape (strata,).

    Raises:
        SampleDesignInvalid: when one is not above 0 or they do not sum to 1.
    """
    shares = np.asarray(weights, np.float64)
    total = math.fsum(shares.tolist())
    if shares.ndim != 1 or not shares.size or not (shares > 0).all() or abs(total - 1.0) > _SUM_TOLERANCE:
        raise SampleDesignInvalid(
            f"stratum weights sum to {total:.9g}; expected numbers above 0 that sum to 1: give each stratum's share "
            "of the mapped area"
        )
    return shares


def checked_accuracies(users: Sequence[float] | Floats, count: int) -> Floats:
    """Expected user's accuracies as an array.

    Args:
        users: U_i, shares from 0 to 1, shape (strata,).
        count: number of strata.

    Raises:
        SampleDesignInvalid: when there is not one for each stratum, or one is no share.
    """
    shares = np.asarray(users, np.float64)
    if shares.shape != (count,) or not ((shares >= 0) & (shares <= 1)).all():
        raise SampleDesignInvalid(
            f"{shares.size} expected user's accuracies {shares.tolist()} for {count} strata; expected one share from "
            "0 to 1 for each"
        )
    return shares
