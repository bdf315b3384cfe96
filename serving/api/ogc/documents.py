"""The JSON documents of OGC API - Processes 1.0: descriptions, job status, links."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel

from serving.api.ogc.inputschemas import plain
from serving.jobs.record import Job, State
from serving.processes.inputs import MOST_IMAGES
from serving.processes.outputs import JSON, Output
from serving.processes.process import Process
from serving.version import VERSION

RESULTS_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/results"
EXECUTE_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/execute"
PROCESSES_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/processes"
JOBS_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/job-list"
CONFORMANCE_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/conformance"

_SEVERAL: Final = {"scene": MOST_IMAGES}
"""Inputs that may come several times."""


def link(rel: str, href: str, title: str, media_type: str = JSON) -> dict[str, str]:
    """A link."""
    return {"rel": rel, "href": href, "type": media_type, "title": title}


def summary(process: Process, base: str) -> dict[str, Any]:
    """A process in the list: schema ``processSummary.yaml``."""
    own = f"{base}processes/{process.id}"
    return {
        "id": process.id,
        "version": VERSION,
        "title": process.title,
        "description": process.description,
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "links": [
            link("self", own, "Description of the process"),
            link(EXECUTE_REL, f"{own}/execution", "Execute the process"),
        ],
    }


def description(process: Process, base: str) -> dict[str, Any]:
    """A process in full: schema ``process.yaml``."""
    return {
        **summary(process, base),
        "inputs": _inputs(process.inputs),
        "outputs": {output.name: _output(output) for output in process.outputs},
    }


def _inputs(form: type[BaseModel]) -> dict[str, Any]:
    schema = form.model_json_schema()
    definitions = schema.get("$defs", {})
    return {name: _input(name, plain(member, definitions), form) for name, member in schema["properties"].items()}


def _input(name: str, member: dict[str, Any], form: type[BaseModel]) -> dict[str, Any]:
    words = member.pop("description", None) or name.replace("_", " ")
    title = member.pop("title", name)
    if name in _SEVERAL:
        member = member.get("items", member)
    return {
        "title": title,
        "description": words,
        "minOccurs": 1 if form.model_fields[name].is_required() else 0,
        "maxOccurs": _SEVERAL.get(name, 1),
        "schema": member,
    }


def _output(output: Output) -> dict[str, Any]:
    media_type = output.media_type.partition(";")[0]
    if media_type.endswith("json"):
        schema: dict[str, Any] = {"type": "object", "contentMediaType": media_type}
    else:
        schema = {"type": "string", "contentEncoding": "binary", "contentMediaType": output.media_type}
    return {"title": output.title, "description": output.description, "schema": schema}


def status_info(job: Job, base: str) -> dict[str, Any]:
    """Where a job stands: schema ``statusInfo.yaml``; members that are not known are left out."""
    own = f"{base}jobs/{job.id}"
    links = [link("self", own, "This job")]
    if job.state is State.SUCCESSFUL:
        links.append(link(RESULTS_REL, f"{own}/results", "Results of the job"))
    elif job.state is State.FAILED:
        links.append(link(RESULTS_REL, f"{own}/results", "Why the job failed", "application/problem+json"))
    elif not job.state.ended:
        links.append(link("monitor", own, "Where the job stands"))
    told = {
        "jobID": job.id,
        "type": "process",
        "processID": job.new.process,
        "status": job.state.value,
        "message": _message(job),
        "progress": job.progress,
        "created": _moment(job.created),
        "started": _moment(job.started),
        "finished": _moment(job.finished),
        "updated": _moment(job.updated),
        "model": job.new.model,
        "links": links,
    }
    return {key: value for key, value in told.items() if value is not None}


def _message(job: Job) -> str:
    if job.problem is not None:
        return str(job.problem["detail"])
    return job.message


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
