"""Outlines of classes: burnt back they are the map, wherever on the Earth it is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pyproj import Transformer
from rasterio.features import rasterize

from landcover.legends import get_legend
from serving.outputs import features
from serving.outputs.features import features_document
from serving.outputs.rings import from_the_west, unwrapped
from tests.serving.outputs import maps

LEGEND = maps.LEGEND


def document(grid, codes, **options):
    made = features_document(codes, grid, maps.areas(grid, codes), LEGEND, **options)
    return json.loads(json.dumps(made, allow_nan=False))


def rings_of(made):
    for feature in made["features"]:
        if feature["geometry"]:
            for polygon in feature["geometry"]["coordinates"]:
                yield from enumerate(polygon)


def signed_area(ring):
    points = np.array(ring)
    return np.sum(points[:-1, 0] * points[1:, 1] - points[1:, 0] * points[:-1, 1]) / 2


def burnt(made, grid):
    """The outlines as a raster on the grid, by an independent way back to its coordinates."""
    back = Transformer.from_crs("OGC:CRS84", grid.crs, always_xy=True)
    shapes = []
    for feature in made["features"]:
        for polygon in (feature["geometry"] or {"coordinates": []})["coordinates"]:
            rings = [np.column_stack(back.transform(*np.array(ring).T)).tolist() for ring in polygon]
            shapes.append(({"type": "Polygon", "coordinates": rings}, feature["id"]))
    return rasterize(shapes, (grid.height, grid.width), transform=grid.transform, fill=255, dtype="uint8")


def check_rfc7946(made):
    """Closed, wound by the right hand, within the world, not across the antimeridian."""
    count = 0
    for index, ring in rings_of(made):
        points = np.array(ring)
        assert ring[0] == ring[-1]
        assert len(ring) >= 4
        assert (np.abs(points[:, 0]) <= 180).all()
        assert (np.abs(points[:, 1]) <= 90).all()
        assert (signed_area(ring) > 0) == (index == 0)
        assert np.ptp(points[:, 0]) < 180
        count += 1
    return count


def test_the_map_comes_back():
    grid = maps.utm(96, 120)
    codes = maps.patches(96, 120)
    made = document(grid, codes)
    assert check_rfc7946(made) > 20
    np.testing.assert_array_equal(burnt(made, grid), codes)


def test_holes_within_holes():
    grid, codes = maps.utm(40, 40), np.full((40, 40), 1, np.uint8)
    codes[5:35, 5:35], codes[10:30, 10:30], codes[15:25, 15:25] = 2, 255, 3
    made = document(grid, codes)
    assert check_rfc7946(made) == 5
    np.testing.assert_array_equal(burnt(made, grid), codes)


def test_pixels_that_touch_at_corners():
    grid, codes = maps.utm(20, 20), np.full((20, 20), 1, np.uint8)
    codes[::2, ::2] = codes[1::2, 1::2] = 2
    made = document(grid, codes)
    check_rfc7946(made)
    np.testing.assert_array_equal(burnt(made, grid), codes)


def test_what_a_feature_says():
    grid, codes = maps.utm(30, 30), np.full((30, 30), 255, np.uint8)
    codes[:10] = 1
    made = document(grid, codes, language="fr")
    assert made["type"] == "FeatureCollection"
    assert made["quantity"] == "mapped area (pixel count)"
    assert "bias" in made["caveat"]
    assert made["generalised"] == "outlines of a map of 30 x 30 pixels; areas of all pixels"
    assert [feature["id"] for feature in made["features"]] == [1, 2, 3, 4, 5, 6, 7]
    first, second = made["features"][:2]
    assert (first["properties"]["pixels"], second["properties"]["pixels"]) == (300, 0)
    assert first["properties"]["area_km2"] == pytest.approx(0.03, rel=1e-3)
    assert second["geometry"] is None
    assert first["properties"]["title"] != document(grid, codes)["features"][0]["properties"]["title"]
    assert first["properties"]["color"] == f"#{LEGEND.by_code(1).color.removeprefix('#')}"


def test_a_map_without_any_class():
    grid = maps.utm(10, 10)
    made = document(grid, np.full((10, 10), 255, np.uint8))
    assert all(feature["geometry"] is None for feature in made["features"])


@pytest.mark.parametrize("west", [179.95, -180.05, 179.9999, 539.95])
def test_across_the_antimeridian(west):
    grid = maps.geographic(50, 100, west=west, north=10.0, size=0.001)
    codes = maps.patches(50, 100, side=10)
    made = document(grid, codes)
    check_rfc7946(made)
    found = [np.array(ring) for _, ring in rings_of(made)]
    sides = [ring[:, 0].mean() > 0 for ring in found]
    assert any(sides)
    assert not all(sides)
    total = sum(signed_area(ring) for _, ring in rings_of(made))
    assert total == pytest.approx(np.count_nonzero(codes != 255) * 1e-6, rel=1e-6)
    for feature in made["features"]:
        own = sum(signed_area(ring) for _, ring in rings_of({"features": [feature]}))
        assert own == pytest.approx(np.count_nonzero(codes == feature["id"]) * 1e-6, rel=1e-6, abs=1e-9)


def test_a_hole_across_the_antimeridian():
    grid = maps.geographic(30, 60, west=179.97, north=10.0, size=0.001)
    codes = np.full((30, 60), 1, np.uint8)
    codes[10:20, 20:40] = 255
    made = document(grid, codes)
    check_rfc7946(made)
    total = sum(signed_area(ring) for _, ring in rings_of(made))
    assert total == pytest.approx((1800 - 200) * 1e-6, rel=1e-6)


def test_a_hole_on_one_side_only():
    grid = maps.geographic(30, 60, west=179.97, north=10.0, size=0.001)
    codes = np.full((30, 60), 1, np.uint8)
    codes[10:20, 5:15] = codes[10:20, 45:55] = 255
    made = document(grid, codes)
    check_rfc7946(made)
    assert sum(signed_area(ring) for _, ring in rings_of(made)) == pytest.approx(1600e-6, rel=1e-6)


def test_utm_across_the_antimeridian():
    grid = maps.utm(60, 60, epsg=32701, x=160_000, y=8_000_000, size=1000.0)  # zone 1 south reaches west of 180
    codes = maps.patches(60, 60, side=12)
    made = document(grid, codes)
    check_rfc7946(made)
    lon = np.concatenate([np.array(ring)[:, 0] for _, ring in rings_of(made)])
    assert lon.min() < -170
    assert lon.max() > 170


def test_noise_stays_bearable(monkeypatch):
    """A map of noise would have an outline around every pixel; it is shown coarser, and says so."""
    grid = maps.utm(400, 400)
    codes = maps.patches(400, 400, side=1)
    made = document(grid, codes)
    text = json.dumps(made)
    assert len(text) < 8_000_000
    assert made["generalised"] != "outlines of a map of 400 x 400 pixels; areas of all pixels"
    assert sum(feature["properties"]["pixels"] for feature in made["features"]) == np.count_nonzero(codes != 255)
    check_rfc7946(made)
    monkeypatch.setattr(features, "MOST_EDGES", 10)
    assert len(json.dumps(document(grid, codes))) < 20_000


def test_negative_codes():
    legend = get_legend("degradation3")
    grid, codes = maps.utm(20, 20), np.zeros((20, 20), np.int16)
    codes[:5], codes[5:10], codes[10:12] = -1, 1, legend.nodata
    made = features_document(codes, grid, maps.areas(grid, codes, legend), legend)
    assert [feature["id"] for feature in made["features"]] == [-1, 0, 1]
    assert all(feature["geometry"] for feature in made["features"])
    assert made["features"][0]["properties"]["pixels"] == 100


def test_rings_without_jumps():
    ring = np.array([[179.0, 0], [-179.0, 0], [-179.0, 1], [179.0, 1]])
    np.testing.assert_allclose(unwrapped(ring)[:, 0], [179, 181, 181, 179])
    np.testing.assert_allclose(from_the_west(unwrapped(ring) + np.array([360.0, 0]))[:, 0], [179, 181, 181, 179])
    np.testing.assert_allclose(from_the_west(unwrapped(ring) - np.array([720.0, 0]))[:, 0], [179, 181, 181, 179])
