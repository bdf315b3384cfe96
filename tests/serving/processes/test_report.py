"""The form of a report's inputs, its order, and what is made of that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from indicators.transition_files import trends_earth_matrix_document
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError, SteppeError
from serving.processes.inputs import FolderPath, Link
from serving.processes.orders import (
    Answering,
    Cover,
    Image,
    Making,
    Place,
    ReportOrder,
    Request,
    SpotsWanted,
    UploadSource,
)
from serving.processes.outputs import REPORT, names_of
from serving.processes.report import LAYERS, Report
from serving.processes.reporting import Places, check_report, report_request
from serving.processes.reportinputs import FileValue, ReportInputs
from serving.report import files
from serving.report.layers import LpdLayer, SocConditionLayer, SubIndicatorLayers
from serving.settings import Settings
from tests.serving.report import inputs as made

MAPS = {"before": "SUkq", "after": "SUkq", "before_year": 2000, "after_year": 2015}
PARTS = {"trend": "SUkq", "state": "SUkq", "performance": "SUkq"}
UPLOAD = UploadSource(file="a/b")


def order_of(**members):
    base = {
        "making": Making(outputs=("map",), max_pixels=10),
        "before": Cover(image=Image(source=UPLOAD, role="before"), year=2000),
        "after": Cover(image=Image(source=UPLOAD, role="after"), year=2015),
        "lpd_table": "prais2026",
        "nodata_policy": "strict",
        "spots": SpotsWanted(min_km2=1, most=10),
    }
    return ReportOrder(**(base | members))


def asked(order, **more):
    rasters = {role: Path(f"{role}.tif") for role in ("before", "after", *order.layers)}
    return report_request(order, Places(rasters=rasters, **more))


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("SUkq", str),
        ({"href": "https://x.example.org/"}, Link),
        ({"value": "SUkq"}, FileValue),
        ({"path": "x"}, FolderPath),
    ],
)
def test_kinds_of_rasters(given, kind):
    found = ReportInputs(**MAPS | {"before": given, "lpd": given, "lpd_source": "jrc"})
    assert isinstance(found.before, kind)
    assert isinstance(found.lpd, kind)


ITEM = {"type": "Feature", "stac_version": "1.0.0"}


@pytest.mark.parametrize(
    "given", [ITEM, {"value": ITEM}, {"value": ITEM, "mediaType": "application/geo+json"}, 7, [], {}]
)
def test_a_stac_item_is_no_map(given):
    with pytest.raises(ValidationError, match="a STAC Item is not taken: give the address of its map"):
        ReportInputs(**MAPS | {"before": given})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"lpd": "SUkq", "lpd_source": "jrc", **PARTS}, "not both"),
        ({"trend": "SUkq", "state": "SUkq"}, "give all of"),
        ({"lpd": "SUkq"}, "together with lpd_source"),
        ({"lpd_source": "jrc"}, "together with lpd_source"),
        ({"soc_change": "SUkq", "soc_condition": "SUkq"}, "not both"),
        ({"before_year": 1899}, "before_year"),
        ({"after_year": "two"}, "after_year"),
        ({"min_spot_km2": float("nan")}, "min_spot_km2"),
        ({"most_spots": 0}, "most_spots"),
        ({"most_spots": 10**9}, "most_spots"),
        ({"language": "de"}, "language"),
        ({"period": "report_9"}, "period"),
        ({"name": "../up"}, "name"),
        ({"matrix": []}, "matrix"),
        ({"model": "tiny"}, "model"),
    ],
)
def test_what_does_not_go_together(more, words):
    with pytest.raises(ValidationError, match=words):
        ReportInputs(**MAPS | more)


def test_what_can_be_made():
    process = Report(Settings())

    def missing(**inputs):
        return {output.name for output in REPORT} - {
            each.name for each in process.made_of(ReportInputs(**MAPS | inputs))
        }

    productivity, carbon = {"lpd": "SUkq", "lpd_source": "jrc"}, {"soc_condition": "SUkq"}
    status, indicator = {"status", "status_style"}, {"indicator", "indicator_style"}
    land, soil = {"productivity", "productivity_style"}, {"soc", "soc_style"}
    for inputs, others in (
        ({}, land | soil),
        (productivity, soil),
        (carbon, land),
        ({"baseline": "x"}, land | soil),
        (PARTS, soil),
        ({"baseline": "x", **carbon}, land),
    ):
        assert missing(**inputs) == status | indicator | others
    assert missing(**productivity, **carbon) == missing(**PARTS, **carbon) == status
    assert missing(**PARTS, **carbon, baseline="x") == set()


def test_outputs_are_the_files_of_a_report():
    """But for what takes a stock of carbon, which requests have not, and what compares two reports."""
    named = set(files.TITLES) | {files.ITEM}
    rasters = {name.removesuffix(".tif") for name in named if name.endswith(".tif")} - {"soc_stock_final"}
    assert set(names_of("report")) == (named | {f"{stem}.qml" for stem in rasters}) - {files.SOC_STOCK}
    assert len({output.name for output in REPORT}) == len({output.file for output in REPORT}) == len(REPORT)


def test_an_order_comes_back_as_it_was_kept():
    layers = {name: Image(source=UPLOAD, role=name) for name in LAYERS}
    order = order_of(
        layers=layers, areas=Place(geometry=made.areas()), corrections=made.corrections(), matrix={"a": [1]}
    )
    request = Request(order=order, answering=Answering(modes={}))
    assert Request.model_validate_json(json.dumps(request.model_dump(mode="json"))) == request
    assert [image.role for image in order.images] == ["before", "after", *LAYERS]
    assert len(request.uploads) == 8
    assert order.within(5).making.max_pixels == 5


def test_areas():
    assert asked(order_of()).zones is None
    named = asked(order_of(areas=Place(geometry=made.areas()))).zones
    assert (named.names, len(named.sha256)) == (("West", "East"), 64)
    other = asked(order_of(areas=Place(geometry=made.areas(501_300)))).zones
    assert other.sha256 != named.sha256
    box = asked(order_of(areas=Place(bbox=(500_300, 5_498_600, 501_200, 5_499_200), crs="EPSG:32633")))
    assert box.zones.zones[0].km2 == pytest.approx(0.54, rel=1e-3)
    across = asked(order_of(areas=Place(bbox=(179.9, 0, -179.9, 0.1)))).zones
    assert across.zones[0].km2 == pytest.approx(22.264 * 11.057, rel=1e-3)


def test_layers():
    images = {name: Image(source=UPLOAD, role=name) for name in ("trend", "state", "performance", "soc_condition")}
    found = asked(order_of(layers=images, lpd_table="gpg_v1"))
    assert isinstance(found.productivity.given, SubIndicatorLayers)
    assert isinstance(found.soil.given, SocConditionLayer)
    assert found.productivity.table.id == "gpg_v1"
    found = asked(order_of(layers={"lpd": Image(source=UPLOAD, role="lpd")}, lpd_source="fao_wocat"))
    assert isinstance(found.productivity.given, LpdLayer)
    assert not found.has_indicator


def test_rules_in_both_forms():
    for document in (UNCCD7_TRANSITIONS.to_document(), trends_earth_matrix_document(UNCCD7_TRANSITIONS)):
        assert asked(order_of(matrix=document)).matrix.signs == UNCCD7_TRANSITIONS.signs
    cover = Cover(image=Image(source=UPLOAD), year=2000, crosswalk=made.nesting())
    found = asked(order_of(before=cover)).before
    assert (found.crosswalk.target_legend, found.national.id) == ("unccd7", found.crosswalk.source_legend)
    assert found.crosswalk.id.endswith("-to-unccd7")
    same = asked(order_of(before=cover, after=cover.model_copy(update={"year": 2015})))
    assert same.before.crosswalk == same.after.crosswalk, "one document is one crosswalk, whatever map it is for"


@pytest.mark.parametrize(
    "change",
    [
        {"matrix": {}},
        {"matrix": {"definitions": {"transitions": []}, "name": 5}},
        {"areas": Place(geometry={"type": "FeatureCollection", "features": []})},
        {"areas": Place(bbox=(3, 3, 1, 1), crs="EPSG:32633")},
        {"corrections": {"type": "FeatureCollection", "features": []}},
        {"corrections": made.corrections()},  # without productivity and carbon
        {"preset": "prais_2026", "period": "report_1"},
        {"after": Cover(image=Image(source=UPLOAD), year=2000)},
        {"before": Cover(image=Image(source=UPLOAD), year=2000, legend="other")},
        {"before": Cover(image=Image(source=UPLOAD), year=2000, crosswalk={"nesting": []})},
        {"before": Cover(image=Image(source=UPLOAD), year=2000, crosswalk={"id": "x"})},
    ],
    ids=str,
)
def test_orders_of_which_nothing_can_be_made(change):
    with pytest.raises(SteppeError) as refused:
        check_report(order_of(**change))
    assert isinstance(refused.value, ConfigError) or refused.value.exit_code == 3
