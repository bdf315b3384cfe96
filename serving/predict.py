"""Classify a scene in streamed rows: read, run and blend at the same time, in memory that does not grow with height.

Three stages overlap: a thread reads the scene, threads run the engine, the caller's thread blends. Sums run in the
fixed order of the windows, so the map depends neither on the batch size nor on which call ends first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landcover.blending import Blender
from landcover.errors import LevelMismatch, ResolutionMismatch
from landcover.grid import ground_pixel_size
from landcover.manifest import Manifest
from landcover.postprocess import CONFIDENCE_NODATA, class_codes, confidence_percent
from landcover.raster.pair import read_overview
from landcover.raster.scene import Scene
from landcover.seams import SeamCounter, SeamScore
from landcover.tiling import TilePlan
from serving.engine import Engine
from serving.means import Place, Run, has_data, joint_valid, mean_probabilities
from serving.prefetch import prefetch
from serving.windows import SceneWindow, read_windows

COARSENESS: Final = 1.5
"""The longer side of a pixel may be this many times longer or shorter than the model's pixel: a 30 m Landsat pixel is
another world for a 10 m model."""

NARROWNESS: Final = 4.0
"""The shorter side may be this many times shorter: 10 m pixels in degrees are 3 m wide at 72 degrees latitude."""

READY: Final = 1
"""Windows with probabilities that may wait for being blended."""

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


CONFIDENCE: Final = Layer(1, confidence_percent)
"""How sure the model is of the class."""

NO_LAYERS: Final[Mapping[str, Layer]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a prediction beside codes.

    Attributes:
        layers: what else to make of the probabilities, by name.
        first_row: row of the scene where it begins, the first one of some ``MapRows``: those above were made before.
    """

    layers: Mapping[str, Layer] = NO_LAYERS
    first_row: int = 0


EVERYTHING: Final = Wanted()


@dataclass(frozen=True, slots=True)
class MapRows:
    """Finished rows of the map.

    Attributes:
        row: first row in the scene.
        codes_HW: legend codes (row, col) in the legend's dtype, with its nodata.
        layers_BHW: the wanted layers by name, uint8 (band, row, col), 255 = nodata.
        seams: how far neighbouring windows agreed, from the first row that was wanted to here.
    """

    row: int
    codes_HW: NDArray[Any]
    layers_BHW: Mapping[str, NDArray[np.uint8]]
    seams: SeamScore


class _Answer(NamedTuple):
    """A window and its probabilities (class, row, col); None where it has no valid pixel."""

    window: SceneWindow
    probabilities_KHW: NDArray[np.float32] | None


def check_scene(scene: Scene, manifest: Manifest, *, placed: bool = False) -> None:
    """Refuse a scene the model was not made for; bands and sample type were checked when it was opened.

    Args:
        scene: the scene.
        manifest: the model's.
        placed: whether its grid is the one that the caller asked for, not its own.

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
        which = "pixels of the grid that was asked for" if placed else "pixels"
        raise ResolutionMismatch(
            f"{which} measure {metres(narrow * manifest.gsd_m)} x "
            f"{metres(wide * manifest.gsd_m)} m on the ground, model {manifest.identifier} was made for "
            f"{manifest.gsd_m:g} m; {_other_pixels(scene, manifest, placed=placed, coarse=wide > COARSENESS)}"
        )


def metres(length: float) -> str:
    """A length for people: three digits, without powers of ten."""
    return f"{float(f'{length:.3g}'):,.12g}"


def _other_pixels(scene: Scene, manifest: Manifest, *, placed: bool, coarse: bool) -> str:
    """What to do about pixels of another size than the model's."""
    if placed:
        return (
            f"choose another value of --resolution, in units of the map's CRS, for pixels of about {manifest.gsd_m:g} m"
        )
    if coarse:
        return "resampling adds no detail: give a finer scene"
    in_metres = scene.grid.crs.axis_info[0].unit_name == "metre"
    return f"resample the input first{f', for example with --resolution {manifest.gsd_m:g}' if in_metres else ''}"


def predict_rows(
    scene: Scene,
    engine: Engine,
    plan: TilePlan,
    *,
    batch_size: int,
    more: Sequence[Scene] = (),
    wanted: Wanted = EVERYTHING,
    progress: Progress | None = None,
) -> Generator[MapRows]:
    """Classify a scene, row of windows by row of windows.

    Rows that begin further down are the same as those of a prediction of everything: the windows above that have a part
    in them run once more.

    Args:
        scene: opened with the engine's bands in the engine's order.
        engine: the model.
        plan: windows over the scene's grid.
        batch_size: windows per call of the engine; changes speed and memory, never the result.
        more: scenes of the same grid; the map is that of the mean probabilities over all scenes valid at a pixel.
        wanted: what to make, and from which row on.
        progress: told after every row of windows, and once beforehand of those that were not wanted.

    Yields:
        The map's rows from top to bottom, each row once.
    """
    rows = len(plan.rows.origins)
    first = _first_wanted(plan, wanted.first_row)
    if first and progress is not None:
        progress(first, rows)
    if first == rows:
        return
    manifest = engine.bundle.manifest
    maker = _MapMaker(plan, manifest, engine.classes, wanted.layers)
    run = _runner(scene, engine)
    each = [read_windows(one, plan, manifest, first=plan.rows.needed(first)) for one in (scene, *more)]
    stream = prefetch(_run_windows(each, run, batch_size, parallel=engine.parallel), depth=READY)
    with closing(stream):
        for row, finished in maker.rows(stream, first):
            if finished is not None:
                yield finished
            del finished  # the caller is done with these rows; the next ones take as much memory
            if progress is not None:
                progress(row + 1, rows)


def _first_wanted(plan: TilePlan, first_row: int) -> int:
    """Number of the first row of windows that finishes wanted rows; how many there are, if no row is wanted."""
    if 0 < first_row < plan.height:
        return plan.rows.finishing(first_row + plan.margin)
    return 0 if not first_row else len(plan.rows.origins)


def _runner(scene: Scene, engine: Engine) -> Run:
    """The model, given the overview of the scene where it takes one; that is read here, before any window."""
    if not engine.bundle.manifest.overview:
        return engine.run
    return partial(engine.run, overview_1BHW=read_overview(scene)[None])


def _run_windows(
    each: Sequence[Generator[SceneWindow]], run: Run, batch_size: int, *, parallel: int
) -> Iterator[_Answer]:
    """Run the model over the windows, in order; those in which no scene has data are passed on."""

    def answer(batch: tuple[Place, ...]) -> list[_Answer]:
        wanted = [place for place in batch if has_data(place)]
        answers = iter(mean_probabilities(wanted, run) if wanted else ())
        # The digital numbers are not needed any more; they are most of a window's memory.
        return [
            _Answer(
                replace(place[0], dn_BHW=None, valid_HW=joint_valid(place)), next(answers) if has_data(place) else None
            )
            for place in batch
        ]

    with ExitStack() as stack:
        for windows in each:
            stack.enter_context(closing(windows))
        pool = stack.enter_context(ThreadPoolExecutor(parallel, "steppe-engine"))
        for answers in _in_order(pool, answer, _batches(zip(*each, strict=True), batch_size), ahead=parallel):
            yield from answers


def _batches(places: Iterable[Place], size: int) -> Iterator[tuple[Place, ...]]:
    """Windows of a row in order, at most ``size`` with pixels at a time."""
    for _, row in groupby(places, key=lambda place: place[0].row):
        batch: list[Place] = []
        for place in row:
            batch.append(place)
            if sum(map(has_data, batch)) == size:
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
        layers: what else to make, by name.
    """

    def __init__(self, plan: TilePlan, manifest: Manifest, classes: int, layers: Mapping[str, Layer]) -> None:
        self._plan, self._manifest, self._layers = plan, manifest, layers
        self._blender, self._seams = Blender(plan, classes), SeamCounter(plan)
        self._codes_HW = self._empty(0)
        self._layers_BHW: dict[str, NDArray[np.uint8]] = {}

    def rows(self, answers: Iterable[_Answer], first: int) -> Iterator[tuple[int, MapRows | None]]:
        """What each row of windows finishes, with its number; those before ``first`` only help to blend it."""
        last = len(self._plan.cols.origins) - 1
        for window, probabilities_KHW in answers:
            if probabilities_KHW is not None:
                self.add(window, probabilities_KHW)
            if window.col < last:
                continue
            finished = self.finish(window.row)
            if window.row >= first:
                yield window.row, finished
            else:
                self._seams.restart()
            del finished

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
        for name, layer in self._layers.items():
            self._layers_BHW[name][:, *place] = layer.make(probabilities_KHW, valid_HW)

    def finish(self, row: int) -> MapRows | None:
        """The rows that are final when all windows of a row have come; None when they are all margin."""
        rows = self._rows(row)
        if rows.start >= rows.stop:
            return None
        if not len(self._codes_HW):  # no window of the row had a valid pixel
            self._start(row)
        codes_HW, layers_BHW = self._codes_HW, self._layers_BHW
        self._codes_HW, self._layers_BHW = self._empty(0), {}
        return MapRows(
            row=rows.start - self._plan.margin,
            codes_HW=codes_HW,
            layers_BHW=layers_BHW,
            seams=self._seams.score,
        )

    def _rows(self, row: int) -> slice:
        return _inside(self._plan.rows.finished(row), self._plan.margin, self._plan.height)

    def _start(self, row: int) -> None:
        rows = self._rows(row)
        count = max(rows.stop - rows.start, 0)
        self._codes_HW = self._empty(count)
        self._layers_BHW = {
            name: np.full((layer.bands, count, self._plan.width), CONFIDENCE_NODATA, np.uint8)
            for name, layer in self._layers.items()
        }

    def _empty(self, rows: int) -> NDArray[Any]:
        """Codes of rows without data."""
        legend = self._manifest.legend
        return np.full((rows, self._plan.width), legend.nodata, legend.dtype)


def _inside(pixels: slice, margin: int, length: int) -> slice:
    """The part of a range, counted from the margin, that lies in the scene."""
    return slice(max(pixels.start, margin), min(pixels.stop, margin + length))


def _from(pixels: slice, origin: int) -> slice:
    """The same pixels counted from another origin."""
    return slice(pixels.start - origin, pixels.stop - origin)
