"""Answers that a client may already have: entity tags and ``If-None-Match`` (RFC 9110, sections 8.8.3 and 13.1.2)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from fastapi import Request
from fastapi.responses import Response

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')
_KEPT_HEADERS: Final = ("vary", "content-language")


def conditional(request: Request, answer: Response, *parts: str) -> Response:
    """The answer with its entity tag, or 304 when the client has it.

    Clients may keep it but must ask again: a name may stand for another version at any time, a version may retire.

    Args:
        request: what was asked.
        answer: the answer as it is given in full.
        parts: what makes it this answer and no other: digests, languages.
    """
    tag = tag_of(*parts)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if holds(request, tag):
        kept = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        return Response(status_code=304, headers=headers | kept)
    answer.headers.update(headers)
    return answer


def tag_of(*parts: str) -> str:
    """The entity tag of an answer that these make what it is."""
    return f'"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"'


def holds(request: Request, tag: str) -> bool:
    """Whether one of the tags in ``If-None-Match`` is this one; ``*`` is any."""
    text = ", ".join(request.headers.getlist("if-none-match"))
    return text.strip() == "*" or tag in _TAG.findall(text)
