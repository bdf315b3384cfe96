"""What a swath's edge does to the map beside it: pixels that get another class because the land beyond is missing.

Half of each image is taken away along a line through its middle, and the map of the rest is compared with that of the
whole image: with nodata as the file has it, 0, and with the land mirrored (`landcover.borders`). Run with the full
environment:

    python -m benchmarks.borders ../shared/data/s2_landcover/images --model models/zoo/steppe-s2-landcover/1.0.2
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.borders import mirror_borders
from landcover.bundle import load_bundle
from landcover.grid import Window
from landcover.postprocess import best_class
from landcover.scaling import harmonise
from serving.bench.images import images_in
from serving.engine import Engine
from serving.request import Inputs
from serving.sources import open_input

RINGS: Final = ((0, 2), (2, 16), (16, 64))
"""Distances from the edge in pixels."""

LARGEST: Final = 640
"""Pixels of an image that are looked at, from its upper left corner."""

type Numbers = NDArray[np.generic]
type Mask = NDArray[np.bool_]


def black(dn_BHW: Numbers, valid_HW: Mask) -> Numbers:
    """Nodata as it lies in the file."""
    return np.where(valid_HW, dn_BHW, 0)


def mirrored(dn_BHW: Numbers, valid_HW: Mask) -> Numbers:
    """Nodata as the engine fills it."""
    filled_BHW = black(dn_BHW, valid_HW)
    mirror_borders(filled_BHW, valid_HW)
    return filled_BHW


WAYS: Final[tuple[Callable[[Numbers, Mask], Numbers], ...]] = (black, mirrored)


def whole_image(path: Path, engine: Engine) -> Numbers | None:
    """Digital numbers (band, row, col) as the model takes them; None where some pixel is no data."""
    manifest = engine.bundle.manifest
    with open_input(Inputs(source=path), manifest) as scene:
        height, width = (min(side, LARGEST) // 32 * 32 for side in (scene.grid.height, scene.grid.width))
        block = scene.read(Window(0, 0, height, width))
        source = scene.radiometry or manifest.radiometry
    return harmonise(block.data, source, manifest.radiometry) if block.valid.all() else None


def inside_edge(shape: tuple[int, int], angle: float) -> NDArray[np.float64]:
    """Signed distance in pixels from a line through the middle, (row, col); positive on the side that is kept."""
    rows_HW, cols_HW = np.indices(shape)
    return (rows_HW - shape[0] / 2) * np.sin(angle) + (cols_HW - shape[1] / 2) * np.cos(angle)


def main() -> None:
    """Print the share of changed pixels for each way and ring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="folder of images")
    parser.add_argument("--model", type=Path, required=True, help="bundle")
    parser.add_argument("--every", type=int, default=4, help="take every n-th image")
    arguments = parser.parse_args()
    engine, rng = Engine(load_bundle(arguments.model)), np.random.default_rng(0)
    counts = np.zeros((len(WAYS), len(RINGS), 2), np.int64)  # way, ring, (changed, all)
    for path in images_in(arguments.images)[:: arguments.every]:
        dn_BHW = whole_image(path, engine)
        if dn_BHW is None:
            continue
        whole_HW = best_class(engine.run(dn_BHW[None])[0])
        distance_HW = inside_edge(whole_HW.shape, rng.uniform(0, 2 * np.pi))
        rings_HW = [(distance_HW > near) & (distance_HW <= far) for near, far in RINGS]
        for index, way in enumerate(WAYS):
            changed_HW = best_class(engine.run(way(dn_BHW, distance_HW > 0)[None])[0]) != whole_HW
            counts[index] += [
                (np.count_nonzero(changed_HW & ring_HW), np.count_nonzero(ring_HW)) for ring_HW in rings_HW
            ]
    for way, ring_counts in zip(WAYS, counts, strict=True):
        shares = (
            f"{near}-{far} px {100 * n / of:.2f} %" for (near, far), (n, of) in zip(RINGS, ring_counts, strict=True)
        )
        print(f"{way.__name__:<9}", ", ".join(shares))


if __name__ == "__main__":
    main()
