"""Fractional vegetation cover between bare soil and full cover, whose NDVI are kept from the scene of the fit.

FVC = (NDVI - NDVI_soil)/(NDVI_veg - NDVI_soil), cut to 0 to 1 (Gutman and Ignatov 1998, doi:10.1080/014311698215333).
The 5th and 95th percentile of region and period are usual, but no standard. Two dates compare only with the same two
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from indicators.spectral.streams import Histogram
from landcover.errors import ConfigError
from landcover.identity import identity

type Floats = npt.NDArray[np.float64]

PERCENTILES: Final = (5.0, 95.0)
BINS: Final = 20_000
"""Of NDVI from -1 to 1: percentiles are exact to 0.0001."""


class FvcInvalid(ConfigError):
    """Numbers of fractional vegetation cover that cannot be used."""

    slug = "fvc-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class FvcModel:
    """The numbers of one fit.

    Attributes:
        ndvi_soil: NDVI of bare soil.
        ndvi_veg: NDVI of full cover.
        percentiles: of NDVI in the scene, from which both were taken.
        fitted_on: name of the scene.
        index: always NDVI.
        id: short name.
        version: of the method.
    """

    ndvi_soil: float
    ndvi_veg: float
    percentiles: tuple[float, float]
    fitted_on: str
    index: str = "NDVI"
    id: str = "fvc"
    version: str = "1"

    def __post_init__(self) -> None:
        """Refuse bare soil that is as green as full cover.

        Raises:
            FvcInvalid: with both numbers.
        """
        if not -1.0 <= self.ndvi_soil < self.ndvi_veg <= 1.0 or self.index != "NDVI":
            raise FvcInvalid(
                f"NDVI of soil {self.ndvi_soil:.4g} and of vegetation {self.ndvi_veg:.4g}; expected the first below "
                "the second, both from -1 to 1: fit on a scene with bare and vegetated land"
            )

    @classmethod
    def of_histogram(cls, histogram: Histogram, fitted_on: str) -> Self:
        """The model of a scene's NDVI.

        Raises:
            NoValidData: when the histogram is empty.
            FvcInvalid: when NDVI does not vary.
        """
        soil, veg = (histogram.percentile(percent) for percent in PERCENTILES)
        return cls(ndvi_soil=soil, ndvi_veg=veg, percentiles=PERCENTILES, fitted_on=fitted_on)

    @property
    def identity(self) -> str:
        """``id@version#sha256``."""
        return identity(self.to_document())

    def cover(self, ndvi: Floats) -> Floats:
        """Share of the ground that plants cover, 0 to 1; NaN stays.

        Args:
            ndvi: any shape.
        """
        share: Floats = np.clip((ndvi - self.ndvi_soil) / (self.ndvi_veg - self.ndvi_soil), 0.0, 1.0)
        return share

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "version": self.version,
            "index": self.index,
            "ndvi_soil": self.ndvi_soil,
            "ndvi_veg": self.ndvi_veg,
            "percentiles": list(self.percentiles),
            "fitted_on": self.fitted_on,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The model of ``to_document``.

        Raises:
            FvcInvalid: when it is none.
        """
        try:
            low, high = document["percentiles"]
            return cls(
                ndvi_soil=float(document["ndvi_soil"]),
                ndvi_veg=float(document["ndvi_veg"]),
                percentiles=(float(low), float(high)),
                fitted_on=str(document["fitted_on"]),
                index=str(document["index"]),
                id=str(document["id"]),
                version=str(document["version"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FvcInvalid(f"kept numbers of vegetation cover are incomplete ({error}); fit them again") from error


def ndvi_histogram() -> Histogram:
    """An empty histogram of NDVI."""
    return Histogram(-1.0, 1.0, BINS)
