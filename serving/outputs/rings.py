"""Rings of polygons on the Earth: longitudes without jumps, cut at the antimeridian, closed as GeoJSON wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

DIGITS: Final = 7
"""Decimals of degrees (RFC 7946, section 11.2): about a centimetre."""

TINY_DEG: Final = 1e-7
EAST: Final = 180.0
WEST: Final = -180.0

type Ring = NDArray[np.float64]
"""Longitude and latitude in degrees, shape (points, 2), not closed. Longitudes run on beyond 180."""


def unwrapped(ring: Ring) -> Ring:
    """The same ring without jumps of 360 degrees between neighbours."""
    jumps = np.diff(ring[:, 0])
    turns = np.concatenate([[0.0], np.cumsum(np.round(jumps / 360))])
    return np.column_stack([ring[:, 0] - 360 * turns, ring[:, 1]])


def from_the_west(ring: Ring) -> Ring:
    """The same ring with its westernmost longitude in -180 to 180."""
    turns = np.floor((ring[:, 0].min() - WEST) / 360)
    return np.column_stack([ring[:, 0] - 360 * turns, ring[:, 1]])


def cut(ring: Ring) -> list[Ring]:
    """Parts of a ring on both sides of the antimeridian, each within -180 to 180."""
    if ring[:, 0].max() <= EAST + TINY_DEG:
        return [np.column_stack([np.minimum(ring[:, 0], EAST), ring[:, 1]])]
    western, eastern = clip(ring, keep_east=False), clip(ring, keep_east=True)
    return [western, eastern - [360, 0]]


def closed(ring: Ring) -> list[list[float]]:
    """GeoJSON coordinates: rounded, counterclockwise, without repeated points, first point again at the end."""
    lon, lat = ring[:, 0], ring[:, 1]
    twice_area = np.sum(lon * np.roll(lat, -1) - np.roll(lon, -1) * lat)
    points: list[list[float]] = np.round(ring if twice_area > 0 else ring[::-1], DIGITS).tolist()
    distinct = [point for i, point in enumerate(points) if point != points[i - 1]]
    return [*distinct, distinct[0]]


def clip(ring: Ring, *, keep_east: bool) -> Ring:
    """The part of a ring on one side of longitude 180 (Sutherland and Hodgman 1974, one edge)."""
    kept: list[tuple[float, float]] = []
    for (lon, lat), (next_lon, next_lat) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        inside, next_inside = ((lon >= EAST) == keep_east), ((next_lon >= EAST) == keep_east)
        if inside:
            kept.append((lon, lat))
        if inside != next_inside:
            t = (EAST - lon) / (next_lon - lon)
            kept.append((EAST, lat + t * (next_lat - lat)))
    return np.array(kept)


def degrees(ring: Sequence[tuple[float, float]], to_degrees: Transformer) -> Ring:
    """A closed ring of the map as an open one on the Earth."""
    corners = np.array(ring[:-1], np.float64)
    lon, lat = to_degrees.transform(corners[:, 0], corners[:, 1])
    return unwrapped(np.column_stack([lon, lat]))


def beside(hole: Ring, outer: Ring) -> Ring:
    """A hole on the same turn around the Earth as its outer ring."""
    turns = np.round((outer[:, 0].mean() - hole[:, 0].mean()) / 360.0)
    return np.column_stack([hole[:, 0] + 360.0 * turns, hole[:, 1]])


def wound(ring: Ring, *, outer: bool) -> list[list[float]]:
    """Outer rings run counterclockwise, holes clockwise (RFC 7946, section 3.1.6)."""
    counterclockwise = closed(ring)
    return counterclockwise if outer else counterclockwise[::-1]
