"""What can be wrong with a question for scenes, with a STAC Item, and with the catalogue itself."""

from __future__ import annotations

from landcover.errors import ConfigError, DataError
from serving.fetch.errors import Upstream


class StacInvalid(DataError):
    """The STAC Item cannot be used."""

    slug = "stac-invalid"


class NoScenes(DataError):
    """The catalogue has no scene that fits what is asked for."""

    slug = "no-scenes"


class TileInvalid(DataError):
    """The tile id names no square of the Military Grid Reference System."""

    slug = "tile-invalid"


class DatesInvalid(DataError):
    """The dates are no RFC 3339 dates, or no range that can be searched."""

    slug = "datetime"


class AreaTooLarge(DataError):
    """The area is larger than one request may search."""

    slug = "area-too-large"


class NoCatalogue(ConfigError):
    """The server has no catalogue in which scenes could be found."""

    slug = "no-catalogue"


class CatalogueUnusable(Upstream):
    """The catalogue that the server was given does not answer as one."""

    slug = "catalogue-unusable"
