"""Errors as clients of the protocol read them: a JSON object with ``error``.

It is a problem document, too: the protocol allows more members, so every client of the service finds what it looks for.
"""

from __future__ import annotations

import logging

from starlette.responses import Response

from landcover.errors import SteppeError
from serving.api import problems
from serving.api.problems import INTERNAL, Kind
from serving.sentence import sentence

_SERVER_ERROR = 500
_UNAVAILABLE = 503

_log = logging.getLogger(__name__)


def failure(error: Exception) -> Response:
    """The answer to a request that failed."""
    if not isinstance(error, SteppeError):
        _log.error("unexpected error", exc_info=error)
        return refusal(INTERNAL, "an error of the service; its log has the details")
    kind = problems.kind_of(type(error))
    if kind.status >= _SERVER_ERROR and kind.status != _UNAVAILABLE:
        _log.error("%s: %s", kind.slug, sentence(error))
    return refusal(kind, str(error), problems.headers_of(kind, error))


def refusal(kind: Kind, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An error by its kind."""
    return problems.problem(kind, detail, headers=headers, error=sentence(detail))
