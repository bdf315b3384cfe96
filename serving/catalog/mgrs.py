"""Tiles of Sentinel-2: squares of 100 km of the Military Grid Reference System, by their id.

Squares and letters: NGA.STND.0037, Universal Grids and Grid Reference Systems, version 2.0.0, 2014. Sentinel-2's tiles
begin at the square's upper left corner and measure 109.8 km: they reach 9.8 km beyond it to the east and to the south,
https://sentiwiki.copernicus.eu/web/s2-products.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from pyproj import CRS, Transformer

from serving.catalog.errors import TileInvalid

_ID: Final = re.compile(r"(?:MGRS-|T)?([0-6]?[0-9])([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])")
_ZONES: Final = 60
_BANDS: Final = "CDEFGHJKLMNPQRSTUVWX"
_SOUTHMOST: Final = -80
_BAND_DEGREES: Final = 8
_LAST_BAND_DEGREES: Final = 12
_COLUMNS: Final = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROWS: Final = "ABCDEFGHJKLMNPQRSTUV"
_EVEN_ZONES_BEGIN: Final = 5  # with F
_SIDE_M: Final = 100_000
_OVERLAP_M: Final = 9_800

type Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees; west > east across the antimeridian."""


@dataclass(frozen=True)
class Tile:
    """One square.

    Attributes:
        zone: of UTM, 1 to 60.
        band: letter of the latitude.
        square: letters of column and row.
    """

    zone: int
    band: str
    square: str

    def __post_init__(self) -> None:
        """Refuse a square that is not in its zone and band.

        Raises:
            TileInvalid: naming the id.
        """
        _, _ = self.corner_m

    def __str__(self) -> str:
        """As Sentinel-2's products write it, without the T."""
        return f"{self.zone:02d}{self.band}{self.square}"

    @property
    def crs(self) -> CRS:
        """UTM of its zone and hemisphere."""
        return _utm(self.zone, self.band)

    @cached_property
    def corner_m(self) -> tuple[int, int]:
        """Easting and northing of the square's lower left corner, metres.

        Raises:
            TileInvalid: when the zone or the latitude has no such square.
        """
        column = _COLUMNS[(self.zone - 1) % 3].find(self.square[0])
        south, north = _reach_m(self.zone, self.band)
        row = (_ROWS.index(self.square[1]) - (0 if self.zone % 2 else _EVEN_ZONES_BEGIN)) % len(_ROWS)
        cycle = len(_ROWS) * _SIDE_M
        # Rows repeat every 2000 km, a band is 900 km high: the first one that reaches into the band, if it does.
        northing = row * _SIDE_M
        northing += cycle * (math.floor((south - _SIDE_M - northing) / cycle) + 1)
        if column < 0 or not northing < north:
            raise TileInvalid(
                f"{self} is no tile: zone {self.zone} and latitude band {self.band} have no square {self.square}; "
                "correct the id"
            )
        return (column + 1) * _SIDE_M, northing

    @cached_property
    def core(self) -> Bounds:
        """The part that no neighbour of the same zone covers, in degrees: who asks for it is not sent neighbours."""
        east, north = self.corner_m
        to_degrees = Transformer.from_crs(self.crs, "OGC:CRS84", always_xy=True)
        box = (east + _OVERLAP_M, north, east + _SIDE_M, north + _SIDE_M - _OVERLAP_M)
        west, south, right, top = to_degrees.transform_bounds(*box)
        return west, south, right, top


def parse_tile(text: str) -> Tile:
    """The tile of an id such as ``33UUP``, ``T33UUP`` or ``MGRS-33UUP``.

    Raises:
        TileInvalid: when it is none.
    """
    match = _ID.fullmatch(text)
    if not match or not 1 <= int(match[1]) <= _ZONES:
        raise TileInvalid("the tile id is none of Sentinel-2: expected zone, band and square such as 33UUP")
    return Tile(int(match[1]), match[2], match[3] + match[4])


@lru_cache(maxsize=128)
def _reach_m(zone: int, band: str) -> tuple[float, float]:
    """Northings between which a latitude band of a zone lies, its curved rims included."""
    low = _SOUTHMOST + _BAND_DEGREES * _BANDS.index(band)
    high = low + (_LAST_BAND_DEGREES if band == _BANDS[-1] else _BAND_DEGREES)
    to_utm = Transformer.from_crs("OGC:CRS84", _utm(zone, band), always_xy=True)
    middle = 6 * zone - 183
    northings = [to_utm.transform(middle + east, latitude)[1] for east in (0, 3) for latitude in (low, high)]
    return min(northings), max(northings)


def _utm(zone: int, band: str) -> CRS:
    return CRS.from_epsg((32600 if band >= "N" else 32700) + zone)
