"""Compare two images of one place, from files to files: the job behind ``steppe degradation``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landcover.errors import ConfigError, DataError, LevelMismatch, WrongUse
from landcover.grid import Grid
from landcover.manifest import Manifest
from landcover.raster.metadata import normalise_datetime
from landcover.raster.mosaic import joint_digest
from landcover.raster.pair import PairScene, pair_scenes
from landcover.raster.scene import Scene, place_of
from landcover.sensors import Radiometry
from serving.composition import Composition, Part
from serving.days import DAY
from serving.engine import Engine
from serving.outcome import Outcome
from serving.pipeline import Order, publish_map
from serving.predict import Progress
from serving.products import check_language
from serving.request import Inputs, Outputs, refuse_empty, refuse_undecodable
from serving.settings import Settings
from serving.sources import is_one, open_date, resampling_of
from serving.spans import span
from serving.treatment import DEFAULT_TREATMENT, Treatment

LEGEND: Final = "degradation3"
"""Legend of the models that say which way land changed."""

ROLES: Final = ("before", "after")


class DegradationModelWanted(ConfigError):
    """The model does not compare two images for degradation."""

    slug = "degradation-model"


class SameImage(DataError):
    """Both dates are one and the same image."""

    slug = "same-image"


class DatesMismatch(DataError):
    """The dates of the images are not two, in the wrong order, or contradict what the caller states."""

    slug = "dates"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairInputs:
    """Which two images.

    Attributes:
        before: the older image.
        after: the younger image.
        before_date: its date, where the file does not state it.
        after_date: its date, where the file does not state it.
        name: name of the place for titles; default: the names of both images.
    """

    before: Inputs
    after: Inputs
    before_date: str | None = None
    after_date: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse a name that the files of a map could not say.

        Raises:
            ConfigError: with the name.
        """
        refuse_empty("--name", self.name)
        refuse_undecodable("the name", self.name)

    @property
    def dated(self) -> tuple[tuple[Inputs, str | None], tuple[Inputs, str | None]]:
        """Each image with the date that the caller states, the older first."""
        return (self.before, self.before_date), (self.after, self.after_date)


@dataclass(frozen=True, slots=True)
class PairSources:
    """Two opened dates; what the products ask of them is that of ``composition.Origin``.

    Attributes:
        pair: both as one scene.
        inputs: what was asked for.
        times: when each was taken, or None.
    """

    pair: PairScene
    inputs: PairInputs
    times: tuple[str | None, ...]

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """Both dates as the one scene that is mapped."""
        return (self.pair,)

    @property
    def stated_bands(self) -> tuple[tuple[str, ...] | None, ...]:
        """What the caller says that the bands of each date are."""
        return tuple(image.bands for image, _ in self.inputs.dated)

    @property
    def grid(self) -> Grid:
        """Grid of the map."""
        return self.pair.grid

    @property
    def name(self) -> str:
        """Name for titles; empty where there is none."""
        nameless = all(image.nameless for image, _ in self.inputs.dated)
        return self.inputs.name or ("" if nameless else self.pair.identifier)

    @property
    def level(self) -> str | None:
        """Processing level of both."""
        return self.pair.level

    @property
    def acquired(self) -> str | None:
        """None: two dates have no date in common."""
        return self.pair.datetime

    @property
    def radiometry(self) -> Radiometry:
        """Scale and offset that both were brought to."""
        return self.pair.radiometry

    @property
    def radiometry_stated(self) -> bool:
        """Whether both state their scale and offset."""
        return all(scene.radiometry is not None for scene in self.pair.dates)

    def digests(self, pool: Executor) -> tuple[Future[str], Composition]:
        """The digest of both, in the making, and what is said of each; waits for that of each.

        Raises:
            SameImage: when both files hold the same bytes.
            RasterUnreadable: when one can no longer be read.
        """
        each = [pool.submit(scene.input_digest) for scene in self.pair.dates]
        parts = tuple(
            Part(
                href=image.origin(image.source),
                role=role,
                acquired=when,
                radiometry=scene.radiometry,
                resampling=resampling_of(scene),
                digest=digest,
            )
            for role, (image, _), when, scene, digest in zip(
                ROLES, self.inputs.dated, self.times, self.pair.dates, each, strict=True
            )
        )
        _refuse_copies(parts)
        whole = pool.submit(lambda: joint_digest([digest.result() for digest in each]))
        return whole, Composition(parts=parts)

    def close(self) -> None:
        """Give the files of both images back."""
        self.pair.close()


def compare_scenes(
    inputs: PairInputs,
    outputs: Outputs,
    engine: Engine,
    settings: Settings,
    *,
    treatment: Treatment = DEFAULT_TREATMENT,
    progress: Progress | None = None,
    work: Path | None = None,
) -> Outcome:
    """Map where land degraded or improved between two images and write the wanted files, see ``classify_scene``.

    Args:
        inputs: which images.
        outputs: which files.
        engine: a model of two dates.
        settings: windows and batch size.
        treatment: how the outputs are made.
        progress: told after every row of windows.
        work: folder that keeps finished rows, see ``serving.classify.classify_scene``.

    Raises:
        DegradationModelWanted: when the model is not made for this.
        ConfigError: when the work folder is another job's.
        DataError: when the images cannot be used, or not together.
        NoValidData: when no pixel has data at both dates.
        OutputNotWritable: when a file cannot be written where it should be.
        DiskFull: when there is no space.
    """
    started = time.perf_counter()
    order = Order(outputs=outputs, engine=engine, settings=settings, treatment=treatment, progress=progress, work=work)
    made = publish_map(open_both(inputs, outputs, engine.bundle.manifest, treatment), order)
    return Outcome.of(made, outputs, seconds=time.perf_counter() - started)


def open_both(
    inputs: PairInputs, outputs: Outputs, manifest: Manifest, treatment: Treatment = DEFAULT_TREATMENT
) -> PairSources:
    """The first part of ``compare_scenes``: what needs no engine. The caller closes the images.

    Raises:
        DataError: when the images cannot be used, or not together.
        ConfigError: when names or treatment do not fit them.
        OutputNotWritable: when a file cannot be written where it should be.
    """
    outputs.check(*(image.source for image, _ in inputs.dated))
    check_language(outputs, treatment)
    with span("open"):
        return open_pair(inputs, manifest)


def open_pair(inputs: PairInputs, manifest: Manifest) -> PairSources:
    """Open both images as one scene, and check that they can be compared by the model.

    Raises:
        DegradationModelWanted: when the model is not made for two dates.
        SameImage: when both are one file.
        DatesMismatch: when the older image is not given first.
        LevelMismatch: when the processing levels differ, or are not the model's.
        GridMismatch: when the images have no place in common.
        DataError: when an image cannot be used, see ``sources.open_date``.
    """
    check_model(manifest)
    if is_one(inputs.before.source, inputs.after.source):
        name = place_of(inputs.before.source).name
        raise SameImage(f"{name!r} was given for both dates; give two images of one place")
    with ExitStack() as stack:
        before, after = (
            stack.enter_context(_open(role, image, manifest))
            for role, (image, _) in zip(ROLES, inputs.dated, strict=True)
        )
        _check_levels(before, after)
        times = tuple(
            acquired(scene, stated, role)
            for role, scene, (_, stated) in zip(ROLES, (before, after), inputs.dated, strict=True)
        )
        _check_order(*times)
        pair = pair_scenes(before, after, radiometry=manifest.radiometry, nodata=manifest.nodata)
        stack.pop_all()
    return PairSources(pair, inputs, times)


def _open(role: str, image: Inputs, manifest: Manifest) -> Scene:
    """Open one of the images; what is wrong with it is said with its role."""
    try:
        return open_date(image, manifest)
    except DataError as error:
        raise type(error)(f"{role.upper()}: {error}") from error


def acquired(scene: Scene, stated: str | None, role: str) -> str | None:
    """When an image was taken, by its file or by the caller.

    Args:
        scene: the image.
        stated: date that the caller states, or None.
        role: ``before`` or ``after``.

    Raises:
        WrongUse: when what is stated is no date.
        DatesMismatch: when file and caller contradict each other.
    """
    if stated is None:
        return scene.datetime
    said = normalise_datetime(stated)
    if said is None:
        raise WrongUse(f"--{role}-date {stated!r} is no date; write it as 2020-01-31")
    if scene.datetime and said[:DAY] != scene.datetime[:DAY]:
        raise DatesMismatch(
            f"{scene.identifier!r} was taken on {scene.datetime[:DAY]} by its file, --{role}-date says {said[:DAY]}; "
            "leave the option out, or correct it"
        )
    return scene.datetime or said


def check_model(manifest: Manifest) -> None:
    """Refuse a model that was not made for this.

    Raises:
        DegradationModelWanted: when it does not compare two images for degradation.
    """
    if manifest.dates != len(ROLES) or manifest.legend_id != LEGEND:
        images = "one image" if manifest.dates == 1 else f"images of {manifest.dates} dates"
        raise DegradationModelWanted(
            f"model {manifest.identifier} maps {manifest.legend_id} from {images}; choose one that maps {LEGEND} from "
            "two dates with --model or STEPPE_DEGRADATION_MODEL"
        )


def _check_levels(before: Scene, after: Scene) -> None:
    if before.level and after.level and before.level != after.level:
        raise LevelMismatch(
            f"{before.identifier!r} is {before.level} and {after.identifier!r} is {after.level}: what changed between "
            "them would be the air; give both dates at one processing level"
        )


def _check_order(before: str | None, after: str | None) -> None:
    """Compared by their days: two images of one day show no change of land."""
    if not before or not after or before[:DAY] < after[:DAY]:
        return
    if before[:DAY] == after[:DAY]:
        raise DatesMismatch(f"both images were taken on {before[:DAY]}; give images of two dates")
    raise DatesMismatch(f"BEFORE is of {before[:DAY]}, AFTER is of {after[:DAY]}; give the older image as BEFORE")


def _refuse_copies(parts: Sequence[Part]) -> None:
    """Raises SameImage when both files hold the same bytes; waits for their digests."""
    if len({part.digest.result() for part in parts}) == 1:
        names = " and ".join(repr(part.href) for part in parts)
        raise SameImage(f"{names} are copies of one image; give two images of one place")
