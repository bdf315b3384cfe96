"""Jobs: the list, where one stands, its results, and how to be rid of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from serving.api.access import Keeper
from serving.api.addresses import base_of
from serving.api.ogc.answers import ended_answer, facts, outcome_of
from serving.api.ogc.desk import desk_of
from serving.api.ogc.documents import link, status_info
from serving.api.ogc.results import kept_of, one_of, send
from serving.api.ogc.selection import Selection
from serving.jobs.record import Job, State

router = APIRouter(tags=["jobs"])


@router.get("/jobs", summary="The caller's jobs, newest first")
async def list_jobs(
    request: Request,
    who: Keeper,
    wanted: Annotated[Selection, Query()],
) -> dict[str, Any]:
    """Jobs as OGC status documents, with a link to the next page where there is one."""
    desk, base = desk_of(request), base_of(request)

    def read() -> tuple[list[Job], str | None]:
        found = desk.store.page(
            who.sees,
            limit=wanted.limit,
            after=wanted.page,
            states=wanted.status,
            processes=wanted.processID,
            span=wanted.span,
        )
        return list(found.jobs), found.after

    jobs, after = ([], None) if wanted.nothing else await run_sync(read)
    # By the address that clients know: a proxy may hide the one that this request came to.
    links = [link("self", f"{base}jobs{'?' * bool(request.url.query)}{request.url.query}", "This page")]
    if after is not None:
        links.append(link("next", f"{base}jobs?{request.url.include_query_params(page=after).query}", "The next page"))
    return {"jobs": [status_info(job, base) for job in jobs], "links": links}


@router.get("/jobs/{job}", summary="Where a job stands")
async def show_job(request: Request, job: str, who: Keeper) -> dict[str, Any]:
    """The OGC status document of a job."""
    desk = desk_of(request)
    return status_info(await run_sync(desk.store.get, job, who.sees), base_of(request))


@router.get("/jobs/{job}/results", summary="The results of a job", response_model=None)
async def show_results(request: Request, job: str, who: Keeper) -> Response:
    """The results as the request asked for them, or the problem of a failed job."""
    desk = desk_of(request)

    def read() -> Response:
        return ended_answer(desk, desk.store.get(job, who.sees), base_of(request))

    return await run_sync(read)


@router.get("/jobs/{job}/results/{output}", summary="One output of a job", response_model=None)
async def show_output(request: Request, job: str, output: str, who: Keeper) -> Response:
    """The file of one output; parts of it by Range, as GIS read it."""
    desk, base = desk_of(request), base_of(request)

    def read() -> Response:
        found = desk.store.get(job, who.sees)
        kept = kept_of(found, desk.process(found.new.process), desk.results, base)
        return send(one_of(kept, output), facts(desk, found))

    return await run_sync(read)


@router.get("/jobs/{job}/outcome", summary="What a job has done")
async def show_outcome(request: Request, job: str, who: Keeper) -> dict[str, Any]:
    """Model, figures, warnings and drift of a successful job, and size and SHA-256 of every file."""
    desk = desk_of(request)
    return await run_sync(lambda: outcome_of(desk, desk.store.get(job, who.sees)))


@router.delete("/jobs/{job}", summary="Dismiss a job, or remove one that has ended")
async def dismiss_job(request: Request, job: str, who: Keeper) -> JSONResponse:
    """A job that has not ended stops within ten seconds; of one that has, results and record are removed."""
    desk = desk_of(request)
    left = await run_sync(desk.dismiss, job, who.sees)
    message = "dismissed" if left.state is State.DISMISSED else "removed"
    gone = replace(left, state=State.DISMISSED, message=message, problem=None)
    return JSONResponse(status_info(gone, base_of(request)))
