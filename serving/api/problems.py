"""Errors as RFC 9457 problem documents: the one place where a domain error becomes an HTTP status."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from landcover import errors
from landcover.errors import DataError, SteppeError
from serving.access import refusals as access
from serving.access.jwks import KeysUnavailable
from serving.api import refusals
from serving.api.faults import MOST, faults_of, told
from serving.api.wording import INPUT, PARAMETER, spoken
from serving.batching.errors import DeadlinePassed as WindowDeadlinePassed
from serving.batching.errors import Draining, QueueFull
from serving.catalog.errors import AreaTooLarge
from serving.database.protocol import DatabaseUnusable, StoreUnavailable
from serving.fetch.errors import SourceTooLarge, Upstream, UpstreamTimeout
from serving.jobs import store as jobs
from serving.jobs.failures import DeadlinePassed, detail_of
from serving.processes.earlier import BaselineNotFound
from serving.processes.process import ProcessNotFound
from serving.reader.errors import ReaderUnavailable
from serving.registry.words import ModelNotReady, ModelRetired
from serving.results import ResultGone
from serving.sentence import sentence
from serving.telemetry.exchange import exchange_of
from serving.tiles import errors as tiles
from serving.uploads import UploadNotFound, UploadsFull
from serving.work import process as _worker  # noqa: F401 - what jobs fail for is known where all of a worker is loaded

MEDIA_TYPE: Final = "application/problem+json"

PROBLEM: Final[dict[str, Any]] = {MEDIA_TYPE: {"schema": {"type": "object"}}}
"""A problem document in the OpenAPI description."""

RETRY_AFTER_S: Final = 10
"""Seconds after which a 503 may have passed; about the time a Sentinel-2 subset takes."""

_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503

_log = logging.getLogger(__name__)


class UnsupportedMediaType(DataError):
    """The body is declared as another type than this address takes."""

    slug = "media-type"


class NotAcceptable(DataError):
    """None of the formats the client accepts can be made."""

    slug = "not-acceptable"


class UploadTooSlow(DataError):
    """The body came too slowly, or stopped coming."""

    slug = "upload-too-slow"


class ClientGone(SteppeError):
    """The connection closed before the answer was ready."""

    slug = "client-gone"


class Busy(SteppeError):
    """All places, waiting ones included, are taken."""

    slug = "busy"


class InferenceInvalid(DataError):
    """The inference request is not as the protocol and the model's metadata say."""

    slug = "inference-request"


class InferenceTooLarge(DataError):
    """The inference request exceeds a configured limit."""

    slug = "inference-too-large"


class NotReady(SteppeError):
    """The service cannot do its work for now."""

    slug = "not-ready"


STATUS: Final[dict[type[SteppeError], int]] = {
    errors.SteppeError: 500,
    errors.DataError: 422,
    errors.ConfigError: 422,
    errors.RasterUnreadable: 415,
    errors.RasterEmpty: 422,
    errors.ExternalReference: 422,
    errors.RasterTooLarge: 413,
    errors.TooManyPages: 422,
    errors.ModelNotFound: 404,
    errors.BundleInvalid: 503,
    errors.ProviderUnavailable: 503,
    errors.OutputNotWritable: 500,
    errors.DiskFull: 507,
    errors.DiskFailed: 503,
    UnsupportedMediaType: 415,
    NotAcceptable: 406,
    UploadTooSlow: 408,
    ClientGone: 400,
    Busy: 503,
    NotReady: 503,
    access.NotAuthenticated: 401,
    access.AmbiguousCredentials: 400,
    access.ScopeMissing: 403,
    access.QuotaExceeded: 429,
    access.QuotaTooSmall: 413,
    access.TooManyJobs: 429,
    KeysUnavailable: 503,
    StoreUnavailable: 503,
    jobs.JobNotFound: 404,
    jobs.JobGone: 410,
    jobs.PageInvalid: 400,
    ResultGone: 410,
    DeadlinePassed: 504,
    ProcessNotFound: 404,
    UploadNotFound: 404,
    BaselineNotFound: 404,
    UploadsFull: 429,
    DatabaseUnusable: 503,
    refusals.KeyInvalid: 400,
    refusals.KeyInUse: 409,
    refusals.ResultNotReady: 404,
    refusals.OutputNotFound: 404,
    refusals.TookTooLong: 504,
    refusals.MalformedRequest: 400,
    refusals.MalformedJson: 400,
    refusals.UnusableJson: 422,
    refusals.CrossOrigin: 403,
    refusals.MethodRefused: 405,
    refusals.RequestTooSlow: 408,
    refusals.BodyTooLarge: 413,
    refusals.UrlTooLong: 414,
    refusals.WrongHost: 421,
    refusals.HeadTooLarge: 431,
    ModelRetired: 410,
    ModelNotReady: 503,
    # Fetching and catalogues; what is not listed here is the caller's 422.
    AreaTooLarge: 413,
    SourceTooLarge: 413,
    Upstream: 502,
    UpstreamTimeout: 504,
    ReaderUnavailable: 503,
    QueueFull: 503,
    Draining: 503,
    WindowDeadlinePassed: 504,
    InferenceInvalid: 400,
    InferenceTooLarge: 413,
    tiles.MatrixSetUnknown: 404,
    tiles.TileOutside: 404,
    tiles.PointOutside: 404,
    tiles.SourceNotFound: 404,
    tiles.TilesTooSlow: 504,
}
"""Status of an error class and of everything derived from it that has no line of its own."""


_OGC: Final = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
_OGC_SLUGS: Final = frozenset({"no-such-process", "no-such-job", "result-not-ready"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One problem type.

    Attributes:
        slug: last part of its ``type``.
        status: HTTP status.
        title: what it means, the same for every occurrence.
        exit_code: what a command ends with that meets it.
    """

    slug: str
    status: int
    title: str
    exit_code: int = SteppeError.exit_code

    @property
    def reference(self) -> str:
        """The ``type``: a relative reference that the service answers with an explanation; OGC names some itself."""
        return f"{_OGC}{self.slug}" if self.slug in _OGC_SLUGS else self.page

    @property
    def page(self) -> str:
        """Where the service explains it."""
        return f"/problems/{self.slug}"


INVALID_REQUEST: Final = Kind("invalid-request", 422, "A parameter of the request is not as documented")
INTERNAL: Final = Kind("internal", 500, "An error of the service itself")
_HTTP_KINDS: Final = (
    Kind("bad-request", 400, "The request cannot be understood"),
    Kind("not-found", 404, "There is nothing at this address; GET / lists what there is"),
    Kind("method-not-allowed", 405, "This address does not answer that method; the Allow header lists those it does"),
    Kind("range-not-satisfiable", 416, "The file has none of these bytes; the Content-Range header says its length"),
    INVALID_REQUEST,
    INTERNAL,
)


def kinds() -> list[Kind]:
    """Every problem type of the service, sorted by slug."""
    # Who makes reports loads a third of a second of tables and polygons, which the start of the service does without.
    import serving.work.reporting  # noqa: F401, PLC0415 - what its jobs fail for

    return _loaded()


def _loaded() -> list[Kind]:
    """The problem types of all that is loaded."""
    found = {kind.slug: kind for kind in _HTTP_KINDS}
    waiting: list[type[SteppeError]] = [SteppeError]
    while waiting:
        error = waiting.pop()
        found.setdefault(error.slug, kind_of(error))
        waiting += error.__subclasses__()
    return sorted(found.values(), key=lambda kind: kind.slug)


def kind_of(error: type[SteppeError]) -> Kind:
    """Its problem type: status of the most specific class that has one; title by the words of the slug's own class."""
    status = next(STATUS[base] for base in error.__mro__ if base in STATUS)
    owner = next(base for base in error.__mro__ if "slug" in vars(base))
    return Kind(error.slug, status, (owner.__doc__ or error.slug).splitlines()[0].rstrip("."), error.exit_code)


def problem(kind: Kind, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> JSONResponse:
    """A problem document."""
    body = {
        "type": kind.reference,
        "title": kind.title,
        "status": kind.status,
        "detail": detail_of(kind.slug, detail),
        **extra,
    }
    retry = {"Retry-After": str(RETRY_AFTER_S)} if kind.status == _UNAVAILABLE else {}
    answer = Problem(body, kind.status, {**retry, **(headers or {})}, media_type=MEDIA_TYPE)
    answer.slug = kind.slug
    return answer


class Problem(JSONResponse):
    """An answer with a problem document; metrics and logs are told its type.

    It stays harmless where somebody puts it into a page as it is.
    """

    slug: str | None = None

    def render(self, content: Any) -> bytes:
        """JSON without the letters that begin and end elements."""
        return super().render(content).replace(b"<", rb"\u003c").replace(b">", rb"\u003e")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        exchange_of(scope).slug = self.slug
        await super().__call__(scope, receive, send)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem document."""
    app.add_exception_handler(SteppeError, _on_steppe_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_unexpected)


def answer(error: SteppeError, /, *, called: str = PARAMETER, **extra: Any) -> JSONResponse:
    """The problem document of an error of the domain, with the headers that its status asks for.

    Args:
        error: what happened.
        called: what parameters are called where the caller gave them, see ``wording``.
        **extra: further members.
    """
    kind = kind_of(type(error))
    if kind.status >= 500 and not isinstance(error, Busy):  # noqa: PLR2004 - a crowd is no error, and would fill the log
        _log.error("%s: %s", kind.slug, sentence(error))
    return problem(kind, spoken(str(error), called), headers=headers_of(kind, error), **extra)


def failure(kept: Mapping[str, Any], *, called: str = INPUT, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The problem document of work that failed in another process.

    Args:
        kept: what the job table keeps of it.
        called: what parameters are called where the caller gave them, see ``wording``.
        headers: of the answer.
    """
    slug = str(kept["type"]).rpartition("/")[2]
    kind = _of(slug, _loaded()) or _of(slug, kinds()) or INTERNAL
    return problem(kind, spoken(str(kept["detail"]), called), headers=headers)


def _of(slug: str, found: Iterable[Kind]) -> Kind | None:
    return next((kind for kind in found if kind.slug == slug), None)


def headers_of(kind: Kind, error: SteppeError) -> dict[str, str]:
    """The headers that the status of an error asks for."""
    headers = {}
    if kind.status == _UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="steppe"'
    if (wait_s := getattr(error, "retry_after_s", None)) is not None:
        headers["Retry-After"] = str(wait_s)
    elif kind.status in {_TOO_MANY, _UNAVAILABLE}:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return headers


async def _on_steppe_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SteppeError)  # noqa: S101 - registered for this class only
    return answer(error, called=INPUT if "/processes/" in request.scope["path"] else PARAMETER)


async def _on_http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    known = {kind.status: kind for kind in _HTTP_KINDS}
    kind = known.get(error.status_code) or Kind("http-error", error.status_code, "The request cannot be answered")
    return problem(kind, kind.title if kind.status in known else str(error.detail), headers=error.headers)


async def _on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    faults = faults_of(error.errors())
    listed = [{"in": list(fault.place), "expected": fault.expected} for fault in faults[:MOST]]
    return problem(INVALID_REQUEST, told(faults), errors=listed)


async def _on_unexpected(_request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error", exc_info=error)
    return problem(INTERNAL, "an error of the service; its log has the details")
