"""How windows change the map: against one pass over the whole image, and against each other (the seam score).

For each pair of window and overlap, over all images that need several such windows: the share of valid pixels with
another class than in one pass, that of the worst image, and the seam score of all.

Run as ``python -m benchmarks.seams FOLDER_OF_IMAGES 512/64 640/64``; memory grows with the largest image.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landcover.grid import Window
from landcover.raster.scene import Scene
from landcover.tiling import MARGIN, TilePlan, round_up
from serving.engine import Engine
from serving.predict import predict_rows
from serving.registry import open_registry
from serving.request import Inputs
from serving.settings import Settings
from serving.sources import open_input


@dataclass
class Tally:
    """Counts of one size of window."""

    valid: int = 0
    different: int = 0
    worst: float = 0.0
    worst_image: str = "-"
    shared: int = 0
    disagreeing: int = 0


def main() -> None:
    """Map every image in one pass and in windows, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("sizes", nargs="+", metavar="TILE/OVERLAP")
    parser.add_argument("--model", default=Settings().model)
    options = parser.parse_args()
    engine = Engine(open_registry(Settings()).get(options.model), provider="cpu")
    tallies = {size: Tally() for size in options.sizes}
    for path in sorted(options.images.glob("*.tif")):
        with open_input(Inputs(source=path), engine.bundle.manifest) as scene:
            whole, valid = one_pass(scene, engine)
            for size, tally in tallies.items():
                tile, overlap = map(int, size.split("/"))
                plan = TilePlan(scene.grid.height, scene.grid.width, tile, overlap, MARGIN)
                if len(plan.rows.origins) * len(plan.cols.origins) > 1:
                    count(tally, scene, engine, plan, (whole, valid))
    print("| windows | pixels | another class | worst image | seam score |\n| --- | --- | --- | --- | --- |")
    for size, tally in tallies.items():
        shares = tally.different / max(tally.valid, 1), tally.disagreeing / max(tally.shared, 1)
        worst = f"{100 * tally.worst:.2f} % ({tally.worst_image})"
        print(f"| {size} | {tally.valid:,} | {100 * shares[0]:.3f} % | {worst} | {100 * shares[1]:.2f} % |")


def one_pass(scene: Scene, engine: Engine) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Class indices of the whole image in one call, with the margins that windows have, and what is valid."""
    height, width = scene.grid.height, scene.grid.width
    block = scene.read(Window(0, 0, height, width))
    far = [MARGIN + round_up(side + 2 * MARGIN) - side - 2 * MARGIN for side in (height, width)]
    padded = np.pad(block.data, [(0, 0), (MARGIN, far[0]), (MARGIN, far[1])], mode="symmetric")
    inside = engine.run(padded[None])[0, :, MARGIN : MARGIN + height, MARGIN : MARGIN + width]
    return engine.bundle.manifest.legend.encode(inside.argmax(axis=0).astype(np.uint8)), block.valid


def count(
    tally: Tally, scene: Scene, engine: Engine, plan: TilePlan, truth: tuple[NDArray[np.uint8], NDArray[np.bool_]]
) -> None:
    """Add one image mapped in windows."""
    whole, valid = truth
    parts = list(predict_rows(scene, engine, plan, batch_size=1))
    different = int(np.count_nonzero((np.concatenate([part.codes_HW for part in parts]) != whole)[valid]))
    pixels = int(np.count_nonzero(valid))
    tally.valid += pixels
    tally.different += different
    tally.shared += parts[-1].seams.pixels
    tally.disagreeing += parts[-1].seams.different
    if different / pixels > tally.worst:
        tally.worst, tally.worst_image = different / pixels, scene.identifier


if __name__ == "__main__":
    main()
