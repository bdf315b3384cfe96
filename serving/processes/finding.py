"""Scenes on other hosts, for requests: addresses that may be asked, STAC Items, and searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.catalog.asking import query_of
from serving.catalog.findings import found
from serving.catalog.items import scene_at, scene_of_document
from serving.catalog.scene import SceneAssets
from serving.catalog.settings import catalogue_of
from serving.fetch.budget import Budget, Limits
from serving.fetch.fetcher import Fetcher
from serving.processes.images import Checked, Search
from serving.processes.orders import AssetsSource
from serving.settings import Settings

PATIENCE: Limits = Limits(max_bytes=64 * 2**20, seconds=20.0, idle_s=10.0, connect_s=5.0, tries=2)
"""What looking for scenes may cost while the caller waits for the answer to a request."""


class CatalogueFinder:
    """See ``images.Finder``.

    Args:
        settings: name the catalogue.
        fetcher: asks hosts that are allowed, and no other.
    """

    def __init__(self, settings: Settings, fetcher: Fetcher) -> None:
        self._settings, self._fetcher = settings, fetcher

    def address(self, href: str) -> str:
        """See ``images.Finder``."""
        return str(self._fetcher.verify(href, Budget(PATIENCE)))

    def item(self, document: Mapping[str, Any], bands: Sequence[str]) -> Checked:
        """See ``images.Finder``."""
        return _checked(scene_of_document(document, bands, self._fetcher))

    def item_at(self, href: str, bands: Sequence[str]) -> Checked:
        """See ``images.Finder``."""
        return _checked(scene_at(href, bands, self._fetcher, Budget(PATIENCE)))

    def search(self, search: Search, bands: Sequence[str]) -> Sequence[Checked]:
        """See ``images.Finder``."""
        tile = search.tile
        query = query_of(
            bands,
            search.interval,
            tile=tile,
            # An area beside a tile cuts the map; the tile says where to look.
            box=None if tile is not None else search.bbox,
            geometry=None if tile is not None else search.geometry,
            max_area_km2=self._settings.max_area_km2,
            max_cloud=search.max_cloud,
            max_scenes=search.limit,
        )
        catalogue = catalogue_of(self._settings, self._fetcher)
        return [_checked(scene) for scene in found(query, catalogue, Budget(PATIENCE))]


def _checked(scene: SceneAssets) -> Checked:
    return Checked(
        source=AssetsSource(scene=dict(scene.to_json())),
        pixels=scene.pixels or 0,
        facts=scene.summary(),
        warnings=scene.warnings,
    )
