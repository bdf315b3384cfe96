"""JSON from other hosts, and callbacks to them."""

from __future__ import annotations

import json

import pytest

from serving.fetch.errors import NotJson, SourceNotFound, SourceTooLarge, Upstream, UrlBlocked
from serving.fetch.fetcher import JSON_DEPTH
from tests.websites import quick, redirect, reply

BAD = {
    "empty": b"",
    "html": b"<html></html>",
    "nan": b'{"a": NaN}',
    "double key": b'{"a": 1, "a": 2}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "a level too deep": b"[" * (JSON_DEPTH + 1) + b"]" * (JSON_DEPTH + 1),
}


def test_a_document(world):
    site = world.site(routes={"/a": redirect("/b"), "/b": reply(b'{"a": 1}')})
    url, value = world.fetcher().fetch_json(site.url("/a"), quick())
    assert (str(url), value) == (site.url("/b"), {"a": 1})


@pytest.mark.parametrize("name", ["html", "nan", "double key", "deep"])
def test_what_is_no_document(world, name):
    site = world.site(routes={"/a": reply(BAD[name])})
    with pytest.raises(NotJson):
        world.fetcher().fetch_json(site.url("/a"), quick())
    assert len(site.asked) == 1


def test_a_document_has_a_limit(world):
    site = world.site(routes={"/a": reply(json.dumps("x" * 2000).encode())})
    with pytest.raises(SourceTooLarge, match="1,000 bytes"):
        world.fetcher().fetch_json(site.url("/a"), quick(), max_bytes=1000)


def test_a_question(world):
    bodies = []

    def answer(handler):
        bodies.append(json.loads(handler.body))
        reply(b'{"features": []}')(handler)

    site = world.site(routes={"/search": answer})
    world.fetcher().fetch_json(site.url("/search"), quick(), question={"limit": 1})
    assert bodies == [{"limit": 1}]
    assert site.asked[0][0] == "POST"
    assert site.asked[0][2]["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_callback(world, status):
    bodies = []

    def answer(handler):
        bodies.append(json.loads(handler.body))
        reply(b"" if status == 204 else b"thanks", status=status)(handler)

    site = world.site(routes={"/hook": answer})
    assert world.fetcher().post_json(site.url("/hook"), {"status": "successful"}, quick()) == status
    assert bodies == [{"status": "successful"}]


@pytest.mark.parametrize(
    ("route", "error"),
    [
        (redirect("/other"), Upstream),
        (redirect("https://127.0.0.1/"), Upstream),
        (reply(status=500), Upstream),
        (reply(status=403), Upstream),
        (reply(status=404), SourceNotFound),
    ],
)
def test_a_callback_is_made_once_and_to_one_address(world, route, error):
    site = world.site(routes={"/hook": route, "/other": reply()})
    with pytest.raises(error):
        world.fetcher().post_json(site.url("/hook"), {}, quick())
    assert site.paths() == ["/hook"]


def test_124_a_callback_into_this_network(world):
    world.site()
    for url in ("https://127.0.0.1/hook", "https://localhost/hook", "https://elsewhere.example.net/hook"):
        with pytest.raises(UrlBlocked):
            world.fetcher().post_json(url, {}, quick())
    assert world.dialled == []
