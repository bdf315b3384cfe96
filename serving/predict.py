"""Classify a scene in streamed rows: read, run and blend at the same time, in memory that does not grow with height.

Three stages overlap: a thread reads the scene, threads run the engine, the caller's thread blends. Sums run in the
fixed order of the windows, so the map depends neither on the batch size nor on which call ends first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landcover.blending import Blender
from landcover.errors import LevelMismatch, ResolutionMismatch
from landcover.grid import ground_pixel_size
from landcover.legends import CLASS_NODATA
from landcover.manifest import Manifest
from landcover.postprocess import class_codes, confidence_percent
from landcover.raster.scene import Scene
from landcover.seams import SeamCounter, SeamScore
from landcover.tiling import TilePlan
from serving.engine import Engine
from serving.prefetch import prefetch
from serving.windows import SceneWindow, read_windows

COARSENESS: Final = 1.5
"""The longer side of a pixel may be this many times longer or shorter than the model's pixel: a 30 m Landsat pixel is
another world for a 10 m model."""

NARROWNESS: Final = 4.0
"""The shorter side may be this many times shorter: 10 m pixels in degrees are 3 m wide at 72 degrees latitude."""

READY: Final = 2
"""Windows with probabilities that may wait for being blended."""

type Progress = Callable[[int, int], None]
"""Called with (rows of windows done, rows of windows in all)."""


@dataclass(frozen=True, slots=True)
class MapRows:
    """Finished rows of the map.

    Attributes:
        row: first row in the scene.
        codes_HW: uint8 legend codes (row, col), 255 = nodata.
        confidence_HW: uint8 percent (row, col), 255 = nodata.
        valid_pixels: number of pixels that are not nodata.
        seams: how far neighbouring windows agreed, from the top to here.
    """

    row: int
    codes_HW: NDArray[np.uint8]
    confidence_HW: NDArray[np.uint8]
    valid_pixels: int
    seams: SeamScore


class _Answer(NamedTuple):
    """A window and its probabilities (class, row, col); None where it has no valid pixel."""

    window: SceneWindow
    probabilities_KHW: NDArray[np.float32] | None


def check_scene(scene: Scene, manifest: Manifest) -> None:
    """Refuse a scene the model was not made for; bands and sample type were checked when it was opened.

    Raises:
        LevelMismatch: when the processing level is not one of the model's, or unknown for a model of one level.
        ResolutionMismatch: when pixels are far larger or smaller than the model's.
    """
    levels = " or ".join(manifest.levels)
    if scene.level is None and len(manifest.levels) == 1:
        raise LevelMismatch(f"the input does not say its processing level, the model wants {levels}; pass --level")
    if scene.level is not None and scene.level not in manifest.levels:
        raise LevelMismatch(
            f"the input is {scene.level}, model {manifest.identifier} was made for {levels}; choose another model"
        )
    narrow, wide = sorted(size / manifest.gsd_m for size in ground_pixel_size(scene.grid))
    if not 1 / COARSENESS <= wide <= COARSENESS or narrow < 1 / NARROWNESS:
        raise ResolutionMismatch(
            f"pixels measure {narrow * manifest.gsd_m:.3g} x {wide * manifest.gsd_m:.3g} m on the ground, model "
            f"{manifest.identifier} was made for {manifest.gsd_m:g} m; resample the input first"
        )


def predict_rows(
    scene: Scene,
    engine: Engine,
    plan: TilePlan,
    *,
    batch_size: int,
    progress: Progress | None = None,
) -> Generator[MapRows]:
    """Classify a scene, row of windows by row of windows.

    Args:
        scene: opened with the engine's bands in the engine's order.
        engine: the model.
        plan: windows over the scene's grid.
        batch_size: windows per call of the engine; changes speed and memory, never the result.
        progress: told after every row of windows.

    Yields:
        The map's rows from top to bottom, each row once.
    """
    manifest = engine.bundle.manifest
    maker = _MapMaker(plan, manifest, engine.classes)
    stream = prefetch(_run_windows(read_windows(scene, plan, manifest), engine, batch_size), depth=READY)
    rows, last = len(plan.rows.origins), len(plan.cols.origins) - 1
    with closing(stream):
        for window, probabilities_KHW in stream:
            if probabilities_KHW is not None:
                maker.add(window, probabilities_KHW)
            if window.col < last:
                continue
            finished = maker.finish(window.row)
            if finished is not None:
                yield finished
            if progress is not None:
                progress(window.row + 1, rows)


def _run_windows(windows: Generator[SceneWindow], engine: Engine, batch_size: int) -> Iterator[_Answer]:
    """Run the engine over the windows, in order; those without a valid pixel are passed on."""

    def answer(batch: tuple[SceneWindow, ...]) -> list[_Answer]:
        arrays = [window.dn_BHW for window in batch if window.dn_BHW is not None]
        answers = iter(engine.run(_together(arrays)) if arrays else ())
        # The digital numbers are not needed any more; they are most of a window's memory.
        return [
            _Answer(replace(window, dn_BHW=None), None if window.dn_BHW is None else next(answers)) for window in batch
        ]

    with closing(windows), ThreadPoolExecutor(engine.parallel, "steppe-engine") as pool:
        for answers in _in_order(pool, answer, _batches(windows, batch_size), ahead=engine.parallel):
            yield from answers


def _together(arrays: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    """A batch; of one window without a copy."""
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _batches(windows: Iterable[SceneWindow], size: int) -> Iterator[tuple[SceneWindow, ...]]:
    """Windows of a row in order, at most ``size`` with pixels at a time."""
    for _, row in groupby(windows, key=lambda window: window.row):
        batch: list[SceneWindow] = []
        for window in row:
            batch.append(window)
            if sum(one.dn_BHW is not None for one in batch) == size:
                yield tuple(batch)
                batch = []
        if batch:
            yield tuple(batch)


def _in_order[Item, Result](
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Iterator[Result]:
    """Results in the order of the items; at most ``ahead`` of them wait or are in the making."""
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


class _MapMaker:
    """Puts the finished blocks of a row of windows together; the map's pixels without the margins.

    Args:
        plan: windows over the scene's grid.
        manifest: the model's.
        classes: number of classes K.
    """

    def __init__(self, plan: TilePlan, manifest: Manifest, classes: int) -> None:
        self._plan, self._manifest = plan, manifest
        self._blender, self._seams = Blender(plan, classes), SeamCounter(plan)
        self._codes_HW = self._confidence_HW = self._empty(0)

    def add(self, window: SceneWindow, probabilities_KHW: NDArray[np.float32]) -> None:
        """Blend a window, and map the pixels that it finishes."""
        plan, row, col = self._plan, window.row, window.col
        if not len(self._codes_HW):
            self._start(row)
        origin = plan.rows.origins[row], plan.cols.origins[col]
        self._seams.add(row, col, probabilities_KHW, window.valid_HW)
        block = self._blender.add(row, col, probabilities_KHW)
        rows, cols = _inside(block.rows, plan.margin, plan.height), _inside(block.cols, plan.margin, plan.width)
        if rows.start >= rows.stop or cols.start >= cols.stop:
            return
        inside = _from(rows, origin[0]), _from(cols, origin[1])
        probabilities_KHW, valid_HW = block.probabilities_KHW[:, *inside], window.valid_HW[inside]
        place = _from(rows, self._rows(row).start), _from(cols, plan.margin)
        self._codes_HW[place] = class_codes(probabilities_KHW, valid_HW, self._manifest.legend)
        self._confidence_HW[place] = confidence_percent(probabilities_KHW, valid_HW)

    def finish(self, row: int) -> MapRows | None:
        """The rows that are final when all windows of a row have come; None when they are all margin."""
        rows = self._rows(row)
        if rows.start >= rows.stop:
            return None
        if not len(self._codes_HW):  # no window of the row had a valid pixel
            self._start(row)
        codes_HW, confidence_HW = self._codes_HW, self._confidence_HW
        self._codes_HW = self._confidence_HW = self._empty(0)
        return MapRows(
            row=rows.start - self._plan.margin,
            codes_HW=codes_HW,
            confidence_HW=confidence_HW,
            valid_pixels=int(np.count_nonzero(codes_HW != CLASS_NODATA)),
            seams=self._seams.score,
        )

    def _rows(self, row: int) -> slice:
        return _inside(self._plan.rows.finished(row), self._plan.margin, self._plan.height)

    def _start(self, row: int) -> None:
        rows = self._rows(row)
        self._codes_HW, self._confidence_HW = (self._empty(max(rows.stop - rows.start, 0)) for _ in range(2))

    def _empty(self, rows: int) -> NDArray[np.uint8]:
        return np.full((rows, self._plan.width), CLASS_NODATA, np.uint8)


def _inside(pixels: slice, margin: int, length: int) -> slice:
    """The part of a range, counted from the margin, that lies in the scene."""
    return slice(max(pixels.start, margin), min(pixels.stop, margin + length))


def _from(pixels: slice, origin: int) -> slice:
    """The same pixels counted from another origin."""
    return slice(pixels.start - origin, pixels.stop - origin)
