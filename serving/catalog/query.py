"""A question for scenes: where, when, and how clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from landcover.errors import AreaInvalid
from landcover.raster.geojson import Area
from serving.catalog.dates import Interval
from serving.catalog.item import Item
from serving.catalog.mgrs import Tile
from serving.catalog.places import Ring, asked_geometry, footprint_rings, searched_rings, touch
from serving.catalog.scene import cloud_cover_of, tile_of

DEFAULT_SCENES: Final = 50


@dataclass(frozen=True, kw_only=True)
class SceneQuery:
    """What is looked for.

    Attributes:
        bands: names of the bands that are needed.
        dates: when.
        tile: where, as a tile of Sentinel-2; either this or ``area``.
        area: where, as polygons in longitude and latitude.
        max_cloud: most cloud cover in percent; scenes that do not state theirs are left out then.
        max_scenes: how many of the best are answered.
    """

    bands: tuple[str, ...]
    dates: Interval
    tile: Tile | None = None
    area: Area | None = None
    max_cloud: float | None = None
    max_scenes: int = DEFAULT_SCENES

    def __post_init__(self) -> None:
        """Refuse a question without a place.

        Raises:
            AreaInvalid: when neither or both of ``tile`` and ``area`` are given.
        """
        if (self.tile is None) == (self.area is None):
            raise AreaInvalid("a place is wanted: give either a tile or an area")

    @property
    def words(self) -> str:
        """What was looked for, for messages."""
        where = "in the area" if self.tile is None else f"of tile {self.tile}"
        cloud = "" if self.max_cloud is None else f" with at most {self.max_cloud:g} % clouds"
        return f"{where} from {self.dates.start:%Y-%m-%d} to {self.dates.end:%Y-%m-%d}{cloud}"

    def asked(self) -> Mapping[str, Any]:
        """Members ``bbox`` or ``intersects``, and ``datetime``, of a question to a STAC API."""
        where = {"bbox": list(self.tile.core)} if self.tile is not None else asked_geometry(self._area)
        return {**where, "datetime": str(self.dates)}

    def fits(self, item: Item) -> bool:
        """Whether an Item is what is looked for; catalogues are not relied on."""
        if not self.dates.has(item.moment) or not self._clear(item):
            return False
        if self.tile is not None:
            return tile_of(item) == str(self.tile)
        return touch(self._rings, footprint_rings(item.geometry))

    def _clear(self, item: Item) -> bool:
        cloud = cloud_cover_of(item)
        return self.max_cloud is None or (cloud is not None and cloud <= self.max_cloud)

    @property
    def _area(self) -> Area:
        assert self.area is not None  # noqa: S101 - see __post_init__
        return self.area

    @cached_property
    def _rings(self) -> Sequence[Ring]:
        return searched_rings(self._area)
