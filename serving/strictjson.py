"""JSON that means one thing only: what RFC 8259 leaves open, or Python reads generously, is refused (RFC 7493).

For what comes from outside, in a request or from another host. Nothing of a document is repeated in a message.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

_MOST_DIGITS: Final = 4300
_DIGITS: Final = 20
"""Of an integer; 64 bits have nineteen."""

_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_DOUBTFUL: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class Malformed(ValueError):
    """It is no JSON, is nested too deeply or names a member twice."""


class Unusable(ValueError):
    """It is JSON, but a number is not finite or far too long, or a text has NUL or half a surrogate pair."""


def parse_json(content: bytes, *, depth: int) -> object:
    """Read a JSON document.

    Args:
        content: the document, UTF-8 without a byte order mark.
        depth: levels of arrays and objects.

    Returns:
        Dictionaries, lists, texts, finite numbers, booleans or None.

    Raises:
        Malformed: saying why, as the end of a sentence about the document.
        Unusable: the same.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Malformed("it is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise Malformed("it begins with a byte order mark")
    _check_brackets(content, depth)
    try:
        document: object = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"it is no JSON at character {error.pos}") from None
    except RecursionError:
        raise _too_deep(depth) from None
    if _DOUBTFUL.search(text):
        _check_texts(document)
    return document


def check_depth(value: object, depth: int) -> None:
    """Refuse a document that was read before and is nested too deeply; level by level, so that depth costs no stack.

    Raises:
        Malformed: with the limit.
    """
    level = [value]
    for _ in range(depth):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise _too_deep(depth)


def _children(parent: Any) -> list[Any]:
    held = parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ()
    return [child for child in held if isinstance(child, dict | list)]


def _too_deep(depth: int) -> Malformed:
    return Malformed(f"it is nested more than {depth} levels deep")


def _check_brackets(content: bytes, most: int) -> None:
    """Before parsing, because the parser's own depth costs stack."""
    if content.count(b"[") + content.count(b"{") <= most:
        return
    depth = 0
    for token in _BRACKETS.finditer(content):
        first = token[0][:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > most:
            raise _too_deep(most)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Malformed("an object in it names a member twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        kind = Malformed if len(digits) > _MOST_DIGITS else Unusable
        raise kind(f"an integer in it has {len(digits):,} digits, at most {_DIGITS} are read")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Unusable("a number in it is too large for 64 bits")
    return number


def _constant(_name: str) -> float:
    raise Unusable("it has NaN or Infinity, which are no JSON")


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
            raise Unusable("a text in it has NUL or half a surrogate pair")
