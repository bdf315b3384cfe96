"""Names that callers give to maps: they stand in titles, in pictures and in the terminals of others."""

from __future__ import annotations

from typing import Final

from pydantic_core import PydanticCustomError

_JOINERS: Final = {"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}
"""Not printable by themselves, and needed to write Persian and several Indian languages."""

_SEPARATORS: Final = frozenset("/\\")


def checked_name(name: str) -> str:
    """The name without blanks around it.

    Raises:
        PydanticCustomError: for what turns the direction of text, or is no letter at all; and for slashes, with which
            a name would be a path.
    """
    if not name.strip() or _SEPARATORS & set(name) or not all(char.isprintable() or char in _JOINERS for char in name):
        raise PydanticCustomError(
            "name", "a name of letters, digits, blanks and punctuation, without slashes and control characters"
        )
    return name.strip()
