"""HEAD answers wherever GET does: load balancers, downloaders and GDAL's /vsicurl ask with it."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from starlette.responses import FileResponse

from tests.serving.api.check import check_problem
from tests.serving.api.wire import Wire

PLACES = ["/", "/livez", "/readyz", "/models", "/jobs", "/processes/classify", "/v2", "/v2/health/ready", "/problems"]


def same_head(client, path, **asked):
    """A HEAD and a GET of one address, whose fields agree."""
    whole, head = client.get(path, **asked), client.head(path, **asked)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    varying = {"x-request-id", "content-length"}
    assert {**head.headers, **dict.fromkeys(varying)} == {**whole.headers, **dict.fromkeys(varying)}
    assert int(head.headers["content-length"]) == len(whole.content)
    return head


@pytest.mark.parametrize("path", PLACES)
def test_a_head_is_that_of_the_answer(house, path):
    same_head(house.client, path)


def test_no_address_that_answers_get_refuses_head(house):
    paths = house.client.get("/openapi.json").json()["paths"]
    asked = [path.replace("{lon},{lat}", "0,0") for path, methods in paths.items() if "get" in methods]
    assert {house.client.head(path.replace("{", "").replace("}", "")).status_code for path in asked}.isdisjoint({405})
    posted = [path for path, methods in paths.items() if set(methods) == {"post"}]
    for path in posted:
        assert house.client.head(path.replace("{", "").replace("}", "")).status_code == 405
    assert house.client.post("/models").headers["allow"] == "GET, HEAD"


def test_jobs_and_problems(house, done):
    same_head(house.client, done)
    same_head(house.client, f"{done}/results/areas")
    same_head(house.client, f"{done}/results/cake")
    same_head(house.client, "/nothing")


def test_the_length_of_a_file_comes_without_reading_it(house, done, monkeypatch):
    whole = house.client.get(f"{done}/results/map")

    def read(*_):
        raise AssertionError("the file is read")

    monkeypatch.setattr(FileResponse, "_open_file", read)
    head = house.client.head(f"{done}/results/map", headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.headers["accept-ranges"]) == (200, "bytes")
    assert int(head.headers["content-length"]) == len(whole.content)


def test_what_would_be_streamed_is_not_read(house, done, monkeypatch):
    length = house.client.get(f"{done}/results").headers["content-length"]

    class Shut:
        def __init__(self, *_):
            raise AssertionError("the file is read")

    monkeypatch.setattr("serving.api.ogc.results.anyio.open_file", Shut)
    head = house.client.head(f"{done}/results")
    assert (head.status_code, head.headers["content-length"]) == (200, length)


def test_the_server_is_told_the_method_as_it_came(house, done):
    """It knows by that how many bytes of a body must come."""

    async def ask():
        wire = Wire(house.client.app, method="HEAD", path=f"{urlsplit(done).path}/results")
        wire.send(b"", last=True)
        return await wire.answer(), wire.messages

    (status, headers, body), messages = asyncio.run(ask())
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0
    assert [message["type"] for message in messages] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize(
    ("asked", "status", "slug"),
    [("bytes=99999999-", 416, "range-not-satisfiable"), ("lines=1-2", 400, "bad-request")],
)
def test_a_range_that_is_not_there_is_a_problem(house, done, asked, status, slug):
    length = len(house.client.get(f"{done}/results/map").content)
    answer = house.client.get(f"{done}/results/map", headers={"Range": asked})
    check_problem(answer, status, slug)
    assert answer.headers.get("content-range") == (f"bytes */{length}" if status == 416 else None)
