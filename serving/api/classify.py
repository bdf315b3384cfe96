"""``POST /classify``: a GeoTIFF in, a map, a picture or a table of areas out, for people with curl."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Final

from anyio import CancelScope
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from serving.access.principal import Principal
from serving.api.access import Runner
from serving.api.gate import Gate
from serving.api.negotiation import OFFERED, choose
from serving.api.ogc.answers import facts
from serving.api.ogc.desk import Desk, Terms, desk_of
from serving.api.ogc.results import Made, made_by, one_of
from serving.api.ogc.waiting import ended
from serving.api.presence import Watched
from serving.api.problems import PROBLEM, failure
from serving.api.refusals import TookTooLong
from serving.api.upload import check_declared, receive
from serving.api.wording import PARAMETER
from serving.database.protocol import StoreUnavailable
from serving.jobs.record import Job, State
from serving.jobs.store import JobGone
from serving.processes.costs import cost_of
from serving.processes.orders import Answering, ClassifyOrder, Image, Making
from serving.processes.outputs import COG, GEOJSON, JSON, PNG
from serving.processes.process import Plan
from serving.telemetry.context import facts as bound_facts
from serving.telemetry.exchange import exchange_of

router = APIRouter(tags=["classification"])

_OUTPUT: Final = {COG: "map", PNG: "preview", JSON: "areas", GEOJSON: "features"}
_BINARY: Final = {"type": "string", "format": "binary"}
_OPENAPI: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"image/tiff": {"schema": _BINARY}}},
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The map as a COG, a picture with legend, or the areas of the classes.",
        "content": {
            COG: {"schema": _BINARY},
            PNG: {"schema": _BINARY},
            JSON: {"schema": {"type": "object"}},
            GEOJSON: {"schema": {"type": "object"}},
        },
    },
    **{
        status: {"description": text, "content": PROBLEM}
        for status, text in (
            (404, "No such model."),
            (406, "None of the accepted formats can be made."),
            (408, "The body came too slowly."),
            (413, "The body or the raster is too large."),
            (415, "The body is not a raster Steppe reads."),
            (422, "The raster or a parameter cannot be used; the detail says why and what to do."),
            (429, "Too many pixels or jobs of this key; try again after Retry-After seconds."),
            (503, "All places are taken; try again after Retry-After seconds."),
            (504, "The work takes longer than an answer is waited for."),
            (507, "No space left for the body or the map."),
        )
    },
}


class Options(BaseModel):
    """Query parameters; one that is not known is refused, because a misspelt one would go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(default=None, description="NAME or NAME@VERSION; default: the service's.", max_length=130)
    bands: str | None = Field(
        default=None,
        description="Band names in file order, B02,B03,..., when the file names none.",
        max_length=400,
    )
    level: str | None = Field(default=None, description="L1C or L2A, when the file does not say.", max_length=10)
    product: str | None = Field(
        default=None,
        description="Product id that gives scale and offset, for example sentinel-2-l2a-0400.",
        max_length=64,
    )


@router.post(
    "/classify",
    summary="Classify a GeoTIFF",
    response_class=FileResponse,
    responses=_RESPONSES,
    openapi_extra=_OPENAPI,
)
async def classify(request: Request, options: Annotated[Options, Query()], who: Runner) -> Response:
    """Classify the GeoTIFF in the body; the answer's format follows the `Accept` header (default: COG)."""
    desk = desk_of(request)
    gate: Gate = request.app.state.gate
    media_type = choose(", ".join(request.headers.getlist("accept")), OFFERED)
    check_declared(request, desk.settings)
    await run_sync(desk.models.resolve, options.model)
    gate.check()
    part = await run_sync(desk.uploads.begin, who.id)
    try:
        await receive(request, part, desk.settings)
        async with gate.place():
            job = await run_sync(_accept, desk, who, desk.uploads.keep(part, durable=False), options, media_type)
            exchange_of(request.scope).job = job.id
            return await _answered(request, desk, job, _OUTPUT[media_type])
    finally:
        part.unlink(missing_ok=True)


def _accept(desk: Desk, who: Principal, file: str, options: Options, media_type: str) -> Job:
    """Make a job of the file, which goes with it."""
    images = desk.images(who, "")
    try:
        checked = images.uploaded(file)
        desk.check_room(who)
        model = desk.models.resolve(options.model)
        output, limit = _OUTPUT[media_type], desk.settings.max_pixels
        image = Image(
            source=checked.source,
            bands=tuple(name.strip() for name in options.bands.split(",")) if options.bands else None,
            level=options.level,
            product=options.product,
        )
        plan = Plan(
            order=ClassifyOrder(images=(image,), making=Making(outputs=(output,), max_pixels=limit)),
            model=model,
            cost=cost_of([checked], None, gsd_m=desk.models.bundle(model).manifest.gsd_m, limit=limit),
        )
        terms = Terms(
            answering=Answering(modes={output: "value"}),
            listed=False,
            request_id=bound_facts().get("request_id"),
            deadline_s=desk.settings.sync_timeout_s,
        )
        return desk.accept(who, desk.process("classify"), plan, terms)[0]
    except BaseException:
        images.drop()
        raise


async def _answered(request: Request, desk: Desk, job: Job, output: str) -> Response:
    """The output when it is there; the job goes with the answer, whatever that is.

    Raises:
        ClientGone: when nobody waits any more.
        TookTooLong: when it does not come in time.
    """
    handed_over = False
    try:
        with Watched(request.receive):
            seconds = desk.settings.sync_timeout_s
            job = await ended(desk.store, job, seconds)
        if job.state is State.FAILED and job.problem is not None:
            return failure(job.problem, called=PARAMETER)
        if job.state is not State.SUCCESSFUL:
            raise TookTooLong(
                f"the work takes longer than the {seconds:g} s that an answer is waited for; upload the scene to "
                "/uploads and ask for a job"
            )
        made, headers = await run_sync(_result, desk, job, output)
        handed_over = True
        return _LastFile(desk, job, made, headers)
    finally:
        if not handed_over:
            await _forget(desk, job)


def _result(desk: Desk, job: Job, output: str) -> tuple[Made, dict[str, str]]:
    return one_of(made_by(job, desk.process(job.new.process), desk.results, ""), output), facts(
        desk, job, called=PARAMETER
    )


async def _forget(desk: Desk, job: Job) -> None:
    """Remove the job with all that is left of it, also while the request is being cancelled."""
    # Without the job table it stays until it is old, which is no reason for another answer.
    with CancelScope(shield=True), suppress(JobGone, StoreUnavailable):
        await run_sync(desk.dismiss, job.id, None)


class _LastFile(FileResponse):
    """A file whose job goes after sending, however sending ends."""

    def __init__(self, desk: Desk, job: Job, made: Made, headers: dict[str, str]) -> None:
        super().__init__(made.path, headers=headers, media_type=made.output.media_type, filename=made.output.file)
        self._desk, self._job = desk, job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await _forget(self._desk, self._job)
