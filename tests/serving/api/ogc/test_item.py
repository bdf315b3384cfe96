"""The STAC Item of a result."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from PIL import Image

from tests.serving.api.check import check_problem
from tests.serving.api.ogc.answers import parts_of


def test_an_item_leads_to_its_files(house):
    """By whatever way it is handed out; the map is there because all others are made of it."""
    job = house.begin(outputs={"item": {}, "preview": {}})
    house.ended(job)
    made = house.client.get(f"{job}/results/item").json()
    assert made["links"][0]["href"] == f"{job}/results/item"
    assert [link["rel"] for link in made["links"]] == ["self"]  # nobody can fetch an upload
    assert made["properties"]["steppe:inputs"] == ["upload.tif"]
    assert set(made["assets"]) == {"map", "style", "quicklook"}
    for asset in made["assets"].values():
        answer = house.client.get(asset["href"])
        assert answer.status_code == 200, asset
        assert answer.headers["content-type"] == asset["type"]
        assert len(answer.content) == asset["file:size"]
        assert hashlib.sha256(answer.content).hexdigest() == asset["file:checksum"].removeprefix("1220")
    inline = house.ask(outputs={"item": {}}, response="document").json()["item"]["value"]
    assert house.client.get(inline["assets"]["map"]["href"]).status_code == 200
    part = parts_of(house.ask(outputs={"item": {}, "areas": {}}))["item"][1]
    assert house.client.get(json.loads(part)["assets"]["map"]["href"]).status_code == 200


def test_two_maps_of_one_scene_are_two_items(house):
    """An id is one of a kind in a catalogue, says what the map is of, and stays."""
    jobs = [house.begin(outputs={"item": {}}, inputs={"scene": house.scene, "name": "two words"}) for _ in range(2)]
    for job in jobs:
        house.ended(job)
    ids = [house.client.get(f"{job}/results/item").json()["id"] for job in jobs]
    digits = [job.rpartition("/")[2].replace("-", "")[:12] for job in jobs]
    assert ids == [f"two-words-tiny-0.1.0-{each}" for each in digits]
    assert ids[0] != ids[1]
    assert house.client.get(f"{jobs[0]}/results/item").json()["id"] == ids[0]


@pytest.mark.parametrize(
    ("title", "shown", "begins"),
    [("steppe 2020.tif", "Land cover of steppe 2020", "steppe-2020-"), (None, "Land cover, 2020-06-01", "scene-")],
)
def test_what_an_upload_is_called(house, title, shown, begins):
    scene = house.scene | ({} if title is None else {"title": title})
    parts = parts_of(house.ask(outputs={"item": {}, "preview": {}}, inputs={"scene": scene}))
    item = json.loads(parts["item"][1])
    assert (item["properties"]["title"], item["id"].startswith(begins)) == (shown, True)
    with Image.open(io.BytesIO(parts["preview"][1])) as picture:
        assert picture.info["Title"] == shown.partition(",")[0]


@pytest.mark.parametrize("name", ["../../x", "a\\b", "a/b", "x\u0007", "\u202egnp.exe", "a\nb", "\u2066x", " ", ""])
def test_names_that_are_more_than_names_are_refused(house, name):
    answer = house.ask(outputs={"item": {}}, inputs={"scene": house.scene, "name": name})
    check_problem(answer, 422, "inputs")


@pytest.mark.parametrize("name", ["Wien, Mai 2020", "\u0646\u0642\u0634\u0647\u200c\u0647\u0627", "草原", "A & B (1)"])
def test_names_of_all_languages_are_taken(house, name):
    answer = house.ask(outputs={"item": {}}, inputs={"scene": house.scene, "name": f" {name} "})
    assert answer.json()["properties"]["title"] == f"Land cover of {name}"
    assert not set(" /()&,") & set(answer.json()["id"])
