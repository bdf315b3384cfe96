"""A JSON body is taken strictly, as what it is declared, and no more of it than allowed."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from serving.api import problems
from serving.api.door.body import DEPTH, read_json
from tests.serving.api.check import check_problem


@pytest.fixture(scope="module")
def client():
    app = FastAPI()
    problems.install(app)

    @app.post("/wish")
    async def wish(request: Request):
        return await read_json(request, 10_000)

    with TestClient(app) as client:
        yield client


def post(client, content, declared="application/json"):
    return client.post("/wish", content=content, headers={"Content-Type": declared} if declared else {})


def test_a_body(client):
    assert post(client, b'{"model": "tiny"}').json() == {"model": "tiny"}
    assert post(client, b'{"model": "tiny"}', 'application/json; charset="UTF-8"').status_code == 200
    assert post(client, b"[" * DEPTH + b"]" * DEPTH).status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b'{"secret": 1, "secret": 2}', 400, "malformed-json"),
        (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), 400, "malformed-json"),
        (b'{"secret": ' + b"9" * 5000 + b"}", 400, "malformed-json"),
        (b'{"secret": NaN}', 422, "unusable-json"),
        (b'{"secret": ' + b"9" * 4000 + b"}", 422, "unusable-json"),
        (b'{"secret": "\\u0000"}', 422, "unusable-json"),
    ],
)
def test_a_body_that_is_refused(client, content, status, slug):
    check_problem(post(client, content), status, slug, "secret")


@pytest.mark.parametrize("declared", [None, "", "text/plain", "application/jsonp", "image/tiff", "application/xml"])
def test_a_body_that_is_declared_as_something_else(client, declared):
    check_problem(post(client, b'{"model": "tiny"}', declared), 415, "media-type")


def test_other_character_sets(client):
    check_problem(post(client, b"{}", "application/json; charset=latin1"), 400, "malformed-json")


def test_a_limit_of_its_own(client):
    check_problem(post(client, b" " * 10_001), 413, "body-too-large")
