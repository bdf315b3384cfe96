"""What a map costs beside the model: the whole run with a stand-in that answers smooth patches at once.

Processor time of each stage, page faults and peak memory, for one scene.

    steppe bench make-scene scene.tif --side 2304 --width 10980
    python -m benchmarks.without_model scene.tif
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.bench.stages import run_stages
from serving.engine import Engine
from serving.memory import return_freed_memory
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from serving.settings import Settings

PATCHES: Final = ((64, 3.0), (24, 2.0), (9, 1.6), (3, 0.3))
"""Side in pixels and strength of the patches that classes come in, so that the map compresses as a real one does."""


class StandIn(Engine):
    """Loads the model, and does not run it."""

    def run(
        self,
        dn_NBHW: NDArray[np.generic],
        overview_1BHW: NDArray[np.generic] | None = None,  # noqa: ARG002 (the engine's signature)
    ) -> NDArray[np.float32]:
        """The same probabilities for every window."""
        rows, cols = dn_NBHW.shape[2:]
        return np.repeat(_patches(self.classes, rows, cols)[None], len(dn_NBHW), axis=0)


@cache
def _patches(classes: int, rows: int, cols: int) -> NDArray[np.float32]:
    """Probabilities (class, row, col) that change little from pixel to pixel."""
    generator = np.random.default_rng(0)
    logits_KHW = np.zeros((classes, rows, cols), np.float32)
    for side, strength in PATCHES:
        coarse_KHW = generator.normal(scale=strength, size=(classes, rows // side + 2, cols // side + 2))
        logits_KHW += _between(_between(coarse_KHW, side, rows, 1), side, cols, 2).astype(np.float32)
    powers_KHW = np.exp(logits_KHW - logits_KHW.max(axis=0))
    probabilities_KHW: NDArray[np.float32] = powers_KHW / powers_KHW.sum(axis=0)
    return probabilities_KHW


def _between(values: NDArray[np.float64], side: int, length: int, axis: int) -> NDArray[np.float64]:
    """Linear interpolation along an axis, ``side`` pixels for every step."""
    places = np.arange(length) / side
    before = places.astype(np.intp)
    share = np.expand_dims(places - before, tuple(range(1, values.ndim - axis)))
    between: NDArray[np.float64] = values.take(before, axis) * (1 - share) + values.take(before + 1, axis) * share
    return between


def main() -> None:
    """Map a scene and print where the time went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    options = parser.parse_args()
    return_freed_memory()
    settings = Settings()
    engine = StandIn(open_registry(settings).get(settings.model))
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_SELF)
        outputs = Outputs(map=Path(folder, "map.tif"))
        stages = run_stages(Inputs(source=options.scene), outputs, engine, settings)
        after = resource.getrusage(resource.RUSAGE_SELF)
    rest = stages.total - stages.blend - stages.write - stages.finish
    print("| processor time, s | blend | write | finish | reading and the rest | page faults | peak memory, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(
        f"| {stages.total:.2f} | {stages.blend:.2f} | {stages.write:.2f} | {stages.finish:.2f} | {rest:.2f} | "
        f"{after.ru_minflt - before.ru_minflt:,} | {after.ru_maxrss * 1024 / 1e6:.0f} |"
    )


if __name__ == "__main__":
    main()
