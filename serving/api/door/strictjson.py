"""JSON that means one thing only: what RFC 8259 leaves open, or Python reads generously, is refused (RFC 7493)."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from serving.api.refusals import MalformedJson, UnusableJson

DEPTH: Final = 64
"""Deepest nesting; GeoJSON and process inputs need about ten."""

_MOST_DIGITS: Final = 4300
_DIGITS: Final = 20
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_DOUBTFUL: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def parse_json(content: bytes) -> object:
    """Read a JSON document.

    Args:
        content: the document, UTF-8 without a byte order mark.

    Returns:
        Dictionaries, lists, texts, finite numbers, booleans or None.

    Raises:
        MalformedJson: when it is no JSON, is nested too deeply or names a member twice.
        UnusableJson: when a number is not finite or far too long, or a text has NUL or half a surrogate pair.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise MalformedJson("the body is not UTF-8; send JSON in UTF-8") from error
    if text.startswith("\ufeff"):
        raise MalformedJson("the body begins with a byte order mark; send JSON without one")
    _check_depth(content)
    try:
        document: object = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
        )
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise MalformedJson(f"the body is not JSON{where}; send one JSON document") from error
    if _DOUBTFUL.search(text):
        _check_texts(document)
    return document


def _check_depth(content: bytes) -> None:
    """Before parsing, because the parser's own depth costs stack."""
    if content.count(b"[") + content.count(b"{") <= DEPTH:
        return
    depth = 0
    for token in _BRACKETS.finditer(content):
        first = token[0][:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > DEPTH:
            raise MalformedJson(f"the body is nested more than {DEPTH} levels deep; send it flatter")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise MalformedJson("an object in the body names a member twice; send each once")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise MalformedJson(f"a number in the body has {len(digits):,} digits; send at most {_DIGITS}")
    if len(digits) > _DIGITS:
        raise UnusableJson(f"an integer in the body has {len(digits):,} digits; send at most {_DIGITS}")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise UnusableJson("a number in the body is too large for 64 bits; send a smaller one")
    return number


def _constant(_name: str) -> float:
    raise UnusableJson("the body has NaN or Infinity, which are no JSON; leave the member out or send null")


def _check_texts(document: object) -> None:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise UnusableJson("a text in the body has NUL or half a surrogate pair; send it without")
