"""Scenes that are looked for, by tile or area and time."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from tests.bundles import BANDS
from tests.crew import service
from tests.serving.api.check import check_problem
from tests.serving.api.ogc.answers import codes_of
from tests.serving.api.ogc.conftest import House, furnish
from tests.serving.api.ogc.earth import Earth
from tests.stacserver import polygon, static_catalogue, write_catalogue

MAP = {"outputs": {"map": {}}}
AREAS = {"outputs": {"areas": {}}}


def test_by_tile_and_dates(outside, earth):
    """The clearest scene of the time; its Item is where the map says it comes from."""
    earth.add("S2A_33UVR_20240611_0_L2A", "2024-06-11", cloud=60)
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01", cloud=2)
    earth.add("S2A_33UVR_20240901_0_L2A", "2024-09-01", cloud=0)
    inputs = {"tile": "33UVR", "datetime": "2024-06-01/2024-07-31"}
    told = outside.ask(inputs=inputs, params={"dry_run": "true"}).json()
    assert [scene["id"] for scene in told["scenes"]] == ["S2A_33UVR_20240601_0_L2A"]
    assert told["cost"] == {"pixels": 6300, "exact": True, "megapixels": 0.006}
    job = outside.begin(inputs=inputs, outputs={"map": {}, "item": {}})
    status = outside.ended(job)
    assert status["status"] == "successful", status
    made = outside.client.get(f"{job}/results/item").json()
    assert made["properties"]["title"] == "Land cover of S2A_33UVR_20240601_0_L2A"
    assert [link["href"] for link in made["links"] if link["rel"] == "derived_from"] == [
        earth.data.url("/items/S2A_33UVR_20240601_0_L2A.json")
    ]
    assert made["properties"]["datetime"].startswith("2024-06-01T10:06:21")


def test_by_area_and_dates(outside, earth):
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01")
    west, south, east, north = 15.002, 49.647, 15.006, 49.651
    for area in ({"bbox": [west, south, east, north]}, polygon(west, south, east, north)):
        answer = outside.ask(inputs={"area": area, "datetime": "2024-06-01"}, **AREAS)
        assert answer.status_code == 200, answer.text
        assert 0 < answer.json()["total"]["pixels"] < 6300


def test_several_scenes_of_a_search_are_one_map(outside, earth):
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01", cloud=1)
    earth.add("S2A_33UVR_20240611_0_L2A", "2024-06-11", cloud=2, shift=40)
    inputs = {"tile": "33UVR", "datetime": "2024-06-01/2024-06-30", "max_scenes": 2}
    answer = outside.ask(inputs=inputs, **AREAS)
    assert answer.status_code == 200, answer.text
    assert answer.json()["nodata"]["pixels"] == 0


@pytest.mark.parametrize(
    ("inputs", "status", "slug"),
    [
        ({"tile": "33UVR", "datetime": "2020-01-01"}, 422, "no-scenes"),
        ({"tile": "33UVR", "datetime": "2024-06-30/2024-06-01"}, 422, "datetime"),
        ({"tile": "33UVR", "datetime": "yesterday"}, 422, "datetime"),
        ({"tile": "33UVR", "datetime": "1990-01-01/2020-01-01"}, 422, "datetime"),
        ({"tile": "33UVR", "datetime": "2024-06-01/.."}, 422, "datetime"),
        ({"area": {"bbox": [-170, -80, 170, 80]}, "datetime": "2024-06-01"}, 413, "area-too-large"),
        ({"area": {"bbox": [15, 49.7, 15.1, 49.6]}, "datetime": "2024-06-01"}, 422, "area"),
    ],
)
def test_searches_that_find_nothing(outside, earth, inputs, status, slug):
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01")
    check_problem(outside.ask(inputs=inputs), status, slug)


def test_a_catalogue_in_a_folder(tmp_path, readers, world, plain):
    """Its files are opened where they lie, and stay."""
    earth = Earth(world, tmp_path)
    made = earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01")
    keys = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir"}
    catalogue = write_catalogue(tmp_path / "catalogue", static_catalogue([made]))
    place = next(catalogue.rglob(f"{made['id']}.json"))
    for band in BANDS:
        shutil.copy(tmp_path / f"{made['id']}_{band}.tif", place.parent / f"{band}.tif")
        made["assets"][keys[band]]["href"] = f"./{band}.tif"
    place.write_text(json.dumps(made))
    settings, body = furnish(
        tmp_path / "service" if (tmp_path / "service").mkdir() is None else tmp_path, stac_catalog=str(catalogue)
    )
    with service(settings, readers) as client:
        house = House(client, settings, body)
        answer = house.ask(inputs={"tile": "33UVR", "datetime": "2024-06-01"}, **MAP)
        assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(codes_of(answer.content), plain)
    assert (place.parent / "B02.tif").is_file()


def test_without_a_catalogue(idle):
    check_problem(idle.ask(inputs={"tile": "33UVR", "datetime": "2024-06-01"}), 422, "no-catalogue")
