"""Take a JSON body from a request, strictly. Routes call it after they know who asks."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from serving.api.problems import ClientGone, UnsupportedMediaType
from serving.api.refusals import BodyTooLarge, MalformedJson, UnusableJson
from serving.strictjson import Malformed, Unusable, parse_json

JSON_TYPES: Final = frozenset({"application/json", "application/geo+json"})

DEPTH: Final = 64
"""Deepest nesting; GeoJSON and process inputs need about ten."""


async def read_json(request: Request, limit: int) -> object:
    """The JSON document in the body.

    Args:
        request: its body has not been read.
        limit: most bytes; the door has a limit of its own (``STEPPE_MAX_JSON_BYTES``).

    Raises:
        UnsupportedMediaType: when it is not declared as JSON.
        BodyTooLarge: as soon as there is more than ``limit``.
        MalformedJson: when it cannot be read.
        UnusableJson: when a value cannot be used.
        ClientGone: when the connection closed before its end.
    """
    _check_type(request)
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > limit:
                raise BodyTooLarge(f"the body has more than {limit:,} bytes, the limit here; send less")
    except ClientDisconnect as error:
        raise ClientGone("the connection closed before the whole body had arrived; send it again") from error
    return _parsed(bytes(content))


def _parsed(content: bytes) -> object:
    """The same document, or the error that callers of the service get."""
    try:
        return parse_json(content, depth=DEPTH)
    except Malformed as error:
        raise MalformedJson(f"the body cannot be read: {error}; send one JSON document in UTF-8") from error
    except Unusable as error:
        raise UnusableJson(f"the body cannot be used: {error}; correct the value, or leave it out") from error


def _check_type(request: Request) -> None:
    declared, *parameters = request.headers.get("content-type", "").lower().split(";")
    if declared.strip() not in JSON_TYPES or len(request.headers.getlist("content-type")) > 1:
        raise UnsupportedMediaType("the body is not declared as JSON; send Content-Type: application/json")
    charset = [part.partition("=")[2].strip('"') for part in map(str.strip, parameters) if part.startswith("charset=")]
    if charset and charset != ["utf-8"]:
        raise MalformedJson("the body is declared in another character set than UTF-8; send JSON in UTF-8")
