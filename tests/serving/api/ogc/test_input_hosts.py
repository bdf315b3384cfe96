"""Scenes and STAC Items on other hosts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.serving.api.check import check_problem
from tests.serving.api.ogc.answers import codes_of, parts_of
from tests.websites import reply

MAP = {"outputs": {"map": {}}}


def test_a_scene_at_an_address(outside, earth, plain):
    href = earth.data.url("/scene.tif")
    for scene in ({"href": href}, {"href": f"{href}?sig=secret", "type": "image/tiff"}):
        answer = outside.ask(inputs={"scene": scene}, outputs={"map": {}, "item": {}})
        assert answer.status_code == 200, answer.text
        parts = parts_of(answer)
        np.testing.assert_array_equal(codes_of(parts["map"][1]), plain)
        assert f'"derived_from", "href": "{href}"' in parts["item"][1].decode()
        assert b"secret" not in answer.content


def test_an_item(outside, earth, plain):
    """By value, as a qualified value, and at an address."""
    made = earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01")
    earth.data.routes["/item.json"] = reply(json.dumps(made).encode())
    kinds = [
        made,
        {"value": made, "mediaType": "application/geo+json"},
        {"href": earth.data.url("/item.json"), "type": "application/geo+json"},
    ]
    for scene in kinds:
        answer = outside.ask(inputs={"scene": scene}, **MAP)
        assert answer.status_code == 200, answer.text
        np.testing.assert_array_equal(codes_of(answer.content), plain)


@pytest.mark.parametrize(
    ("href", "slug"),
    [
        ("http://data.example.org/scene.tif", "url-scheme"),
        ("https://data.example.org/scene.tif", "url-blocked"),
        ("https://127.0.0.1/scene.tif", "url-blocked"),
        ("https://169.254.169.254/", "url-blocked"),
        ("/vsicurl/https://data.example.org/scene.tif", "url-scheme"),
        ("s3://bucket/scene.tif", "url-scheme"),
        ("file:///etc/passwd", "url-scheme"),
        ("https://data.example.org/../scene.tif", "url-invalid"),
    ],
)
def test_addresses_that_are_not_fetched(outside, earth, href, slug):
    for scene in ({"href": href}, {"href": href, "type": "application/geo+json"}):
        answer = outside.ask(inputs={"scene": scene}, **MAP)
        check_problem(answer, 422, slug, "passwd", "169.254")
    assert earth.data.asked == []


def test_a_host_that_fails(outside, earth):
    """Fault F24: the job fails with what went wrong, and nothing stays."""
    job = outside.begin(inputs={"scene": {"href": earth.data.url("/absent.tif")}})
    assert outside.ended(job)["status"] == "failed"
    check_problem(outside.client.get(f"{job}/results"), 422, "source-not-found", earth.data.authority)
    earth.data.routes["/html"] = reply(b"<html></html>")
    job = outside.begin(inputs={"scene": {"href": earth.data.url("/html")}})
    assert outside.ended(job)["status"] == "failed"
    assert outside.client.get(f"{job}/results").status_code in {415, 422}
