"""``POST /classify``: a GeoTIFF in, a map, a picture or a table of areas out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from landcover.errors import DiskFull, RasterTooLarge
from serving.api.gate import Gate
from serving.api.negotiation import COG, JSON, PNG, choose
from serving.api.problems import MEDIA_TYPE, RasterEmpty, UnsupportedMediaType
from serving.classify import Outcome, classify_scene
from serving.engines import Engines
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.staging import as_output_error

router = APIRouter(tags=["classification"])

UPLOAD: Final = "upload.tif"
BODY_TYPES: Final = frozenset(
    {
        "",
        "application/octet-stream",
        "application/x-www-form-urlencoded",  # what curl --data-binary says when it is not told
        "application/geotiff",
        "image/tiff",
        "image/geotiff",
    }
)

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
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
        for status, text in (
            (404, "No such model."),
            (406, "None of the accepted formats can be made."),
            (413, "The body or the raster is too large."),
            (415, "The body is not a raster Steppe reads."),
            (422, "The raster cannot be used; the detail says why and what to do."),
            (503, "All places are taken; try again after Retry-After seconds."),
        )
    },
}


@router.post(
    "/classify",
    summary="Classify a GeoTIFF",
    response_class=FileResponse,
    responses=_RESPONSES,
    openapi_extra=_OPENAPI,
)
async def classify(
    request: Request,
    model: Annotated[
        str | None, Query(description="NAME or NAME@VERSION; default: the service's.", max_length=130)
    ] = None,
    bands: Annotated[
        str | None,
        Query(description="Band names in file order, B02,B03,..., when the file names none.", max_length=400),
    ] = None,
    level: Annotated[str | None, Query(description="L1C or L2A, when the file does not say.", max_length=10)] = None,
    product: Annotated[
        str | None,
        Query(description="Product id that gives scale and offset, for example sentinel-2-l2a-0400.", max_length=64),
    ] = None,
) -> Response:
    """Classify the GeoTIFF in the body; the answer's format follows the `Accept` header (default: COG)."""
    media_type = choose(request.headers.get("accept"))
    _check_body_type(request)
    state = request.app.state
    engines: Engines = state.engines
    gate: Gate = state.gate
    engine = await run_sync(engines.get, model)
    async with gate.enter(), _scratch(state.settings) as scratch:
        await _receive(request, scratch.folder / UPLOAD, state.settings)
        inputs = Inputs(
            source=scratch.folder / UPLOAD,
            bands=tuple(name.strip() for name in bands.split(",")) if bands else None,
            level=level,
            product=product,
            name="upload",
            max_pixels=state.settings.max_pixels,
        )
        outputs = _wanted(media_type, scratch.folder)
        outcome = await run_sync(classify_scene, inputs, outputs, engine, state.settings)
        return scratch.send(_answer_file(outputs, media_type), media_type, outcome)


class _Scratch:
    """A folder that lives until the answer has been sent, or until something fails."""

    def __init__(self, settings: Settings) -> None:
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="steppe-", dir=settings.scratch))
        except OSError as error:
            raise as_output_error(error, "the upload") from error
        self.handed_over = False

    def send(self, path: Path, media_type: str, outcome: Outcome) -> FileResponse:
        """Answer with a file; the folder goes when it has been sent."""
        self.handed_over = True
        headers = {
            "Steppe-Model": outcome.model,
            "Steppe-Provider": outcome.provider,
            **({"Steppe-Warning": " ".join(outcome.warnings)} if outcome.warnings else {}),
        }
        return FileResponse(
            path, headers=headers, media_type=media_type, filename=path.name, background=BackgroundTask(self.remove)
        )

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@asynccontextmanager
async def _scratch(settings: Settings) -> AsyncIterator[_Scratch]:
    scratch = _Scratch(settings)
    try:
        yield scratch
    finally:
        if not scratch.handed_over:
            await run_sync(scratch.remove)


def _check_body_type(request: Request) -> None:
    declared = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if declared not in BODY_TYPES:
        raise UnsupportedMediaType(
            "the body is declared as another type than a GeoTIFF; send the file itself as the body with "
            "Content-Type: image/tiff, for example curl --data-binary @scene.tif"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType(
            "the body is compressed as a whole; send the GeoTIFF as it is, without Content-Encoding"
        )


async def _receive(request: Request, path: Path, settings: Settings) -> None:
    """Stream the body to a file; the limit holds whatever Content-Length says."""
    limit = settings.max_upload_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise RasterTooLarge(f"the body has {int(declared):,} bytes, the limit is {limit:,}; send a smaller cut")
    received = 0
    try:
        with path.open("wb") as file:
            async for chunk in request.stream():
                received += len(chunk)
                if received > limit:
                    raise RasterTooLarge(f"the body has more than {limit:,} bytes, the limit; send a smaller cut")
                file.write(chunk)
    except OSError as error:
        raise DiskFull("no space left for the upload; try again later") from error
    if not received:
        raise RasterEmpty("the request has no body; send a GeoTIFF as the body")


def _wanted(media_type: str, folder: Path) -> Outputs:
    """Only what was asked for is drawn; the map is always made, because the others come from it."""
    return Outputs(
        map=folder / "map.tif",
        preview=folder / "map.png" if media_type == PNG else None,
        areas=folder / "areas.json" if media_type == JSON else None,
    )


def _answer_file(outputs: Outputs, media_type: str) -> Path:
    return {PNG: outputs.preview, JSON: outputs.areas}.get(media_type) or outputs.map
