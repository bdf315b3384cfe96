"""Conformance classes OGC Process Description and JSON (18-062r2, annex A)."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from serving.processes.inputs import ClassifyInputs, DegradationInputs
from serving.processes.outputs import REPORT
from serving.processes.reportinputs import ReportInputs
from tests.serving.api.ogc import schemas
from tests.serving.api.ogc.answers import OUTPUTS
from tests.serving.api.ogc.schemas import check

FORMS = {"classify": ClassifyInputs, "degradation": DegradationInputs, "report": ReportInputs}
NEEDED = {"before", "after", "before_year", "after_year"}
"""Inputs of a report that must be there; the other processes look for scenes where none is given."""
JSON_DOCUMENTS = ["/", "/conformance", "/processes", "/processes/classify", "/jobs"]


@pytest.fixture(params=FORMS)
def described(house, request):
    """Name, form and description of a process."""
    return request.param, FORMS[request.param], house.client.get(f"/processes/{request.param}").json()


def validator(schema):
    """What checks values; the schema is one that the standard knows, and one of JSON Schema, too."""
    check(schema, schemas.SCHEMA)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_description_is_json(described):
    """/req/ogc-process-description/json-encoding"""
    check(described[2], schemas.PROCESS)


def test_inputs_are_described(described):
    """/req/ogc-process-description/inputs-def, /req/ogc-process-description/input-def"""
    process, form, document = described
    assert set(document["inputs"]) == set(form.model_fields)
    for name, told in document["inputs"].items():
        validator(told["schema"])
        assert len(told["description"]) > 3
        assert not told["description"].startswith(name), name  # more than the name once again
        assert told["title"]
        least = int(process == "report" and name in NEEDED)
        assert (told["minOccurs"], told["maxOccurs"]) == (least, 20 if name == "scene" else 1)


def test_maps_of_a_report_are_described(house):
    """By the same forms as scenes, but no STAC Item."""
    inputs = house.client.get("/processes/report").json()["inputs"]
    for name in ("before", "after", "lpd", "soc_condition"):
        raster = validator(inputs[name]["schema"])
        for value in ("SUkqAA==", {"href": "https://x.example.org/x.tif"}, {"value": "SUkq"}, {"path": "x.tif"}):
            raster.validate(value)
        for value in ({"type": "Feature", "stac_version": "1.0.0"}, {"value": {}}, 7):
            assert not raster.is_valid(value), name
    rules = validator(inputs["matrix"]["schema"])
    rules.validate({"id": "own", "signs": [[0]]})
    assert not rules.is_valid("unccd")
    year = validator(inputs["before_year"]["schema"])
    year.validate(2000)
    assert not year.is_valid(1)
    outputs = house.client.get("/processes/report").json()["outputs"]
    assert list(outputs) == [output.name for output in REPORT]
    assert outputs["page"]["schema"]["contentMediaType"] == "text/html"


def test_inputs_of_mixed_types_are_described(house):
    """/req/ogc-process-description/input-mixed-type"""
    document = house.client.get("/processes/classify").json()["inputs"]
    scene = validator(document["scene"]["schema"])
    good = [
        "SUkqAA==",
        {"href": "https://data.example.org/x.tif"},
        {"value": "SUkqAA==", "mediaType": "image/tiff"},
        {"value": {}, "mediaType": "application/geo+json", "schema": "https://schemas.stacspec.org/x.json"},
        {"path": "2020/x.tif"},
        {"type": "Feature", "stac_version": "1.0.0", "id": "x"},
    ]
    for value in good:
        scene.validate(value)
    for value in (7, {}, {"link": "x"}, ["SUkqAA=="]):
        assert not scene.is_valid(value)
    area = validator(document["area"]["schema"])
    assert document["area"]["schema"]["oneOf"][0]["format"] == "ogc-bbox"
    area.validate({"bbox": [1, 2, 3, 4]})
    area.validate({"bbox": [1, 2, 0, 3, 4, 9], "crs": "http://www.opengis.net/def/crs/OGC/0/CRS84h"})
    area.validate({"type": "Polygon", "coordinates": []})
    for box in ([1, 2, 3], [1, 2, 3, 4, 5], ["1", "2", "3", "4"], None):
        assert not area.is_valid({"bbox": box})
    tile = validator(document["tile"]["schema"])
    tile.validate("33UUU")
    assert not tile.is_valid("33uuu")


def test_titles_are_for_people(house):
    """Not the names of classes and members of the program."""
    for process in FORMS:
        inputs = house.client.get(f"/processes/{process}").json()["inputs"]
        titles = {name: told["title"] for name, told in inputs.items()}
        assert all(re.fullmatch(r"(CRS|[A-Z][a-z]*( [a-z]+)*)", title) for title in titles.values()), titles
        assert len(set(titles.values())) == len(titles)
        assert titles.get("max_cloud", "Most clouds") == "Most clouds"
        for told in inputs.values():
            assert '"title":' not in json.dumps(without_properties(told["schema"]))
    older = house.client.get("/processes/degradation").json()["inputs"]["before_datetime"]
    assert older["description"].startswith("Date of the older image")


def without_properties(schema):
    """A schema without the schemas of members, one of which is called title."""
    if isinstance(schema, list):
        return [without_properties(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    members = [without_properties(one) for one in schema.get("properties", {}).values()]
    return {key: without_properties(one) for key, one in schema.items() if key != "properties"} | {"members": members}


def test_numbers_above_a_bound(house):
    """Said in words of OpenAPI 3.0 and of JSON Schema, which differ in exclusiveMinimum."""
    schema = house.client.get("/processes/classify").json()["inputs"]["resolution"]["schema"]
    assert schema == {"type": "number", "minimum": 0, "not": {"enum": [0]}}
    resolution = validator(schema)
    resolution.validate(0.1)
    for number in (0, 0.0, -1):
        assert not resolution.is_valid(number)


def test_values_are_described_by_their_media_type(house):
    """/req/core/process-execute-input-inline-binary"""
    first = house.client.get("/processes/classify").json()["inputs"]["scene"]["schema"]["oneOf"][0]
    assert first == {
        "type": "string",
        "contentEncoding": "base64",
        "contentMediaType": "image/tiff; application=geotiff",
    }


def test_outputs_are_described(house):
    """/req/ogc-process-description/outputs-def, /req/ogc-process-description/output-def,
    /req/ogc-process-description/output-mixed-type"""
    document = house.client.get("/processes/classify").json()["outputs"]
    assert list(document) == OUTPUTS
    for told in document.values():
        validator(told["schema"])
        assert told["title"]
        assert told["description"]
    assert document["map"]["schema"]["contentMediaType"].startswith("image/tiff")
    assert document["areas"]["schema"] == {"type": "object", "contentMediaType": "application/json"}


def test_documents_are_json(house):
    """/req/json/definition"""
    job = house.begin()
    assert house.ended(job)["status"] == "successful"
    for path in (*JSON_DOCUMENTS, job, f"{job}/results"):
        answer = house.client.get(path, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), path
        assert isinstance(answer.json(), dict)
