"""Zones: the named areas for which an account is kept, for example provinces of a country."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyproj import CRS

from indicators.zones.checks import refuse_bad_polygon, refuse_overlaps
from indicators.zones.errors import ZonesInvalid
from indicators.zones.geodesic import polygons_km2
from landcover.raster.geojson import Area
from landcover.raster.positions import same_crs

MOST_ZONES: Final = 1000
"""Each has its own tables."""


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """One named area.

    Attributes:
        name: as the file has it.
        area: its polygons in the CRS of the file.
    """

    name: str
    area: Area

    @property
    def km2(self) -> float:
        """Ground area of the polygons on the ellipsoid, whatever raster lies under them."""
        return polygons_km2(self.area.polygons, self.area.crs)


@dataclass(frozen=True, slots=True, eq=False)
class Zones:
    """Areas that share no ground, so that their accounts add up.

    Attributes:
        name: of the file, for provenance.
        zones: in the order of the file; each name once.
        sha256: digest of the file, or None.
    """

    name: str
    zones: tuple[Zone, ...]
    sha256: str | None = None

    def __post_init__(self) -> None:
        """Refuse zones of which no account can be kept.

        Raises:
            ZonesInvalid: none or too many, a name twice, several CRS, or a polygon that is none.
            ZonesOverlap: naming the two that share most, and the km2.
        """
        _refuse_count(self.zones, self.name)
        for zone in self.zones:
            if not zone.area.polygons:
                raise ZonesInvalid(f"zone {zone.name!r} of {self.name!r} has no polygon; remove or draw it")
            for polygon in zone.area.polygons:
                refuse_bad_polygon(polygon, f"zone {zone.name!r} of {self.name!r}")
        parts = [(zone.name, polygon) for zone in self.zones for polygon in zone.area.polygons]
        refuse_overlaps(parts, self.crs)

    @property
    def crs(self) -> CRS:
        """CRS of all polygons."""
        return self.zones[0].area.crs

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(zone.name for zone in self.zones)


def _refuse_count(zones: Sequence[Zone], file: str) -> None:
    if not zones:
        raise ZonesInvalid(f"{file!r} holds no polygon: expected at least one")
    if len(zones) > MOST_ZONES:
        raise ZonesInvalid(
            f"{file!r} makes {len(zones):,} zones, at most {MOST_ZONES:,} have tables of their own; choose a field "
            "whose values group the polygons"
        )
    names = [zone.name for zone in zones]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ZonesInvalid(f"{file!r} repeats the zone {repeated[0]!r}; put its polygons into one")
    if not all(same_crs(zone.area.crs, zones[0].area.crs) for zone in zones):
        raise ZonesInvalid(f"{file!r} has zones in several coordinate reference systems; bring all to one")
