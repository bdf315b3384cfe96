"""Share of pixels whose class differs between the runtimes and precisions of one model, over real images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landcover.bundle import Bundle
from landcover.errors import BundleInvalid, ModelOutputInvalid, ProviderUnavailable
from serving.bench.engines import Kind
from serving.bench.images import codes_of
from serving.engines import open_engine
from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Pair:
    """Two engines on the same images.

    Attributes:
        one: the first one.
        other: the second one.
        different: valid pixels to which they give different classes.
    """

    one: Kind
    other: Kind
    different: int


@dataclass(frozen=True, slots=True)
class EngineAgreement:
    """All pairs of engines that work here.

    Attributes:
        model: ``name@version``.
        images: number of images.
        pixels: their valid pixels.
        pairs: every pair once.
        left_out: engines that do not work here, with the reason.
    """

    model: str
    images: int
    pixels: int
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """With the share of each pair in percent."""
        return {
            "model": self.model,
            "images": self.images,
            "pixels": self.pixels,
            "pairs": [
                {
                    "one": pair.one.title,
                    "other": pair.other.title,
                    "different": pair.different,
                    "percent": round(100 * pair.different / max(self.pixels, 1), 4),
                }
                for pair in self.pairs
            ],
            "left_out": list(self.left_out),
        }


def compare_engines(
    images: Sequence[Path],
    bundle: Bundle,
    kinds: Sequence[Kind],
    settings: Settings,
    told: Callable[[str], None] = lambda _line: None,
) -> EngineAgreement:
    """Map every image with every engine, one engine in memory at a time, and count the pixels that differ.

    Args:
        images: the images.
        bundle: the model.
        kinds: engines to try.
        settings: windows and batch size.
        told: called with the name of what runs next.

    Raises:
        DataError: when an image cannot be used.
    """
    maps, left_out = {}, []
    for kind in kinds:
        told(kind.title)
        try:
            maps[kind] = _maps_of(images, bundle, kind, settings)
        except (BundleInvalid, ModelOutputInvalid, ProviderUnavailable) as error:  # GPUs fail at the first window
            left_out.append(f"{kind.title}: {error}")
    nodata = bundle.manifest.legend.nodata
    valid = [codes_HW != nodata for codes_HW in next(iter(maps.values()), [])]
    pairs = tuple(
        Pair(
            one,
            other,
            sum(
                int(np.count_nonzero((first_HW != second_HW)[valid_HW]))
                for first_HW, second_HW, valid_HW in zip(maps[one], maps[other], valid, strict=True)
            ),
        )
        for one, other in combinations(maps, 2)
    )
    return EngineAgreement(
        bundle.manifest.identifier, len(images), int(sum(map(np.count_nonzero, valid))), pairs, tuple(left_out)
    )


def _maps_of(images: Sequence[Path], bundle: Bundle, kind: Kind, settings: Settings) -> list[NDArray[np.generic]]:
    """Legend codes (row, col) of every image by an engine that is gone afterwards."""
    engine = open_engine(bundle, settings, provider=kind.provider, precision=kind.precision)
    return [codes_of(path, engine, settings) for path in images]
