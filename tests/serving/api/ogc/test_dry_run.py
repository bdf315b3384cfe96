"""What a dry run says of a request."""

from __future__ import annotations

import base64

import pytest

from tests.bundles import BANDS
from tests.rasters import write_tiff
from tests.scenes import smooth_numbers
from tests.service import left_in
from tests.serving.api.check import check_problem
from tests.serving.badscenes import BAD_SCENES
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
        check_alike(house, inputs, 404 if "model" in inputs else 422)
    check_problem(house.ask(params={"dry_run": "perhaps"}), 422, "invalid-request")


def check_alike(house, inputs, status=422, **asked):
    """That a dry run is refused as an execution is, and leaves nothing; returns the detail."""
    before = left_in(house.settings.state / "uploads")
    dry = house.ask(inputs=inputs, params={"dry_run": "true"}, **asked)
    assert left_in(house.settings.state / "uploads") == before
    assert left_in(house.settings.scratch) == []
    wet = house.ask(inputs=inputs, **asked)
    assert (dry.status_code, dry.json()) == (wet.status_code, wet.json())
    assert dry.status_code == status
    return dry.json()["detail"]


# That all of it is no data is seen in its pixels alone.
@pytest.mark.parametrize("bad", [bad for bad in BAD_SCENES if bad.slug != "no-valid-data"], ids=str)
def test_scenes_are_looked_at_as_by_an_execution(house, tmp_path, bad):
    bad.make(tmp_path / "bad.tif")
    inputs = {"scene": base64.b64encode((tmp_path / "bad.tif").read_bytes()).decode(), **bad.options}
    if "bands" in bad.options:
        inputs["bands"] = bad.options["bands"].split(",")
    detail = check_alike(house, inputs, bad.status)
    assert "--" not in detail


def elsewhere(house):
    return {"scene": house.scene, "area": {"bbox": [1.0, 1.0, 1.1, 1.1]}}


NOT_POSSIBLE = {
    "an area beside the scene": elsewhere,
    "a model of two dates": lambda house: {"scene": house.scene, "model": "pair"},
    "a CRS that is none": lambda house: {"scene": house.scene, "crs": "EPSG:0"},
    "a coarse grid": lambda house: {"scene": house.scene, "resolution": 1000},
    "no mask band": lambda house: {"scene": house.scene, "mask_clouds": True},
    "a patch of no size": lambda house: {"scene": house.scene, "min_area": "many"},
    "another product": lambda house: {"scene": house.scene, "product": "nothing"},
    "the scene twice": lambda house: {"scene": [house.scene, house.scene]},
}


@pytest.mark.parametrize("asked", NOT_POSSIBLE.values(), ids=list(NOT_POSSIBLE))
def test_what_is_asked_for_is_tried(house, asked):
    detail = check_alike(house, asked(house))
    assert "--" not in detail


def test_both_images_are_looked_at(house, tmp_path):
    hrefs = []
    for seed, date in ((1, "2016-03-01T10:20:30Z"), (2, "2018-04-02")):
        tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0", "datetime": date}
        path = write_tiff(tmp_path / "date.tif", smooth_numbers(70, 90, seed=seed), names=BANDS, nodata=0, tags=tags)
        hrefs.append(house.upload(path.read_bytes()))
    older, younger = hrefs
    for inputs, slug in (
        ({"before": younger, "after": older}, "dates"),
        ({"before": older, "after": older}, "same-image"),
        ({"before": older, "after": younger, "model": "tiny"}, "degradation-model"),
    ):
        detail = check_alike(house, inputs, process="degradation")
        answer = house.ask(process="degradation", inputs=inputs, params={"dry_run": "true"})
        assert answer.json()["type"] == f"/problems/{slug}"
        assert "BEFORE" not in detail
        # The type has an address that explains it.
        assert house.client.get(answer.json()["type"]).json()["status"] == 422
    good = house.ask(process="degradation", inputs={"before": older, "after": younger}, params={"dry_run": "true"})
    assert good.status_code == 200, good.text
    assert good.json()["cost"]["pixels"] == 6300


def test_a_misspelt_dry_run_is_none(house):
    before = house.client.get("/jobs?limit=1000").json()["jobs"]
    answer = house.ask(params={"dryrun": "true"})
    assert "query.dryrun" in check_problem(answer, 422, "invalid-request")
    assert house.client.get("/jobs?limit=1000").json()["jobs"] == before
