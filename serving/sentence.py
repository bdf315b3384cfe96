"""One clear sentence from an error, whatever its message quotes.

Messages quote file names, band names and options. A name may hold line breaks, terminal escapes or half a character,
and may be as long as its file allows; what people and programs are told is one printable line of bounded length.
"""

from __future__ import annotations

from typing import Final

LIMIT: Final = 1000
"""Characters; the longest honest message lists some twenty band names."""


def sentence(error: Exception | str) -> str:
    """The message on one line, printable, at most ``LIMIT`` characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in str(error))
    line = " ".join(printable.split())
    return line if len(line) <= LIMIT else line[: LIMIT - 3] + "..."
