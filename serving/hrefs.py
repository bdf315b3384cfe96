"""Where result files lie, and how a STAC Item refers to them: RFC 3986 references, relative to the Item."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote


def landing(final: Path) -> Path:
    """Where publishing puts a file: links among the folders are followed, a link of the file's own name is replaced."""
    absolute = Path(os.path.abspath(final))  # noqa: PTH100 - resolve() would follow a link that is to be replaced
    return Path(os.path.realpath(absolute.parent)) / absolute.name


def href(path: Path | str) -> str:
    """A name or a relative path as a reference: what a URL would read differently (blanks, ``#``, ``%``) is escaped.

    An address is one already.
    """
    if str(path).startswith("https://"):
        return str(path)
    return quote(os.fsencode(Path(path).as_posix()))


def relative_href(final: Path, item: Path) -> str:
    """The reference of an Item to a file published with it."""
    return href(Path(os.path.relpath(landing(final), landing(item).parent)))
