"""Query parameters that are not described, and words for those that are not as described."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ErrorType

from serving.api.faults import MOST, faults_of, told
from serving.processes.inputs import ClassifyInputs, DegradationInputs
from tests.serving.api.check import check_problem

LIBRARY = (
    "Input should",
    "Value error",
    "Extra inputs",
    "Field required",
    "instance of",
    "tuple",
    "dictionary",
    "String should",
    "pattern",
    "valid ",
    "Assertion",
)
"""Words of the library that checks forms."""

ROUTES = [
    ("GET", "/"),
    ("GET", "/conformance"),
    ("GET", "/processes"),
    ("GET", "/processes/classify"),
    ("POST", "/processes/classify/execution"),
    ("POST", "/classify"),
    ("POST", "/uploads"),
    ("DELETE", "/uploads/x"),
    ("GET", "/jobs"),
    ("GET", "/jobs/x"),
    ("DELETE", "/jobs/x"),
    ("GET", "/jobs/x/results/map"),
    ("GET", "/jobs/x/tiles/WebMercatorQuad/1/1/1.png"),
    ("HEAD", "/jobs/x/tiles/WebMercatorQuad/1/1/1.png"),
    ("GET", "/jobs/x/tiles/WebMercatorQuad/1/1/1.webp"),
    ("GET", "/sources/x/tiles/WebMercatorQuad/1/1/1.png"),
    ("GET", "/sources"),
    ("GET", "/models"),
    ("GET", "/models/tiny/legend"),
    ("GET", "/problems"),
    ("GET", "/api"),
    ("GET", "/v2"),
    ("GET", "/v2/models/tiny"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_is_not_described_is_refused(client, method, path):
    answer = client.request(method, path, params={"modle": "secret"})
    assert answer.status_code == 422
    if method != "HEAD":
        assert answer.json()["type"] == "/problems/invalid-request"
        assert "query.modle is not known here" in answer.json()["detail"]
        assert "secret" not in answer.text


def test_every_described_parameter_passes(client):
    """By its own name no parameter is taken for an unknown one; all addresses of the description are asked."""
    asked = 0
    for path, item in client.get("/openapi.json").json()["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and method == "get":
                    answer = client.get(path.replace("{", "").replace("}", ""), params={parameter["name"]: "1"})
                    assert "not known here" not in answer.text, (path, parameter["name"])
                    asked += 1
    assert asked > 15
    answer = client.get("/sources", params={"access_token": "stp_x"})
    assert "not known here" not in answer.text
    assert "access_token is not known here" in client.get("/jobs", params={"access_token": "stp_x"}).text
    assert client.get("/nothing", params={"x": "1"}).status_code == 404
    assert client.get("/v2/nothing", params={"x": "1"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/jobs?limit=0", "query.limit: expected at least 1"),
        ("/jobs?limit=1001", "query.limit: expected at most 1000"),
        ("/jobs?limit=x", "query.limit: expected a whole number"),
        ("/jobs?datetime=yesterday", "query.datetime: expected a time such as 2026-01-31T12:00:00Z, a date, or"),
        ("/jobs?datetime=2026-13-01", "query.datetime: expected a time such as 2026-01-31T12:00:00Z"),
        ("/jobs?status=done", "query.status.0: expected accepted, running, successful, failed or dismissed"),
        ("/models/tiny/legend?language=xx", "query.language: expected ar, en, es, fr, ru or zh"),
        ("/jobs/x/point/1e3,2", "path.lon: expected a decimal number such as -12.5"),
        ("/jobs/x/tiles/WebMercatorQuad/1_0/1/1.png", "path.z: expected a whole number, digits 0 to 9 only"),
        ("/jobs/x/tiles/WebMercatorQuad/25/1/1.png", "path.z: expected at most 24"),
    ],
)
def test_the_detail_says_what_was_expected(client, path, detail):
    answer = client.get(path)
    assert check_problem(answer, 422, "invalid-request").startswith(detail)
    assert answer.json()["errors"][0]["expected"] in answer.json()["detail"]
    assert not any(word in answer.text for word in LIBRARY)


SCENE = {"href": "https://x.example/scene.tif"}


@pytest.mark.parametrize(
    ("form", "given", "says"),
    [
        (ClassifyInputs, [], "expected a JSON object"),
        (ClassifyInputs, {"scene": SCENE, "bands": "B02"}, "bands: expected a list"),
        (ClassifyInputs, {"scene": SCENE, "bands": [1]}, "bands.0: expected a text"),
        (ClassifyInputs, {"scene": SCENE, "bands": []}, "bands: expected at least 1 entries"),
        (ClassifyInputs, {"scene": SCENE, "modle": "x"}, "modle is not known here; correct its name, or leave it out"),
        (ClassifyInputs, {"scene": {"href": 7}}, "href: expected a text"),
        (ClassifyInputs, {"scene": SCENE, "mosaic": "best"}, "mosaic: expected last, first or mean"),
        (ClassifyInputs, {"scene": SCENE, "resolution": 0}, "resolution: expected more than 0"),
        (ClassifyInputs, {"scene": SCENE, "resolution": float("inf")}, "resolution: expected a finite number"),
        (ClassifyInputs, {"scene": SCENE, "mask_clouds": "x"}, "mask_clouds: expected true or false"),
        (ClassifyInputs, {"tile": "33uuu", "datetime": "2020-01-01"}, "tile: expected a Sentinel-2 tile: its zone"),
        (ClassifyInputs, {}, "give scene, or datetime with tile or area to look for scenes"),
        (DegradationInputs, {"before": SCENE}, "give both before and after"),
    ],
)
def test_words_of_forms(form, given, says):
    with pytest.raises(ValidationError) as caught:
        form.model_validate(given)
    text = told(faults_of(caught.value.errors()))
    assert says in text
    assert not any(word in text for word in LIBRARY)


@pytest.mark.parametrize("kind", get_args(ErrorType))
def test_no_words_of_the_library_for_any_kind(kind):
    limits = dict.fromkeys(("max_length", "min_length", "gt", "ge", "lt", "le", "expected"), 1)
    (fault,) = faults_of([{"type": kind, "loc": ("a",), "msg": "Value error, a fish", "ctx": limits}])
    assert not any(word in str(fault) for word in LIBRARY)
    assert str(fault).startswith(("a: expected ", "a is "))


def test_own_words_stay_and_places_are_bounded():
    class Form(BaseModel):
        model_config = {"extra": "forbid"}

    with pytest.raises(ValidationError) as caught:
        Form.model_validate({f"{'x' * 500}{index}": 1 for index in range(30)})
    text = told(faults_of(caught.value.errors()))
    assert text.count("is not known here") == MOST
    assert text.endswith("; and 20 more")
    assert "x" * 61 not in text
    custom = PydanticCustomError("own", "expected a fish")
    assert str(faults_of([{"type": custom.type, "loc": (), "msg": custom.message()}])[0]) == "expected a fish"


@pytest.mark.parametrize("probe", ["/livez", "/readyz", "/metrics"])
def test_probes_may_add_what_they_like(client, probe):
    assert client.get(probe, params={"t": "1700000000"}).status_code == 200
