"""What merging the decoder and splitting the softmax save: a graph as exported against the same one in plain form.

The network is that of a training configuration, with random weights: time does not depend on them.

    python -m benchmarks.merged_graph configs/train/s2_landcover.yaml --rounds 9
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from lightning.pytorch.cli import instantiate_module
from numpy.typing import NDArray

from landcover.precision import Precision
from models.export import export_graph
from models.quantise import QuantiseChoice, quantise_graph
from serving.backends import openvino
from serving.backends.openvino import OpenVinoBackend
from serving.backends.ort import OrtBackend
from training.config import read_yaml
from training.task import LandCoverTask

WINDOW: Final = 512, 768
"""Rows and columns, those of a Sentinel-2 tile."""


def main() -> None:
    """Run both graphs in turn, on one thread, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    task = instantiate_module(LandCoverTask, read_yaml(options.config)["model"]["init_args"])
    draw = np.random.default_rng(0)
    channels = len(task.inputs.bands) * task.inputs.dates
    export = export_graph(task.scene_net, draw.integers(200, 4000, (2, channels, 64, 64)).astype(np.uint16))
    windows = [draw.integers(200, 4000, (1, channels, 64, 64)).astype(np.uint16) for _ in range(3)]
    int8 = quantise_graph(export.plain, windows, QuantiseChoice(float_first=3))
    dn_1BHW = draw.integers(200, 4000, (1, channels, *WINDOW)).astype(np.uint16)
    print("| runtime | plain fp32, s | exported fp32, s | ratio | int8, s |\n| --- | --- | --- | --- | --- |")
    for name, opened in _RUNTIMES.items():
        if name == "openvino" and not openvino.installed():
            continue
        plain, merged, small = _seconds(
            [opened(each) for each in (export.plain, export.content, int8)], dn_1BHW, options.rounds
        )
        print(f"| {name} | {plain:.3f} | {merged:.3f} | {merged / plain:.2f} | {small:.3f} |", flush=True)


_RUNTIMES: Final[dict[str, Callable[[bytes], OrtBackend | OpenVinoBackend]]] = {
    "cpu": lambda content: OrtBackend(content, 1),
    "openvino": lambda content: OpenVinoBackend(content, 1, Precision.FP32),
}


def _seconds(backends: list[OrtBackend | OpenVinoBackend], dn_1BHW: NDArray[np.generic], rounds: int) -> list[float]:
    """Median processor time of a call of each, in alternating rounds."""
    for backend in backends:
        backend.run([dn_1BHW])
    times: list[list[float]] = [[] for _ in backends]
    for _ in range(rounds):
        for backend, found in zip(backends, times, strict=True):
            started = time.process_time()
            backend.run([dn_1BHW])
            found.append(time.process_time() - started)
    return [statistics.median(found) for found in times]


if __name__ == "__main__":
    main()
