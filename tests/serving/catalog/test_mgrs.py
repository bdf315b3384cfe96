"""Tiles of Sentinel-2 by their id."""

from __future__ import annotations

import pytest
from pyproj import Transformer

from serving.catalog.errors import TileInvalid
from serving.catalog.mgrs import parse_tile

KNOWN = {
    # id: EPSG code, then a point within the tile (easting, northing), from names and grids of published products
    "33UUP": (32633, 350_000, 5_350_000),
    "43RCP": (32643, 336_000, 3_370_000),
    "60HWB": (32760, 564_000, 5_689_000),
    "48QUE": (32648, 368_000, 1_981_000),
    "50TMK": (32650, 450_000, 4_450_000),
    "32TQM": (32632, 750_000, 4_650_000),
}


@pytest.mark.parametrize("text", KNOWN)
def test_known_tiles(text):
    epsg, east, north = KNOWN[text]
    tile = parse_tile(text)
    x, y = tile.corner_m
    assert tile.crs.to_epsg() == epsg
    assert x <= east <= x + 100_000
    assert y <= north <= y + 100_000
    west, south, right, top = tile.core
    lon, lat = Transformer.from_crs(epsg, "OGC:CRS84", always_xy=True).transform(east, north)
    assert west <= lon <= right
    assert south <= lat <= top


@pytest.mark.parametrize("text", ["1CCV", "01CCV", "T01CCV", "MGRS-1CCV", "MGRS-01CCV"])
def test_spellings_of_one_tile(text):
    assert str(parse_tile(text)) == "01CCV"


@pytest.mark.parametrize(
    "text",
    ["", "33UU", "33UUPP", "33uup", "00UUP", "61UUP", "70UUP", "33AUP", "33IUP", "33YUP", "33UIP", "33UUO", "33UAP",
     "33UUW", "31NAV", " 33UUP", "33UUP\n", "33UUP;", "../33UUP", "\u0663\u0663UUP", "T", "MGRS-"],
)  # fmt: skip
def test_what_is_no_tile(text):
    with pytest.raises(TileInvalid):
        parse_tile(text)


def test_every_tile_that_exists_lies_in_its_band():
    """Each square of a zone and band has its middle within reach of the band: 8 degrees, and what a square adds."""
    for zone, band, south in (("31", "N", 0), ("32", "M", -8), ("33", "U", 48), ("60", "C", -80), ("1", "X", 72)):
        rows = set()
        for column in "DMV":  # one of them is in each zone
            for row in "ABCDEFGHJKLMNPQRSTUV":
                try:
                    tile = parse_tile(f"{zone}{band}{column}{row}")
                except TileInvalid:
                    continue
                rows.add(row)
                _, low, _, high = tile.core
                assert south - 1.2 <= low < high <= south + (12 if band == "X" else 8) + 2.2
        assert len(rows) in ({14, 15} if band == "X" else {9, 10, 11})


def test_a_core_at_the_antimeridian_runs_across_it():
    west, _, east, _ = parse_tile("01CCV").core
    assert west > east
