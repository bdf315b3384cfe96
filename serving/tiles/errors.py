"""What can be wrong with a request for a tile or a point."""

from __future__ import annotations

from landcover.errors import ConfigError, DataError, SteppeError


class MatrixSetUnknown(ConfigError):
    """There is no such tile matrix set."""

    slug = "no-such-tile-matrix-set"


class TileOutside(ConfigError):
    """There is no such tile at this zoom."""

    slug = "tile-outside"


class PointOutside(ConfigError):
    """The point lies outside the map."""

    slug = "point-outside"


class ZoomTooSmall(ConfigError):
    """A tile of this zoom needs more of the scene classified than is done for one request."""

    slug = "zoom-too-small"


class SourceNotFound(DataError):
    """The service has no such source."""

    slug = "no-such-source"


class TilesTooSlow(SteppeError):
    """The tile was not ready in time."""

    slug = "tile-late"
