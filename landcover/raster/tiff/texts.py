"""GDAL's metadata in a TIFF file (tag 42112), checked as text before GDAL parses it.

GDAL follows what the domains OVERVIEWS and GEOLOCATION say to other files and to addresses in the network, whichever
driver was asked for (https://gdal.org/user/raster_data_model.html). Its parser takes values from attributes and from
elements, in any case and with character references, so the text is searched and not parsed here.
"""

from __future__ import annotations

import re
from typing import Final

from landcover.errors import ExternalReference
from landcover.raster.file_bytes import FileBytes, damaged
from landcover.raster.tiff.directory import Directory, Tag

MAX_BYTES: Final = 2 * 2**20
"""Most bytes of metadata of one image; 1024 bands with statistics have half a megabyte."""

_MAX_DEPTH: Final = 32
_MAX_REFERENCES: Final = 100_000
_REFERENCE: Final = re.compile(rb"&#(x[0-9a-f]{1,6}|[0-9]{1,7});", re.IGNORECASE)
_DOMAIN: Final = re.compile(
    rb"""(?:domain\s*=\s*["']?|<domain\b[^<>]*>\s*(?:<!\[CDATA\[)?)\s*(overviews|geolocation)\b""", re.IGNORECASE
)
_ENTITY: Final = re.compile(rb"<!(doctype|entity)", re.IGNORECASE)
_TAG: Final = re.compile(rb"<(/?)[a-z_][^<>]*>|<[a-z_]", re.IGNORECASE)


def check_texts(directory: Directory) -> None:
    """Refuse metadata that points to other files, or that is no metadata.

    Raises:
        ExternalReference: when it has a domain that GDAL follows.
        RasterCorrupt: when it has entities, is too deep or too long.
        RasterTruncated: when it lies beyond the end of the file.
    """
    entry = directory.entries.get(Tag.GDAL_METADATA)
    if entry is None:
        return
    if entry.count > MAX_BYTES:
        raise damaged(directory.file, f"its metadata has {entry.count:,} bytes; at most {MAX_BYTES:,} are read")
    check_text(directory.file.read(entry.offset, entry.count), directory.file)


def check_text(text: bytes, file: FileBytes) -> None:
    """Refuse metadata that points to other files, or that is no metadata; see ``check_texts``."""
    if _ENTITY.search(text):
        raise damaged(file, "its metadata declares entities, which are never needed")
    found = sorted({name[1].decode().upper() for name in _DOMAIN.finditer(_plain(text, file))})
    if found:
        raise ExternalReference(
            f"{file.name!r} carries {' and '.join(found)} metadata that points to other files; remove it first"
        )
    _check_depth(text, file)


def _plain(text: bytes, file: FileBytes) -> bytes:
    """The text with characters in place of references to them."""
    if text.count(b"&#") > _MAX_REFERENCES:
        raise damaged(file, "its metadata is full of character references")
    return _REFERENCE.sub(_character, text)


def _character(match: re.Match[bytes]) -> bytes:
    digits = match[1].lower()
    code = int(digits[1:], 16) if digits.startswith(b"x") else int(digits)
    return bytes([code]) if code < 128 else b"?"  # noqa: PLR2004 - names of domains are ASCII


def _check_depth(text: bytes, file: FileBytes) -> None:
    depth = 0
    for tag in _TAG.finditer(text):
        depth += -1 if tag[1] == b"/" else 0 if tag[0].endswith(b"/>") else 1
        if depth > _MAX_DEPTH:
            raise damaged(file, f"its metadata is nested more than {_MAX_DEPTH} deep")
