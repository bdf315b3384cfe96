"""JSON as RFC 8259 means it, with a limit on depth: no double keys, no NaN, no endless numbers."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 40
"""Levels of arrays and objects; a STAC Item with a MultiPolygon has eight."""

_MAX_DIGITS: Final = 40


def parse_json(content: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value that JSON text holds.

    Args:
        content: UTF-8 without a byte order mark.
        max_depth: levels of arrays and objects.

    Raises:
        ValueError: when it is no such JSON; the message says why and repeats nothing of it.
    """
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except RecursionError:
        raise ValueError(f"it is nested deeper than {max_depth} levels") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON at letter {error.pos}") from None
    check_depth(value, max_depth)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object has the same key twice")
    return made


def _constant(_text: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON numbers")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number has too many digits")
    return int(text)


def check_depth(value: Any, max_depth: int = MAX_DEPTH) -> None:
    """Refuse what is nested too deeply; level by level, so that depth costs no stack.

    Raises:
        ValueError: with the limit.
    """
    level = [value]
    for _ in range(max_depth):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {max_depth} levels")


def _children(parent: Any) -> list[Any]:
    held = parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ()
    return [child for child in held if isinstance(child, dict | list)]
