"""Classify a scene in streamed rows: read, run and blend at the same time, in memory that does not grow with height.

Three stages overlap: a thread reads rows of windows, threads run the engine, the caller's thread blends. Sums run in
the fixed order of the windows, so the map depends neither on the batch size nor on which call ends first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import batched
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landcover.blending import RowBlender
from landcover.errors import LevelMismatch, ResolutionMismatch
from landcover.grid import Window, ground_pixel_size
from landcover.manifest import Manifest
from landcover.postprocess import class_codes, confidence_percent
from landcover.raster.scene import Scene
from landcover.scaling import harmonise
from landcover.tiling import TilePlan, mirror
from serving.engine import Engine
from serving.prefetch import prefetch

COARSENESS: Final = 1.5
"""The longer side of a pixel may be this many times longer or shorter than the model's pixel: a 30 m Landsat pixel is
another world for a 10 m model."""

NARROWNESS: Final = 4.0
"""The shorter side may be this many times shorter: 10 m pixels in degrees are 3 m wide at 72 degrees latitude."""

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
    """

    row: int
    codes_HW: NDArray[np.uint8]
    confidence_HW: NDArray[np.uint8]
    valid_pixels: int


class _Strip(NamedTuple):
    """One row of windows as read.

    ``dn_BHW`` (band, row, col) covers whole windows, margins included; ``valid_HW`` of the same rows and columns is
    False outside the scene.
    """

    dn_BHW: NDArray[np.generic]
    valid_HW: NDArray[np.bool_]


class _Answers(NamedTuple):
    """Probabilities of some windows of the current row; the last ones of the row bring the mask of its pixels."""

    cols: tuple[int, ...]
    probabilities_NKHW: NDArray[np.float32] | None
    finished_valid_HW: NDArray[np.bool_] | None


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
    blender = RowBlender(plan, engine.classes)
    strips = prefetch(_read_strips(scene, plan, manifest), depth=1)
    stream = prefetch(_run_windows(strips, engine, plan, batch_size), depth=3)
    rows = len(plan.row_origins)
    with closing(stream):
        done = 0
        for answers in stream:
            if answers.probabilities_NKHW is not None:
                for col, probabilities_KHW in zip(answers.cols, answers.probabilities_NKHW, strict=True):
                    blender.add(col, probabilities_KHW)
            if answers.finished_valid_HW is not None:
                finished = _finish(blender, answers.finished_valid_HW, plan, manifest)
                if finished is not None:
                    yield finished
                done += 1
                if progress is not None:
                    progress(done, rows)


def _read_strips(scene: Scene, plan: TilePlan, manifest: Manifest) -> Iterator[_Strip]:
    """Rows of windows with the mirrored margins of the scene; each pixel row is read from the file once."""
    source, margin = scene.radiometry or manifest.radiometry, plan.margin
    shape = (len(manifest.bands), plan.tile_height, plan.col_origins[-1] + plan.tile_width)
    columns = mirror(-margin, shape[2] - margin, plan.width)
    strip_BHW, valid_HW = np.empty(shape, manifest.dtype), np.zeros(shape[1:], np.bool_)
    read_to = previous = 0
    for origin in plan.row_origins:
        # Scene rows of this strip, first and last; those before ``read_to`` are in the strip before it.
        first, stop = max(origin - margin, 0), min(origin - margin + plan.tile_height, plan.height)
        if stop <= first:  # the strip lies in the margin: no valid pixel, so no window of it is run
            yield _Strip(np.zeros(shape, manifest.dtype), np.zeros(shape[1:], np.bool_))
            continue
        above = first + margin - origin
        # New arrays each time: the ones before may still be in use by the engine.
        next_BHW, next_valid_HW = np.empty(shape, manifest.dtype), np.zeros(shape[1:], np.bool_)
        kept = slice(above, above + read_to - first), slice(first + margin - previous, read_to + margin - previous)
        next_BHW[:, kept[0]], next_valid_HW[kept[0]] = strip_BHW[:, kept[1]], valid_HW[kept[1]]
        if stop > read_to:
            fresh = slice(kept[0].stop, above + stop - first)
            block = scene.read(Window(read_to, 0, stop - read_to, plan.width))
            data = harmonise(block.data, source, manifest.radiometry, nodata=manifest.nodata)
            np.take(data, columns, axis=2, out=next_BHW[:, fresh], mode="clip")
            next_valid_HW[fresh, margin : margin + plan.width] = block.valid
            del block, data
        strip_BHW, valid_HW, read_to, previous = next_BHW, next_valid_HW, stop, origin
        _mirror_rows(strip_BHW, above, above + stop - first)
        yield _Strip(strip_BHW, valid_HW)


def _mirror_rows(strip_BHW: NDArray[np.generic], first: int, stop: int) -> None:
    """Fill the rows above ``first`` and from ``stop`` on with the rows between them, mirrored."""
    rows = mirror(-first, strip_BHW.shape[1] - first, stop - first) + first
    strip_BHW[:, :first] = strip_BHW[:, rows[:first]]
    strip_BHW[:, stop:] = strip_BHW[:, rows[stop:]]


def _run_windows(strips: Generator[_Strip], engine: Engine, plan: TilePlan, batch_size: int) -> Iterator[_Answers]:
    """Run the engine over the windows of each strip, in order; windows without a valid pixel are skipped."""
    with closing(strips), ThreadPoolExecutor(engine.parallel, "steppe-engine") as pool:
        for strip in strips:
            wanted = [col for col in plan.col_origins if strip.valid_HW[:, col : col + plan.tile_width].any()]

            def answer(cols: tuple[int, ...], dn_BHW: NDArray[np.generic] = strip.dn_BHW) -> _Answers:
                windows = [dn_BHW[:, :, col : col + plan.tile_width] for col in cols]
                return _Answers(cols, engine.run(np.stack(windows)), None)

            yield from _in_order(pool, answer, batched(wanted, batch_size), ahead=engine.parallel)
            yield _Answers((), None, strip.valid_HW)


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


def _finish(blender: RowBlender, valid_HW: NDArray[np.bool_], plan: TilePlan, manifest: Manifest) -> MapRows | None:
    """The rows that are final, without margins; None when they are all margin."""
    padded_row, padded_KHW = blender.finish_row()
    first = max(plan.margin - padded_row, 0)
    stop = min(padded_KHW.shape[1], plan.height + plan.margin - padded_row)
    if stop <= first:
        return None
    columns = slice(plan.margin, plan.margin + plan.width)
    probabilities_KHW, valid_HW = padded_KHW[:, first:stop, columns], valid_HW[first:stop, columns]
    return MapRows(
        row=padded_row + first - plan.margin,
        codes_HW=class_codes(probabilities_KHW, valid_HW, manifest.legend),
        confidence_HW=confidence_percent(probabilities_KHW, valid_HW),
        valid_pixels=int(np.count_nonzero(valid_HW)),
    )
