"""Maps and areas of odd shapes and places: each report is made, and its areas are those of the ground."""

from __future__ import annotations

import json

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

from indicators.areas import PixelAreas
from landcover.grid import Grid
from serving.cli import main
from tests.serving.report.countries import collection, feature, raster, words, write_json

DEGREES = "EPSG:4326"
UTM = "EPSG:32633"


def report(folder, shape, transform, crs=UTM, *options, zones=None):
    """Make a report of maps of a shape: grassland that becomes cropland in every third column; answers so1.json."""
    (folder / "out").mkdir(parents=True)
    before = np.full(shape, 2, np.uint8)
    after = before.copy()
    after[:, ::3] = 1
    files = [raster(folder / f"{n}.tif", a, crs=crs, transform=transform) for n, a in (("b", before), ("a", after))]
    areas = [] if zones is None else ["--areas", write_json(folder / "zones.geojson", zones)]
    assert main(words(folder, *areas, *options, "--min-spot", "0", before=files[0], after=files[1])) == 0
    document = json.loads((folder / "out" / "report" / "so1.json").read_text(encoding="utf-8"))
    return {table["id"]: {row["key"]: row for row in table["rows"]} for table in document["tables"]}, document


def country(tables):
    return tables["CP-1.T1"]["2000"]["total_country_area_km2"]


def ground(shape, transform, crs):
    rows = PixelAreas(Grid(pyproj.CRS(crs), transform, *shape)).rows(0, shape[0])
    return float(np.broadcast_to(rows[:, None] if rows.ndim == 1 else rows, shape).sum())


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 3000), (3000, 1), (511, 3), (512, 3), (513, 3), (1025, 2)], ids=lambda s: f"{s[0]} x {s[1]}"
)
def test_shapes(tmp_path, shape, capsys):
    place = Affine(30, 0, 500_000, 0, -30, 5_500_000)
    tables, document = report(tmp_path, shape, place)
    assert country(tables) == pytest.approx(ground(shape, place, UTM), rel=1e-12)
    assert tables["SO1-1.T5"]["grassland"]["tree_covered_km2"] == pytest.approx(
        ground((shape[0], 1), place, UTM) * len(range(0, shape[1], 3)), rel=1e-3
    )
    assert document["findings"] == []
    with rasterio.open(tmp_path / "out" / "report" / "degradation.tif") as dataset:
        assert dataset.shape == shape
        values = dataset.read(1)
    assert (values[:, ::3] == 1).all()
    assert (np.delete(values, np.s_[::3], 1) == 0).all()
    assert "traceback" not in capsys.readouterr().err.lower()


def zone(name, *rings):
    coordinates = [[list(map(float, point)) for point in ring] for ring in rings]
    return feature({"type": "Polygon", "coordinates": coordinates}, name=name)


def geodesic_km2(ring):
    area, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(*zip(*ring, strict=True))
    return abs(area) / 1e6


def test_zones_smaller_than_a_pixel(tmp_path):
    """Both are in one pixel; what the tables, spots and processes count is the ground of the zones and no more."""
    place = Affine(0.5, 0, 10, 0, -0.5, 50)
    one, other = (((x, 49.7), (x + 0.05, 49.7), (x + 0.05, 49.8), (x, 49.8), (x, 49.7)) for x in (10.1, 10.2))
    tables, document = report(
        tmp_path, (4, 4), place, DEGREES, zones=collection(zone("one", one), zone("other", other), epsg=None)
    )
    exact = geodesic_km2(one) + geodesic_km2(other)
    assert country(tables) == pytest.approx(exact, rel=5e-3)  # a pixel has one area for all its parts
    assert tables["SO1-4.T5"]["1"]["area_km2"] == pytest.approx(country(tables), rel=1e-6)
    assert document["findings"] == []


def test_antimeridian_in_degrees(tmp_path):
    """Fiji's way of drawing: the grid runs on beyond 180 degrees, the polygon is cut there."""
    place = Affine(0.01, 0, 179.5, 0, -0.01, -16)
    west, east = (
        [[a, -16.2], [b, -16.2], [b, -16.4], [a, -16.4], [a, -16.2]] for a, b in ((179.7, 180.0), (-180.0, -179.8))
    )
    shape = {"type": "MultiPolygon", "coordinates": [[west], [east]]}
    tables, document = report(
        tmp_path, (60, 100), place, DEGREES, zones=collection(feature(shape, name="Fiji"), epsg=None)
    )
    exact = ground((20, 50), Affine(0.01, 0, 179.7, 0, -0.01, -16.2), DEGREES)
    assert country(tables) == pytest.approx(exact, rel=1e-6)
    assert document["findings"] == []
    check_geojson(tmp_path)
    box = json.loads((tmp_path / "out" / "report" / "item.json").read_text())["bbox"]
    assert box[0] == pytest.approx(179.7, abs=0.02)
    assert box[2] == pytest.approx(-179.8, abs=0.02)


def test_antimeridian_on_a_projected_grid(tmp_path):
    """UTM zone 60 south, across its eastern border, with a polygon in degrees that runs on beyond 180."""
    x, y = pyproj.Transformer.from_crs(DEGREES, "EPSG:32760", always_xy=True).transform(179.9, -16.2)
    place = Affine(500, 0, round(x), 0, -500, round(y))
    ring = [[179.95, -16.25], [180.1, -16.25], [180.1, -16.4], [179.95, -16.4], [179.95, -16.25]]
    tables, document = report(tmp_path, (80, 80), place, "EPSG:32760", zones=collection(zone("Fiji", ring), epsg=None))
    exact = geodesic_km2(ring)
    assert country(tables) == pytest.approx(exact, rel=1e-4)
    assert document["findings"] == []
    check_geojson(tmp_path)


@pytest.mark.parametrize("crs", ["EPSG:3031", "EPSG:3413"])
def test_polar_grids(tmp_path, crs):
    """The pole is in the middle of the map."""
    place = Affine(5000, 0, -100_000, 0, -5000, 100_000)
    tables, document = report(tmp_path, (40, 40), place, crs)
    assert country(tables) == pytest.approx(ground((40, 40), place, crs), rel=1e-9)
    corners = [(-1, 1), (1, 1), (1, -1), (-1, -1)]
    to_degrees = pyproj.Transformer.from_crs(crs, "ESRI:102020" if crs == "EPSG:3031" else "EPSG:3571", always_xy=True)
    sides = shapely.segmentize(shapely.Polygon([(1e5 * x, 1e5 * y) for x, y in corners]), 1000)
    equal = shapely.transform(sides, lambda xy: np.column_stack(to_degrees.transform(*xy.T)))
    assert country(tables) == pytest.approx(equal.area / 1e6, rel=1e-3)
    assert document["findings"] == []
    check_geojson(tmp_path)


def check_geojson(folder):
    for kind in ("hotspots", "brightspots"):
        document = json.loads((folder / "out" / "report" / f"{kind}.geojson").read_text(encoding="utf-8"))
        for each in document["features"]:
            shape = shapely.geometry.shape(each["geometry"])
            assert shape.is_valid
            west, south, east, north = shape.bounds
            assert -180 <= west <= east <= 180
            assert -90 <= south <= north <= 90
