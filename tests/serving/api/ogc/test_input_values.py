"""Scenes that come with the request, as base64."""

from __future__ import annotations

import base64

import pytest

from tests.service import left_in
from tests.serving.api.check import check_problem

MAP = {"outputs": {"map": {}}}


BASE64 = {
    "no base64": "not base64!",
    "a line break": "SUkq\nAA==",
    "bad padding": "SUkqAAA",
    "of the URL kind": "_-_-",
    "not ASCII": "\u0661\u0662\u0663\u0664",
}


@pytest.mark.parametrize("name", BASE64)
def test_values_that_are_no_base64(house, name):
    before = left_in(house.settings.state / "uploads")
    for scene in (BASE64[name], {"value": BASE64[name]}):
        answer = house.ask(inputs={"scene": scene}, **MAP)
        slug = answer.json()["type"].rpartition("/")[2]
        assert slug == "scene-value"
        check_problem(answer, 422, slug, BASE64[name])
    assert left_in(house.settings.state / "uploads") == before


@pytest.mark.parametrize(("content", "status"), [(b"", 422), (b"II*\0", 422), (b"<html></html>", 415)])
def test_values_that_are_no_raster(house, content, status):
    before = left_in(house.settings.state / "uploads")
    answer = house.ask(inputs={"scene": base64.b64encode(content).decode()}, **MAP)
    assert "upload.tif" in check_problem(answer, status, answer.json()["type"].rpartition("/")[2], ".part")
    assert left_in(house.settings.state / "uploads") == before


@pytest.mark.parametrize("kind", ["text/html", "image/png", "application/zip", "x"])
def test_declared_types_that_are_not_read(house, kind):
    for scene in ({"value": "SUkq", "mediaType": kind}, {**house.scene, "type": kind}):
        if "value" in scene or "href" in scene:
            answer = house.ask(inputs={"scene": scene}, **MAP)
            check_problem(answer, 422, "scene-media-type", "zip")


def test_a_value_goes_with_its_job(house):
    before = left_in(house.settings.state / "uploads")
    job = house.begin(inputs={"scene": base64.b64encode(house.body).decode()})
    house.ended(job)
    assert len(left_in(house.settings.state / "uploads")) == len(before) + 1
    house.client.delete(job)
    assert left_in(house.settings.state / "uploads") == before
