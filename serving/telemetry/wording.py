"""Make what a log line says harmless: no secrets of addresses, no control of the terminal, no line without an end."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 4_000
"""Characters of one value of a line."""

LONGEST_TRACE: Final = 20_000
"""Characters of a traceback."""

_QUERY: Final = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s?\"'<>]*)\?[^\s\"'<>]*")
_USER: Final = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/?#\"'@]+@")
_PARAMETER: Final = re.compile(
    r"(?i)\b((?:access_token|api[_-]?key|token|key|sig|signature|secret|password|x-amz-[a-z-]+)=)[^\s&\"']+"
)
_CREDENTIAL: Final = re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}")


def redact(text: str) -> str:
    """Take out of a text what may let somebody in: queries and users of addresses, parameters and headers of keys."""
    # Most values of a line are single words; looking for what each pattern needs is faster than trying it.
    if "://" in text:
        text = _USER.sub(r"\1...@", _QUERY.sub(r"\1?...", text))
    if "=" in text:
        text = _PARAMETER.sub(r"\1...", text)
    return _CREDENTIAL.sub(r"\1 ...", text) if " " in text else text


def cut(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text that is too long, and how much is missing."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text) - longest:,} characters more)"


def printable(text: str, *, lines: bool = False) -> str:
    r"""A text as a terminal may have it: what is not printable, and what turns its direction, as ``\x1b``.

    Args:
        text: any text.
        lines: whether it may have several lines, as a traceback.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or (lines and char == "\n") else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")
