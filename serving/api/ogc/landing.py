"""The landing page, what the service conforms to, and its processes."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from serving.api.addresses import base_of
from serving.api.ogc.desk import desk_of
from serving.api.ogc.documents import CONFORMANCE_REL, JOBS_REL, PROCESSES_REL, description, link, summary
from serving.version import VERSION

router = APIRouter(tags=["service"])

_CLASSES: Final = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"

CONFORMS_TO: Final = tuple(
    f"{_CLASSES}{name}" for name in ("core", "ogc-process-description", "json", "job-list", "callback", "dismiss")
)
"""Conformance classes, each with its abstract tests in ``tests/serving/api/ogc``. OpenAPI 3.0 is none of them: the
service describes itself in 3.1."""

OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.1"


@router.get("/", summary="What this service is and where its parts are")
async def landing(request: Request) -> dict[str, Any]:
    """Name, version and links."""
    base = base_of(request)
    return {
        "title": "Steppe land-cover classification",
        "description": "Maps of land cover and land degradation from satellite scenes, and reports of degradation.",
        "version": VERSION,
        "links": [
            link("self", base, "This document"),
            link("service-desc", f"{base}api", "OpenAPI description", OPENAPI),
            link("service-doc", f"{base}docs", "Interactive documentation", "text/html"),
            link(CONFORMANCE_REL, f"{base}conformance", "What the service conforms to"),
            link(PROCESSES_REL, f"{base}processes", "Processes"),
            link(JOBS_REL, f"{base}jobs", "Jobs"),
            link("models", f"{base}models", "Models"),
            link("sources", f"{base}sources", "Scenes that can be looked at as maps"),
            link("inference", f"{base}v2", "Open Inference Protocol"),
            link("ready", f"{base}readyz", "Readiness"),
            link("live", f"{base}livez", "Liveness"),
        ],
    }


@router.get("/conformance", summary="What the service conforms to")
async def conformance() -> dict[str, Any]:
    """Conformance classes of OGC API - Processes 1.0."""
    return {"conformsTo": list(CONFORMS_TO)}


@router.get("/api", include_in_schema=False)
async def api(request: Request) -> JSONResponse:
    """The OpenAPI description under the name that OGC gives it."""
    return JSONResponse(request.app.openapi(), media_type=OPENAPI)


@router.get("/processes", summary="All processes")
async def list_processes(
    request: Request,
    *,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most processes of a page.")] = 10,
    offset: Annotated[int, Query(ge=0, le=1000, description="Processes before the first one.")] = 0,
) -> dict[str, Any]:
    """Summaries of all processes."""
    base = base_of(request)
    processes = list(desk_of(request).processes.values())
    links = [link("self", f"{base}processes?limit={limit}&offset={offset}", "This page")]
    if offset + limit < len(processes):
        links.append(link("next", f"{base}processes?limit={limit}&offset={offset + limit}", "The next page"))
    return {"processes": [summary(one, base) for one in processes[offset : offset + limit]], "links": links}


@router.get("/processes/{process}", summary="A process, its inputs and outputs")
async def show_process(request: Request, process: str) -> dict[str, Any]:
    """Description of one process, with JSON schemas of inputs and outputs."""
    return description(desk_of(request).process(process), base_of(request))
