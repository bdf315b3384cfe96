"""Scenes of a STAC API: Item Search, https://github.com/radiantearth/stac-api-spec/tree/v1.0.0/item-search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from serving.catalog.bands import objects
from serving.catalog.errors import CatalogueUnusable
from serving.catalog.findings import Collector, Findings
from serving.catalog.library import WebLibrary
from serving.catalog.query import SceneQuery
from serving.fetch.budget import Budget
from serving.fetch.errors import SourceNotFound, Upstream, UrlBlocked, UrlInvalid, UrlScheme
from serving.fetch.fetcher import Fetcher
from serving.fetch.urls import Url

PAGE: Final = 100
MAX_PAGES: Final = 10
_NO_POST: Final = frozenset({404, 405, 501})


@dataclass(frozen=True, slots=True)
class Page:
    """One request for a page.

    Attributes:
        url: where.
        question: sent with POST; None = GET.
    """

    url: Url
    question: Mapping[str, Any] | None

    @property
    def key(self) -> str:
        """The same for the same request: a catalogue that sends in circles is noticed."""
        return json.dumps([str(self.url), self.question], sort_keys=True)


class StacApi:
    """A STAC API.

    Args:
        root: its landing page.
        collection: in which scenes are looked for.
        fetcher: asks; its host must be allowed, see ``Fetcher.with_host``.
        files: decides from which hosts files may come.
    """

    def __init__(self, root: Url, collection: str, fetcher: Fetcher, files: Fetcher) -> None:
        self._search = root.join(f"{root.target.partition('?')[0].rstrip('/')}/search")
        self._collection = collection
        self._fetcher = fetcher
        self._library = WebLibrary(fetcher, files)

    def search(self, query: SceneQuery, budget: Budget) -> Findings:
        """See ``Catalogue.search``.

        Raises:
            CatalogueUnusable: when what answers is no STAC API.
            Upstream: when it does not answer.
        """
        collector = Collector(query, self._library)
        question = {"collections": [self._collection], "limit": PAGE, **query.asked()}
        page: Page | None = Page(self._search, question)
        seen: set[str] = set()
        while page is not None and len(seen) < MAX_PAGES:
            if page.key in seen:
                raise CatalogueUnusable("the catalogue's pages lead back to one another; its operator must mend it")
            seen.add(page.key)
            url, document = self._asked(page, budget, first=len(seen) == 1)
            collector.take(_items(url, document))
            page = self._next(page, url, document)
        return collector.findings(complete=page is None)

    def _asked(self, page: Page, budget: Budget, *, first: bool) -> tuple[Url, Any]:
        try:
            return self._fetcher.fetch_json(str(page.url), budget, question=page.question)
        except (SourceNotFound, Upstream) as error:
            status = 404 if isinstance(error, SourceNotFound) else getattr(error, "status", None)
            if first and page.question is not None and status in _NO_POST:
                return self._asked(_as_get(page, page.question), budget, first=False)
            if isinstance(error, SourceNotFound):
                raise CatalogueUnusable(
                    "there is no STAC API with Item Search where the server was told to look; its operator must "
                    "correct the address"
                ) from error
            raise

    def _next(self, page: Page, url: Url, document: Mapping[str, Any]) -> Page | None:
        """The request for the page after this one, or None."""
        for link in objects(document, "links"):
            if link.get("rel") == "next" and isinstance(link.get("href"), str):
                return self._page_of(link, page, url)
        return None

    def _page_of(self, link: Mapping[str, Any], page: Page, url: Url) -> Page:
        try:
            place = url.join(link["href"])
        except (UrlInvalid, UrlScheme, UrlBlocked) as error:
            raise CatalogueUnusable("the catalogue's next page has an address that is not fetched") from error
        if (place.host, place.port) != (self._search.host, self._search.port):
            raise CatalogueUnusable("the catalogue's next page is on another host, which is not asked")
        if str(link.get("method", "GET")).upper() != "POST":
            return Page(place, None)
        body = link.get("body")
        added = body if isinstance(body, dict) else {}
        return Page(place, {**(page.question or {}), **added} if link.get("merge") or not added else added)


def _as_get(page: Page, question: Mapping[str, Any]) -> Page:
    """The same question as parameters, for APIs without POST."""
    words = {
        "collections": ",".join(question["collections"]),
        "limit": question["limit"],
        "datetime": question["datetime"],
    }
    if "bbox" in question:
        words["bbox"] = ",".join(f"{value:.7f}" for value in question["bbox"])
    else:
        words["intersects"] = json.dumps(question["intersects"], separators=(",", ":"))
    return Page(page.url.join(f"{page.url.target}?{urlencode(words)}"), None)


def _items(url: Url, document: Any) -> Iterator[tuple[Url, Any]]:
    if not isinstance(document, dict) or not isinstance(document.get("features"), list):
        raise CatalogueUnusable("the catalogue answered something else than a collection of Items")
    for feature in document["features"]:
        yield _place_of(feature, url), feature


def _place_of(feature: Any, url: Url) -> Url:
    """Where an Item is, for references that are relative: its own link where it has one on the same host."""
    for link in objects(feature, "links") if isinstance(feature, dict) else ():
        if link.get("rel") == "self" and isinstance(link.get("href"), str):
            try:
                own = url.join(link["href"])
            except (UrlInvalid, UrlScheme, UrlBlocked):
                break
            if (own.host, own.port) == (url.host, url.port):
                return own
    return url
