"""Errors as RFC 9457 problem documents: the one place where a domain error becomes an HTTP status."""

from __future__ import annotations

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from landcover import errors
from landcover.errors import DataError, SteppeError

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[dict[type[SteppeError], int]] = {
    errors.SteppeError: 500,
    errors.DataError: 422,
    errors.ConfigError: 422,
    errors.RasterUnreadable: 415,
    errors.RasterTooLarge: 413,
    errors.ModelNotFound: 404,
    errors.BundleInvalid: 503,
    errors.ProviderUnavailable: 503,
    errors.OutputNotWritable: 500,
    errors.DiskFull: 507,
}
"""Status of an error class and of everything derived from it that has no line of its own."""

_HTTP_SLUGS: Final = {404: "not-found", 405: "method-not-allowed", 400: "bad-request"}

_log = logging.getLogger(__name__)


class RasterEmpty(DataError):
    """The request has no body."""

    slug = "raster-empty"


class UnsupportedMediaType(DataError):
    """The body is declared as something that is not a raster."""

    slug = "media-type"


class NotAcceptable(DataError):
    """None of the formats the client accepts can be made."""

    slug = "not-acceptable"


class Busy(SteppeError):
    """All places, waiting ones included, are taken."""

    slug = "busy"


class NotReady(SteppeError):
    """The default model does not run."""

    slug = "not-ready"


_API_STATUS: Final[dict[type[SteppeError], int]] = {
    UnsupportedMediaType: 415,
    NotAcceptable: 406,
    Busy: 503,
    NotReady: 503,
}
RETRY_AFTER_S: Final = 10
"""Seconds; about the time a Sentinel-2 subset takes."""


def status_of(error: SteppeError) -> int:
    """The status of the most specific class that has one."""
    table = STATUS | _API_STATUS
    return next(table[kind] for kind in type(error).__mro__ if kind in table)


def problem(status: int, slug: str, detail: str, **extra: Any) -> JSONResponse:
    """A problem document; ``type`` is a relative reference that the service answers with an explanation."""
    body = {"type": f"/problems/{slug}", "title": slug.replace("-", " "), "status": status, "detail": detail, **extra}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if slug == Busy.slug else None
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem document."""
    app.add_exception_handler(SteppeError, _on_steppe_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_steppe_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SteppeError)  # noqa: S101 - registered for this class only
    status = status_of(error)
    if status >= 500:  # noqa: PLR2004 - server errors begin at 500
        _log.error("%s: %s", error.slug, error)
    return problem(status, error.slug, str(error))


async def _on_http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    return problem(error.status_code, _HTTP_SLUGS.get(error.status_code, "http-error"), str(error.detail))


async def _on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    # "input" and "ctx" would echo what the client sent.
    faults = [{"in": list(map(str, fault["loc"])), "expected": fault["msg"]} for fault in error.errors()]
    where = ", ".join(".".join(fault["in"]) for fault in faults)
    return problem(422, "invalid-request", f"the request is not as documented at {where}", errors=faults)


async def _on_unexpected(_request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error", exc_info=error)
    return problem(500, "internal", "an error of the service; its log has the details")
