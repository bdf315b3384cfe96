"""Regional matrices: which one holds where, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from indicators.regions import NO_REGION, RegionalMatrices, RegionRows, RegionsIncomplete, UncoveredLand
from indicators.transitions import UNCCD7_TRANSITIONS, TransitionMatrix
from indicators.zones.errors import ZonesOverlap
from indicators.zones.placed import ZonesOnGrid
from landcover.errors import ConfigError, WindowError
from tests.indicators.zones.test_placed import on_pixels
from tests.scenes import utm_grid

GRID = utm_grid(200, 300)
STEPPE = UNCCD7_TRANSITIONS.edited({(2, 3): -1, (3, 2): 1}, matrix_id="steppe", version="1")
SLANT = {
    "north": shapely.Polygon([(-20, -20), (320, -20), (320, 60.4), (-20, 130.7)]),
    "south": shapely.Polygon([(-20, 130.7), (320, 60.4), (320, 150), (-20, 150)]),
}


def regions(shapes=SLANT, matrices=(UNCCD7_TRANSITIONS, STEPPE)):
    return RegionalMatrices("mali", "1", matrices, on_pixels(GRID, **shapes))


def test_each_pixel_has_the_region_with_most_of_it():
    made = regions()
    rows = RegionRows(made, GRID)
    found = np.vstack([rows.rows(start, min(start + 33, 200)) for start in range(0, 200, 33)])
    assert found.dtype == np.uint8
    placed = ZonesOnGrid(made.zones, GRID)
    north, south = (placed.shares(zone, GRID.extent) for zone in (0, 1))
    expected = np.where(north + south > 0, np.where(north >= south, 0, 1), NO_REGION)
    # Where both have half, as far as 32 bits tell, either is right.
    clear = np.abs(north - south) > 1e-5
    np.testing.assert_array_equal(found[clear], expected[clear])
    assert (found[:60] == 0).all()
    assert (found[150:] == NO_REGION).all()


def test_signs_by_region_follow_the_matrices():
    made = regions()
    signs = made.signs
    assert signs.shape == (2, 7, 7)
    assert [signs[0, 1, 2], signs[1, 1, 2]] == [1, -1]
    assert made.legend.id == "unccd7"
    assert made.names == ("north", "south")


def test_a_sliver_of_a_region_takes_the_pixel():
    made = regions({"coast": shapely.box(10, 10, 20.05, 20)}, (STEPPE,))
    row = RegionRows(made, GRID).rows(12, 13)[0]
    assert np.flatnonzero(row == 0).tolist() == list(range(10, 21))


def test_who_is_who_depends_on_matrices_and_order():
    one, other = regions(), regions(matrices=(STEPPE, UNCCD7_TRANSITIONS))
    assert one.identity.startswith("mali@1#")
    assert one.identity == regions().identity
    assert one.identity != other.identity
    assert one.to_document()["regions"][1]["matrix"]["id"] == "steppe"


def test_what_the_form_does_not_take():
    six = {f"r{i}": shapely.box(10 * i, 0, 10 * i + 10, 10) for i in range(6)}
    with pytest.raises(ConfigError, match=r"are 6 \(r0, r1, .*at most 5 regional"):
        regions(six, (STEPPE,) * 6)
    with pytest.raises(ConfigError, match=r"1 matrices for 2 regions \(north, south\)"):
        regions(matrices=(STEPPE,))
    eleven = TransitionMatrix(
        "x", "1", "worldcover", ((0,) * 11,) * 11, (("Stable",) * 11,) * 11, frozenset(), "made for this test"
    )
    with pytest.raises(ConfigError, match="legends unccd7, worldcover"):
        regions(matrices=(STEPPE, eleven))
    with pytest.raises(ZonesOverlap, match="'north' and 'south' overlap by"):
        regions({**SLANT, "south": shapely.box(-20, 100, 320, 150)})
    with pytest.raises(WindowError):
        RegionRows(regions(), GRID).rows(199, 201)


def test_matrices_by_name_of_the_polygons():
    zones = regions().zones
    made = RegionalMatrices.by_name(zones, {"south": STEPPE, "north": UNCCD7_TRANSITIONS}, regions_id="mali")
    assert made.identity == regions().identity
    with pytest.raises(ConfigError, match=r"'mali': east, south stand for .* are north, south"):
        RegionalMatrices.by_name(zones, {"north": STEPPE, "east": STEPPE}, regions_id="mali")


def test_land_without_a_matrix_is_refused_with_its_size():
    land = UncoveredLand(regions())
    land.refuse()
    land.add("Gao", 0, 0.0)
    land.refuse()
    land.add("Gao", 1200, 0.1)
    land.add("Kidal", 3, 0.0003)
    land.add("Gao", 34, 0.0034)
    with pytest.raises(RegionsIncomplete) as caught:
        land.refuse()
    assert str(caught.value) == (
        "the regions 'north', 'south' leave land without a transition matrix ('Gao': 1,234 pixels, 0.1034 km2; "
        "'Kidal': 3 pixels, 0.0003 km2); extend their polygons, which may reach over sea and borders"
    )


def test_uncovered_pixels_are_those_outside_all_regions():
    found = RegionRows(regions(), GRID).rows(140, 160)
    assert np.count_nonzero(found == NO_REGION) == 10 * GRID.width
