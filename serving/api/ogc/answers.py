"""What a job that has ended answers: its results, or why there are none."""

from __future__ import annotations

from typing import Any, Final

from fastapi.responses import Response

from serving.api.ogc.desk import Desk
from serving.api.ogc.results import answer, made_by, result_of
from serving.api.problems import failure
from serving.api.wording import INPUT, spoken
from serving.jobs.record import Job, State
from serving.jobs.store import JobGone
from serving.processes.orders import Request

WARNING_LETTERS: Final = 2000
"""Most letters of a header that warns."""


def ended_answer(desk: Desk, job: Job, base: str) -> Response:
    """The results of a successful job, the problem of a failed one.

    Raises:
        JobGone: when it was dismissed.
        ResultNotReady: when it has not ended.
    """
    monitor = f'<{base}jobs/{job.id}>; rel="monitor"; type="application/json"'
    if job.state is State.FAILED and job.problem is not None:
        return failure(job.problem, headers={"Link": monitor})
    if job.state is State.DISMISSED:
        raise JobGone("the job was dismissed; nothing is left of it")
    made = made_by(job, desk.process(job.new.process), desk.results, base)
    answering = Request.model_validate(job.new.request).answering
    return answer(made, answering, {**facts(desk, job), "Link": monitor})


def outcome_of(desk: Desk, job: Job) -> dict[str, Any]:
    """What was done, and size and digest of every file.

    Raises:
        ResultNotReady: when the job has not ended with results.
    """
    outcome = desk.results.outcome(result_of(job))
    return outcome | {name: [spoken(line) for line in outcome[name]] for name in ("warnings", "remarks")}


def facts(desk: Desk, job: Job, *, called: str = INPUT) -> dict[str, str]:
    """Headers that say what computed a result.

    Args:
        desk: where results are.
        job: which.
        called: what parameters are called where the caller gave them, see ``wording``.
    """
    if job.result is None:
        return {}
    outcome = desk.results.outcome(job.result)
    told = {}
    if "model" in outcome:
        told = {
            "Steppe-Model": outcome["model"],
            # Of the graph that ran, as the map, its STAC Item and /v2 have it; /models has that of the manifest.
            "Steppe-Model-Sha256": outcome["model_sha256"],
            "Steppe-Provider": outcome["provider"],
        }
    if outcome["warnings"]:
        told["Steppe-Warning"] = _header(spoken(" ".join(outcome["warnings"]), called))
    return told


def _header(text: str) -> str:
    """What a header may have of a text: no letters beyond ASCII, and not more than others take; the outcome has all."""
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= WARNING_LETTERS else f"{plain[: WARNING_LETTERS - 3]}..."
