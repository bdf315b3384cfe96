"""Leaf values of a Sentinel-2 product metadata file, read without ever expanding an entity.

Element names are those of the product specification, https://sentiwiki.copernicus.eu/web/s2-products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.parsers import expat

from landcover.errors import RasterUnreadable

MAX_XML_BYTES: Final = 16 * 2**20  # real ones have about 60 kB

_LEAVES: Final = frozenset(
    {
        "PROCESSING_LEVEL",
        "PRODUCT_START_TIME",
        "QUANTIFICATION_VALUE",
        "BOA_QUANTIFICATION_VALUE",
        "RADIO_ADD_OFFSET",
        "BOA_ADD_OFFSET",
    }
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One element without children: its text and attributes."""

    text: str
    attributes: Mapping[str, str]


class _DoctypeFound(Exception):
    """Raised inside the parser; a product has no document type."""


@dataclass(slots=True)
class _Collector:
    """Handlers that keep the text of the wanted leaves."""

    leaves: dict[str, list[Leaf]] = field(default_factory=dict)
    _open: tuple[str, dict[str, str]] | None = None
    _text: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._open = (local, attributes) if local in _LEAVES else None
        self._text = []

    def text(self, data: str) -> None:
        if self._open:
            self._text.append(data)

    def end(self, _name: str) -> None:
        if self._open:
            local, attributes = self._open
            self.leaves.setdefault(local, []).append(Leaf("".join(self._text).strip(), attributes))
            self._open = None

    def doctype(self, *_: object) -> None:
        raise _DoctypeFound


def read_leaves(path: Path) -> dict[str, list[Leaf]]:
    """The wanted leaf elements of a product metadata file, by local name, in document order.

    Raises:
        RasterUnreadable: when the file is too large, is not well-formed XML, or has a DOCTYPE.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_XML_BYTES + 1)
    except OSError as error:
        raise RasterUnreadable(f"{path.name!r} cannot be read: {error.strerror}") from error
    if len(content) > MAX_XML_BYTES:
        raise RasterUnreadable(f"{path.name!r} is larger than {MAX_XML_BYTES} bytes; product metadata is far smaller")
    collector = _Collector()
    parser = expat.ParserCreate()
    parser.StartElementHandler = collector.start
    parser.CharacterDataHandler = collector.text
    parser.EndElementHandler = collector.end
    parser.StartDoctypeDeclHandler = collector.doctype
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat takes it by position only
    except _DoctypeFound as error:
        raise RasterUnreadable(f"{path.name!r} has a DOCTYPE; product metadata has none, and it is not read") from error
    except expat.ExpatError as error:
        raise RasterUnreadable(f"{path.name!r} is not well-formed XML: {error}") from error
    return collector.leaves
