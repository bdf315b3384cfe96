"""Do what a job asks for: from its order to the files of a result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from landcover.raster.digest import file_digest
from serving.classify import classify_scene
from serving.degradation import compare_scenes
from serving.drift.judgement import Drift
from serving.engine import Engine
from serving.jobs.record import Job
from serving.outcome import Outcome
from serving.predict import Progress
from serving.processes.orders import ClassifyOrder, DegradationOrder, ReportOrder, Request
from serving.processes.outputs import names_of
from serving.registry.words import Resolved
from serving.request import Outputs
from serving.work.asking import inputs_of, outputs_of, pair_of, treatment_of
from serving.work.gathering import GATHERED, Gathered, gather
from serving.work.heart import Heart
from serving.work.shop import Shop


class Done(Protocol):
    """What a job has done, whatever it was; see ``serving.outcome.Outcome``."""

    @property
    def model(self) -> str | None:
        """``name@version``; None where no model was needed."""

    @property
    def pixels(self) -> int:
        """Pixels of the map."""

    @property
    def seconds(self) -> float:
        """From opening to the last file."""

    @property
    def drift(self) -> tuple[Drift, ...]:
        """Each image beside the model's training."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """More of it for people, one line each."""

    def to_json(self) -> dict[str, Any]:
        """For the record of the job."""


def perform(job: Job, shop: Shop, heart: Heart, folder: Path) -> Done:
    """Make the files of a job.

    Args:
        job: what was leased.
        shop: what to work with.
        heart: is told how far the work is, and stops it.
        folder: where the files go, all of them flushed to the disk.

    Returns:
        What was done.

    Raises:
        SteppeError: whatever keeps the job from being done.
        LeaseLost: when it is not to be done any more.
    """
    order = Request.model_validate(job.new.request).order
    done = (
        _report(order, shop, heart, folder) if isinstance(order, ReportOrder) else _map(job, order, shop, heart, folder)
    )
    heart.check()
    return done


def _report(order: ReportOrder, shop: Shop, heart: Heart, folder: Path) -> Done:
    """What needs no model has none loaded."""
    from serving.work import reporting  # noqa: PLC0415 - draws, writes workbooks and cuts polygons

    heart.say(0, "getting the maps")
    with gather(order.images, shop, heart) as gathered:
        return reporting.make(order, gathered, shop, heart, folder)


def _map(job: Job, order: ClassifyOrder | DegradationOrder, shop: Shop, heart: Heart, folder: Path) -> Done:
    heart.say(0, "loading the model")
    with shop.models.lease(_pinned(job)) as engine, gather(order.images, shop, heart) as gathered:
        heart.say(GATHERED, "mapping")
        outputs = outputs_of(order.making, folder)
        if isinstance(order, ClassifyOrder):
            outcome = _classify(order, gathered, outputs, engine, shop, heart)
        else:
            outcome = _compare(order, gathered, outputs, engine, shop, heart)
    return replace(outcome, warnings=(*gathered.warnings, *outcome.warnings))


def _pinned(job: Job) -> Resolved | None:
    """The model that the job was accepted for."""
    if job.new.model is None or job.new.model_sha256 is None:
        return None
    name, _, version = job.new.model.partition("@")
    return Resolved(name, version, job.new.model_sha256)


def _progress(heart: Heart) -> Progress:
    def tell(done: int, total: int) -> None:
        heart.say(GATHERED + (100 - GATHERED) * done / max(total, 1), f"{done} of {total} rows of windows are mapped")

    return tell


def _classify(
    order: ClassifyOrder, gathered: Gathered, outputs: Outputs, engine: Engine, shop: Shop, heart: Heart
) -> Outcome:
    inputs = inputs_of(order, gathered, measured=heart.measure)
    treatment, progress = treatment_of(order.making), _progress(heart)
    return classify_scene(inputs, outputs, engine, shop.settings, treatment=treatment, progress=progress)


def _compare(
    order: DegradationOrder, gathered: Gathered, outputs: Outputs, engine: Engine, shop: Shop, heart: Heart
) -> Outcome:
    inputs = pair_of(order, gathered, measured=heart.measure)
    treatment, progress = treatment_of(order.making), _progress(heart)
    return compare_scenes(inputs, outputs, engine, shop.settings, treatment=treatment, progress=progress)


def record_of(outcome: Done, folder: Path, process: str) -> dict[str, Any]:
    """What was done, and which file is which output of a process: a JSON object to keep beside the files."""
    names = names_of(process)
    done = outcome.to_json()
    del done["files"]
    done["remarks"] = list(outcome.remarks)
    done["outputs"] = {
        names[path.name]: {"file": path.name, "bytes": path.stat().st_size, "sha256": file_digest(path)}
        for path in sorted(folder.iterdir())
        if path.name in names
    }
    return done
