"""Which format an ``Accept`` header asks for."""

from __future__ import annotations

import pytest

from serving.api.negotiation import COG, JSON, PNG, choose
from serving.api.problems import NotAcceptable
from tests.service import left_in
from tests.serving.api.check import check_problem


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        (None, COG),
        ("", COG),
        ("*/*", COG),
        ("image/*", COG),
        ("image/tiff", COG),
        ("image/tiff; application=geotiff", COG),
        ("application/geotiff", COG),
        ("IMAGE/PNG", PNG),
        ("image/png, */*;q=0.1", PNG),
        ("application/json", JSON),
        ("application/*", COG),
        ("text/html, application/json;q=0.9, */*;q=0.8", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", COG),
        ("image/tiff;q=0.2, image/png;q=0.7, application/json;q=0.5", PNG),
        ("image/*;q=0.5, image/png;q=0, application/json;q=0.4", COG),
        ("image/tiff;q=0, application/geotiff;q=0, */*", PNG),
        ("image/png;q=nonsense, application/json", JSON),
        ("image/png;q=7, application/json", PNG),
        (",,;, image/png", PNG),
        ("image/png ; q = 0.5 , application/json ; q=0.4", PNG),
    ],
)
def test_chosen(accept, answer):
    assert choose(accept) == answer


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/jpeg", "application/xml", "*/*;q=0", "image/png;q=0", ",", "image", "png", "x" * 5000],
)
def test_none_of_them(accept):
    with pytest.raises(NotAcceptable, match="image/tiff, application/geotiff, image/png, application/json"):
        choose(accept)


def test_not_acceptable_is_a_problem(client, body, settings):
    response = client.post("/classify", content=body, headers={"Accept": "text/html"})
    check_problem(response, 406, "not-acceptable", "text/html")
    assert left_in(settings.scratch) == []


def test_the_header_may_come_in_parts(client, body):
    headers = [("Accept", "text/html"), ("Accept", "application/json")]
    assert client.post("/classify", content=body, headers=headers).headers["content-type"] == JSON
