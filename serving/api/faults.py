"""What is wrong with the parts of a request, in the words of its description: where, and what was expected there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic_core.core_schema import ErrorType

from serving.sentence import sentence

MOST: Final = 10
"""Faults of one request that are told."""

_NAME: Final = 60
_EXPECTED: Final = "expected "
_ELSE: Final = "another value; the description of the request says which"
_TIME: Final = "a time such as 2026-01-31T12:00:00Z"

_WORDS: Final[Mapping[str, str]] = {
    "missing": "a value",
    "extra_forbidden": "nothing of this name",
    "none_required": "null",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "finite_number": "a finite number",
    **dict.fromkeys(("string_type", "string_unicode"), "a text"),
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_pattern_mismatch": "another form of text; the description of the request says which",
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list"),
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} entries",
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "a JSON object"),
    **dict.fromkeys(("literal_error", "enum"), "{expected}"),
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_naive", "timezone_aware"), _TIME
    ),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "a date such as 2026-01-31"),
}
"""What was expected, by the kind of fault; the library that finds it speaks of types of this program's language."""

_SAID: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here; correct its name, or leave it out",
}
"""Where what was expected says too little."""

_KNOWN: Final = frozenset(get_args(ErrorType))


@dataclass(frozen=True, slots=True)
class Fault:
    """One of the things that are wrong.

    Attributes:
        place: names that lead there.
        expected: what was expected there.
        said: the same, or what is wrong instead, as the end of a sentence that begins with the place.
    """

    place: tuple[str, ...]
    expected: str
    said: str

    def __str__(self) -> str:
        """Where, and what was expected there."""
        return f"{'.'.join(self.place)}{self.said}" if self.place else self.said.lstrip(": ")


def faults_of(errors: Iterable[Mapping[str, Any]], hidden: Callable[[str], bool] = lambda _name: False) -> list[Fault]:
    """The faults that pydantic found.

    Args:
        errors: as pydantic lists them; values that came are not repeated.
        hidden: whether part of a place is no name that callers know.
    """
    return [
        _fault(tuple(sentence(str(part))[:_NAME] for part in error["loc"] if not hidden(str(part))), error)
        for error in errors
    ]


def told(faults: list[Fault]) -> str:
    """All of them in one line."""
    more = f"; and {len(faults) - MOST} more" if len(faults) > MOST else ""
    return "; ".join(map(str, faults[:MOST])) + more


def _fault(place: tuple[str, ...], error: Mapping[str, Any]) -> Fault:
    kind: str = error["type"]
    words = _expected(kind, error)
    if kind in _SAID:
        return Fault(place, words.removeprefix(_EXPECTED), f" {_SAID[kind]}")
    return Fault(place, words.removeprefix(_EXPECTED), f": {words}")


def _expected(kind: str, error: Mapping[str, Any]) -> str:
    """What was expected; of checks that are written here, their own words."""
    if kind in _WORDS:
        context = {name: str(value).replace("'", "") for name, value in error.get("ctx", {}).items()}
        return _EXPECTED + _WORDS[kind].format_map(context)
    if kind in _KNOWN and kind != "value_error":
        return _EXPECTED + _ELSE
    words = str(error["msg"]).removeprefix("Value error, ")
    return words if words.startswith((_EXPECTED, "give ")) else _EXPECTED + words
