"""Areas to map, and the options of a map."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

from tests.service import scene_numbers, valid_of
from tests.serving.api.check import check_problem
from tests.serving.api.ogc.answers import codes_of
from tests.stacserver import polygon

MAP = {"outputs": {"map": {}}}
AREAS = {"outputs": {"areas": {}}}
VALID = valid_of(scene_numbers())


def test_a_geojson_area(house):
    west, south, east, north = 15.002, 49.647, 15.006, 49.651
    shape = polygon(west, south, east, north)
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    collection = {"type": "FeatureCollection", "features": [feature]}
    found = [
        house.ask(inputs={"scene": house.scene, "area": area}, **AREAS).json()["total"]["pixels"]
        for area in (shape, feature, collection, {"bbox": [west, south, east, north]})
    ]
    assert 0 < found[0] < VALID.size
    assert found[0] == found[1] == found[2]
    assert abs(found[3] - found[0]) < 200


@pytest.mark.parametrize(
    "coordinates",
    [
        [],
        [[[15, 49], [16, 49]]],
        [[[15, 49, "x"], [16, 49], [16, 50], [15, 49]]],
        [[[15, 49], [16, 49], [16, 50]]],
        [[[15, 49], [16, 50], [16, 49], [15, 50], [15, 49]]],
    ],
    ids=["empty", "two points", "a text", "not closed", "crossing"],
)
def test_polygons_that_are_none(house, coordinates):
    """Case 114 of the bad inputs."""
    area = {"type": "Polygon", "coordinates": coordinates}
    answer = house.ask(inputs={"scene": house.scene, "area": area}, **AREAS)
    assert answer.status_code in {422, 200}, answer.text
    if answer.status_code == 422:
        check_problem(answer, 422, answer.json()["type"].rpartition("/")[2])


def test_options_reach_the_map(house):
    named = house.ask(
        inputs={"scene": house.scene, "language": "fr", "name": "Sahel"},
        outputs={"areas": {}, "item": {}},
        response="document",
    ).json()
    assert named["areas"]["value"]["language"] == "fr"
    assert named["item"]["value"]["properties"]["title"].startswith("Sahel") or "Sahel" in json.dumps(named["item"])
    sieved = house.ask(inputs={"scene": house.scene, "min_area": "50px"}, **MAP)
    assert len(np.unique(codes_of(sieved.content))) <= 8
    finer = house.ask(inputs={"scene": house.scene, "resolution": 9}, **AREAS).json()
    assert finer["total"]["pixels"] == 101 * 79
    degrees = house.ask(inputs={"scene": house.scene, "crs": "EPSG:32632"}, **MAP)
    with rasterio.MemoryFile(degrees.content) as memory, memory.open() as dataset:
        assert dataset.crs.to_epsg() == 32632


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ({"model": "other"}, 404),
        ({"model": "tiny@9"}, 404),
        ({"model": "../x"}, 404),
        ({"model": "pair"}, 422),
        ({"crs": "EPSG:1"}, 422),
        ({"min_area": "0.5 acres"}, 422),
        ({"bands": ["B02"]}, 422),
        ({"level": "L9"}, 422),
        ({"product": "landsat"}, 422),
        ({"mask_clouds": True}, 422),
    ],
)
def test_options_that_cannot_be_met(house, inputs, status):
    answer = house.ask(inputs={"scene": house.scene, **inputs}, **AREAS)
    assert answer.status_code == status, answer.text
    check_problem(answer, status, answer.json()["type"].rpartition("/")[2])
