"""Measure where the time of a scene goes: decoding alone, the model alone, and everything together.

Rates are in megapixels of the scene per second ("useful" pixels: overlap between windows is not counted twice).
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.grid import Window
from landcover.raster.scene import Scene
from landcover.staging import os_errors
from landcover.tiling import TilePlan
from serving.classify import classify_scene, plan_windows
from serving.engine import Engine
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.sources import open_input

MEGA: Final = 1e6
MODEL_SECONDS: Final = 10.0
"""How long the model alone is run; enough for a rate, on any machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneBench:
    """Figures of one scene on one machine.

    Attributes:
        model: ``name@version``.
        provider: where the model ran.
        precision: which variant of the model ran.
        tta: test-time augmentation.
        threads: threads of the engine.
        width: columns of the scene.
        height: rows of the scene.
        tile: window side in pixels.
        overlap: shared pixels.
        batch_size: windows per engine call.
        redundancy: pixels computed per pixel of the scene.
        decode_mpx_s: reading and decoding alone.
        model_mpx_s: the engine alone on arrays that are ready, useful pixels.
        end_to_end_mpx_s: file to finished COG.
        peak_memory_mb: peak resident memory of this process, in 10^6 bytes.
    """

    model: str
    provider: str
    precision: str
    tta: str
    threads: int
    width: int
    height: int
    tile: int
    overlap: int
    batch_size: int
    redundancy: float
    decode_mpx_s: float
    model_mpx_s: float
    end_to_end_mpx_s: float
    peak_memory_mb: float

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object, rounded to what a shared machine can tell."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def bench_scene(inputs: Inputs, engine: Engine, settings: Settings) -> SceneBench:
    """Run the three measurements, end to end first, so that the peak memory is that of a real run.

    Raises:
        SteppeError: whatever classifying the scene raises.
    """
    with os_errors(Path("map.tif")):
        scratch = tempfile.TemporaryDirectory(prefix="steppe-bench-", dir=settings.scratch)
    with scratch as folder:
        outputs = Outputs(map=Path(folder) / "map.tif")
        outcome = classify_scene(inputs, outputs, engine, settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGA
    with open_input(inputs, engine.bundle.manifest) as scene:
        plan, batch_size = plan_windows(scene, engine, settings)
        pixels = plan.height * plan.width
        decode_s = _decode_seconds(scene, plan)
        model_s = _model_seconds(scene, plan, engine, batch_size)
    return SceneBench(
        model=outcome.model,
        provider=engine.provider,
        precision=engine.precision,
        tta=engine.augmentation,
        threads=engine.threads,
        width=plan.width,
        height=plan.height,
        tile=plan.tile,
        overlap=plan.overlap,
        batch_size=batch_size,
        redundancy=plan.redundancy,
        decode_mpx_s=pixels / MEGA / decode_s,
        model_mpx_s=pixels / MEGA / model_s,
        end_to_end_mpx_s=pixels / MEGA / outcome.seconds,
        peak_memory_mb=peak,
    )


def _decode_seconds(scene: Scene, plan: TilePlan) -> float:
    """Seconds to read the whole scene in the strips that prediction reads."""
    start, rows = time.perf_counter(), plan.rows
    for index in range(len(rows.origins)):
        part = rows.finished(index)
        first, stop = max(part.start - plan.margin, 0), min(part.stop - plan.margin, plan.height)
        if first < stop:
            scene.read(Window(first, 0, stop - first, plan.width))
    return time.perf_counter() - start


def _model_seconds(scene: Scene, plan: TilePlan, engine: Engine, batch_size: int) -> float:
    """Seconds the engine alone would take for all windows, from as many as fit into ``MODEL_SECONDS``."""
    windows = len(plan.rows.origins) * len(plan.cols.origins)
    batch = np.stack(list(islice(_cycle(scene, plan), batch_size)))
    engine.run(batch)  # the first call plans memory
    start = time.perf_counter()

    def repeat() -> int:
        done = 0
        while done * engine.parallel < windows and time.perf_counter() - start < MODEL_SECONDS:
            engine.run(batch)
            done += batch_size
        return done

    with ThreadPoolExecutor(engine.parallel) as pool:
        calls = [pool.submit(repeat) for _ in range(engine.parallel)]
        done = sum(call.result() for call in calls)
    return (time.perf_counter() - start) / done * windows


def _cycle(scene: Scene, plan: TilePlan) -> Iterator[NDArray[np.generic]]:
    """Real windows of the scene, padded by mirroring, again and again."""
    tile = plan.rows.tile, plan.cols.tile
    height, width = min(tile[0], plan.height), min(tile[1], plan.width)
    cols = [col for col in plan.cols.origins if col + width <= plan.width]
    while True:
        for col in cols:
            data = scene.read(Window(0, col, height, width)).data
            yield np.pad(data, [(0, 0), (0, tile[0] - height), (0, tile[1] - width)], mode="symmetric")
