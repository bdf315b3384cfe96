"""Strict JSON: a document means one thing, or is refused."""

from __future__ import annotations

import json

import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.api import problems
from serving.api.door.body import Body, Name, json_body, read_body
from serving.api.door.strictjson import DEPTH, parse_json
from serving.api.refusals import MalformedJson, UnusableJson
from tests.serving.api.check import check_problem

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.booleans())
def test_good_documents_are_read_as_they_are(document, plain):
    assert parse_json(json.dumps(document, ensure_ascii=plain).encode()) == document


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"[1,]",
        b"'a'",
        b'"\x01"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "\\u0062": 2}}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1),
        b"9" * 5000,
        b"[" * 500_000,
        b'"' + b"\\" * 900_001,
    ],
    ids=range(19),
)
def test_malformed(content):
    with pytest.raises(MalformedJson):
        parse_json(content)


@pytest.mark.parametrize(
    "content",
    [b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"-1e999", b"9" * 4000, b"1" * 21,
     b'"\\ud800"', b'{"\\udc00": 1}', b'["\\u0000"]', b'{"a": {"b": ["x", "\\ud83d"]}}'],
)  # fmt: skip
def test_unusable(content):
    with pytest.raises(UnusableJson):
        parse_json(content)


def test_what_only_looks_bad():
    assert parse_json(b"[" * DEPTH + b"]" * DEPTH) is not None
    assert parse_json(b'"' + b"[" * 1000 + b'"') == "[" * 1000
    assert parse_json(b'["\\"[", ' + b"[]," * 1000 + b"1]")
    assert parse_json(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"
    assert parse_json(b'"\\\\u0000"') == "\\u0000"
    assert parse_json(b"1" * 18) == int("1" * 18)


class Wish(Body):
    """A body."""

    model: Name
    threshold: float = 0.5


@pytest.fixture(scope="module")
def client():
    app = FastAPI()
    problems.install(app)

    @app.post("/wish", openapi_extra=json_body(Wish))
    async def wish(request: Request):
        return await read_body(request, Wish, 10_000)

    with TestClient(app) as client:
        yield client


def post(client, content, declared="application/json"):
    return client.post("/wish", content=content, headers={"Content-Type": declared} if declared else {})


def test_a_body_as_a_model(client):
    assert post(client, b'{"model": "tiny"}').json() == {"model": "tiny", "threshold": 0.5}
    assert post(client, b'{"model": "tiny"}', 'application/json; charset="UTF-8"').status_code == 200
    schema = client.get("/openapi.json").json()["paths"]["/wish"]["post"]["requestBody"]
    assert schema["content"]["application/json"]["schema"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "content",
    [b"[]", b"null", b"{}", b'{"model": "tiny", "treshold": 1}', b'{"model": 7}', b'{"model": "../x"}',
     b'{"model": "a/b"}', b'{"model": ".."}', b'{"model": " "}', b'{"model": "Tiny"}', b'{"model": "t\\u0456ny"}',
     b'{"model": "tiny\\u202e"}', b'{"model": "tiny\\n"}', b'{"model": "' + b"a" * 300 + b'"}'],
)  # fmt: skip
def test_a_body_that_is_no_such_model(client, content):
    response = post(client, content)
    check_problem(response, 422, "invalid-request", '"input"', "..", "ny\u202e")


@pytest.mark.parametrize("declared", [None, "", "text/plain", "application/jsonp", "image/tiff", "application/xml"])
def test_a_body_that_is_declared_as_something_else(client, declared):
    check_problem(post(client, b'{"model": "tiny"}', declared), 415, "media-type")


def test_other_character_sets(client):
    check_problem(post(client, b"{}", "application/json; charset=latin1"), 400, "malformed-json")


def test_a_limit_of_its_own(client):
    check_problem(post(client, b" " * 10_001), 413, "body-too-large")
