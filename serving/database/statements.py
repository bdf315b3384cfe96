"""SQL and values that both databases take alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from serving.database.protocol import ValueUnstorable

_LARGEST: Final = 2**63 - 1
_MARK: Final = re.compile(r"'(?:[^']|'')*'|::|:(?P<name>[a-z_][a-z0-9_]*)")


def check_values(values: Mapping[str, Any]) -> None:
    """Refuse what only one of the databases would take, so that no test on one of them hides it.

    Raises:
        ValueUnstorable: see ``Transaction.run``.
    """
    for value in values.values():
        if isinstance(value, str) and not _storable(value):
            raise ValueUnstorable("a text has characters that cannot be stored; send it without NUL and surrogates")
        if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
            raise ValueUnstorable("a number is too large to be stored; at most 64 bits were expected")


def _storable(text: str) -> bool:
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=512)
def percent_style(sql: str) -> str:
    """The same statement with psycopg's ``%(name)s`` parameters instead of ``:name``."""
    return _MARK.sub(_mark, sql.replace("%", "%%"))


def _mark(found: re.Match[str]) -> str:
    name = found["name"]
    return f"%({name})s" if name else found[0]
