"""Spots as GeoJSON, read back with shapely."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS, Geod

from indicators.spots import BRIGHTSPOT, HOTSPOT, find_spots, processes_of, spot_query
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.grid import Grid
from serving.outputs.areas import QUANTITY
from serving.report.spots import spots_document, write_spots

GRIDS = {
    "degrees": Grid(CRS.from_epsg(4326), Affine(0.01, 0, 100, 0, -0.01, 40), 50, 60),
    "utm": Grid(CRS.from_epsg(32648), Affine(300, 0, 300_000, 0, -300, 4_400_000), 50, 60),
    "across": Grid(CRS.from_epsg(4326), Affine(0.01, 0, 179.7, 0, -0.01, 60), 50, 60),
    "utm across": Grid(CRS.from_epsg(32601), Affine(300, 0, 256_000, 0, -300, 5_000_000), 50, 60),
    "0 to 360": Grid(CRS.from_epsg(4326), Affine(0.01, 0, 200, 0, -0.01, 60), 50, 60),
    "south up": Grid(CRS.from_epsg(4326), Affine(0.01, 0, 100, 0, 0.01, 40), 50, 60),
    "polar": Grid(CRS.from_epsg(3995), Affine(1000, 0, -30_000, 0, -1000, 900_000), 50, 60),
}


def found_on(grid, *, kind=HOTSPOT, connectivity=4, transitions=None, seed=3):
    density = 0.62 if connectivity == 4 else 0.43
    layer = np.where(np.random.default_rng(seed).random((grid.height, grid.width)) < density, -1, 0).astype(np.int16)
    layer = layer if kind == HOTSPOT else -layer
    processes = None
    if transitions is not None:
        codes = np.full(layer.shape, transitions, np.int16)
        processes = processes_of(lambda start, stop: codes[start:stop], UNCCD7_TRANSITIONS, kind)
    query = spot_query(kind, min_km2=2.0 if grid.crs.is_geographic else 0.3, most=8, connectivity=connectivity)
    return find_spots(kind, lambda start, stop: layer[start:stop], grid, query, processes=processes)


def rings_of(geometry):
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [(ring, place) for rings in polygons for place, ring in enumerate(rings)]


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("name", GRIDS)
def test_features_are_valid_and_have_the_area_they_say(name, connectivity):
    grid = GRIDS[name]
    document = spots_document(found_on(grid, connectivity=connectivity), grid)
    assert len(document["features"]) > 2
    geod = Geod(ellps="WGS84")
    for feature in document["features"]:
        polygon = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert polygon.is_valid, shapely.is_valid_reason(polygon)
        for ring, place in rings_of(feature["geometry"]):
            assert ring[0] == ring[-1]
            assert shapely.LinearRing(ring).is_ccw is (place == 0)
            assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring)
        area = abs(geod.geometry_area_perimeter(polygon)[0]) / 1e6
        assert area == pytest.approx(feature["properties"]["area_km2"], rel=2e-4)
        west, south, east, north = feature["bbox"]
        assert polygon.bounds[1] >= south - 1e-6
        assert polygon.bounds[3] <= north + 1e-6
        if west <= east:
            assert shapely.box(west - 1e-6, south - 1e-6, east + 1e-6, north + 1e-6).contains(polygon)


@pytest.mark.parametrize("name", ["across", "utm across"])
def test_what_crosses_the_antimeridian_is_cut(name):
    grid = GRIDS[name]
    largest = spots_document(found_on(grid), grid)["features"][0]
    assert largest["geometry"]["type"] == "MultiPolygon"
    west, _, east, _ = largest["bbox"]
    assert west > east
    longitudes = [lon for ring, _ in rings_of(largest["geometry"]) for lon, _ in ring]
    assert {180.0, -180.0} <= set(longitudes)


def test_around_a_pole_there_is_an_area_but_no_outline():
    grid = Grid(CRS.from_epsg(3995), Affine(100_000, 0, -1_000_000, 0, -100_000, 1_000_000), 20, 20)
    spots = find_spots(
        HOTSPOT, lambda start, stop: np.full((stop - start, 20), -1), grid, spot_query(HOTSPOT, min_km2=0)
    )
    feature = spots_document(spots, grid)["features"][0]
    assert feature["geometry"] is None
    assert feature["properties"]["pixels"] == 400


@pytest.mark.parametrize(
    ("kind", "transition", "process", "title", "table"),
    [
        (HOTSPOT, 13, "Deforestation", "Déforestation", "SO1-4.T4"),
        (BRIGHTSPOT, 21, "Afforestation", "Boisement", "SO1-4.T5"),
        (HOTSPOT, 22, None, None, "SO1-4.T4"),
    ],
)
def test_properties_are_those_of_the_reporting_tables(kind, transition, process, title, table):
    grid = GRIDS["degrees"]
    found = found_on(grid, kind=kind, transitions=transition)
    document = spots_document(found, grid, language="fr-FR")
    assert (document["kind"], document["prais_table"], document["quantity"]) == (kind, table, QUANTITY)
    assert document["left_out"]["patches"] == found.left_out.patches
    assert document["below_min_km2"]["area_km2"] == pytest.approx(found.small.area_km2, abs=1e-6)
    first = document["features"][0]["properties"]
    assert (first["process"], first["process_title"]) == (process, title)
    assert first["name"] == f"{kind.capitalize()} 1"
    assert (first["drivers"], first["actions"]) == (None, None)
    assert first["unexplained_km2"] == pytest.approx(0 if process else first["area_km2"], abs=1e-6)


def test_a_process_of_a_countrys_own_keeps_its_name():
    names = tuple(
        tuple("Mining" if cell == "Deforestation" else cell for cell in row) for row in UNCCD7_TRANSITIONS.processes
    )
    own = type(UNCCD7_TRANSITIONS)(
        id="own",
        version="1",
        legend_id="unccd7",
        signs=UNCCD7_TRANSITIONS.signs,
        processes=names,
        unlikely=frozenset(),
        citation="",
    )
    grid = GRIDS["degrees"]
    layer = np.full((50, 60), -1, np.int16)
    processes = processes_of(lambda start, stop: np.full((stop - start, 60), 13, np.int16), own, HOTSPOT)
    found = find_spots(
        HOTSPOT, lambda start, stop: layer[start:stop], grid, spot_query(HOTSPOT, min_km2=1), processes=processes
    )
    assert spots_document(found, grid, language="zh")["features"][0]["properties"]["process_title"] == "Mining"


def test_written_spots_read_the_same(tmp_path):
    grid = GRIDS["degrees"]
    document = spots_document(found_on(grid, transitions=13), grid)
    write_spots(tmp_path / "hotspots.geojson", document)
    assert json.loads((tmp_path / "hotspots.geojson").read_text(encoding="utf-8")) == document
