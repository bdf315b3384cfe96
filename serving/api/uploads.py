"""``POST /uploads``: bytes that jobs refer to later."""

from __future__ import annotations

from typing import Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from landcover.raster.header import check_header
from serving.api.access import Runner
from serving.api.addresses import base_of
from serving.api.ogc.desk import Desk, desk_of
from serving.api.problems import PROBLEM
from serving.api.upload import check_declared, receive
from serving.processes.images import UPLOAD_NAME
from serving.uploads import upload_id

router = APIRouter(tags=["uploads"])

_BINARY: Final = {"type": "string", "format": "binary"}
_OPENAPI: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"image/tiff": {"schema": _BINARY}}},
}


@router.post(
    "/uploads",
    summary="Send a scene for jobs to come",
    status_code=201,
    openapi_extra=_OPENAPI,
    responses={413: {"description": "Too large.", "content": PROBLEM}},
)
async def upload(request: Request, who: Runner) -> JSONResponse:
    """Keep the GeoTIFF in the body for a while; `{"href": ...}` of the answer is a scene of a request."""
    desk = desk_of(request)
    check_declared(request, desk.settings)
    part = await run_sync(desk.uploads.begin, who.id)
    try:
        await receive(request, part, desk.settings)
        told = await run_sync(_kept, desk, part)
    finally:
        part.unlink(missing_ok=True)
    href = f"{base_of(request)}uploads/{told['id']}"
    return JSONResponse({**told, "href": href}, 201, {"Location": href})


def _kept(desk: Desk, part: Any) -> dict[str, Any]:
    """Check the header before the file has a name: what cannot be used is refused while its sender is there."""
    header = check_header(part, desk.policy, name=UPLOAD_NAME)
    return {
        "id": upload_id(desk.uploads.keep(part)),
        "bytes": header.size,
        "width": header.width,
        "height": header.height,
        "bands": header.bands,
        "keep_s": desk.settings.upload_keep_s,
    }


@router.delete("/uploads/{upload}", summary="Remove an upload", status_code=204)
async def remove_upload(request: Request, upload: str, who: Runner) -> Response:
    """Jobs that refer to it and have not begun fail."""
    desk = desk_of(request)
    await run_sync(lambda: desk.uploads.remove(desk.uploads.file(who.id, upload)))
    return Response(status_code=204)
