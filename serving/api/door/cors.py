"""Pages of other sites (CORS): they may call where the operator has named their origin, and nowhere else."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from serving.api.door.head import METHODS
from serving.api.door.rules import Rules

_ASKED: Final = (
    "X-API-Key, Authorization, Content-Type, Accept, Accept-Language, Prefer, Idempotency-Key, If-None-Match"
)
_SHOWN: Final = (
    "Location, Retry-After, ETag, Link, Preference-Applied, X-Request-Id, Inference-Header-Content-Length, "
    "Steppe-Model, Steppe-Provider, Steppe-Warning"
)
_DAY: Final = "86400"


def answer_headers(scope: Scope, rules: Rules) -> dict[str, str]:
    """Header fields that let the page that asks read the answer; none for others.

    No cookies are ever allowed: whoever calls shows a key, which a page of another site does not have.
    """
    if not rules.origins:
        return {}
    origin = Headers(scope=scope).get("origin")
    if origin is None or not rules.allows_origin(origin):
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _SHOWN}


def preflight_headers(scope: Scope, rules: Rules) -> dict[str, str] | None:
    """The answer to a browser that asks whether it may send a request; None when this is no such question, or no."""
    headers = Headers(scope=scope)
    asks = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
    if not asks or not rules.allows_origin(headers.get("origin", "")):
        return None
    return {
        **answer_headers(scope, rules),
        "Access-Control-Allow-Methods": ", ".join(METHODS),
        "Access-Control-Allow-Headers": _ASKED,
        "Access-Control-Max-Age": _DAY,
    }
