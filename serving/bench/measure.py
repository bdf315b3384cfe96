"""Measure where the time of a scene goes: decoding alone, the model alone, and everything together.

Rates are in megapixels of the scene per second ("useful" pixels: overlap between windows is not counted twice).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from landcover.grid import Window
from landcover.raster.scene import Scene
from landcover.staging import os_errors
from landcover.tiling import TilePlan
from serving.backends.ort import PROVIDER, OrtBackend
from serving.bench.clock import Clock
from serving.bench.stages import Stages, run_stages
from serving.classify import classify_scene
from serving.engine import Engine
from serving.memory import peak_resident_bytes
from serving.outcome import MEGA
from serving.pipeline import plan_windows
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.sources import open_input
from serving.windows import PIECE_ROWS

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
        bare_mpx_s: the same graph in ONNX Runtime as it comes, `session.run` on one ready array after the other, useful
            pixels; None for other runtimes.
        end_to_end_mpx_s: file to finished COG.
        peak_memory_mb: peak resident memory of this process, in 10^6 bytes.
        stages: busy seconds of each stage, where they were asked for.
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
    bare_mpx_s: float | None
    end_to_end_mpx_s: float
    peak_memory_mb: float
    stages: Stages | None = None

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object, rounded to what a shared machine can tell."""
        figures = {key: rounded(value) for key, value in asdict(self).items() if key != "stages"}
        return figures | ({"stages": self.stages.to_json()} if self.stages else {})


def rounded(value: Any) -> Any:
    """Numbers with a fraction to three digits after the point; small ones to three digits that count, never to 0."""
    if not isinstance(value, float):
        return value
    return round(value, 3) if abs(value) >= 1 else float(f"{value:.3g}")


def bench_scene(inputs: Inputs, engine: Engine, settings: Settings, *, stages: bool = False) -> SceneBench:
    """Run the three measurements, end to end first, so that the peak memory is that of a real run.

    Args:
        inputs: the scene.
        engine: the model.
        settings: windows, batch size and scratch folder.
        stages: also classify the scene once more to see how the work is split.

    Raises:
        SteppeError: whatever classifying the scene raises.
    """
    with os_errors(Path("map.tif")):
        scratch = tempfile.TemporaryDirectory(prefix="steppe-bench-", dir=settings.scratch)
    with scratch as folder:
        outputs = Outputs(map=Path(folder) / "map.tif")
        outcome = classify_scene(inputs, outputs, engine, settings)
        peak = peak_resident_bytes()
        split = run_stages(inputs, outputs, engine, settings) if stages else None
    with open_input(inputs, engine.bundle.manifest) as scene:
        plan, batch_size = plan_windows(scene, engine, settings)
        pixels = plan.height * plan.width
        decoding = _decode(scene, plan)
        model = _run_model(scene, plan, engine, batch_size)
        bare = _run_bare(scene, plan, engine, batch_size)
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
        decode_mpx_s=pixels / MEGA / decoding.wall_s,
        model_mpx_s=pixels / MEGA / model.wall_s,
        bare_mpx_s=pixels / MEGA / bare.wall_s if bare else None,
        end_to_end_mpx_s=pixels / MEGA / outcome.seconds,
        peak_memory_mb=peak / MEGA,
        stages=split.with_parts(decoding, model) if split else None,
    )


def _decode(scene: Scene, plan: TilePlan) -> Clock:
    """Time of reading the whole scene in the pieces that prediction reads."""
    clock = Clock.start()
    for start in range(0, plan.height, PIECE_ROWS):
        scene.read(Window(start, 0, min(PIECE_ROWS, plan.height - start), plan.width))
    return clock.stop()


def _run_model(scene: Scene, plan: TilePlan, engine: Engine, batch_size: int) -> Clock:
    """Time the engine alone would take for all windows, from as many as fit into ``MODEL_SECONDS``."""
    windows = len(plan.rows.origins) * len(plan.cols.origins)
    batch = np.stack(list(islice(_cycle(scene, plan), batch_size)))
    engine.run(batch)  # the first call plans memory
    clock = Clock.start()

    def repeat() -> int:
        done = 0
        while not done or (done * engine.parallel < windows and clock.stop().wall_s < MODEL_SECONDS):
            engine.run(batch)
            done += batch_size
        return done

    with ThreadPoolExecutor(engine.parallel) as pool:
        calls = [pool.submit(repeat) for _ in range(engine.parallel)]
        done = sum(call.result() for call in calls)
    return clock.stop().times(windows / done)


def _run_bare(scene: Scene, plan: TilePlan, engine: Engine, batch_size: int) -> Clock | None:
    """Time that all windows would take in a session with the runtime's own settings but the threads."""
    if engine.provider != OrtBackend.provider or engine.bundle.manifest.overview:
        return None
    content = engine.bundle.read(engine.bundle.manifest.model_file(engine.precision))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = engine.threads
    session = onnxruntime.InferenceSession(content, options, providers=[PROVIDER])
    windows = len(plan.rows.origins) * len(plan.cols.origins)
    feed = {session.get_inputs()[0].name: np.stack(list(islice(_cycle(scene, plan), batch_size)))}
    session.run(None, feed)  # the first call plans memory
    clock, done = Clock.start(), 0
    while done < windows and clock.stop().wall_s < MODEL_SECONDS:
        session.run(None, feed)
        done += batch_size
    return clock.stop().times(windows / done)


def _cycle(scene: Scene, plan: TilePlan) -> Iterator[NDArray[np.generic]]:
    """Real windows of the scene, padded by mirroring, again and again."""
    tile = plan.rows.tile, plan.cols.tile
    height, width = min(tile[0], plan.height), min(tile[1], plan.width)
    cols = [col for col in plan.cols.origins if col + width <= plan.width]
    while True:
        for col in cols:
            data = scene.read(Window(0, col, height, width)).data
            yield np.pad(data, [(0, 0), (0, tile[0] - height), (0, tile[1] - width)], mode="symmetric")
