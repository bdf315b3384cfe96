"""Forms of requests, and what a job keeps of them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from serving.processes.classify import Classify
from serving.processes.inputs import ClassifyInputs, DegradationInputs, FolderPath, Item, Link, Value
from serving.processes.orders import Answering, ClassifyOrder, Image, Making, Request, UploadSource
from serving.settings import Settings

MAKING = Making(outputs=("map",), max_pixels=10)


def test_an_order_comes_back_as_it_was_kept():
    order = ClassifyOrder(images=(Image(source=UploadSource(file="a/b", once=True), bands=("B02",)),), making=MAKING)
    request = Request(order=order, answering=Answering(modes={"map": None, "areas": "reference"}))
    kept = request.model_dump(mode="json")
    assert Request.model_validate(kept) == request
    assert Request.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize("change", [{"kind": "report"}, {"images": [{"source": {"kind": "mail"}}]}, {"more": 1}])
def test_what_is_no_order_is_refused(change):
    order = ClassifyOrder(images=(Image(source=UploadSource(file="a/b")),), making=MAKING).model_dump(mode="json")
    with pytest.raises(ValidationError):
        Request.model_validate({"order": {**order, **change}, "answering": {"modes": {}}})


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("SUkq", str),
        ({"href": "https://x.example.org/"}, Link),
        ({"value": "SUkq"}, Value),
        ({"value": {"type": "Feature", "stac_version": "1.0.0"}}, Value),
        ({"path": "x"}, FolderPath),
        ({"type": "Feature", "stac_version": "1.0.0", "assets": {}}, Item),
    ],
)
def test_kinds_of_scenes(given, kind):
    for scenes in (given, [given]):
        (found,) = ClassifyInputs(scene=scenes).scene
        assert isinstance(found, kind)
    found = DegradationInputs(before=given, after=given).before
    assert isinstance(found, kind)


@pytest.mark.parametrize("tile", ["33UUU", "1CCV", "60XWQ"])
def test_tiles(tile):
    assert ClassifyInputs(tile=tile, datetime="2020-01-01").tile == tile


@pytest.mark.parametrize("tile", ["33uuu", "33UUI", "33OUU", "331UU", "3UU", "33UUU ", "\u0663\u0663UUU", "70UUU"])
def test_what_is_no_tile(tile):
    with pytest.raises(ValidationError):
        ClassifyInputs(tile=tile, datetime="2020-01-01")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 101])
def test_numbers_that_are_none(value):
    for form in ({"max_cloud": value}, {"resolution": value if value != 101 else 0}):
        with pytest.raises(ValidationError):
            ClassifyInputs(scene="SUkq", **form)


def test_what_can_be_made_of_several_scenes():
    process = Classify(Settings())

    def made(**inputs):
        return {output.name for output in process.made_of(ClassifyInputs(**inputs))}

    assert "quality" in made(scene="SUkq")
    assert "quality" in made(tile="33UUU", datetime="2020-01-01")
    assert "quality" not in made(scene=["SUkq", "SUkq"])
    assert "quality" not in made(tile="33UUU", datetime="2020-01-01", max_scenes=2)
