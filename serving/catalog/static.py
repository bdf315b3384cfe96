"""Scenes of a static catalogue: JSON files that link to one another, in a folder or on the web."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from landcover.errors import DataError
from serving.catalog.bands import objects
from serving.catalog.errors import CatalogueUnusable
from serving.catalog.findings import Collector, Findings
from serving.catalog.library import Library, Place
from serving.catalog.query import SceneQuery
from serving.fetch.budget import Budget
from serving.fetch.errors import NotJson

MAX_DOCUMENTS: Final = 2000
MAX_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class _Step:
    """A document to be read: where, how deep, in the wanted collection or not, and whether it should be an Item."""

    place: Place
    depth: int
    inside: bool
    item: bool


class StaticCatalogue:
    """A catalogue without a search: everything below its root is read, up to a limit.

    Args:
        root: its ``catalog.json`` or ``collection.json``.
        collection: only scenes of this collection; None = of all.
        library: reads it.
    """

    def __init__(self, root: Place, collection: str | None, library: Library) -> None:
        self._root = root
        self._collection = collection
        self._library = library

    def search(self, query: SceneQuery, budget: Budget) -> Findings:
        """See ``Catalogue.search``.

        Raises:
            CatalogueUnusable: when the root is no catalogue.
            Upstream: when its host does not answer.
        """
        collector = Collector(query, self._library)
        waiting = deque([_Step(self._root, 0, inside=self._collection is None, item=False)])
        seen: set[str] = {str(self._root)}
        read = 0
        while waiting and read < MAX_DOCUMENTS:
            read += 1
            step = waiting.popleft()
            if step.item:
                self._take(step, collector, budget)
                continue
            place, document = self._read(step, budget)
            new = [further for further in self._further(document, place, step) if str(further.place) not in seen]
            seen.update(str(further.place) for further in new)
            waiting.extend(new)
        return collector.findings(complete=not waiting)

    def _take(self, step: _Step, collector: Collector, budget: Budget) -> None:
        """Hand an Item on; a broken one does not hide the good ones."""
        try:
            place, document = self._library.read(step.place, budget)
        except (DataError, NotJson) as error:
            collector.leave_out(error)
            return
        if step.inside or (isinstance(document, dict) and document.get("collection") == self._collection):
            collector.take([(place, document)])

    def _read(self, step: _Step, budget: Budget) -> tuple[Place, Mapping[str, Any]]:
        try:
            place, document = self._library.read(step.place, budget)
        except (DataError, NotJson) as error:
            raise CatalogueUnusable(f"a document of the catalogue cannot be read: {error}") from error
        if not isinstance(document, dict) or document.get("type") not in {"Catalog", "Collection"}:
            raise CatalogueUnusable("a document of the catalogue is no Catalog or Collection; it must be mended")
        return place, document

    def _further(self, document: Mapping[str, Any], place: Place, step: _Step) -> Iterator[_Step]:
        """What a catalogue or collection links to; another collection than the wanted one is not entered."""
        inside = step.inside or document.get("id") == self._collection
        if document["type"] == "Collection" and not inside:
            return
        if step.depth >= MAX_DEPTH:
            raise CatalogueUnusable(f"the catalogue is deeper than {MAX_DEPTH} levels")
        for link in objects(document, "links"):
            if link.get("rel") in {"child", "item"} and isinstance(link.get("href"), str):
                try:
                    found = self._library.join(place, link["href"])
                except DataError as error:
                    raise CatalogueUnusable(f"the catalogue has a link that is not followed: {error}") from error
                yield _Step(found, step.depth + 1, inside=inside, item=link["rel"] == "item")
