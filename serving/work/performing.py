"""Do what a job asks for: from its order to the files of a result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from landcover.raster.digest import file_digest
from serving.classify import classify_scene
from serving.degradation import compare_scenes
from serving.engine import Engine
from serving.jobs.record import Job
from serving.outcome import Outcome
from serving.predict import Progress
from serving.processes.orders import ClassifyOrder, DegradationOrder, Request
from serving.processes.outputs import FILES
from serving.registry.words import Resolved
from serving.request import Outputs
from serving.work.asking import inputs_of, outputs_of, pair_of, treatment_of
from serving.work.gathering import Gathered, gather
from serving.work.heart import Heart
from serving.work.shop import Shop

GATHERED: Final = 10.0
"""Percent of a job that getting its inputs counts for; the model has the rest."""


def perform(job: Job, shop: Shop, heart: Heart, folder: Path) -> Outcome:
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
    heart.say(0, "loading the model")
    with shop.models.lease(_pinned(job)) as engine, gather(order.images, shop, heart) as gathered:
        heart.say(GATHERED, "mapping")
        outputs = outputs_of(order.making, folder)
        if isinstance(order, ClassifyOrder):
            outcome = _classify(order, gathered, outputs, engine, shop, heart)
        else:
            outcome = _compare(order, gathered, outputs, engine, shop, heart)
    heart.check()
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


def record_of(outcome: Outcome, folder: Path) -> dict[str, Any]:
    """What was done, and which file is which output: a JSON object to keep beside the files."""
    names = {file: name for name, file in FILES.items()}
    done = outcome.to_json()
    del done["files"]
    done["remarks"] = list(outcome.remarks)
    done["outputs"] = {
        names[path.name]: {"file": path.name, "bytes": path.stat().st_size, "sha256": file_digest(path)}
        for path in sorted(folder.iterdir())
        if path.name in names
    }
    return done
