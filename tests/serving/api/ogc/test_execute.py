"""Conformance class Core: execution (18-062r2, annex A)."""

from __future__ import annotations

import base64
import json
import time

import numpy as np
import pytest

from tests.service import scene_numbers, valid_of, write_scene
from tests.serving.api.check import check_problem
from tests.serving.api.ogc import schemas
from tests.serving.api.ogc.answers import FORMS, OUTPUTS, codes_of, links_of, parts_of
from tests.serving.api.ogc.schemas import check

BOX = [15.0, 49.64, 15.005, 49.65]
"""Longitude and latitude of a part of the scene."""

VALID = valid_of(scene_numbers())


def test_execution_is_synchronous_unless_asked_otherwise(house):
    """/req/core/process-execute-op, /req/core/process-execute-request,
    /req/core/process-execute-default-execution-mode"""
    answer = house.ask(outputs={"areas": {}})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert "preference-applied" not in answer.headers
    assert answer.json()["total"]["pixels"] == VALID.size


def test_respond_async(house):
    """/req/core/process-execute-auto-execution-mode, /req/core/process-execute-success-async"""
    answer = house.ask(outputs={"areas": {}}, prefer="respond-async")
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "respond-async"
    status = check(answer.json(), schemas.STATUS_INFO)
    assert status["status"] == "accepted"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"].endswith(f"/jobs/{status['jobID']}")
    assert {link["rel"]: link["href"] for link in status["links"]}["monitor"] == answer.headers["location"]
    assert house.ended(answer.headers["location"])["status"] == "successful"


@pytest.mark.parametrize("prefer", ["respond-async, wait=10", "RESPOND-ASYNC;x=1, wait=10", "wait=10, respond-async"])
def test_respond_async_after_a_wait(house, prefer):
    answer = house.ask(outputs={"areas": {}}, prefer=prefer)
    assert (answer.status_code, answer.json()["total"]["pixels"]) == (200, VALID.size)


def test_a_wait_that_is_too_short(idle):
    began = time.monotonic()
    answer = idle.ask(outputs={"areas": {}}, prefer="respond-async, wait=1")
    assert 0.9 < time.monotonic() - began < 5
    assert (answer.status_code, answer.headers["preference-applied"]) == (201, "respond-async, wait=1")
    idle.client.delete(answer.headers["location"])


@pytest.mark.parametrize("prefer", ["wait=0", "respond-asynchronously", 'return="minimal"', "respond-async=", ",,;"])
def test_other_preferences_do_not_count(idle, prefer):
    answer = idle.ask(outputs={"areas": {}}, prefer=prefer)
    if prefer == "respond-async=":  # an empty value is none (RFC 7240, section 2)
        assert answer.status_code == 201
        idle.client.delete(answer.headers["location"])
        return
    check_problem(answer, 504, "took-too-long")


def test_what_took_too_long_is_dismissed(idle):
    before = idle.client.get("/jobs").json()["jobs"]
    detail = check_problem(idle.ask(outputs={"areas": {}}), 504, "took-too-long")
    assert "respond-async" in detail
    assert idle.client.get("/jobs").json()["jobs"] == before


def test_all_outputs_by_default(house):
    """/req/core/process-execute-default-outputs, /req/core/process-execute-sync-raw-value-multi"""
    answer = house.ask()
    assert answer.status_code == 200
    parts = parts_of(answer)
    assert list(parts) == OUTPUTS
    np.testing.assert_array_equal(codes_of(parts["map"][1]) != 255, VALID)
    assert json.loads(parts["item"][1])["type"] == "Feature"
    assert parts["preview"][1].startswith(b"\x89PNG")
    for name, kind in FORMS.items():
        assert parts[name][0].get_content_type() == kind.partition(";")[0]


def test_several_outputs_raw(house):
    """/req/core/process-execute-sync-raw-value-multi"""
    answer = house.ask(outputs={"areas": {}, "map": {}})
    parts = parts_of(answer)
    assert list(parts) == ["areas", "map"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert json.loads(parts["areas"][1])["total"]["pixels"] == VALID.size


@pytest.mark.parametrize("name", FORMS)
def test_one_output_raw(house, name):
    """/req/core/process-execute-sync-raw-value-one"""
    answer = house.ask(outputs={name: {"transmissionMode": "value"}})
    assert (answer.status_code, answer.headers["content-type"]) == (200, FORMS[name])
    assert links_of(answer)["monitor"][1] == "application/json"


def test_outputs_raw_by_reference(house):
    """/req/core/process-execute-sync-raw-ref"""
    answer = house.ask(outputs={name: {"transmissionMode": "reference"} for name in ("map", "areas")})
    assert (answer.status_code, answer.content) == (204, b"")
    found = links_of(answer)
    assert {"map", "areas", "monitor"} == set(found)
    codes = codes_of(house.client.get(found["map"][0]).content)
    np.testing.assert_array_equal(codes != 255, VALID)
    assert house.client.get(found["areas"][0]).json()["total"]["pixels"] == VALID.size
    assert house.client.get(found["monitor"][0]).json()["status"] == "successful"


def test_outputs_raw_mixed(house):
    """/req/core/process-execute-sync-raw-mixed-multi"""
    parts = parts_of(house.ask(outputs={"map": {"transmissionMode": "reference"}, "areas": {}}))
    part, content = parts["map"]
    assert content.strip() == b""
    np.testing.assert_array_equal(codes_of(house.client.get(part["Content-Location"]).content) != 255, VALID)
    assert json.loads(parts["areas"][1])["total"]["pixels"] == VALID.size


def test_outputs_as_a_document(house):
    """/req/core/process-execute-sync-document"""
    modes = {"map": "value", "areas": "value", "features": "reference"}
    outputs = {name: {"transmissionMode": mode} for name, mode in modes.items()}
    answer = house.ask(outputs=outputs, response="document")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document = check(answer.json(), schemas.RESULTS)
    assert list(document) == list(outputs)
    found = document["map"]
    assert (found["encoding"], found["mediaType"]) == ("base64", FORMS["map"])
    np.testing.assert_array_equal(codes_of(base64.b64decode(found["value"])) != 255, VALID)
    assert document["areas"]["value"]["total"]["pixels"] == VALID.size
    assert house.client.get(document["features"]["href"]).json()["type"] == "FeatureCollection"


def test_large_outputs_are_links_unless_asked_for_by_value(house, monkeypatch):
    monkeypatch.setattr("serving.api.ogc.results.INLINE_BYTES", 100)
    outputs = {"map": {}, "areas": {"transmissionMode": "value"}}
    document = check(house.ask(outputs=outputs, response="document").json(), schemas.RESULTS)
    assert set(document["map"]) == {"href", "type", "title"}
    assert "value" in document["areas"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/png", "image/png"),
        ("image/tiff", FORMS["map"]),
        ("image/*", FORMS["map"]),
        ("application/json", "application/json"),
        ("application/geo+json", "application/geo+json"),
        ("*/*", "multipart/related"),
        ("multipart/related, application/json;q=0.1", "multipart/related"),
    ],
)
def test_the_output_by_the_accept_header(house, accept, kind):
    answer = house.ask(headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(kind)
    if kind == FORMS["map"]:
        np.testing.assert_array_equal(codes_of(answer.content) != 255, VALID)
        assert codes_of(answer.content).max() == 255
        assert set(np.unique(codes_of(answer.content))) <= {*range(1, 8), 255}
    if kind == "application/geo+json":
        assert answer.json()["type"] == "FeatureCollection"


def test_none_of_the_outputs_is_acceptable(house):
    check_problem(house.ask(headers={"Accept": "text/html"}), 406, "not-acceptable")


def test_inputs_inline_and_by_reference(house):
    """/req/core/process-execute-inputs, /req/core/process-execute-input-inline-binary,
    /req/core/process-execute-input-inline-object, /req/core/process-execute-input-mixed-type"""
    text = base64.b64encode(house.body).decode()
    by_value = [
        text,
        {"value": text},
        {"value": text, "mediaType": "image/tiff; application=geotiff", "encoding": "base64"},
        house.scene,
        {"value": text, "mediaType": "image/tiff", "schema": "https://example.org/geotiff.json"},
        {**house.scene, "type": "image/tiff"},
        {**house.scene, "rel": "item", "hreflang": "en", "title": "A scene"},
    ]
    answers = [house.ask(inputs={"scene": scene}, outputs={"map": {}}).content for scene in by_value]
    for answer in answers:
        np.testing.assert_array_equal(codes_of(answer), codes_of(answers[0]))
    uploads = [path for path in (house.settings.state / "uploads").rglob("*") if path.is_file()]
    for path in (house.settings.state / "uploads").rglob("*"):
        assert not path.name.endswith(".part")
    assert len(uploads) >= 1


def test_an_input_that_comes_several_times(house, tmp_path):
    """/req/core/process-execute-input-array"""
    east = np.roll(scene_numbers(), 7, axis=2)
    other = write_scene(tmp_path / "other.tif", east).read_bytes()
    answer = house.ask(inputs={"scene": [house.scene, house.upload(other)]}, outputs={"map": {}})
    assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(codes_of(answer.content) != 255, VALID | valid_of(east))
    names = list(parts_of(house.ask(inputs={"scene": [house.scene, house.upload(other)]})))
    assert names == [name for name in OUTPUTS if name != "quality"]  # the quality map is one scene's


def test_a_bounding_box(house):
    """/req/core/process-execute-input-inline-bbox"""
    west, south, east, north = BOX
    high = [west, south, -10, east, north, 900.5]
    boxes = [
        {"bbox": BOX},
        {"bbox": BOX, "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"},
        {"bbox": high, "crs": "http://www.opengis.net/def/crs/OGC/0/CRS84h"},
    ]
    found = []
    for area in boxes:
        answer = house.ask(inputs={"scene": house.scene, "area": area}, outputs={"areas": {}})
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["total"]["pixels"])
    assert 0 < found[0] < VALID.size
    assert set(found) == {found[0]}


def test_inputs_are_checked(house):
    """/req/core/process-execute-input-validation"""
    scene = house.scene
    wrong = {
        "nothing": {},
        "a number": {"scene": 7},
        "none": {"scene": []},
        "21 scenes": {"scene": [scene] * 21},
        "null": {"scene": None},
        "an unknown member": {"scene": scene, "modle": "tiny"},
        "an unknown member of a scene": {"scene": scene | {"bands": "B02"}},
        "a scene of no kind": {"scene": {"file": "x"}},
        "both ways": {"scene": scene, "tile": "33UUU", "datetime": "2020-01-01/2020-02-01"},
        "no place": {"datetime": "2020-01-01/2020-02-01"},
        "no tile": {"tile": "99ZZZ", "datetime": "2020-01-01"},
        "no language": {"scene": scene, "language": "de"},
        "three numbers": {"scene": scene, "area": {"bbox": [1, 2, 3]}},
        "five numbers": {"scene": scene, "area": {"bbox": [1, 2, 3, 4, 5]}},
        "heights that are none": {"scene": scene, "area": {"bbox": [1, 2, "x", 3, 4, True]}},
        "a point": {"scene": scene, "area": {"type": "Point", "coordinates": [1, 2]}},
        "clouds": {"datetime": "2020-01-01", "tile": "33UUU", "max_cloud": 101},
        "mosaic": {"scene": scene, "mosaic": "best"},
    }
    for name, inputs in wrong.items():
        detail = check_problem(house.ask(inputs=inputs), 422, "inputs", "tiny", "99ZZZ")
        assert detail.startswith("the request is not as described"), name
    assert "scene.0" in check_problem(house.ask(inputs=wrong["a number"]), 422, "inputs")


def test_the_request_is_checked(house):
    for members in ({"mode": "sync"}, {"response": "raws"}, {"outputs": {"map": {"transmissionMode": "mail"}}}):
        check_problem(house.ask(**members), 422, "inputs")
    check_problem(house.ask(outputs={"cake": {}}), 422, "inputs", "cake")
    check_problem(house.ask(outputs={}), 422, "inputs")
    check_problem(house.ask(outputs={"map": {"format": {"mediaType": "image/png"}}}), 422, "inputs")
    assert house.ask(outputs={"areas": {"format": {"mediaType": "application/json"}}}).status_code == 200


@pytest.mark.parametrize(
    "box", [[15.0, 49.65, 15.005, 49.64], [15.0, 49.64, 15.0, 49.65], [500, 49.64, 501, 49.65], [2, 3, 2.1, 3.1]]
)
def test_boxes_that_cannot_be_mapped(house, box):
    """Case 113 of the bad inputs."""
    answer = house.ask(inputs={"scene": house.scene, "area": {"bbox": box}})
    assert check_problem(answer, 422, "area").startswith("the ")
