"""The catalogue that the settings name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from landcover.errors import ConfigError, DataError
from serving.catalog.errors import NoCatalogue
from serving.catalog.findings import Catalogue
from serving.catalog.library import FolderLibrary, WebLibrary
from serving.catalog.stacapi import StacApi
from serving.catalog.static import StaticCatalogue
from serving.fetch.fetcher import Fetcher
from serving.fetch.urls import Url, parse_url
from serving.settings import Settings


def catalogue_of(settings: Settings, fetcher: Fetcher) -> Catalogue:
    """The catalogue in which scenes are found. Its own host may be asked for documents without being listed.

    Args:
        settings: names it.
        fetcher: for the hosts that files may come from.

    Raises:
        NoCatalogue: when the settings name none.
        ConfigError: when they name one that cannot be.
    """
    if settings.stac_api is not None and settings.stac_catalog is not None:
        raise ConfigError("STEPPE_STAC_API and STEPPE_STAC_CATALOG are both set; set one")
    if settings.stac_api is not None:
        if settings.stac_collection is None:
            raise ConfigError("STEPPE_STAC_API wants STEPPE_STAC_COLLECTION; name the collection, see its /collections")
        root = _address(settings.stac_api, "STEPPE_STAC_API")
        return StacApi(root, settings.stac_collection, fetcher.with_host(root), fetcher)
    if settings.stac_catalog is None:
        raise NoCatalogue(
            "this server has no catalogue in which to find scenes; give a STAC Item, an address or an upload instead"
        )
    if settings.stac_catalog.startswith("https://"):
        root = _address(settings.stac_catalog, "STEPPE_STAC_CATALOG")
        return StaticCatalogue(root, settings.stac_collection, WebLibrary(fetcher.with_host(root), fetcher))
    return _of_folder(Path(settings.stac_catalog), settings.stac_collection, fetcher)


def catalogue_folder(settings: Settings) -> Path | None:
    """The folder in which ``FOLDER`` references of found scenes lie, or None when the catalogue is on the web."""
    if settings.stac_catalog is None or settings.stac_catalog.startswith("https://"):
        return None
    path = Path(settings.stac_catalog)
    return path.parent if path.suffix == ".json" else path


def _of_folder(path: Path, collection: str | None, fetcher: Fetcher) -> StaticCatalogue:
    folder, names = (
        (path.parent, [path.name]) if path.suffix == ".json" else (path, ["catalog.json", "collection.json"])
    )
    for name in names:
        if (folder / name).is_file():
            return StaticCatalogue(PurePosixPath(name), collection, FolderLibrary(folder, fetcher))
    raise ConfigError("STEPPE_STAC_CATALOG names no catalog.json or collection.json, nor a folder with one")


def _address(text: str, name: str) -> Url:
    try:
        return parse_url(text)
    except DataError as error:
        raise ConfigError(f"{name} cannot be used: {error}") from error
