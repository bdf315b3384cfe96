"""Vector files of every kind that is read, and of kinds that are not."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import shapely
from pyproj import CRS

from landcover.errors import AreaInvalid, ConfigError, NoCrs
from landcover.raster import vectors
from landcover.raster.vectors import read_layer
from tests.indicators.zones.files import write_vectors, zipped

SQUARES = [shapely.box(5e5, 5.4e6, 5.01e5, 5.401e6), shapely.box(5.01e5, 5.4e6, 5.02e5, 5.401e6)]
RING = shapely.Polygon(shapely.box(0, 0, 9, 9).exterior, [shapely.box(2, 2, 4, 4).exterior])


@pytest.fixture
def gpkg(tmp_path):
    return write_vectors(tmp_path / "a.gpkg", SQUARES, layer="districts", name=["Gao", "Мопти"], code=[1, 2])


def test_a_geopackage(gpkg):
    layer = read_layer(gpkg)
    assert layer.crs == CRS.from_epsg(32633)
    assert [dict(feature.properties) for feature in layer.features] == [
        {"name": "Gao", "code": 1},
        {"name": "Мопти", "code": 2},
    ]
    assert len(layer.sha256) == 64
    for feature, square in zip(layer.features, SQUARES, strict=True):
        assert shapely.Polygon(feature.polygons[0][0]).equals(square)


@pytest.mark.parametrize("pack", [lambda path: path, zipped, lambda path: zipped(path, folder="in/ner/")])
def test_a_shapefile(tmp_path, pack):
    path = write_vectors(tmp_path / "land.shp", [RING], crs="EPSG:4326", name=["Gao"])
    layer = read_layer(pack(path))
    assert layer.crs.is_geographic
    assert layer.features[0].properties["name"] == "Gao"
    outer, hole = layer.features[0].polygons[0]
    assert shapely.Polygon(outer, [hole]).equals(RING)
    assert read_layer(path, layer="land").name == "land.shp"
    with pytest.raises(ConfigError, match="no layer 'sea'; it has land"):
        read_layer(pack(path), layer="sea")


def test_the_digest_of_a_shapefile_is_of_all_its_files(tmp_path):
    path = write_vectors(tmp_path / "land.shp", [RING], crs="EPSG:4326", name=["Gao"])
    before = read_layer(path).sha256
    (tmp_path / "land.prj").write_text(CRS.from_epsg(4267).to_wkt("WKT1_ESRI"))
    assert read_layer(path).sha256 != before


def test_geojson_is_read_without_ogr(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyogrio", None)
    path = tmp_path / "a.json"
    feature = {"type": "Feature", "properties": {"name": "Gao"}, "geometry": shapely.geometry.mapping(RING)}
    path.write_text(" \ufeff"[1:] + json.dumps({"type": "FeatureCollection", "features": [feature]}))
    layer = read_layer(path)
    assert layer.fields == ("name",)
    assert len(layer.features[0].polygons[0]) == 2


def test_layers(tmp_path, gpkg):
    write_vectors(gpkg, SQUARES[:1], layer="lakes", append=True, name=["Faguibine"])
    assert read_layer(gpkg, layer="lakes").features[0].properties["name"] == "Faguibine"
    with pytest.raises(ConfigError, match="2 layers of polygons: choose one of districts, lakes"):
        read_layer(gpkg)
    with pytest.raises(ConfigError, match="no layer 'x'; it has districts, lakes"):
        read_layer(gpkg, layer="x")
    write_vectors(tmp_path / "sea.shp", [RING], crs="EPSG:4326", name=["S"])
    with zipfile.ZipFile(zipped(write_vectors(tmp_path / "land.shp", [RING], crs="EPSG:4326", name=["L"])), "a") as one:
        for part in tmp_path.glob("sea.*"):
            one.write(part, part.name)
    with pytest.raises(ConfigError, match="choose one of land, sea"):
        read_layer(tmp_path / "land.zip")
    assert read_layer(tmp_path / "land.zip", layer="sea").features[0].properties["name"] == "S"


def test_missing_values_and_geometries(tmp_path):
    path = write_vectors(
        tmp_path / "a.gpkg", [SQUARES[0], None, shapely.Polygon()], name=["a", None, "c"], number=[1.0, np.nan, 2.0]
    )
    layer = read_layer(path)
    assert layer.features[1].properties == {"name": None, "number": None}
    assert [len(feature.polygons) for feature in layer.features] == [1, 0, 0]


def test_polygons_across_the_date_line_run_on(tmp_path):
    shape = shapely.Polygon([(179, -17), (-179, -17), (-179, -16), (179, -16)])
    (ring,) = (
        read_layer(write_vectors(tmp_path / "f.gpkg", [shape], crs="EPSG:4326", name=["F"])).features[0].polygons[0]
    )
    assert np.ptp(ring[:, 0]) == 2


@pytest.mark.parametrize("crs", [None, "ENGCRS"])
def test_without_a_crs_nothing_is_guessed(tmp_path, crs):
    text = 'LOCAL_CS["Undefined Cartesian SRS",UNIT["metre",1]]' if crs else None
    path = write_vectors(tmp_path / "a.gpkg", SQUARES, crs=text, name=["a", "b"])
    with pytest.raises(NoCrs, match="has no coordinate reference system; assign"):
        read_layer(path)


def test_a_shapefile_without_its_prj(tmp_path):
    path = write_vectors(tmp_path / "a.shp", [RING], crs="EPSG:4326", name=["a"])
    path.with_suffix(".prj").unlink()
    with pytest.raises(NoCrs):
        read_layer(path)


def test_metres_that_are_called_degrees(tmp_path):
    with pytest.raises(AreaInvalid, match="no longitude and latitude; metres want their CRS"):
        read_layer(write_vectors(tmp_path / "a.gpkg", SQUARES, crs="EPSG:4326", name=["a", "b"]))


@pytest.mark.parametrize("shape", [shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)])])
def test_what_is_no_polygon(tmp_path, shape):
    path = write_vectors(tmp_path / "a.gpkg", [SQUARES[0], shape], name=["a", "b"])
    with pytest.raises(AreaInvalid, match=f"1 features of the kind {shape.geom_type}; expected polygons"):
        read_layer(path)


def test_no_end_of_numbers(tmp_path):
    shape = shapely.Polygon([(0, 0), (1, 0), (np.inf, 1)])
    with pytest.raises(AreaInvalid, match="no number"):
        read_layer(write_vectors(tmp_path / "a.gpkg", [shape], name=["a"]))


def test_limits(tmp_path, monkeypatch, gpkg):
    monkeypatch.setattr(vectors, "MAX_POINTS", 9)
    with pytest.raises(AreaInvalid, match="10 points, at most 9"):
        read_layer(gpkg)
    monkeypatch.setattr(vectors, "_MAX_FEATURES", 1)
    with pytest.raises(AreaInvalid, match="2 features, at most 1"):
        read_layer(gpkg)
    land = zipped(write_vectors(tmp_path / "land.shp", [RING] * 20, crs="EPSG:4326", name=["long name" * 9] * 20))
    monkeypatch.setattr(vectors, "_MAX_BYTES", land.stat().st_size + 10)
    with pytest.raises(AreaInvalid, match="unpacks to more than"):
        read_layer(land)
    monkeypatch.setattr(vectors, "_MAX_BYTES", 1000)
    with pytest.raises(AreaInvalid, match="more than 0 MB"):
        read_layer(gpkg)


OTHERS = {
    "nothing": b"",
    "text": b"name,wkt\nGao,POLYGON((0 0,1 0,1 1,0 0))",
    "an OGR VRT": b"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc</SrcDataSource></OGRVRTLayer>",
    "a database that is no GeoPackage": b"SQLite format 3\x00" + bytes(200),
    "KML": b"<?xml version='1.0'?><kml></kml>",
    "zip of something else": None,
    "damaged zip": b"PK\x03\x04" + bytes(100),
    "damaged GeoPackage": b"SQLite format 3\x00".ljust(68, b"\x01") + b"GPKG" + bytes(500),
    "damaged shapes": b"\x00\x00\x27\x0a" + bytes(20),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_files(tmp_path, what):
    path = tmp_path / ("a.shp" if "shapes" in what else "a.gpkg")
    if OTHERS[what] is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.vrt", "<OGRVRTDataSource/>")
    else:
        path.write_bytes(OTHERS[what])
    with pytest.raises(AreaInvalid, match=r"expected a GeoPackage, a Shapefile .* or GeoJSON") as caught:
        read_layer(path)
    assert str(tmp_path) not in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    for name in ("none.gpkg", "a\0b", ""):
        with pytest.raises(AreaInvalid, match="cannot be read") as caught:
            read_layer(tmp_path / name)
        assert str(tmp_path) not in str(caught.value)


def test_a_name_that_looks_like_a_command_of_gdal(tmp_path, gpkg):
    odd = tmp_path / "a}b{c &?.gpkg"
    gpkg.rename(odd)
    assert len(read_layer(odd).features) == 2
    land = zipped(write_vectors(tmp_path / "land.shp", [RING], crs="EPSG:4326", name=["a"]))
    odd = tmp_path / "a b &.zip"
    land.rename(odd)
    assert len(read_layer(odd).features) == 1
