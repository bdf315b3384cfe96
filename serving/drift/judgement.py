"""Compare the digital numbers of an image with the training statistics in a model's manifest.

The manifest knows each band alone: mean, deviation and three percentiles. So what is judged is the distribution of each
band, not how bands go together. Two figures, both means over the bands, decide:

- *outside*: the share of pixels below the first or above the 99th percentile of the training, 2 % where an image is
  just like it. It grows with clouds, snow, night, wide water and wrong scales.
- *floor*: where the darkest pixels (0.1th percentile) lie between the first percentile of the training (0) and its
  median (1). Nearly every image has some water or shadow. When all of that is bright there is haze, or an offset that
  was not taken off, such as the 1000 of Sentinel-2's processing baseline 04.00.

The thresholds were chosen on real images and on wrong ones made of them: ``python -m benchmarks.drift FOLDER``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.manifest import BandStatistics

OUTSIDE_PERCENT: Final = 30.0
"""Mean share outside the training's percentiles from which an image is unlike the training."""

FLOOR: Final = 0.9
"""Mean floor from which it is."""

FEWEST: Final = 1000
"""Pixels with data below which nothing is judged: the 0.1th percentile would be less than one of them."""

EXPECTED_PERCENT: Final = 2.0
"""Share outside the first and the 99th percentile in the training itself."""

_DARKEST: Final = 0.1
_PERCENTILES: Final = (_DARKEST, 1.0, 50.0, 99.0)
_DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BandDrift:
    """One band of an image beside the training's; in digital numbers of the model's scale and offset.

    Attributes:
        name: the band.
        mean: of the pixels with data.
        std: their standard deviation.
        darkest: their 0.1th percentile.
        p01: their first percentile.
        p50: their median.
        p99: their 99th percentile.
        outside_percent: share below the first or above the 99th percentile of the training.
        shift: mean minus the training's mean, in standard deviations of the training.
        floor: place of ``darkest`` between the training's first percentile (0) and its median (1).
    """

    name: str
    mean: float
    std: float
    darkest: float
    p01: float
    p50: float
    p99: float
    outside_percent: float
    shift: float
    floor: float

    def to_json(self) -> dict[str, Any]:
        """Rounded; digital numbers to a tenth."""
        numbers = {key: round(getattr(self, key), 1) for key in ("mean", "std", "p01", "p50", "p99")}
        return {
            "name": self.name,
            **numbers,
            "outside_percent": round(self.outside_percent, _DIGITS),
            "shift": round(self.shift, _DIGITS),
            "floor": round(self.floor, _DIGITS),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far one image is from what the model was trained on.

    Attributes:
        image: name of the image.
        role: ``before`` or ``after`` of two dates; None of others.
        bands: the model's bands; empty where no sampled pixel has data.
        pixels: pixels with data in the sample.
        training: the training's statistics by band.
    """

    image: str
    role: str | None
    bands: tuple[BandDrift, ...]
    pixels: int
    training: Mapping[str, BandStatistics]

    @property
    def outside_percent(self) -> float | None:
        """Mean over the bands; None without pixels."""
        return float(np.mean([band.outside_percent for band in self.bands])) if self.bands else None

    @property
    def floor(self) -> float | None:
        """Mean over the bands; None without pixels."""
        return float(np.mean([band.floor for band in self.bands])) if self.bands else None

    @property
    def judged(self) -> bool:
        """Whether there are pixels enough to tell."""
        return self.pixels >= FEWEST

    @property
    def flagged(self) -> bool:
        """Whether the image is unlike anything that the model was trained on."""
        return self.judged and (self._is_outside or self._is_bright)

    @property
    def _is_outside(self) -> bool:
        return (self.outside_percent or 0.0) >= OUTSIDE_PERCENT

    @property
    def _is_bright(self) -> bool:
        return (self.floor or 0.0) >= FLOOR

    def warnings(self, model: str, *, name: str) -> Iterator[str]:
        """What came, what was expected and what to do, when the image is unlike the training.

        Args:
            model: ``name@version``.
            name: what to call the image.
        """
        if not self.flagged:
            return
        found = [*self._outside()] if self._is_outside else []
        found += [*self._bright()] if self._is_bright else []
        yield (
            f"{name} is unlike anything that {model} was trained on: {' and '.join(found)}; before trusting the map "
            "look for clouds, haze and snow, and check the order of the bands, scale and offset: products of "
            "processing baseline 04.00 and later (2022 on) need --product"
        )

    def _outside(self) -> Iterator[str]:
        worst = max(self.bands, key=lambda band: band.outside_percent)
        usual = self.training[worst.name]
        yield (
            f"{self.outside_percent:.0f} % of its digital numbers lie outside the training's first and 99th "
            f"percentile, {EXPECTED_PERCENT:.0f} % were expected (most in {worst.name}: median {worst.p50:,.0f}, "
            f"training {usual.p01:,.0f} to {usual.p99:,.0f})"
        )

    def _bright(self) -> Iterator[str]:
        worst = max(self.bands, key=lambda band: band.floor)
        usual = self.training[worst.name]
        yield (
            f"its darkest pixels are bright (0.1th percentile of {worst.name} {worst.darkest:,.0f}, first percentile "
            f"of the training {usual.p01:,.0f}, median {usual.p50:,.0f})"
        )

    def to_json(self) -> dict[str, Any]:
        """For areas, STAC Item and ``--json``."""
        outside, floor = self.outside_percent, self.floor
        return {
            "image": self.image,
            **({"role": self.role} if self.role else {}),
            "flagged": self.flagged if self.judged else None,
            "sampled_pixels": self.pixels,
            "outside_percent": None if outside is None else round(outside, _DIGITS),
            "floor": None if floor is None else round(floor, _DIGITS),
            "bands": [band.to_json() for band in self.bands],
        }


def drift_json(drifts: Sequence[Drift]) -> dict[str, Any]:
    """All images of a map, with the thresholds."""
    return {
        "flagged": any(drift.flagged for drift in drifts),
        "thresholds": {"outside_percent": OUTSIDE_PERCENT, "floor": FLOOR},
        "images": [drift.to_json() for drift in drifts],
    }


def judge(
    dn_BP: NDArray[np.generic],
    training: Mapping[str, BandStatistics],
    *,
    image: str,
    role: str | None = None,
) -> Drift:
    """Compare digital numbers with the training's.

    Args:
        dn_BP: digital numbers with data (band, pixel), in the order of ``training`` and the model's scale and offset.
        training: statistics by band name.
        image: name of the image.
        role: ``before`` or ``after`` of two dates.
    """
    pixels = dn_BP.shape[1]
    bands = (_band(name, statistics, dn_P) for (name, statistics), dn_P in zip(training.items(), dn_BP, strict=True))
    return Drift(image=image, role=role, bands=tuple(bands) if pixels else (), pixels=pixels, training=training)


def _band(name: str, training: BandStatistics, dn_P: NDArray[np.generic]) -> BandDrift:
    values_V, counts_V = _counted(dn_P)
    pixels, upto_V = len(dn_P), counts_V.cumsum()
    darkest, p01, p50, p99 = (
        float(values_V[np.searchsorted(upto_V, percent / 100 * pixels)]) for percent in _PERCENTILES
    )
    mean = float(counts_V @ values_V) / pixels
    variance = float(counts_V @ np.square(values_V - mean)) / pixels
    outside_V = (values_V < training.p01) | (values_V > training.p99)
    return BandDrift(
        name=name,
        mean=mean,
        std=math.sqrt(variance),
        darkest=darkest,
        p01=p01,
        p50=p50,
        p99=p99,
        outside_percent=100 * float(counts_V @ outside_V) / pixels,
        shift=_ratio(mean - training.mean, training.std),
        floor=_ratio(darkest - training.p01, training.p50 - training.p01),
    )


def _counted(dn_P: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Digital numbers in ascending order, and how often each came; counting is far faster than sorting."""
    if dn_P.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        counts_V = np.bincount(dn_P)
        return np.arange(len(counts_V), dtype=np.float64), counts_V
    values_V, counts_V = np.unique(dn_P, return_counts=True)
    return values_V.astype(np.float64), counts_V


def _ratio(part: float, whole: float) -> float:
    """0 where the training has no spread to measure by."""
    return part / whole if whole > 0 else 0.0
