"""Conformance class Core: execution, job status and results (18-062r2, annex A)."""

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
    assert answer.headers["location"].endswith(f"/jobs/{status['jobID']}")
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
        {**house.scene, "type": "image/tiff"},
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
    for area in ({"bbox": BOX}, {"bbox": BOX, "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}):
        answer = house.ask(inputs={"scene": house.scene, "area": area}, outputs={"areas": {}})
        assert answer.status_code == 200, answer.text
        assert 0 < answer.json()["total"]["pixels"] < VALID.size


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


def test_job_status(house, done):
    """/req/core/job, /req/core/job-success"""
    answer = house.client.get(done)
    assert answer.status_code == 200
    status = check(answer.json(), schemas.STATUS_INFO)
    assert (status["status"], status["progress"], status["processID"]) == ("successful", 100, "classify")
    assert status["created"] <= status["started"] <= status["finished"] <= status["updated"]
    rel = "http://www.opengis.net/def/rel/ogc/1.0/results"
    assert [link["href"] for link in status["links"] if link["rel"] == rel] == [f"{done}/results"]


NO_JOBS = ["00000000-0000-4000-8000-000000000000", "1", "..%2F..", "%00", "x" * 300, "\u0661"]


@pytest.mark.parametrize("name", NO_JOBS)
def test_no_such_job(house, name):
    """/req/core/job-exception-no-such-job, /req/core/job-results-exception/no-such-job; case 120"""
    for path in (f"/jobs/{name}", f"/jobs/{name}/results", f"/jobs/{name}/results/map"):
        if "%2F" in path:
            assert house.client.get(path).status_code == 404
            continue
        answer = house.client.get(path)
        check_problem(answer, 404, "no-such-job", "xxxx")
        assert check(answer.json(), schemas.EXCEPTION)["type"] == (
            "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job"
        )


def test_results_that_are_not_ready(idle):
    """/req/core/job-results-exception/results-not-ready"""
    job = idle.begin()
    for path in (f"{job}/results", f"{job}/results/areas"):
        answer = idle.client.get(path)
        check_problem(answer, 404, "result-not-ready")
        assert answer.json()["type"] == (
            "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/result-not-ready"
        )
    idle.client.delete(job)


def test_results_of_a_failed_job(house, failed):
    """/req/core/job-results-failed; case 122"""
    status = check(house.client.get(failed).json(), schemas.STATUS_INFO)
    answer = house.client.get(f"{failed}/results")
    detail = check_problem(answer, 422, "band-mapping")
    check(answer.json(), schemas.EXCEPTION)
    assert status["message"]
    assert "the input bands" in detail
    check_problem(house.client.get(f"{failed}/results/areas"), 404, "result-not-ready")


def test_results_of_a_synchronous_execution(house):
    """/req/core/job-results, /req/core/job-results-success-sync"""
    answer = house.ask(outputs={"areas": {}})
    job = links_of(answer)["monitor"][0]
    again = house.client.get(f"{job}/results")
    assert (again.status_code, again.json()) == (200, answer.json())


def test_results_raw_one(house):
    """/req/core/job-results-async-raw-value-one"""
    job = house.begin(outputs={"areas": {}})
    house.ended(job)
    answer = house.client.get(f"{job}/results")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["total"]["pixels"] == VALID.size


def test_results_raw_several(house, done):
    """/req/core/job-results-async-raw-value-multi"""
    parts = parts_of(house.client.get(f"{done}/results"))
    np.testing.assert_array_equal(codes_of(parts["map"][1]) != 255, VALID)
    assert json.loads(parts["areas"][1])["total"]["pixels"] == VALID.size


def test_results_raw_by_reference(house):
    """/req/core/job-results-async-raw-ref"""
    job = house.begin(outputs={"map": {"transmissionMode": "reference"}})
    house.ended(job)
    answer = house.client.get(f"{job}/results")
    assert answer.status_code == 204
    assert links_of(answer)["map"][0] == f"{job}/results/map"


def test_results_raw_mixed(house):
    """/req/core/job-results-async-raw-mixed-multi"""
    job = house.begin(outputs={"map": {"transmissionMode": "reference"}, "areas": {}})
    house.ended(job)
    parts = parts_of(house.client.get(f"{job}/results"))
    assert parts["map"][0]["Content-Location"] == f"{job}/results/map"


def test_results_as_a_document(house):
    """/req/core/job-results-async-document"""
    job = house.begin(outputs={"areas": {}, "item": {"transmissionMode": "reference"}}, response="document")
    house.ended(job)
    document = check(house.client.get(f"{job}/results").json(), schemas.RESULTS)
    assert document["item"]["href"] == f"{job}/results/item"


def test_one_output_and_parts_of_it(house, done):
    whole = house.client.get(f"{done}/results/map")
    assert (whole.status_code, whole.headers["content-type"]) == (200, FORMS["map"])
    assert whole.headers["steppe-model"] == "tiny@0.1.0"
    part = house.client.get(f"{done}/results/map", headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.content) == (206, whole.content[:100])
    again = house.client.get(f"{done}/results/map", headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code in {200, 304}
    for name in ("preview", "cake", "%00", "..%5C..%5Cmap"):
        check_problem(house.client.get(f"{done}/results/{name}"), 404, "no-such-output", "cake")


def test_progress_with_a_message(house, held):
    job = house.begin()
    assert held.began.wait(20)
    deadline = time.monotonic() + 10
    while (status := house.client.get(job).json())["progress"] == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (status["status"], status["progress"]) == ("running", 32)
    assert status["message"] == "1 of 4 rows of windows are mapped"
    held.go_on.set()
    assert house.ended(job)["status"] == "failed"
    check_problem(house.client.get(f"{job}/results"), 500, "internal")


def test_addresses_are_those_that_clients_see(idle):
    """Behind a proxy the service has another name."""
    idle.client.app.state.settings = idle.settings.model_copy(update={"public_url": "https://maps.example.org/steppe/"})
    try:
        job = idle.begin()
        assert job.startswith("https://maps.example.org/steppe/jobs/")
        own = f"/jobs/{job.rpartition('/')[2]}"
        links = idle.client.get(own).json()["links"]
        assert [link["href"] for link in links] == [job]
        listed = idle.client.get("/jobs", params={"limit": 1, "status": "accepted"}).json()["links"]
        assert listed[0]["href"] == "https://maps.example.org/steppe/jobs?limit=1&status=accepted"
        idle.client.delete(own)
    finally:
        idle.client.app.state.settings = idle.settings
