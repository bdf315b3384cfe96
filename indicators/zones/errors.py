"""What can be wrong with the polygons of an account."""

from __future__ import annotations

from landcover.errors import AreaInvalid


class ZonesInvalid(AreaInvalid):
    """Polygons of zones that cannot be used: empty, crossing themselves, without a name."""

    slug = "zones"


class ZonesOverlap(ZonesInvalid):
    """Two zones, or two polygons of one, share ground, which would be counted twice."""

    slug = "zones-overlap"
