"""The Item of a report against the STAC core schemas that pystac brings, and against what it is made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import datetime

import pystac
import pytest
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError
from serving.outputs.stac import EXTENSIONS, AssetFile
from serving.report.item import ReportFile, report_item
from serving.report.page.data import Assumption
from serving.report.styles import degradation_legend, transitions_legend
from tests.serving.report.page import country

NAMES = (
    "report.html",
    "report.xlsx",
    "SO1-1.T7.csv",
    "summary.json",
    "hotspots.geojson",
    "land_cover_initial.png",
    "degradation.png",
    "degradation.qml",
    "transitions.qml",
)


def digest(name):
    return hashlib.sha256(name.encode()).hexdigest()


def files():
    rasters = {
        "degradation.tif": degradation_legend("fr"),
        "transitions.tif": transitions_legend(UNCCD7_TRANSITIONS, "fr"),
    }
    found = [ReportFile(name, AssetFile(f"./{name}", 7, digest(name)), name) for name in NAMES]
    return [
        *(ReportFile(name, AssetFile(f"./{name}", 99, digest(name)), name, legend) for name, legend in rasters.items()),
        *found,
    ]


def valid_item(data=None, **changes):
    given = {"identifier": "altan-uls-2019", "grid": country.GRID, "files": files(), "language": "fr", **changes}
    item = json.loads(json.dumps(report_item(data or country.page_data(), **given), allow_nan=False))
    JsonSchemaSTACValidator().validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
    return item


def test_core():
    item = valid_item()
    assert item["stac_version"] == "1.1.0"
    assert item["stac_extensions"] == list(EXTENSIONS)
    properties = item["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2015-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2019-12-31T23:59:59Z"
    assert properties["proj:code"] == "EPSG:4326"
    assert item["bbox"] == [88.0, 32.0, 119.2, 50.0]
    assert pystac.Item.from_dict(item).id == "altan-uls-2019"


def test_every_file_is_an_asset():
    assets = valid_item()["assets"]
    assert len(assets) == len(files())
    for file in files():
        asset = assets[file.key]
        assert asset["href"] == f"./{file.name}"
        assert asset["file:checksum"] == "1220" + digest(file.name)
        assert asset["file:size"] == file.file.size
        assert asset["roles"]
    assert assets["degradation"]["type"].endswith("profile=cloud-optimized")
    assert assets["report-xlsx"]["type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert assets["hotspots-geojson"]["type"] == "application/geo+json"
    assert assets["degradation-qml"]["roles"] == ["style"]


def test_classes_of_the_rasters():
    assets = valid_item()["assets"]
    classes = assets["degradation"]["classification:classes"]
    assert [(entry["value"], entry.get("color_hint")) for entry in classes] == [
        (-1, "9B2779"),
        (0, "FFFFE0"),
        (1, "006500"),
        (-32768, None),
    ]
    assert classes[0]["title"] == "Dégradée"
    assert classes[-1]["nodata"] is True
    assert assets["degradation"]["bands"][0]["data_type"] == "int16"
    assert len(assets["transitions"]["classification:classes"]) == 7 + 42 + 1


def test_headline_and_rules():
    data = country.page_data()
    properties = valid_item()["properties"]
    headline = properties["steppe:headline"]
    assert headline["quantity"] == "mapped area (pixel count)"
    assert headline["degraded_km2"] == data.headline.degraded
    assert headline["degraded_percent"] == pytest.approx(100 * data.headline.degraded / data.land_km2)
    assert headline["estimates"]["degraded"]["margin95_km2"] == data.headline.estimates[-1].margin_km2
    for name in ("legend", "crosswalk", "matrix", "lpd_table", "periods", "nodata_policy"):
        assert set(properties[f"steppe:{name}"]) == {"id", "version", "sha256"}
    assert properties["steppe:nodata_policy"]["id"] == "strict"
    assert [caveat["slug"] for caveat in properties["steppe:caveats"]] == ["two-versions", "accuracy-unknown"]


def test_no_sample_no_estimate():
    item = valid_item(country.cover_only(headline=dataclasses.replace(country.page_data().headline, estimates={})))
    assert "estimate" not in json.dumps(item)


def test_two_rules_of_one_name_are_a_list():
    twice = tuple(Assumption("crosswalk", f"map-{i}", "1", digest(str(i))) for i in (1, 2))
    crosswalks = valid_item(country.page_data(assumptions=twice))["properties"]["steppe:crosswalk"]
    assert [entry["id"] for entry in crosswalks] == ["map-1", "map-2"]


def test_inputs_with_an_address_are_links():
    links = [link for link in valid_item()["links"] if link["rel"] == "derived_from"]
    assert [link["href"] for link in links] == ["https://example.org/data/lpd_2019.tif"]
    assert len(valid_item()["properties"]["steppe:inputs"]) == 4


def test_refusals():
    with pytest.raises(ConfigError, match="expected one of the endings"):
        ReportFile("notes.exe", AssetFile("./notes.exe", 1, digest("x")), "x")
    same = [ReportFile("a.csv", AssetFile("./a.csv", 1, digest("x")), "x")] * 2
    with pytest.raises(ConfigError, match="two files of the report are the asset 'a-csv'"):
        valid_item(files=same)
    naive = country.page_data(created=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake
    with pytest.raises(ConfigError, match="time zone"):
        valid_item(naive)
