"""What a dry run says of a request."""

from __future__ import annotations

import base64

from tests.service import left_in
from tests.serving.api.check import check_problem
from tests.stacserver import polygon


def test_a_dry_run_says_cost_and_limits(house):
    before = left_in(house.settings.state / "uploads"), house.client.get("/jobs?limit=1000").json()["jobs"]
    text = base64.b64encode(house.body).decode()
    answer = house.ask(inputs={"scene": text}, params={"dry_run": "true"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json()
    assert (told["process"], told["model"]) == ("classify", "tiny@0.1.0")
    assert told["cost"] == {"pixels": 6300, "exact": True, "megapixels": 0.006}
    assert told["limits"] == {
        "max_pixels": house.settings.max_pixels,
        "pixels_per_minute": None,
        "max_jobs": house.settings.max_jobs_per_key,
        "jobs_waiting": 0,
        "pixels_waiting": 0,
    }
    assert told["scenes"] == [{"width": 90, "height": 70, "bands": 4, "dtype": "uint16"}]
    assert told["warnings"] == []
    assert (left_in(house.settings.state / "uploads"), house.client.get("/jobs?limit=1000").json()["jobs"]) == before
    area = {"type": "Polygon", "coordinates": polygon(15.002, 49.647, 15.004, 49.649)["coordinates"]}
    told = house.ask(inputs={"scene": house.scene, "area": area}, params={"dry_run": "true"}).json()
    assert 0 < told["cost"]["pixels"] < 6300
    assert told["cost"]["exact"] is False


def test_a_dry_run_refuses_what_an_execution_refuses(house):
    for inputs in ({"scene": house.scene, "model": "other"}, {"scene": {"path": "../x"}}, {}):
        dry = house.ask(inputs=inputs, params={"dry_run": "true"})
        wet = house.ask(inputs=inputs)
        assert (dry.status_code, dry.json()) == (wet.status_code, wet.json())
    check_problem(house.ask(params={"dry_run": "perhaps"}), 422, "invalid-request")
