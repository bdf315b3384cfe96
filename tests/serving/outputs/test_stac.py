"""The Item against the STAC core schemas that pystac brings, and against the rules of the extensions."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pystac
import pytest
from affine import Affine
from pyproj import CRS
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from landcover.errors import ConfigError, DataError
from landcover.grid import Grid
from landcover.legends import get_legend
from landcover.seams import SeamScore
from landcover.sensors import Radiometry
from serving.outputs.stac import EXTENSIONS, AssetFile, Product, product_item
from tests.serving.outputs import maps

GRID = maps.utm(64, 80)
CODES = maps.patches(64, 80)
DIGEST = hashlib.sha256(b"map").hexdigest()
CREATED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def product(**changes):
    files = {kind: AssetFile(f"./{kind}", 123, DIGEST) for kind in ("map", "confidence", "quicklook", "areas", "style")}
    base = Product(
        identifier="scene-1",
        grid=GRID,
        legend=maps.LEGEND,
        created=CREATED,
        software_version="0.1.0",
        model_name="demo",
        model_version="0.2.0",
        model_sha256="a" * 64,
        input_digest="b" * 64,
        radiometry=Radiometry(0.0001, -0.1),
        files=files,
        inputs=("https://example.org/scene.tif",),
        areas=maps.areas(GRID, CODES),
        acquired="2020-07-01T10:20:30Z",
        attribution="Contains modified Copernicus Sentinel data 2020",
    )
    return dataclasses.replace(base, **changes)


def valid_item(**changes):
    item = json.loads(json.dumps(product_item(product(**changes)), allow_nan=False))
    JsonSchemaSTACValidator().validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
    return item


def test_core():
    item = valid_item()
    assert item["stac_version"] == "1.1.0"
    assert item["id"] == "scene-1"
    assert item["stac_extensions"] == list(EXTENSIONS)
    assert pystac.Item.from_dict(item).datetime == datetime(2020, 7, 1, 10, 20, 30, tzinfo=UTC)


def test_antimeridian():
    item = valid_item(grid=maps.geographic(100, 200, west=179.5, size=0.01))
    assert item["geometry"]["type"] == "MultiPolygon"
    assert item["bbox"][0] > item["bbox"][2]


def test_projection():
    properties = valid_item()["properties"]
    assert properties["proj:code"] == "EPSG:32636"
    assert properties["proj:shape"] == [64, 80]
    assert properties["proj:transform"] == [10, 0, 500_000, 0, -10, 4_000_000]
    assert properties["gsd"] == pytest.approx(10, abs=0.01)


def test_projection_without_a_code():
    custom = CRS.from_proj4("+proj=laea +lat_0=10 +lon_0=12 +ellps=WGS84 +type=crs")
    properties = valid_item(grid=Grid(custom, Affine(10, 0, 0, 0, -10, 0), 8, 8))["properties"]
    assert properties["proj:code"] is None
    assert CRS.from_json_dict(properties["proj:projjson"]) == custom


def test_provenance():
    item = valid_item()
    properties = item["properties"]
    assert properties["processing:level"] == "L4"
    assert properties["processing:software"] == {"steppe": "0.1.0"}
    assert properties["processing:expression"] == {"format": "stac-mlm", "expression": "demo@0.2.0"}
    assert properties["steppe:model_sha256"] == "a" * 64
    assert properties["steppe:input_sha256"] == "b" * 64
    assert properties["steppe:radiometry"] == {"scale": 0.0001, "offset": -0.1}
    assert properties["created"] == "2026-03-01T12:30:00Z"
    assert "Copernicus" in properties["steppe:attribution"]
    assert [(link["rel"], link["href"]) for link in item["links"]] == [
        ("derived_from", "https://example.org/scene.tif")
    ]


def test_how_far_windows_agreed_is_said_where_it_was_counted():
    assert "steppe:seams" not in valid_item()["properties"]
    seams = valid_item(seams=SeamScore(pixels=8000, different=20))["properties"]["steppe:seams"]
    assert seams == {"share": 0.0025, "shared_pixels": 8000, "different_pixels": 20}
    assert valid_item(seams=SeamScore())["properties"]["steppe:seams"]["share"] is None


def test_assets():
    assets = valid_item()["assets"]
    assert assets["map"]["type"] == "image/tiff; application=geotiff; profile=cloud-optimized"
    assert assets["quicklook"]["type"] == "image/png"
    assert assets["areas"]["type"] == "application/json"
    for kind, asset in assets.items():
        assert asset["href"] == f"./{kind}"
        assert asset["roles"]
        assert asset["file:size"] == 123
        assert asset["file:checksum"] == "1220" + DIGEST
    (band,) = assets["map"]["bands"]
    assert (band["data_type"], band["nodata"], band["raster:sampling"]) == ("uint8", 255, "area")
    assert assets["confidence"]["bands"][0]["unit"] == "%"


def test_classes():
    classes = valid_item()["assets"]["map"]["classification:classes"]
    assert [entry["value"] for entry in classes] == [*maps.LEGEND.codes, 255]
    assert classes[0]["color_hint"] == maps.LEGEND.classes[0].color[1:]
    assert classes[-1]["nodata"] is True
    assert sum(entry["count"] for entry in classes) == CODES.size
    assert all("count" not in entry for entry in valid_item(areas=None)["assets"]["map"]["classification:classes"])


def test_maps_with_negative_codes_are_int16_with_nodata_of_their_own():
    assets = valid_item(legend=get_legend("degradation3"), areas=None)["assets"]
    band, classes = assets["map"]["bands"][0], assets["map"]["classification:classes"]
    assert (band["data_type"], band["nodata"]) == ("int16", -32768)
    assert [entry["value"] for entry in classes] == [-1, 0, 1, -32768]
    assert (assets["confidence"]["bands"][0]["data_type"], assets["confidence"]["bands"][0]["nodata"]) == ("uint8", 255)


def test_a_date_stands_for_its_day():
    properties = valid_item(acquired="2020-07-01")["properties"]
    assert properties["datetime"] == properties["start_datetime"] == "2020-07-01T00:00:00Z"
    assert properties["end_datetime"] == "2020-07-01T23:59:59Z"
    assert properties["steppe:datetime_source"] == "acquisition"


def test_a_period_has_no_nominal_time():
    properties = valid_item(acquired=None, period=("2020-01-01", "2020-12-31"))["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2020-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2020-12-31T23:59:59Z"


def test_unknown_time_is_the_creation_and_says_so():
    properties = valid_item(acquired=None)["properties"]
    assert properties["datetime"] == "2026-03-01T12:30:00Z"
    assert properties["steppe:datetime_source"] == "created"
    assert "start_datetime" not in properties


def test_times_are_utc():
    moscow = CREATED.astimezone(timezone(timedelta(hours=3)))
    properties = valid_item(created=moscow, acquired="2020-07-01T13:20:30+03:00")["properties"]
    assert properties["created"] == "2026-03-01T12:30:00Z"
    assert properties["datetime"] == "2020-07-01T10:20:30Z"
    assert valid_item(acquired="2020-07-01T10:20:30")["properties"]["datetime"] == "2020-07-01T10:20:30Z"


def test_refusals():
    with pytest.raises(DataError, match="RFC 3339"):
        product_item(product(acquired="1 July 2020"))
    with pytest.raises(ConfigError, match="SHA-256"):
        AssetFile("map.tif", 1, "ABC")
    with pytest.raises(ConfigError, match="expected 'map'"):
        product(files={"areas": AssetFile("areas.json", 1, DIGEST)})
    with pytest.raises(ConfigError, match="expected 'map'"):
        product(files={"map": AssetFile("m", 1, DIGEST), "other": AssetFile("o", 1, DIGEST)})
    with pytest.raises(ConfigError, match="time zone"):
        product(created=CREATED.replace(tzinfo=None))
