"""The process ``report``: the files of the command line's report, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import rasterio.warp
from affine import Affine

from serving.cli import main
from serving.processes.outputs import REPORT, XLSX
from serving.report.page.render import policy
from tests.rasters import write_tiff
from tests.service import left_in
from tests.serving.api.check import check_problem
from tests.serving.api.ogc.answers import links_of, parts_of
from tests.serving.report import inputs as made
from tests.serving.report.classmaps import UTM, class_codes, write_map


def overlapping():
    """Two areas of which one reaches into the other."""
    document = made.areas()
    document["features"][1]["geometry"]["coordinates"][0][0][0] -= 300
    document["features"][1]["geometry"]["coordinates"][0][3:] = [
        [501_000, 5_499_900],
        document["features"][1]["geometry"]["coordinates"][0][0],
    ]
    return document


YEARS = {"before_year": 2000, "after_year": 2015}
PLAIN = [
    *("map", "transitions", "workbook", "tables", "csv", "account", "summary", "page", "hotspots", "brightspots"),
    *("preview", "initial_preview", "final_preview", "item", "style", "transitions_style"),
]
"""Outputs of two maps alone."""


@pytest.fixture(scope="module")
def given(house, tmp_path_factory):
    """Files of a report, and the same as uploads that are called like them."""
    files = made.write_inputs(tmp_path_factory.mktemp("given"))
    uploads = {name: house.upload(path.read_bytes()) | {"title": path.name} for name, path in files.items()}
    return files, uploads


@pytest.fixture(scope="module")
def maps(given):
    """Inputs of the plainest report."""
    return {"before": given[1]["before"], "after": given[1]["after"], **YEARS}


@pytest.fixture(scope="module")
def whole(given):
    """Inputs of a report with the indicator."""
    return {**given[1], **YEARS, "lpd_source": "jrc", "min_spot_km2": 0.001, "name": "Land"}


@pytest.fixture(scope="module")
def job(house, whole):
    """A report of the baseline, made."""
    return began(house, whole)


@pytest.fixture(scope="module")
def plain_answer(house, maps):
    """A report of two maps alone, as the answer."""
    answer = house.ask(process="report", inputs=maps)
    assert answer.status_code == 200, answer.text
    return answer


def id_of(job):
    return job.rpartition("/")[2]


def began(house, inputs, **asked):
    """A report that was made by a job."""
    job = house.begin(process="report", inputs=inputs, outputs=None, **asked)
    status = house.ended(job)
    assert status["status"] == "successful", status
    return job


def in_command(folder, *arguments):
    """The report that the command makes of the same."""
    assert main(["report", *map(str, arguments), "-o", str(folder)]) == 0
    return folder


def timeless(content):
    """A JSON document without the moment it was made."""
    return {key: value for key, value in json.loads(content).items() if key != "made"}


def unzipped(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def same_files(house, job, folder):
    """What does not tell the time is the same in every byte."""
    content = {output.name: house.client.get(f"{job}/results/{output.name}").content for output in REPORT}
    read = {output.name: (folder / output.file).read_bytes() for output in REPORT if (folder / output.file).exists()}
    assert {path.name for path in folder.iterdir()} == {output.file for output in REPORT if output.name in read}
    for name in ("tables", "account"):
        assert timeless(content[name]) == timeless(read[name]), name
    assert unzipped(content["csv"]) == unzipped(read["csv"])
    for name in read.keys() - {"tables", "account", "csv", "item", "page", "summary", "workbook"}:
        assert content[name] == read[name], name


def test_a_report_at_once_is_that_of_the_command(given, plain_answer, tmp_path):
    files, _ = given
    folder = in_command(tmp_path / "out", files["before"], files["after"], "--years", "2000-2015")
    assert "steppe-model" not in plain_answer.headers
    parts = parts_of(plain_answer)
    assert list(parts) == PLAIN
    for name, file in (("account", "account.json"), ("tables", "so1.json")):
        assert timeless(parts[name][1]) == timeless((folder / file).read_bytes())
    assert unzipped(parts["csv"][1]) == unzipped((folder / "tables.zip").read_bytes())
    assert parts["map"][1] == (folder / "degradation.tif").read_bytes()
    assert parts["workbook"][0]["Content-Type"] == XLSX


def test_a_report_by_a_job_is_that_of_the_command(house, given, job, tmp_path):
    files, _ = given
    options = ["--lpd", files["lpd"], "--lpd-source", "jrc", "--soc-change", files["soc_change"], "--name", "Land"]
    years = ["--years", "2000-2015", "--min-spot", "0.001"]
    same_files(house, job, in_command(tmp_path / "out", files["before"], files["after"], *years, *options))
    outcome = house.client.get(f"{job}/outcome").json()
    assert outcome["pixels"] == 4800
    assert outcome["quantity"] == "mapped area (pixel count)"
    assert "files" not in outcome
    assert set(outcome["outputs"]) == {output.name for output in REPORT} - {"status", "status_style"}
    for name, told in outcome["outputs"].items():
        content = house.client.get(f"{job}/results/{name}").content
        if name != "item":
            assert (len(content), hashlib.sha256(content).hexdigest()) == (told["bytes"], told["sha256"])
    (warning, *_) = outcome["warnings"]
    assert house.client.get(f"{job}/results/tables").headers["steppe-warning"].startswith(warning[:50])


def test_a_later_period_is_compared_with_the_baseline(house, given, whole, job, tmp_path):
    files, _ = given
    years = ["--min-spot", "0.001", "--lpd-source", "jrc", "--name", "Land"]
    layers = ["--lpd", files["lpd"], "--soc-change", files["soc_change"]]
    pair = files["before"], files["after"]
    first = house.settings.state / "results" / f"{id_of(job)}.1"
    second = in_command(tmp_path / "second", *pair, "--years", "2015-2019", *years, *layers, "--baseline", first)
    later = {**whole, "before_year": 2015, "after_year": 2019, "baseline": id_of(job)}
    same_files(house, began(house, later), second)
    assert left_in(house.settings.scratch) == []
    dry = house.ask(process="report", inputs=later, params={"dry_run": "true"})
    assert dry.status_code == 200, dry.text


def test_a_baseline_may_be_removed_while_a_report_waits(house, whole):
    """Its files are kept with the job, and go with it; it was made with areas, rules and corrections."""
    asked = {
        **whole,
        "areas": made.areas(),
        "corrections": made.corrections(),
        "nodata_policy": "single_evidence",
        "preset": "prais_2026",
        "confidence": "medium",
        "language": "fr",
    }
    kept = began(house, asked)
    told = house.client.get(f"{kept}/results/account").json()
    assert [one["zone"] for one in told["zones"]] == ["West", "East"]
    assert "Hill" in house.client.get(f"{kept}/results/tables").text
    assert '<html lang="fr"' in house.client.get(f"{kept}/results/page").text
    before = left_in(house.settings.state / "uploads")
    later = {**whole, "areas": made.areas(), "before_year": 2015, "after_year": 2019, "baseline": id_of(kept)}
    waiting = house.begin(process="report", inputs=later, outputs=None)
    assert len(left_in(house.settings.state / "uploads")) == len(before) + 3
    assert house.client.delete(kept).status_code == 200
    assert house.ended(waiting)["status"] == "successful"
    assert house.client.get(f"{waiting}/results/status").status_code == 200
    assert house.client.delete(waiting).status_code == 200
    assert left_in(house.settings.state / "uploads") == before


def test_no_such_baseline(house, whole, job, plain_answer, failed, done):
    before = left_in(house.settings.state / "uploads")
    later = {**whole, "before_year": 2015, "after_year": 2019}
    for strange in ("x", "../x", "00000000-0000-4000-8000-000000000000", id_of(failed), id_of(done)):
        answer = house.ask(process="report", inputs=later | {"baseline": strange})
        check_problem(answer, 404, "no-such-baseline", strange * 3)
    plain = id_of(links_of(plain_answer)["monitor"][0])
    detail = check_problem(house.ask(process="report", inputs=later | {"baseline": plain}), 422, "config")
    assert "productivity" in detail
    detail = check_problem(house.ask(process="report", inputs=whole | {"baseline": id_of(job)}), 422, "usage")
    assert "--" not in detail
    assert left_in(house.settings.state / "uploads") == before
    elsewhere = later | {"baseline": id_of(job), "areas": made.areas()}
    check_problem(house.ask(process="report", inputs=elsewhere), 422, "baseline-elsewhere")


def test_its_tiles_and_legend(house, job):
    tiles = house.client.get(f"{job}/tiles/WebMercatorQuad/tilejson.json").json()
    lon, lat, zoom = tiles["center"]
    assert tiles["description"] == "Made by Steppe"
    x, y = int((lon + 180) / 360 * 2**zoom), int(2**zoom * (0.5 - np.arcsinh(np.tan(np.radians(lat))) / 2 / np.pi))
    tile = house.client.get(tiles["tiles"][0].format(z=zoom, x=x, y=y))
    assert (tile.status_code, tile.headers["content-type"]) == (200, "image/png")
    assert len(tile.content) > 300
    assert [each["code"] for each in house.client.get(f"{job}/legend").json()["classes"]] == [-1, 0, 1]
    point = house.client.get(f"{job}/point/{lon},{lat}").json()
    with rasterio.open(io.BytesIO(house.client.get(f"{job}/results/map").content)) as dataset:
        (east,), (north,) = rasterio.warp.transform("EPSG:4326", dataset.crs, [lon], [lat])
        assert point["code"] == next(dataset.sample([(east, north)]))[0]
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_the_page_is_shown_and_runs_nothing(house, job):
    answer = house.client.get(f"{job}/results/page")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"] == policy(answer.text)
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["x-content-type-options"] == "nosniff"
    other = house.client.get(f"{job}/results/tables")
    assert (other.headers["content-security-policy"], other.headers["content-disposition"].partition(";")[0]) == (
        "default-src 'none'; frame-ancestors 'none'",
        "attachment",
    )


def test_an_item_leads_to_its_files(house, job):
    item = house.client.get(f"{job}/results/item").json()
    assert item["id"].startswith("steppe-report-Land-2000-2015-")
    assert item["properties"]["steppe:inputs"][0]["name"] == "before.tif"
    assert len(item["assets"]) >= 13
    for asset in item["assets"].values():
        answer = house.client.get(asset["href"])
        assert answer.status_code == 200, asset
        assert hashlib.sha256(answer.content).hexdigest() == asset["file:checksum"].removeprefix("1220")
        assert answer.headers["content-type"].partition(";")[0] == asset["type"].partition(";")[0]


def test_a_national_legend(house, maps):
    """A map within the request and one of the folder, which say nothing of their codes."""
    for name, seed in (("before", 1), ("after", 2)):
        codes = np.random.default_rng(seed).choice(np.array([10, 30, 40, 80], np.uint8), (1, 60, 80))
        write_tiff(house.settings.data_folder / f"{name} esa.tif", codes, nodata=0)
    text = base64.b64encode((house.settings.data_folder / "before esa.tif").read_bytes()).decode()
    both = maps | {"before": {"value": text, "mediaType": "image/tiff"}, "after": {"path": "after esa.tif"}}
    for dry in ({}, {"params": {"dry_run": "true"}}):
        answer = house.ask(process="report", inputs=both, **dry)
        assert "'before.tif'" in check_problem(answer, 422, "config", house.settings.state)
    named = both | {"before_legend": "worldcover", "after_legend": "worldcover"}
    assert house.ask(process="report", inputs=named, params={"dry_run": "true"}).status_code == 200
    answer = house.ask(
        process="report", inputs=both | {"crosswalk": made.nesting()}, outputs={"account": {}, "item": {}}
    )
    assert answer.status_code == 200, answer.text
    parts = parts_of(answer)
    told = {one["name"]: one["id"] for one in json.loads(parts["account"][1])["accounts"][0]["assumptions"]}
    assert told["crosswalk of the initial map"].endswith("-legend-to-unccd7")
    inputs = json.loads(parts["item"][1])["properties"]["steppe:inputs"]
    assert [one["name"] for one in inputs] == ["before.tif", "after esa.tif"]


def test_a_dry_run(house, whole):
    before = left_in(house.settings.state / "uploads")
    answer = house.ask(process="report", inputs=whole, params={"dry_run": "true"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert "model" not in told
    assert told["cost"] == {"pixels": 4800, "exact": True, "megapixels": 0.005}
    assert [one["input"] for one in told["scenes"]] == ["before", "after", "lpd", "soc_change"]
    assert left_in(house.settings.state / "uploads") == before


def test_outputs_that_are_not_made_of_two_maps(house, maps):
    for name in ("indicator", "status", "indicator_style"):
        detail = check_problem(house.ask(process="report", inputs=maps, outputs={name: {}}), 422, "inputs")
        assert "transitions" in detail


def floats(path):
    return write_tiff(path, np.ones((1, 60, 80), np.float32))


def several(path):
    return write_tiff(path, np.ones((2, 60, 80), np.uint8))


def elsewhere(path):
    return write_map(path, grid=replace(UTM, transform=UTM.transform @ Affine.translation(500, 0)))


def strangers(path):
    codes = class_codes()
    codes[30:, 40:] = 99
    return write_tiff(path, codes[None], crs=UTM.crs, transform=UTM.transform, nodata=255)


BAD_MAPS = {
    "floats": (floats, 422, "dtype"),
    "several bands": (several, 422, "band-count"),
    "no raster": (lambda path: path.write_text("no raster") and path, 415, "raster-unreadable"),
    "elsewhere": (elsewhere, 422, "grid-mismatch"),
    "codes that the legend has not": (strangers, 422, "unmapped-codes"),
}


@pytest.mark.parametrize("name", BAD_MAPS)
def test_bad_maps(house, maps, tmp_path, name):
    """Whoever tries beforehand is told what the job would fail for, and nothing is left of either."""
    make, status, slug = BAD_MAPS[name]
    text = base64.b64encode(make(tmp_path / "bad.tif").read_bytes()).decode()
    asked, before = maps | {"after": text, "after_legend": "unccd7"}, left_in(house.settings.state / "results")
    details = {
        check_problem(house.ask(process="report", inputs=asked, params=params), status, slug, house.settings.state)
        for params in ({}, {"dry_run": "true"})
        if not (params and slug == "unmapped-codes")  # seen in the pixels alone
    }
    assert len(details) == 1
    assert "'after.tif'" in details.pop() or slug in {"grid-mismatch", "unmapped-codes"}
    assert left_in(house.settings.state / "results") == before
    assert left_in(house.settings.scratch) == []


ITEM = {"type": "Feature", "stac_version": "1.0.0"}
GAP = {"id": "own", "version": "1", "legend": "unccd7", "signs": [[0]], "processes": [[None]], "unlikely": []}
BAD_INPUTS = {
    "a STAC Item": ({"before": ITEM}, 422, "inputs"),
    "a STAC Item as a value": ({"before": {"value": ITEM}}, 422, "inputs"),
    "a STAC Item at an address": (
        {"before": {"href": "https://x.example.org/i.json", "type": "application/geo+json"}},
        422,
        "scene-media-type",
    ),
    "a blocked address": ({"before": {"href": "https://127.0.0.1/x.tif"}}, 422, "url-blocked"),
    "no base64": ({"before": "?"}, 422, "scene-value"),
    "a path upwards": ({"before": {"path": "../x.tif"}}, 422, "no-such-path"),
    "no year": ({"before_year": None}, 422, "inputs"),
    "years in the wrong order": ({"after_year": 1999}, 422, "config"),
    "years of no preset": ({"preset": "prais_2026", "after_year": 2014}, 422, "period-table"),
    "a table of periods that is none": ({"preset": {"id": "own"}}, 422, "period-table"),
    "an unknown legend": ({"before_legend": "other"}, 422, "unknown-legend"),
    "a crosswalk that is none": ({"crosswalk": {"id": 1}}, 422, "config"),
    "a nesting that is none": ({"crosswalk": {"nesting": {"1": [1]}, "child": 3}}, 422, "config"),
    "a matrix with a gap": ({"matrix": GAP | {"citation": ""}}, 422, "config"),
    "a matrix that is none": ({"matrix": {"definitions": 1}}, 422, "config"),
    "an area that is none": ({"areas": {"type": "Polygon", "coordinates": []}}, 422, "area"),
    "areas that overlap": ({"areas": overlapping()}, 422, "zones-overlap"),
    "an area elsewhere": ({"areas": {"bbox": [1, 1, 2, 2]}}, 422, "zones"),
    "half a productivity": ({"trend": "SUkq"}, 422, "inputs"),
    "a layer of nobody": ({"lpd": "SUkq"}, 422, "inputs"),
    "corrections of no indicator": ({"corrections": made.corrections()}, 422, "config"),
    "a misspelt input": ({"befor": "x"}, 422, "inputs"),
    "a spot of no size": ({"min_spot_km2": -1}, 422, "inputs"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_inputs(house, maps, name):
    change, status, slug = BAD_INPUTS[name]
    before = left_in(house.settings.state)
    asked = {key: value for key, value in (maps | change).items() if value is not None}
    answers = [house.ask(process="report", inputs=asked, params=params) for params in ({}, {"dry_run": "true"})]
    details = {check_problem(answer, status, slug, house.settings.state, "--") for answer in answers}
    assert len(details) == 1
    if slug != "zones":  # what lies elsewhere is seen when the maps are open: that is a job
        assert left_in(house.settings.state) == before
    assert left_in(house.settings.scratch) == []
