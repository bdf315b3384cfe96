"""Compare two images of one place, from files to files: the job behind ``steppe degradation``."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from landcover.errors import ConfigError, DataError, LevelMismatch
from landcover.manifest import Manifest
from landcover.raster.metadata import normalise_datetime
from landcover.raster.pair import PairScene, pair_scenes, read_overview
from landcover.raster.scene import Scene
from serving.classify import Outcome, open_image, plan_windows, write_rows
from serving.engine import Engine
from serving.outputs.dates import DAY, DateInput
from serving.predict import Progress, predict_rows
from serving.products import Provenance, write_products
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.staging import Staging

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

    @property
    def dated(self) -> tuple[tuple[Inputs, str | None], tuple[Inputs, str | None]]:
        """Each image with the date that the caller states, the older first."""
        return (self.before, self.before_date), (self.after, self.after_date)


def compare_scenes(
    inputs: PairInputs, outputs: Outputs, engine: Engine, settings: Settings, *, progress: Progress | None = None
) -> Outcome:
    """Map where land degraded or improved between two images and write the wanted files, all of them or none.

    Args:
        inputs: which images.
        outputs: which files.
        engine: a model of two dates.
        settings: windows and batch size.
        progress: told after every row of windows.

    Raises:
        DegradationModelWanted: when the model is not made for this.
        DataError: when the images cannot be used, or not together.
        NoValidData: when no pixel has data at both dates.
        OutputNotWritable: when a file cannot be written where it should be.
        DiskFull: when there is no space.
    """
    started = time.perf_counter()
    manifest = engine.bundle.manifest
    for image, _ in inputs.dated:
        outputs.check(image.source)
    with (
        open_pair(inputs, manifest) as pair,
        ThreadPoolExecutor(len(ROLES), "steppe-digest") as pool,
        Staging() as staging,
    ):
        staged = {role: staging.path_for(path) for role, path in outputs.files().items()}
        digests = [pool.submit(scene.input_digest) for scene in pair.dates]
        overview_1BHW = read_overview(pair)[None] if manifest.overview else None
        dates = _dates(inputs, pair, [digest.result() for digest in digests])
        provenance = replace(
            Provenance.of(pair, inputs.before, engine, pool.submit(pair.input_digest)),
            scene_name=inputs.name or pair.identifier,
            source_href=", ".join(made.href for made in dates),
            radiometry_stated=all(made.radiometry_stated for made in dates),
            dates=dates,
        )
        plan, batch_size = plan_windows(pair, engine, settings)
        rows = predict_rows(pair, engine, plan, batch_size=batch_size, overview_1BHW=overview_1BHW, progress=progress)
        finished = write_rows(rows, staged, provenance)
        write_products(finished, staged, outputs)
        staging.publish()
    return Outcome.of(finished, outputs, seconds=time.perf_counter() - started)


def open_pair(inputs: PairInputs, manifest: Manifest) -> PairScene:
    """Open both images as one scene, and check that they can be compared by the model.

    Raises:
        DegradationModelWanted: when the model is not made for two dates.
        SameImage: when both are one file.
        DatesMismatch: when the older image is not given first.
        LevelMismatch: when the processing levels differ, or are not the model's.
        GridMismatch: when the images have no place in common.
        DataError: when an image cannot be used, see ``classify.open_image``.
    """
    _check_model(manifest)
    if len({os.path.realpath(image.source) for image, _ in inputs.dated}) == 1:
        raise SameImage(f"{inputs.before.source.name!r} was given for both dates; give two images of one place")
    with ExitStack() as stack:
        before, after = (
            stack.enter_context(_open(role, image, manifest))
            for role, (image, _) in zip(ROLES, inputs.dated, strict=True)
        )
        _check_levels(before, after)
        _check_order(acquired(before, inputs.before_date, "before"), acquired(after, inputs.after_date, "after"))
        pair = pair_scenes(before, after, radiometry=manifest.radiometry, nodata=manifest.nodata)
        stack.pop_all()
    return pair


def _open(role: str, image: Inputs, manifest: Manifest) -> Scene:
    """Open one of the images; what is wrong with it is said with its role."""
    try:
        return open_image(image, manifest)
    except DataError as error:
        raise type(error)(f"{role.upper()}: {error}") from error


def acquired(scene: Scene, stated: str | None, role: str) -> str | None:
    """When an image was taken, by its file or by the caller.

    Args:
        scene: the image.
        stated: date that the caller states, or None.
        role: ``before`` or ``after``.

    Raises:
        ConfigError: when what is stated is no date.
        DatesMismatch: when file and caller contradict each other.
    """
    if stated is None:
        return scene.datetime
    said = normalise_datetime(stated)
    try:
        date.fromisoformat((said or stated)[:DAY])
    except ValueError as error:
        raise ConfigError(f"--{role}-date {stated!r} is no date; write it as 2020-01-31") from error
    if scene.datetime and said and said[:DAY] != scene.datetime[:DAY]:
        raise DatesMismatch(
            f"{scene.identifier!r} was taken on {scene.datetime[:DAY]} by its file, --{role}-date says {said[:DAY]}; "
            "leave the option out, or correct it"
        )
    return scene.datetime or said


def _check_model(manifest: Manifest) -> None:
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
    raise DatesMismatch(f"BEFORE was taken on {before[:DAY]}, after AFTER on {after[:DAY]}; give the older image first")


def _dates(inputs: PairInputs, pair: PairScene, digests: list[str]) -> tuple[DateInput, ...]:
    """What is known of each date.

    Raises:
        SameImage: when both hold the same bytes.
    """
    if len(set(digests)) == 1:
        names = " and ".join(repr(image.source.name) for image, _ in inputs.dated)
        raise SameImage(f"{names} are copies of one image; give two images of one place")
    return tuple(
        DateInput(
            role=role,
            href=image.source.name,
            acquired=acquired(scene, stated, role),
            radiometry=scene.radiometry or pair.radiometry,
            radiometry_stated=scene.radiometry is not None,
            sha256=digest,
        )
        for role, scene, (image, stated), digest in zip(ROLES, pair.dates, inputs.dated, digests, strict=True)
    )
