"""From opened inputs to published files: what mapping a scene, comparing two dates and measuring have in common."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from landcover.errors import ConfigError, WindowError
from landcover.manifest import Manifest
from landcover.raster.protocol import Mask
from landcover.raster.scene import Scene
from landcover.tiling import MARGIN, TilePlan
from serving.backends.protocol import Outlook
from serving.composition import Origin
from serving.drift.watch import DriftWatch
from serving.engine import Engine
from serving.predict import MapRows, Progress, Wanted, predict_rows
from serving.products import Finished, Provenance, check_item, write_products
from serving.rasters import wanted_layers, write_rasters
from serving.request import Outputs
from serving.resumption import job_of
from serving.rowstore import keeper
from serving.settings import Settings
from serving.spans import Value, span
from serving.staging import Staging
from serving.treatment import DEFAULT_TREATMENT, Treatment

DIGESTS_AT_ONCE: Final = 2
"""Inputs that are hashed at the same time, beside the model: more would take its processors."""

type Watch = Callable[[Generator[MapRows]], Generator[MapRows]]
"""Hands the rows of a map on."""


class Opened(Origin, Protocol):
    """Opened inputs of one map."""

    @property
    def scenes(self) -> Sequence[Scene]:
        """What is mapped, all on one grid: one scene, or several whose probabilities are averaged."""

    @property
    def stated_bands(self) -> Sequence[tuple[str, ...] | None]:
        """What the caller says that the bands of each input are."""

    def close(self) -> None:
        """Give the files back; a digest in the making ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made of opened inputs, and by what.

    Attributes:
        outputs: which files.
        engine: the model.
        settings: windows and batch size.
        treatment: how the outputs are made.
        progress: told after every row of windows.
        work: folder that keeps finished rows, or None.
        watch: sees the rows on their way to the files.
    """

    outputs: Outputs
    engine: Engine
    settings: Settings
    treatment: Treatment = DEFAULT_TREATMENT
    progress: Progress | None = None
    work: Path | None = None
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A map whose files have their names.

    Attributes:
        finished: the map.
        kept: rows of it that an earlier run had made.
    """

    finished: Finished
    kept: int


def outlook_of(scene: Scene, manifest: Manifest, settings: Settings) -> Outlook:
    """What mapping a scene asks of an engine that is not there yet.

    Raises:
        ConfigError: when settings and model make no windows together.
    """
    plan, batch_size = windows_of(scene, manifest, settings)
    shape = (1, manifest.channels, plan.rows.tile, plan.cols.tile)
    calls = len(plan.rows.origins) * -(-len(plan.cols.origins) // batch_size)
    return Outlook(None if manifest.overview else (shape,), calls)


def plan_windows(scene: Scene, engine: Engine, settings: Settings) -> tuple[TilePlan, int]:
    """Windows over a scene for an engine; see ``windows_of``."""
    return windows_of(scene, engine.bundle.manifest, settings)


def windows_of(scene: Scene, manifest: Manifest, settings: Settings) -> tuple[TilePlan, int]:
    """Windows over a scene and windows per engine call: the settings', or else the model's.

    Raises:
        ConfigError: when settings and model make no windows together.
    """
    try:
        plan = TilePlan(
            scene.grid.height,
            scene.grid.width,
            tile=settings.tile or manifest.tile_size,
            overlap=manifest.overlap if settings.overlap is None else settings.overlap,
            margin=MARGIN,
        )
    except WindowError as error:
        raise ConfigError(
            f"STEPPE_TILE and STEPPE_OVERLAP do not go together: {error}; correct or unset them"
        ) from error
    return plan, settings.batch_size or manifest.batch_size


def publish_map(sources: Opened, order: Order, *, mask: Mask | None = None) -> Published:
    """Map opened inputs, write the wanted files and give them their names.

    Args:
        sources: the inputs; closed at the end.
        order: what to make.
        mask: mask band of the scene, if there is one and it is wanted.

    Raises:
        DataError: when the input cannot be used.
        ConfigError: when the treatment does not fit the scene, the work folder is another job's, or rows shall be kept
            that another process could not go on from.
        NoValidData: when the whole input is nodata.
        OutputNotWritable: when a file cannot be written where it should be.
        DiskFull: when there is no space.
    """
    engine, outputs, treatment = order.engine, order.outputs, order.treatment
    with _digesting(sources) as pool, keeper(order.work) as kept, Staging(kept.folder) as staging:
        _refuse_passing(order)
        staged = {role: staging.path_for(path) for role, path in outputs.files().items()}
        drift = DriftWatch(sources.scenes, engine.bundle.manifest)
        scene, *more = drift.scenes
        plan, batch_size = plan_windows(scene, engine, order.settings)
        provenance = Provenance.of(sources, engine, pool)
        check_item(provenance, outputs)
        layers = wanted_layers(staged, engine.bundle.manifest, treatment, kept=order.work is not None)
        job = partial(
            job_of, provenance, engine, plan, layers, bands=sources.stated_bands, measure=treatment.uncertainty
        )

        def predict(first_row: int) -> Generator[MapRows]:
            wanted = Wanted(layers, first_row)
            drift.catch_up(first_row, partial(_tell_nothing_new, order.progress, len(plan.rows.origins)))
            return predict_rows(
                scene, engine, plan, batch_size=batch_size, more=more, wanted=wanted, progress=order.progress
            )

        rows = kept.rows(job, predict)
        rows = order.watch(rows) if order.watch else rows
        with span("predict") as predicting:
            facts: dict[str, Value] = {
                "steppe.model": provenance.manifest.identifier,
                "steppe.pixels": plan.height * plan.width,
            }
            predicting.say(facts)
            finished = write_rasters(rows, staged, provenance, treatment, mask=mask, drift=drift)
        with span("publish"):
            write_products(finished, staged, outputs)
            staging.publish()
        kept.forget()
    return Published(finished, kept.kept)


def _tell_nothing_new(progress: Progress | None, rows: int) -> None:
    """Let whoever watches the progress end the work, while nothing is done that the progress counts."""
    if progress is not None:
        progress(0, rows)


def _refuse_passing(order: Order) -> None:
    """Rows of two processes must be of one map."""
    if order.work is not None and not order.engine.lasting:
        raise ConfigError(
            "TensorRT chooses its kernels anew in every process, so rows of two would not be of one map; set "
            "STEPPE_TENSORRT_CACHE to a folder that keeps its engines, use --provider cuda, or leave --resume out"
        )


@contextmanager
def _digesting(sources: Opened) -> Iterator[Executor]:
    """Threads that hash the inputs; whatever ends the work ends them, with gigabytes still to be read, too."""
    pool = ThreadPoolExecutor(min(len(sources.stated_bands), DIGESTS_AT_ONCE), "steppe-digest")
    try:
        yield pool
    finally:
        sources.close()
        pool.shutdown(wait=True, cancel_futures=True)
