"""Scenes of STAC Items that callers give: with the request, or by an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.catalog.errors import StacInvalid
from serving.catalog.item import check_item
from serving.catalog.library import WebLibrary
from serving.catalog.scene import SceneAssets, scene_of
from serving.fetch.budget import Budget
from serving.fetch.errors import NotJson
from serving.fetch.fetcher import Fetcher


def scene_of_document(document: Mapping[str, Any], wanted: Sequence[str], fetcher: Fetcher) -> SceneAssets:
    """The scene of an Item that came with the request; nothing is fetched. Its references must be absolute.

    Args:
        document: the Item.
        wanted: the bands that are needed.
        fetcher: decides from which hosts files may come.

    Raises:
        StacInvalid: when it is no Item that can be used.
        DataError: when the address of a band must not be asked for.
    """
    return scene_of(check_item(document), None, WebLibrary(fetcher, fetcher), wanted)


def scene_at(text: str, wanted: Sequence[str], fetcher: Fetcher, budget: Budget) -> SceneAssets:
    """The scene of an Item at an address; only the Item is fetched, no link is followed.

    Raises:
        StacInvalid: when it is no Item that can be used.
        DataError: when its address, or that of a band, must not be asked for.
        Upstream: when the host fails.
    """
    library = WebLibrary(fetcher, fetcher)
    try:
        place, document = library.read(fetcher.check(text), budget)
    except NotJson as error:
        raise StacInvalid(f"there is no STAC Item at the address: {error}") from error
    return scene_of(check_item(document), place, library, wanted)
