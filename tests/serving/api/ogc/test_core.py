"""Conformance class Core: landing page, API definition, conformance, processes (18-062r2, annex A)."""

from __future__ import annotations

import pytest

from tests.serving.api.check import check_problem
from tests.serving.api.ogc import schemas
from tests.serving.api.ogc.answers import check_parameter
from tests.serving.api.ogc.schemas import check

REL = "http://www.opengis.net/def/rel/ogc/1.0/"

PROCESSES = ["classify", "degradation", "report"]


def links(document):
    return {link["rel"]: link["href"] for link in document["links"]}


def test_landing_page(house):
    """/req/core/landingpage-op, /req/core/landingpage-success"""
    answer = house.client.get("/")
    assert answer.status_code == 200
    found = links(check(answer.json(), schemas.LANDING_PAGE))
    assert {"self", "service-desc", "service-doc", f"{REL}conformance", f"{REL}processes", f"{REL}job-list"} <= set(
        found
    )
    for href in found.values():
        assert house.client.get(href).status_code == 200, href


def test_api_definition(house):
    """/req/core/api-definition-op, /req/core/api-definition-success"""
    href = links(house.client.get("/").json())["service-desc"]
    answer = house.client.get(href)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.1"
    described = answer.json()["paths"]
    for path in ("/", "/conformance", "/processes", "/processes/{process}", "/processes/{process}/execution", "/jobs"):
        assert path in described
    assert {"get", "delete"} <= set(described["/jobs/{job}"])
    assert "get" in described["/jobs/{job}/results"]


def test_conformance(house):
    """/req/core/conformance-op, /req/core/conformance-success"""
    answer = house.client.get("/conformance")
    assert answer.status_code == 200
    found = check(answer.json(), schemas.CONF_CLASSES)["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in found
    assert len(set(found)) == len(found)


def test_http_methods_and_status_codes(house):
    """/req/core/http"""
    check_problem(house.client.put("/processes"), 405, "method-not-allowed")
    check_problem(house.client.get("/processes/classify/execution"), 405, "method-not-allowed")
    check_problem(house.client.get("/nothing"), 404, "not-found")


def test_process_list(house):
    """/req/core/process-list, /req/core/process-list-success, /req/core/pl-links"""
    answer = house.client.get("/processes")
    assert answer.status_code == 200
    document = check(answer.json(), schemas.PROCESS_LIST)
    assert [process["id"] for process in document["processes"]] == PROCESSES
    assert {link["rel"] for link in document["links"]} == {"self"}  # no alternate: JSON is the only form there is
    for process in document["processes"]:
        own = links(process)
        assert house.client.get(own["self"]).json()["id"] == process["id"]
        assert own[f"{REL}execute"].endswith(f"/processes/{process['id']}/execution")


def test_process_list_limit(house):
    """/req/core/pl-limit-definition, /req/core/pl-limit-response"""
    first = house.client.get("/processes", params={"limit": 1}).json()
    assert [process["id"] for process in first["processes"]] == ["classify"]
    second = house.client.get(links(first)["next"]).json()
    assert [process["id"] for process in second["processes"]] == ["degradation"]
    last = house.client.get(links(second)["next"]).json()
    assert [process["id"] for process in last["processes"]] == ["report"]
    assert "next" not in links(last)
    for limit in ("0", "-1", "1001", "x"):
        check_problem(house.client.get("/processes", params={"limit": limit}), 422, "invalid-request")


def test_the_limit_of_processes_is_defined(house):
    """/req/core/pl-limit-definition"""
    limit = check_parameter(house, "/processes", "limit")
    assert limit["schema"].items() >= {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10}.items()


@pytest.mark.parametrize("process", PROCESSES)
def test_process_description(house, process):
    """/req/core/process, /req/core/process-success"""
    answer = house.client.get(f"/processes/{process}")
    assert answer.status_code == 200
    document = check(answer.json(), schemas.PROCESS)
    assert {"sync-execute", "async-execute", "dismiss"} == set(document["jobControlOptions"])
    assert {"value", "reference"} == set(document["outputTransmission"])


@pytest.mark.parametrize("name", ["other", "CLASSIFY", "..", "classify%20", "%00", "x" * 500])
def test_no_such_process(house, name):
    """/req/core/process-exception/no-such-process"""
    for answer in (house.client.get(f"/processes/{name}"), house.ask(process=name)):
        if name == "..":
            assert answer.status_code in {200, 404}  # the client has resolved it
            continue
        check_problem(answer, 404, "no-such-process", "x" * 65)
        assert check(answer.json(), schemas.EXCEPTION)["type"] == (
            "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-process"
        )
