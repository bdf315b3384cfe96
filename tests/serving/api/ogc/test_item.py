"""The STAC Item of a result."""

from __future__ import annotations

import hashlib
import json

from tests.serving.api.ogc.answers import parts_of


def test_an_item_leads_to_its_files(house):
    """By whatever way it is handed out; the map is there because all others are made of it."""
    job = house.begin(outputs={"item": {}, "preview": {}})
    house.ended(job)
    made = house.client.get(f"{job}/results/item").json()
    assert made["links"][0]["href"] == f"{job}/results/item"
    assert [link["href"] for link in made["links"] if link["rel"] == "derived_from"] == ["upload.tif"]
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
