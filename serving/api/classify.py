"""``POST /classify``: a GeoTIFF in, a map, a picture or a table of areas out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.api.gate import Gate
from serving.api.negotiation import COG, JSON, PNG, choose
from serving.api.presence import watch
from serving.api.problems import PROBLEM
from serving.api.scratch import UPLOAD, scratch_folder
from serving.api.upload import check_declared, receive
from serving.classify import Outcome, classify_scene
from serving.engines import Engines
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.telemetry.report import WorkerReport

router = APIRouter(tags=["classification"])

_BINARY: Final = {"type": "string", "format": "binary"}
_OPENAPI: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"image/tiff": {"schema": _BINARY}}},
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The map as a COG, a picture with legend, or the areas of the classes.",
        "content": {COG: {"schema": _BINARY}, PNG: {"schema": _BINARY}, JSON: {"schema": {"type": "object"}}},
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
            (503, "All places are taken; try again after Retry-After seconds."),
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

    def inputs(self, source: Path, settings: Settings) -> Inputs:
        """What is asked of the classification of an uploaded file."""
        return Inputs(
            source=source,
            bands=tuple(name.strip() for name in self.bands.split(",")) if self.bands else None,
            level=self.level,
            product=self.product,
            name="upload",
            max_pixels=settings.max_pixels,
        )


@router.post(
    "/classify",
    summary="Classify a GeoTIFF",
    response_class=FileResponse,
    responses=_RESPONSES,
    openapi_extra=_OPENAPI,
)
async def classify(request: Request, options: Annotated[Options, Query()]) -> Response:
    """Classify the GeoTIFF in the body; the answer's format follows the `Accept` header (default: COG)."""
    settings: Settings = request.app.state.settings
    engines: Engines = request.app.state.engines
    gate: Gate = request.app.state.gate
    media_type = choose(", ".join(request.headers.getlist("accept")))
    check_declared(request, settings)
    engine = await run_sync(engines.get, options.model)
    async with gate.place(), scratch_folder(settings) as scratch:
        await receive(request, scratch.folder / UPLOAD, settings)
        inputs, outputs = options.inputs(scratch.folder / UPLOAD, settings), _wanted(media_type, scratch.folder)

        def work() -> Outcome:
            presence.check()
            return classify_scene(inputs, outputs, engine, settings, progress=presence.check)

        async with watch(request) as presence, gate.turn():
            outcome = await run_sync(work)
        request.app.state.metrics.add(WorkerReport.of("classify", outcome))
        return scratch.send(_answer_file(outputs, media_type), media_type, _headers(outcome))


def _headers(outcome: Outcome) -> dict[str, str]:
    return {
        "Steppe-Model": outcome.model,
        "Steppe-Provider": outcome.provider,
        **({"Steppe-Warning": " ".join(outcome.warnings)} if outcome.warnings else {}),
    }


def _wanted(media_type: str, folder: Path) -> Outputs:
    """Only what was asked for is drawn; the map is always made, because the others come from it."""
    return Outputs(
        map=folder / "map.tif",
        preview=folder / "map.png" if media_type == PNG else None,
        areas=folder / "areas.json" if media_type == JSON else None,
    )


def _answer_file(outputs: Outputs, media_type: str) -> Path:
    return {PNG: outputs.preview, JSON: outputs.areas}.get(media_type) or outputs.map
