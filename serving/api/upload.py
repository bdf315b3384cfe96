"""Take the body of a request into a file: declared as a raster, no larger than allowed, at a bearable pace.

Whoever keeps what has come checks first whether its header is one of a raster that may be opened, and all of it is
there.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from anyio import fail_after
from fastapi import Request
from starlette.requests import ClientDisconnect

from landcover.errors import RasterEmpty, RasterTooLarge
from landcover.staging import os_errors
from serving.api.problems import ClientGone, UnsupportedMediaType, UploadTooSlow
from serving.settings import Settings

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


def check_declared(request: Request, settings: Settings) -> None:
    """Refuse a body by its headers, before a byte of it is read.

    Raises:
        UnsupportedMediaType: declared as something else than a GeoTIFF, or compressed as a whole.
        RasterTooLarge: declared as larger than allowed.
    """
    declared = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if declared not in BODY_TYPES:
        raise UnsupportedMediaType(
            "the body is declared as another type than a GeoTIFF; send the file itself as the body with "
            "Content-Type: image/tiff, for example curl --data-binary @scene.tif"
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType(
            "the body is compressed as a whole; send the GeoTIFF as it is, without Content-Encoding"
        )
    length = declared_bytes(request)
    if length > settings.max_upload_bytes:
        raise RasterTooLarge(
            f"the body has {length:,} bytes, the limit is {settings.max_upload_bytes:,}; send a smaller cut"
        )


def declared_bytes(request: Request) -> int:
    """How long the body is said to be; 0 where nothing is said."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


async def receive(request: Request, path: Path, settings: Settings) -> None:
    """Stream the body to a file; the limits hold whatever the headers say.

    Raises:
        RasterTooLarge: as soon as the body is larger than allowed.
        RasterEmpty: there is no body.
        UploadTooSlow: the body comes too slowly, or not at all.
        ClientGone: the connection closed before the end of the body.
        DiskFull: no room for it.
        OutputNotWritable: it cannot be stored otherwise.
    """
    received = 0
    with os_errors(path), path.open("wb") as file:
        async for chunk in _paced(request, settings):
            received += len(chunk)
            if received > settings.max_upload_bytes:
                raise RasterTooLarge(
                    f"the body has more than {settings.max_upload_bytes:,} bytes, the limit; send a smaller cut"
                )
            file.write(chunk)
    if not received:
        raise RasterEmpty("the request has no body; send a GeoTIFF as the body")


async def _paced(request: Request, settings: Settings) -> AsyncIterator[bytes]:
    """The body in chunks; each must come before the body is too late as a whole."""
    started, received = time.monotonic(), 0
    chunks = request.stream()
    while True:
        allowed_s = settings.upload_grace_s + received / settings.upload_min_rate
        try:
            with fail_after(started + allowed_s - time.monotonic()):
                chunk = await anext(chunks, None)
        except TimeoutError as error:
            raise UploadTooSlow(
                f"the body came slower than {settings.upload_min_rate:,.0f} bytes per second; send it again, "
                "or a smaller cut"
            ) from error
        except ClientDisconnect as error:
            raise ClientGone("the connection closed before the whole body had arrived; send it again") from error
        if chunk is None:
            return
        received += len(chunk)
        yield chunk
