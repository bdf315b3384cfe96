"""The areas as JSON and in the terminal."""

from __future__ import annotations

import dataclasses
import io
import json
import math

import pytest
from pyproj import CRS
from rich.console import Console

from indicators.areas import AreaTable, ClassArea
from landcover.errors import ConfigError
from serving.outputs.areas import areas_document, areas_table, crs_text, km2_digits
from tests.serving.outputs import maps

GRID = maps.utm(90, 120)
TABLE = maps.areas(GRID, maps.patches(90, 120))


def document(table=TABLE, **options):
    return areas_document(table, GRID.crs, model_name="demo", model_version="0.1.0", **options)


def test_document_says_what_and_from_what():
    entry = json.loads(json.dumps(document()))
    assert entry["quantity"] == "mapped area (pixel count)"
    assert entry["unit"] == "km2"
    assert entry["model"] == {"name": "demo", "version": "0.1.0"}
    assert entry["legend"] == {"id": "unccd7", "version": TABLE.legend_version}
    assert entry["crs"] == "EPSG:32636"
    assert "geodesic" in entry["method"]
    assert [row["code"] for row in entry["classes"]] == [1, 2, 3, 4, 5, 6, 7]
    assert entry["nodata"]["code"] == 255


def test_only_the_caveat_speaks_of_estimation():
    entry = {key: value for key, value in document().items() if key != "caveat"}
    assert "estimat" not in json.dumps(entry).lower()


def test_totals_are_rounded_sums_of_unrounded_parts():
    third = 1 / 3 * 1e-6
    rows = tuple(ClassArea(i, f"class{i}", f"Class {i}", 1, third, 100 / 3) for i in (1, 2, 3))
    table = AreaTable(
        legend_id="unccd7",
        legend_version="1",
        rows=rows,
        nodata_code=255,
        nodata_pixels=0,
        nodata_area_km2=0,
        method="",
    )
    entry = document(table)
    assert sum(row["area_km2"] for row in entry["classes"]) == 0
    assert entry["valid"]["area_km2"] == entry["total"]["area_km2"] == 1e-6


def test_document_agrees_with_the_table():
    entry = document()
    assert math.fsum(row["area_km2"] for row in entry["classes"]) == pytest.approx(TABLE.valid_area_km2, abs=7e-6)
    assert entry["total"]["pixels"] == 90 * 120
    assert entry["total"]["area_km2"] == pytest.approx(
        entry["valid"]["area_km2"] + entry["nodata"]["area_km2"], abs=2e-6
    )


def test_languages():
    assert document(language="fr")["classes"][0]["title"] == "Zones arborées"
    assert document(language="zh-Hans")["nodata"]["title"] == "无数据"
    with pytest.raises(ConfigError, match="language"):
        document(language="de")


def test_own_legend_keeps_its_titles():
    own = dataclasses.replace(TABLE, legend_id="my-country")
    assert document(own, language="fr")["classes"][0]["title"] == TABLE.rows[0].title


def test_crs_without_a_code_is_written_out():
    custom = CRS.from_proj4("+proj=laea +lat_0=10 +lon_0=12 +ellps=WGS84 +type=crs")
    assert "Lambert Azimuthal Equal Area" in crs_text(custom)


def test_terminal_table():
    screen = io.StringIO()
    Console(file=screen, width=100, color_system=None).print(areas_table(TABLE, heading="scene", language="es"))
    text = screen.getvalue()
    assert "scene" in text
    assert "Áreas arboladas" in text
    assert "Sin datos" in text
    assert f"{TABLE.total_area_km2:.4f}" in text
    assert "pixel count" in text


def test_at_least_two_decimals():
    assert [km2_digits(area) for area in (0.0, 0.1, 1.0, 99.0, 100.0, 1e6)] == [2, 6, 4, 4, 2, 2]
