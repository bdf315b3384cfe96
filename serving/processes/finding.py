"""Scenes on other hosts, for requests: addresses that may be asked, STAC Items, and searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from landcover.errors import ConfigError
from serving.fetch.fetcher import Fetcher
from serving.processes.images import Checked, Search


class NoCatalogue(ConfigError):
    """The service has no catalogue to look for scenes in."""

    slug = "no-catalogue"


class CatalogueFinder:
    """See ``images.Finder``.

    Args:
        fetcher: asks hosts that are allowed, and no other.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def address(self, href: str) -> str:
        """See ``images.Finder``."""
        return str(self._fetcher.check(href))

    def item(self, document: Mapping[str, Any], bands: Sequence[str]) -> Checked:
        """See ``images.Finder``."""
        raise NoCatalogue("STAC Items are not read yet")

    def item_at(self, href: str, bands: Sequence[str]) -> Checked:
        """See ``images.Finder``."""
        raise NoCatalogue("STAC Items are not read yet")

    def search(self, search: Search, bands: Sequence[str]) -> Sequence[Checked]:
        """See ``images.Finder``."""
        raise NoCatalogue("this service has no catalogue of scenes; give the scene itself")
