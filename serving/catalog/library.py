"""Where the documents of a catalogue are, and what a reference in one of them means: on the web, or in one folder."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from serving.catalog.errors import CatalogueUnusable
from serving.fetch.budget import Budget
from serving.fetch.errors import NotJson, UrlInvalid
from serving.fetch.fetcher import JSON_DEPTH, Fetcher
from serving.fetch.reference import Kind, Reference
from serving.fetch.urls import Url
from serving.strictjson import parse_json

MAX_DOCUMENT_BYTES: Final = 2 * 1024**2
"""Of one catalogue, collection or Item."""

type Place = Url | PurePosixPath | None
"""Where a document is: an address, a path in the catalogue's folder, or nowhere when it came with the request."""

_HAS_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Library(Protocol):
    """Reads documents and follows references."""

    def read(self, place: Place, budget: Budget) -> tuple[Place, Any]:
        """A document, and the place it came from in the end.

        Raises:
            NotJson: when it is no JSON.
            DataError: when it must not be read, or is not there.
            Upstream: when the host fails.
        """

    def join(self, place: Place, href: str) -> Place:
        """What a reference means.

        Raises:
            DataError: when it leads where nothing is read from.
        """

    def reference(self, place: Place, href: str) -> Reference:
        """The same for a file of pixels, as it is kept with a job.

        Raises:
            DataError: when it leads where nothing is read from.
        """


class WebLibrary:
    """Documents on the web, and those that came with a request: everything they refer to is an address.

    Args:
        documents: fetches documents.
        files: decides which hosts files may come from; nothing is fetched with it here.
    """

    def __init__(self, documents: Fetcher, files: Fetcher) -> None:
        self._documents = documents
        self._files = files

    def read(self, place: Place, budget: Budget) -> tuple[Place, Any]:
        """See ``Library.read``."""
        return self._documents.fetch_json(str(place), budget, max_bytes=MAX_DOCUMENT_BYTES)

    def join(self, place: Place, href: str) -> Place:
        """See ``Library.join``."""
        return self._documents.check(str(_joined(place, href)))

    def reference(self, place: Place, href: str) -> Reference:
        """See ``Library.reference``."""
        return Reference(Kind.URL, str(self._files.check(str(_joined(place, href)))))


class FolderLibrary:
    """Documents in one folder; files may lie there, too, or on the web.

    Args:
        root: the folder; nothing outside is read, whatever links or references say.
        files: decides which hosts files may come from.
    """

    def __init__(self, root: Path, files: Fetcher) -> None:
        self._root = root
        self._files = files

    def read(self, place: Place, budget: Budget) -> tuple[Place, Any]:
        """See ``Library.read``. The budget is not used: nothing is fetched."""
        del budget
        path = Reference(Kind.FOLDER, str(place)).path_in(self._root)
        try:
            if not path.is_file() or path.stat().st_size > MAX_DOCUMENT_BYTES:
                raise CatalogueUnusable("a document of the catalogue is missing or too large; it must be mended")
            content = path.read_bytes()
        except OSError as error:
            raise CatalogueUnusable("a document of the catalogue cannot be read; it must be mended") from error
        try:
            return place, parse_json(content, depth=JSON_DEPTH)
        except ValueError as error:
            raise NotJson(f"a document of the catalogue is no JSON that is read: {error}") from error

    def join(self, place: Place, href: str) -> Place:
        """See ``Library.join``; the catalogue's own documents are in its folder."""
        return _below(place, href)

    def reference(self, place: Place, href: str) -> Reference:
        """See ``Library.reference``."""
        if href.startswith("https://"):
            return Reference(Kind.URL, str(self._files.check(href)))
        reference = Reference(Kind.FOLDER, str(_below(place, href)))
        reference.path_in(self._root)
        return reference


def _joined(place: Place, href: str) -> str | Url:
    """The address a reference means; one that came with a request has no base."""
    if isinstance(place, Url):
        return place.join(href)
    if not _HAS_SCHEME.match(href) and not href.startswith(("/", "~", "\\")):
        raise UrlInvalid("the STAC Item has relative references and came without an address; make them absolute")
    return href


def _below(place: Place, href: str) -> PurePosixPath:
    """A path in the folder, without ``.`` and ``..``."""
    if _HAS_SCHEME.match(href) or href.startswith(("/", "~")) or "\\" in href or "\0" in href:
        raise UrlInvalid("a reference of the catalogue leads out of its folder")
    base = place.parent if isinstance(place, PurePosixPath) else PurePosixPath()
    parts: list[str] = []
    for part in (base / unquote(urlsplit(href).path)).parts:
        if part != "..":
            parts.append(part)
        elif not parts:
            raise UrlInvalid("a reference of the catalogue leads out of its folder")
        else:
            parts.pop()
    return PurePosixPath(*parts)
