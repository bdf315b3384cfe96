"""What float32 layers at the start of an int8 graph change: pixels of another class than in fp32, and time.

Calibrates on windows of every second image of a folder, compares on the others.

    python -m benchmarks.int8_layers FOLDER_OF_IMAGES 0 1 3 12
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landcover.grid import Window
from landcover.manifest import Manifest
from landcover.precision import Precision
from models.quantise import QuantiseChoice, quantise_graph
from serving.backends.ort import OrtBackend
from serving.registry.folders import open_registry
from serving.request import Inputs
from serving.settings import Settings
from serving.sources import open_input

CALIBRATION = 16, 256
"""Windows and their side, as in configs/publish/s2_landcover.yaml."""
COMPARED_SIDE = 512


def main() -> None:
    """Quantise in each way, compare, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("layers", type=int, nargs="+", help="first layers that stay float32")
    parser.add_argument("--model", default=Settings().model)
    options = parser.parse_args()
    bundle = open_registry(Settings()).get(options.model)
    manifest, paths = bundle.manifest, sorted(options.images.glob("*.tif"))
    content = bundle.read(manifest.model_file(Precision.FP32))
    count, side = CALIBRATION
    calibration = [
        draw(paths[::2][number % len(paths[::2])], side, manifest, number).dn_1BHW for number in range(count)
    ]
    compared = [draw(path, COMPARED_SIDE, manifest, number) for number, path in enumerate(paths[1::2])]
    expected, whole_s = classes(content, compared)
    print("| float32 layers | pixels changed | time against fp32 |\n| --- | --- | --- |")
    for layers in options.layers:
        quantised = quantise_graph(content, calibration, QuantiseChoice(float_first=layers))
        found, seconds = classes(quantised, compared)
        pairs = list(zip(found, expected, compared, strict=True))
        changed = sum(int(((one != other) & drawn.valid_HW).sum()) for one, other, drawn in pairs)
        valid = sum(int(drawn.valid_HW.sum()) for drawn in compared)
        print(f"| {layers} | {100 * changed / valid:.3f} % | {seconds / whole_s:.2f} |", flush=True)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A window of an image: digital numbers (1, band, row, col), and which pixels are data."""

    dn_1BHW: NDArray[np.generic]
    valid_HW: NDArray[np.bool_]


def draw(path: Path, side: int, manifest: Manifest, seed: int) -> Drawn:
    """A random window, as large as the image allows."""
    random = np.random.default_rng(seed)
    with open_input(Inputs(source=path), manifest) as scene:
        rows, cols = (min(side, length // 32 * 32) for length in (scene.grid.height, scene.grid.width))
        place = random.integers(0, scene.grid.height - rows + 1), random.integers(0, scene.grid.width - cols + 1)
        block = scene.read(Window(int(place[0]), int(place[1]), rows, cols))
    return Drawn(block.data[None], block.valid)


def classes(content: bytes, windows: Sequence[Drawn]) -> tuple[list[NDArray[np.intp]], float]:
    """Class indices (row, col) of each window, and the processor time that they took."""
    backend = OrtBackend(content, 1)
    backend.run([windows[0].dn_1BHW])  # plans memory
    start = time.process_time()
    answers = [backend.run([window.dn_1BHW])[0].argmax(axis=0) for window in windows]
    return answers, time.process_time() - start


if __name__ == "__main__":
    main()
