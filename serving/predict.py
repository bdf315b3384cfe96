"""Classify a scene in streamed rows: read, run and blend at the same time, in memory that does not grow with height.

Three stages overlap: a thread reads rows of windows, threads run the engine, the caller's thread blends. Sums run in
the fixed order of the windows, so the map depends neither on the batch size nor on which call ends first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import batched
from types import MappingProxyType
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
from serving.strips import Strip, read_strips

COARSENESS: Final = 1.5
"""The longer side of a pixel may be this many times longer or shorter than the model's pixel: a 30 m Landsat pixel is
another world for a 10 m model."""

NARROWNESS: Final = 4.0
"""The shorter side may be this many times shorter: 10 m pixels in degrees are 3 m wide at 72 degrees latitude."""

type Progress = Callable[[int, int], None]
"""Called with (rows of windows done, rows of windows in all)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One more raster made from the blended probabilities; block by block, so that only its uint8 rows take memory.

    Attributes:
        bands: number of its bands.
        make: uint8 (row, col), or (band, row, col) for several bands, of class probabilities (class, row, col) and
            valid pixels (row, col), True = valid; 255 = nodata.
    """

    bands: int
    make: Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.uint8]]


NO_LAYERS: Final[Mapping[str, Layer]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MapRows:
    """Finished rows of the map.

    Attributes:
        row: first row in the scene.
        codes_HW: uint8 legend codes (row, col), 255 = nodata.
        confidence_HW: uint8 percent (row, col), 255 = nodata.
        layers_BHW: the wanted layers by name, uint8 (band, row, col), 255 = nodata.
        valid_pixels: number of pixels that are not nodata.
        seams: how far neighbouring windows agreed, from the top to here.
    """

    row: int
    codes_HW: NDArray[np.uint8]
    confidence_HW: NDArray[np.uint8]
    layers_BHW: Mapping[str, NDArray[np.uint8]]
    valid_pixels: int
    seams: SeamScore


class _Answers(NamedTuple):
    """Probabilities of some windows of a row; without any when the row is done."""

    strip: Strip
    cols: tuple[int, ...]
    probabilities_NKHW: NDArray[np.float32] | None


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
    layers: Mapping[str, Layer] = NO_LAYERS,
    progress: Progress | None = None,
) -> Generator[MapRows]:
    """Classify a scene, row of windows by row of windows.

    Args:
        scene: opened with the engine's bands in the engine's order.
        engine: the model.
        plan: windows over the scene's grid.
        batch_size: windows per call of the engine; changes speed and memory, never the result.
        layers: what else to make of the probabilities, by name.
        progress: told after every row of windows.

    Yields:
        The map's rows from top to bottom, each row once.
    """
    manifest = engine.bundle.manifest
    maker = _MapMaker(plan, manifest, engine.classes, layers)
    strips = prefetch(read_strips(scene, plan, manifest), depth=1)
    stream = prefetch(_run_windows(strips, engine, plan, batch_size), depth=3)
    rows = len(plan.rows.origins)
    with closing(stream):
        for answers in stream:
            if answers.probabilities_NKHW is not None:
                for col, probabilities_KHW in zip(answers.cols, answers.probabilities_NKHW, strict=True):
                    maker.add(answers.strip, col, probabilities_KHW)
                continue
            finished = maker.finish(answers.strip.row)
            if finished is not None:
                yield finished
            del finished  # the caller is done with these rows; the next ones take as much memory
            if progress is not None:
                progress(answers.strip.row + 1, rows)


def _run_windows(strips: Generator[Strip], engine: Engine, plan: TilePlan, batch_size: int) -> Iterator[_Answers]:
    """Run the engine over the windows of each strip, in order; windows without a valid pixel are skipped."""
    cols = plan.cols
    with closing(strips), ThreadPoolExecutor(engine.parallel, "steppe-engine") as pool:
        for strip in strips:
            wanted = [
                col for col, origin in enumerate(cols.origins) if strip.valid_HW[:, origin : origin + cols.tile].any()
            ]

            def answer(numbers: tuple[int, ...], strip: Strip = strip) -> _Answers:
                windows = [strip.dn_BHW[:, :, cols.origins[col] :][:, :, : cols.tile] for col in numbers]
                return _Answers(strip, numbers, engine.run(np.stack(windows)))

            yield from _in_order(pool, answer, batched(wanted, batch_size), ahead=engine.parallel)
            yield _Answers(strip, (), None)


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
        layers: what else to make, by name.
    """

    def __init__(self, plan: TilePlan, manifest: Manifest, classes: int, layers: Mapping[str, Layer]) -> None:
        self._plan, self._manifest, self._layers = plan, manifest, layers
        self._blender, self._seams = Blender(plan, classes), SeamCounter(plan)
        self._codes_HW = self._confidence_HW = self._empty(0)
        self._layers_BHW: dict[str, NDArray[np.uint8]] = {}

    def add(self, strip: Strip, col: int, probabilities_KHW: NDArray[np.float32]) -> None:
        """Blend a window, and map the pixels that it finishes."""
        plan, row = self._plan, strip.row
        if not len(self._codes_HW):
            self._start(row)
        origin = plan.rows.origins[row], plan.cols.origins[col]
        whole = slice(origin[1], origin[1] + plan.cols.tile)
        self._seams.add(row, col, probabilities_KHW, strip.valid_HW[:, whole])
        block = self._blender.add(row, col, probabilities_KHW)
        rows, cols = _inside(block.rows, plan.margin, plan.height), _inside(block.cols, plan.margin, plan.width)
        if rows.start >= rows.stop or cols.start >= cols.stop:
            return
        probabilities_KHW = block.probabilities_KHW[:, _from(rows, origin[0]), _from(cols, origin[1])]
        valid_HW = strip.valid_HW[_from(rows, origin[0]), cols]
        place = _from(rows, self._rows(row).start), _from(cols, plan.margin)
        self._codes_HW[place] = class_codes(probabilities_KHW, valid_HW, self._manifest.legend)
        self._confidence_HW[place] = confidence_percent(probabilities_KHW, valid_HW)
        for name, layer in self._layers.items():
            self._layers_BHW[name][:, *place] = layer.make(probabilities_KHW, valid_HW)

    def finish(self, row: int) -> MapRows | None:
        """The rows that are final when all windows of a row have come; None when they are all margin."""
        rows = self._rows(row)
        if rows.start >= rows.stop:
            return None
        if not len(self._codes_HW):  # no window of the row had a valid pixel
            self._start(row)
        codes_HW, confidence_HW, layers_BHW = self._codes_HW, self._confidence_HW, self._layers_BHW
        self._codes_HW, self._confidence_HW, self._layers_BHW = self._empty(0), self._empty(0), {}
        return MapRows(
            row=rows.start - self._plan.margin,
            codes_HW=codes_HW,
            confidence_HW=confidence_HW,
            layers_BHW=layers_BHW,
            valid_pixels=int(np.count_nonzero(codes_HW != CLASS_NODATA)),
            seams=self._seams.score,
        )

    def _rows(self, row: int) -> slice:
        return _inside(self._plan.rows.finished(row), self._plan.margin, self._plan.height)

    def _start(self, row: int) -> None:
        rows = self._rows(row)
        count = max(rows.stop - rows.start, 0)
        self._codes_HW, self._confidence_HW = self._empty(count), self._empty(count)
        self._layers_BHW = {name: self._empty(layer.bands, count) for name, layer in self._layers.items()}

    def _empty(self, *lengths: int) -> NDArray[np.uint8]:
        return np.full((*lengths, self._plan.width), CLASS_NODATA, np.uint8)


def _inside(pixels: slice, margin: int, length: int) -> slice:
    """The part of a range, counted from the margin, that lies in the scene."""
    return slice(max(pixels.start, margin), min(pixels.stop, margin + length))


def _from(pixels: slice, origin: int) -> slice:
    """The same pixels counted from another origin."""
    return slice(pixels.start - origin, pixels.stop - origin)
