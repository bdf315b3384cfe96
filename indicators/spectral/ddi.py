"""The desertification difference index: fitted on one scene, reused on others.

In the plane of a vegetation index VI and albedo, dry land lies along a line albedo = a VI + b with a < 0; DDI = k VI -
albedo with k = -1/a measures along that line (Zeng et al. 2006, Scientia Geographica Sinica 26, 75-81). Low is more
desertified. Line and classes are those of the scene: two scenes or dates compare only with the same numbers, so they
are an object with an identity that goes with every output.

Water is left out of the fit: it is dark without vegetation. So is whatever the modified water index takes for water
(MNDWI > 0; Xu 2006, doi:10.1080/01431160600589179), such as snow. Salt crusts are bright without being sand; separate
them before DDI is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from indicators.spectral.breaks import natural_breaks
from indicators.spectral.streams import Histogram, LineFit
from landcover.errors import ConfigError, NoValidData
from landcover.identity import identity

type Floats = npt.NDArray[np.float64]

INDICES: Final = ("MSAVI", "NDVI")
"""Vegetation indices that a line may be fitted with."""

CLASSES: Final = 5
BINS: Final = 1024

_NUMBERS: Final = ("a", "b", "k")


class DdiInvalid(ConfigError):
    """Numbers of a desertification difference index that cannot be used."""

    slug = "ddi-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class DdiModel:
    """The numbers of one fit.

    Attributes:
        index: vegetation index VI of the line.
        a: slope of albedo on VI, below 0.
        b: albedo where VI is 0.
        k: -1/a.
        breaks: DDI up to which each class but the last reaches, rising; empty before they are known.
        pixels: how many the line was fitted on.
        fitted_on: name of the scene.
        id: short name.
        version: of the method.
    """

    index: str
    a: float
    b: float
    k: float
    breaks: tuple[float, ...]
    pixels: int
    fitted_on: str
    id: str = "ddi"
    version: str = "1"

    def __post_init__(self) -> None:
        """Refuse numbers that are not of a fit.

        Raises:
            DdiInvalid: saying which.
        """
        if self.index not in INDICES:
            raise DdiInvalid(f"DDI with {self.index!r}; expected one of {', '.join(INDICES)}")
        if not (np.isfinite([self.a, self.b, self.k, *self.breaks]).all() and self.a < 0):
            raise DdiInvalid(
                f"albedo does not fall as {self.index} rises (slope {self.a:.4g}), so that the plane has no line of "
                "desertification; fit on a scene with bare and vegetated dry land"
            )
        if any(low >= high for low, high in pairwise(self.breaks)):
            raise DdiInvalid(f"breaks {self.breaks} of DDI do not rise")

    @property
    def identity(self) -> str:
        """``id@version#sha256``."""
        return identity(self.to_document())

    def values(self, vegetation: Floats, albedo: Floats) -> Floats:
        """DDI = k VI - albedo.

        Args:
            vegetation: VI, any shape.
            albedo: of Liang 2001, the same shape.
        """
        return self.k * vegetation - albedo

    def classes(self, values: Floats) -> Floats:
        """Class from 1, most desertified, by the kept breaks; NaN stays.

        Raises:
            DdiInvalid: when there are no breaks.
        """
        if not self.breaks:
            raise DdiInvalid("this DDI was fitted without breaks; fit it again to have classes")
        found = np.searchsorted(np.array(self.breaks), values, side="left") + 1.0
        return np.where(np.isnan(values), np.nan, found)

    def with_breaks(self, histogram: Histogram, classes: int = CLASSES) -> Self:
        """The model with natural breaks of a histogram of DDI.

        Raises:
            ConfigError: when DDI has fewer different values than classes.
        """
        there = histogram.counts > 0
        breaks = natural_breaks(histogram.edges[1:][there], histogram.counts[there], classes)
        return replace(self, breaks=breaks)

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "version": self.version,
            "index": self.index,
            **{name: getattr(self, name) for name in _NUMBERS},
            "breaks": list(self.breaks),
            "pixels": self.pixels,
            "fitted_on": self.fitted_on,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The model of ``to_document``.

        Raises:
            DdiInvalid: when it is none.
        """
        try:
            return cls(
                index=str(document["index"]),
                a=float(document["a"]),
                b=float(document["b"]),
                k=float(document["k"]),
                breaks=tuple(float(number) for number in document["breaks"]),
                pixels=int(document["pixels"]),
                fitted_on=str(document["fitted_on"]),
                id=str(document["id"]),
                version=str(document["version"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DdiInvalid(f"kept numbers of DDI are incomplete ({error}); fit them again") from error


class DdiFit:
    """Fits a line while pixels stream by.

    Args:
        index: vegetation index of the line.
        fitted_on: name of the scene.
    """

    def __init__(self, index: str, fitted_on: str) -> None:
        self._index, self._scene, self._line = index, fitted_on, LineFit()

    def add(self, vegetation: Floats, albedo: Floats, water: Floats) -> None:
        """Take some pixels in.

        Args:
            vegetation: VI, any shape; NaN = no data.
            albedo: the same shape.
            water: MNDWI, the same shape; above 0 is left out.
        """
        used = np.isfinite(vegetation) & np.isfinite(albedo) & ~(water > 0)
        self._line.add(vegetation[used], albedo[used])

    def model(self) -> DdiModel:
        """The line, without breaks.

        Raises:
            NoValidData: when there are too few pixels.
            DdiInvalid: when albedo does not fall as the vegetation index rises.
        """
        if not self._line.count:
            raise NoValidData("no pixel but water has data, so that there is no line of desertification")
        a, b = self._line.line()
        return DdiModel(
            index=self._index,
            a=a,
            b=b,
            k=-1.0 / a if a else 0.0,
            breaks=(),
            pixels=self._line.count,
            fitted_on=self._scene,
        )

    def histogram(self, model: DdiModel, bins: int = BINS) -> Histogram:
        """An empty histogram over all DDI that the pixels of the fit can have."""
        low, high = self._line.low, self._line.high
        return Histogram(model.k * float(low[0]) - float(high[1]), model.k * float(high[0]) - float(low[1]), bins)
