"""From a map to points, and from interpreted points to accuracies: files and commands."""

import csv
import json
import sqlite3
from collections import Counter

import numpy as np
import pytest
import rasterio
import typer
from affine import Affine
from pyproj import CRS, Transformer
from typer.testing import CliRunner

from indicators.areas import PixelAreas
from indicators.sampling.design import SampleDesign
from indicators.sampling.response import NoProbabilitySample, ResponseInvalid
from indicators.sampling.strata import SampleDesignInvalid
from landcover.errors import DataError, NoValidData, SteppeError, UnknownLegend, UnmappedCodes, WrongUse
from landcover.grid import Grid
from serving.commands import sampling
from serving.report.accuracy import AccuracyOrder, assess, publish_assessment
from serving.report.points import COLUMNS
from serving.report.sampling import SampleOrder, draw_sample
from tests.rasters import north_up, write_tiff
from tests.service import left_in
from tests.serving.report.classmaps import UTM, class_codes, write_map

CODES = class_codes()


@pytest.fixture
def class_map(tmp_path):
    return write_map(tmp_path / "map.tif")


@pytest.fixture
def run():
    """Runs a command; answers its exit code and what it printed, or raises Steppe's error."""
    app = typer.Typer()
    app.command("sample")(sampling.sample)
    app.command("estimate")(sampling.estimate)

    def call(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        if isinstance(result.exception, SteppeError):
            raise result.exception
        return result

    return call


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def fill(path, answer, **columns):
    """Fill the references of a CSV in; ``answer`` makes one of a row."""
    rows = rows_of(path)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"reference": answer(row)} | columns)


def truth(row):
    """Every seventh point is another class than the map says."""
    return "2" if int(row["id"]) % 7 == 0 else row["stratum"]


def drawn_and_filled(class_map, out, answer=truth, **order):
    points = out / "points.csv"
    drawn = draw_sample(SampleOrder(map=class_map, **({"n": 240} | order)), points)
    fill(points, answer)
    return AccuracyOrder(points=points, design=drawn.path)


def test_points_lie_in_the_centres_of_pixels_of_their_class(class_map, out):
    drawn = draw_sample(SampleOrder(map=class_map, n=240), out / "points.csv")
    rows = rows_of(out / "points.csv")
    assert left_in(out) == ["points.csv", "points.design.json"]
    assert list(rows[0]) == list(COLUMNS)
    assert [int(row["id"]) for row in rows] == list(range(1, 241))
    assert Counter(int(row["stratum"]) for row in rows) == dict(
        zip(drawn.design.strata.codes, drawn.design.counts, strict=True)
    )
    to_pixel, to_lonlat = ~UTM.transform, Transformer.from_crs(UTM.crs, "EPSG:4326", always_xy=True)
    for row, (name, stratum, mapped, line, col) in zip(rows, drawn.document["points"], strict=True):
        at = to_pixel @ (float(row["x"]), float(row["y"]))
        assert at == pytest.approx((col + 0.5, line + 0.5))
        assert CODES[line, col] == stratum == mapped == int(row["stratum"])
        lon, lat = to_lonlat.transform(float(row["x"]), float(row["y"]))
        assert (float(row["lon"]), float(row["lat"])) == pytest.approx((lon, lat), abs=1e-8)
        assert int(row["id"]) == name
        assert row["reference"] == row["confidence"] == ""
    assert {row["stratum_title"] for row in rows} == {"Tree-covered areas", "Grassland", "Cropland", "Water bodies"}


def test_the_design_says_everything(class_map, out):
    drawn = draw_sample(
        SampleOrder(map=class_map, target_se=0.02, expected=("0.9", "1=0.6"), minimum=30, seed=7), out / "points.csv"
    )
    document = json.loads((out / "points.design.json").read_text())
    assert SampleDesign.from_document(document) == drawn.design
    assert document["seed"] == 7
    assert document["map"]["name"] == "map.tif"
    assert len(document["map"]["sha256"]) == 64
    assert "Eq. 13" in document["size"]["source"]
    km2 = PixelAreas(UTM).rows(0, 60)
    km2 = np.broadcast_to(km2[:, None] if km2.ndim == 1 else km2, CODES.shape)
    for stratum in document["strata"]:
        assert stratum["pixels"] == (stratum["code"] == CODES).sum()
        assert stratum["area_km2"] == pytest.approx(km2[stratum["code"] == CODES].sum())
    assert sum(stratum["weight"] for stratum in document["strata"]) == pytest.approx(1.0)
    assert document["nodata"]["pixels"] == 54
    assert [stratum["expected_users_accuracy"] for stratum in document["strata"]] == [0.6, 0.9, 0.9, 0.9]


def test_the_same_seed_makes_the_same_files(class_map, tmp_path):
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        for ending in ("csv", "gpkg"):
            draw_sample(SampleOrder(map=class_map, n=240, seed=seed), tmp_path / name / f"{ending}_points.{ending}")
        files.append([(tmp_path / name / file).read_bytes() for file in left_in(tmp_path / name)])
    assert files[0] == files[1]
    assert all(one != other for one, other in zip(files[0], files[2], strict=True))


def test_a_geopackage_is_one_for_others_too(class_map, out):
    import pyogrio  # noqa: PLC0415

    draw_sample(SampleOrder(map=class_map, n=240, crs="EPSG:3857"), out / "points.gpkg")
    info = pyogrio.read_info(out / "points.gpkg")
    assert info["geometry_type"] == "Point"
    assert CRS.from_user_input(info["crs"]).to_epsg() == 3857
    assert info["features"] == 240
    assert list(info["fields"]) == list(COLUMNS)
    assert dict(zip(info["fields"], info["dtypes"], strict=True))["reference"] == "int32"
    _, _, geometry, fields = pyogrio.raw.read(out / "points.gpkg")
    values = dict(zip(info["fields"], fields, strict=True))
    place = np.frombuffer(geometry[3][5:], "<f8")
    assert place.tolist() == [values["x"][3], values["y"][3]]
    assert np.isnan(values["reference"]).all()


def test_both_formats_give_the_same_estimate(class_map, out):
    order = drawn_and_filled(class_map, out)
    drawn = draw_sample(SampleOrder(map=class_map, n=240), out / "other.gpkg")
    with sqlite3.connect(out / "other.gpkg") as database:
        # Triggers of the spatial index need functions that SQLite alone does not have.
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        for row in rows_of(order.points):
            database.execute("UPDATE points SET reference = ? WHERE id = ?", (int(row["reference"]), int(row["id"])))
    database.close()
    one = assess(order)
    other = assess(AccuracyOrder(points=out / "other.gpkg", design=drawn.path))
    assert one.document == other.document


def test_estimates_are_those_of_the_counts(class_map, out):
    order = drawn_and_filled(class_map, out)
    rows = rows_of(order.points)
    result, files = publish_assessment(order, out / "accuracy")
    assert left_in(out / "accuracy") == ["accuracy.csv", "accuracy.json", "accuracy.md", "error-matrix.csv"]
    document = json.loads(files["accuracy.json"].read_text())
    codes = document["error_matrix"]["row_codes"]
    for code, line in zip(codes, document["error_matrix"]["points"], strict=True):
        mine = [row for row in rows if int(row["stratum"]) == code]
        wanted = [sum(int(row["reference"]) == other for row in mine) for other in codes]
        assert line == wanted
    areas = [one["estimated_area_km2"]["value"] for one in document["classes"]]
    assert sum(areas) == pytest.approx(sum(one["mapped_area_km2"] for one in document["classes"]))
    assert document["accepted"] is True
    assert {gate["name"] for gate in document["gates"]} >= {"land-cover-overall-accuracy", "users-accuracy-7"}
    text = files["accuracy.md"].read_text()
    assert "# Accuracy of map.tif" in text
    assert "PASS: The overall accuracy" in text
    table = rows_of(files["accuracy.csv"])
    assert float(table[0]["estimated_area_km2"]) == result.found.classes[0].area_km2.value


def test_a_map_as_one_stratum(class_map, out):
    """Interpreters do not see the class; the design knows it, and Stehman's estimator takes both."""
    order = drawn_and_filled(class_map, out, lambda row: str((int(row["id"]) % 3) + 1), by_class=False, n=120)
    assert {row["stratum"] for row in rows_of(order.points)} == {"0"}
    result = assess(order)
    assert "Stehman" in result.found.method
    document = json.loads(order.design.read_text())
    agree = [
        CODES[row, col] == name % 3 + 1 for name, _, mapped, row, col in document["points"] if CODES[row, col] == mapped
    ]
    assert len(agree) == 120
    assert result.found.overall.value == pytest.approx(np.mean(agree))
    assert [one.mapped_km2 for one in result.found.classes] == [
        pytest.approx(one["area_km2"]) for one in document["mapped_areas"]
    ]


def test_classes_by_name_and_numbers_as_spreadsheets_write_them(class_map, out):
    names = {"1": "tree-covered AREAS", "2": "2.0", "3": " Cropland", "7": "7"}
    order = drawn_and_filled(class_map, out, lambda row: names[row["stratum"]])
    text = order.points.read_text().replace(",", ";")
    order.points.write_text("\ufeff" + text, encoding="utf-8")
    result = assess(order)
    assert result.found.overall.value == 1.0
    assert "area-without-interval" in {caveat.slug for caveat in result.caveats}


def test_excluded_classes_are_not_of_the_population(class_map, out):
    drawn = draw_sample(SampleOrder(map=class_map, n=200, exclude=("7", "tree_covered")), out / "points.csv")
    assert drawn.design.strata.codes == (2, 3)
    assert drawn.document["excluded"] == [1, 7]
    other = draw_sample(SampleOrder(map=class_map, n=50, by_class=False, exclude=("7",)), out / "whole.csv")
    assert other.design.strata.total_pixels == int(np.isin(CODES, [1, 2, 3]).sum())
    assert {mapped for _, _, mapped, _, _ in other.document["points"]} == {1, 2, 3}


def test_a_change_map_of_negative_codes(tmp_path, out):
    codes = np.random.default_rng(1).choice([-1, 0, 1, -32768], (60, 80), p=[0.1, 0.7, 0.1, 0.1])
    path = write_map(tmp_path / "change.tif", codes, legend="degradation3")
    order = drawn_and_filled(path, out, lambda row: row["stratum"] if int(row["id"]) % 5 else "0")
    result = assess(order)
    assert [gate.name for gate in result.gates] == ["change-area--1", "change-area-1"]
    assert {one.code for one in result.found.classes} == {-1, 0, 1}
    assert all(gate.passed for gate in result.gates)


def test_productivity_maps_have_a_bar_of_their_own(tmp_path, out):
    codes = np.random.default_rng(1).integers(1, 6, (60, 80))
    path = write_map(tmp_path / "lpd.tif", codes, legend="lpd5")
    order = drawn_and_filled(path, out, lambda row: row["stratum"] if int(row["id"]) % 3 else "1", n=300)
    assert [(gate.name, gate.verdict.value) for gate in assess(order).gates] == [("lpd-overall-accuracy", "fail")]


def test_a_map_in_degrees_warns_of_unequal_pixels(tmp_path, out):
    grid = Grid(CRS.from_epsg(4326), Affine(0.5, 0, 10, 0, -0.5, 60), 60, 80)
    path = write_map(tmp_path / "degrees.tif", grid=grid)
    drawn = draw_sample(SampleOrder(map=path, n=240), out / "points.csv")
    assert "sample-unequal-pixels" in {caveat.slug for caveat in drawn.caveats}


def test_a_foreign_map_whose_legend_the_caller_names(tmp_path, out):
    codes = np.where(CODES == 255, 0, CODES)
    path = write_tiff(tmp_path / "foreign.tif", codes[None], nodata=0)
    with pytest.raises(UnknownLegend, match="does not state its legend"):
        draw_sample(SampleOrder(map=path, n=240), out / "points.csv")
    drawn = draw_sample(SampleOrder(map=path, n=240, legend="unccd7"), out / "points.csv")
    assert drawn.design.strata.total_pixels == int((CODES != 255).sum())


def test_a_national_legend_in_the_tag(tmp_path, out):
    classes = [
        {"code": code, "name": f"c{code}", "title": f"=class {code}", "color": "#000000"} for code in (1, 2, 3, 7)
    ]
    tag = json.dumps({"id": "national", "version": "3", "title": "National", "classes": classes})
    path = write_tiff(tmp_path / "national.tif", CODES[None], nodata=255, tags={"legend": tag})
    order = drawn_and_filled(path, out)
    assert rows_of(order.points)[0]["stratum_title"].startswith("'=class")
    assert assess(order).document["legend"] == {"id": "national", "version": "3"}
    path = write_tiff(tmp_path / "other.tif", CODES[None], nodata=255, tags={"legend": "green is forest"})
    with pytest.raises(UnknownLegend):
        draw_sample(SampleOrder(map=path, n=240), out / "more.csv")


@pytest.mark.parametrize(
    ("order", "error", "said"),
    [
        ({}, WrongUse, "how many points"),
        ({"n": 240, "target_se": 0.01}, WrongUse, "give one of them"),
        ({"n": 20}, SampleDesignInvalid, "give at least 200"),
        ({"n": 10**6}, SampleDesignInvalid, "4746 pixels"),
        ({"n": 240, "legend": "nothing"}, UnknownLegend, "choose one of"),
        ({"n": 240, "legend": "lpd5"}, UnmappedCodes, "7: "),
        ({"n": 240, "expected": ("high",)}, WrongUse, "no expected accuracy"),
        ({"n": 240, "expected": ("9=0.5",)}, WrongUse, "no class of legend"),
        ({"n": 240, "expected": ("5=0.5",)}, SampleDesignInvalid, "no stratum"),
        ({"n": 240, "expected": ("7.5",)}, SampleDesignInvalid, "from 0 to 1"),
        ({"area_se": "1"}, WrongUse, "give for example"),
        ({"area_se": "1=wide"}, WrongUse, "give for example"),
        ({"area_se": "5=1"}, SampleDesignInvalid, "no stratum 5"),
        ({"area_se": "1=0.1", "by_class": False}, WrongUse, "leave --whole-map out"),
        ({"n": 240, "omission": 0.1}, WrongUse, "no --area-se"),
        ({"n": 240, "exclude": ("1", "2", "3", "7")}, NoValidData, "nothing to sample"),
        ({"n": 240, "exclude": ("sea",)}, WrongUse, "no class"),
        ({"n": 240, "crs": "EPSG:1"}, SteppeError, "EPSG:1"),
        ({"n": 240, "minimum": 1}, SampleDesignInvalid, "2 or more"),
    ],
)
def test_orders_that_are_refused_leave_nothing(class_map, out, order, error, said):
    with pytest.raises(error, match=said):
        draw_sample(SampleOrder(map=class_map, **order), out / "points.csv")
    assert left_in(out) == []


def test_what_is_there_is_not_replaced(class_map, out):
    draw_sample(SampleOrder(map=class_map, n=240), out / "points.csv")
    before = (out / "points.csv").read_bytes()
    for name in ("points.csv", "points.gpkg"):
        with pytest.raises(WrongUse, match="is there already"):
            draw_sample(SampleOrder(map=class_map, n=240, seed=2), out / name)
    assert (out / "points.csv").read_bytes() == before
    assert left_in(out) == ["points.csv", "points.design.json"]


def test_places_and_maps_that_are_none(class_map, out, tmp_path):
    with pytest.raises(WrongUse, match=r"\.csv or \.gpkg"):
        draw_sample(SampleOrder(map=class_map, n=240), out / "points.shp")
    with pytest.raises(SteppeError, match="folder does not exist"):
        draw_sample(SampleOrder(map=class_map, n=240), out / "no" / "points.csv")
    with pytest.raises(DataError):
        draw_sample(SampleOrder(map=tmp_path / "none.tif", n=240), out / "points.csv")
    colours = write_tiff(tmp_path / "rgb.tif", np.ones((3, 5, 5), np.uint8))
    with pytest.raises(DataError, match="3 bands"):
        draw_sample(SampleOrder(map=colours, n=240, legend="unccd7"), out / "points.csv")
    empty = write_map(tmp_path / "empty.tif", np.full((60, 80), 255))
    with pytest.raises(NoValidData):
        draw_sample(SampleOrder(map=empty, n=240), out / "points.csv")
    wide = write_tiff(tmp_path / "wide.tif", np.full((1, 5, 5), 70_000, np.int32), transform=north_up())
    with pytest.raises(UnmappedCodes, match="beyond int16"):
        draw_sample(SampleOrder(map=wide, n=240, legend="unccd7"), out / "points.csv")
    assert left_in(out) == []


def spoil(order, change):
    text = order.points.read_text(encoding="utf-8")
    order.points.write_text(change(text), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda text: text.replace("reference", "label"), ResponseInvalid, "no column reference"),
        (lambda text: text.replace("id,", "fid,", 1), ResponseInvalid, "no column id"),
        (lambda _text: "", ResponseInvalid, "no column id and stratum and reference"),
        (lambda text: text + text.splitlines()[-1] + "\n", ResponseInvalid, "more than once"),
        (lambda text: "\n".join(text.splitlines()[:-3]), ResponseInvalid, "3 of 240 points"),
        (lambda text: text + "999,0,0,0,0,1,x,1,,,\n", NoProbabilitySample, "'999' are not of the design"),
        (lambda text: text + "x,0,0,0,0,east,x,1,,,\n", ResponseInvalid, "the stratum 'east'"),
        (lambda text: text.replace("Cropland,3", "Cropland,moon", 1), ResponseInvalid, "'moon', which is no class"),
        (lambda text: text.replace("Cropland,3", "Cropland,9", 1), ResponseInvalid, r"\(9: 1 points\)"),
        (lambda text: text.replace("Cropland,3", "Cropland,", 1), ResponseInvalid, "1 of 240 points have no reference"),
    ],
)
def test_tables_that_are_refused_leave_nothing(class_map, out, change, error, said):
    order = drawn_and_filled(class_map, out)
    spoil(order, change)
    with pytest.raises(error, match=said):
        publish_assessment(order, out / "accuracy")
    assert left_in(out) == ["points.csv", "points.design.json"]


def test_missing_points_may_be_left_out(class_map, out):
    order = drawn_and_filled(class_map, out, lambda row: "" if row["id"] in {"5", "6"} else row["stratum"])
    partial = AccuracyOrder(points=order.points, design=order.design, partial=True)
    result = assess(partial)
    assert result.found.n == 238
    assert "sample-missing-labels" in {caveat.slug for caveat in result.caveats}


def test_without_a_design_nothing_is_estimated(class_map, out):
    order = drawn_and_filled(class_map, out)
    alone = order.points.rename(order.points.with_stem("alone"))
    with pytest.raises(NoProbabilitySample, match="its mapped area"):
        publish_assessment(AccuracyOrder(points=alone, design=None), out / "accuracy")
    alone.rename(order.points)
    document = json.loads(order.design.read_text())
    for changed, error in (
        (document | {"probability_sample": False}, NoProbabilitySample),
        (document | {"seed": 2}, SampleDesignInvalid),
        (document | {"points": document["points"][1:]}, SampleDesignInvalid),
        ({"id": "x"}, NoProbabilitySample),
        ([], SampleDesignInvalid),
    ):
        order.design.write_text(json.dumps(changed))
        with pytest.raises(error):
            publish_assessment(order, out / "accuracy")
    order.design.write_bytes(b"\xff{")
    with pytest.raises(SampleDesignInvalid, match="no design"):
        publish_assessment(order, out / "accuracy")
    order.design.unlink()
    with pytest.raises(SampleDesignInvalid, match="cannot be read"):
        publish_assessment(order, out / "accuracy")
    assert left_in(out) == ["points.csv"]


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00" + b"\x01" * 200, b"<VRTDataset/>"])
def test_geopackages_that_are_none(class_map, out, content):
    order = drawn_and_filled(class_map, out)
    (out / "bad.gpkg").write_bytes(content)
    with pytest.raises(ResponseInvalid):
        assess(AccuracyOrder(points=out / "bad.gpkg", design=order.design))


def test_a_database_without_points(class_map, out):
    order = drawn_and_filled(class_map, out)
    with sqlite3.connect(out / "other.gpkg") as database:
        database.execute("CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT)")
    database.close()
    with pytest.raises(ResponseInvalid, match="0 layers"):
        assess(AccuracyOrder(points=out / "other.gpkg", design=order.design))
    with pytest.raises(ResponseInvalid, match="does not exist"):
        assess(AccuracyOrder(points=out / "none.csv", design=order.design))
    (out / "latin.csv").write_bytes("id,stratum,reference\n1,1,for\xeat\n".encode("latin-1"))
    with pytest.raises(ResponseInvalid, match="not UTF-8"):
        assess(AccuracyOrder(points=out / "latin.csv", design=order.design))


def test_only_used_classes_and_no_data_are_judged(class_map, out):
    order = drawn_and_filled(class_map, out)
    judged = AccuracyOrder(points=order.points, design=order.design, used=("Cropland", "2"), nodata_percent=7.0)
    names = [gate.name for gate in assess(judged).gates]
    assert names[2:] == [
        *("users-accuracy-2", "producers-accuracy-2", "users-accuracy-3", "producers-accuracy-3", "no-data-land")
    ]
    for wrong in ({"used": ("sea",)}, {"nodata_percent": 101.0}):
        with pytest.raises(WrongUse):
            assess(AccuracyOrder(points=order.points, design=order.design, **wrong))


def test_the_commands(class_map, out, run):
    points = out / "points.csv"
    said = run("sample", class_map, "-o", points, "--n", 240, "--seed", 3)
    assert said.exit_code == 0
    assert "240 points, seed 3" in said.output
    fill(points, truth)
    said = run("estimate", points, "--design", out / "points.design.json", "-o", out / "accuracy")
    assert said.exit_code == 0
    assert "Overall accuracy" in said.output
    assert (out / "accuracy" / "accuracy.md").read_text().strip() in said.output
    said = run("estimate", points, "--design", out / "points.design.json", "-o", out / "accuracy", "--json")
    assert json.loads(said.output)["points"] == 240
    said = run("sample", class_map, "-o", out / "more.gpkg", "--area-se", "1=0.05", "--json")
    assert json.loads(said.output)["files"]["points"] == str(out / "more.gpkg")
    beside = run("estimate", points, "-o", out / "beside", "--json")  # the design that lies there
    assert json.loads(beside.output)["points"] == 240
    (out / "points.design.json").unlink()
    with pytest.raises(NoProbabilitySample):
        run("estimate", points, "-o", out / "none")
    with rasterio.open(class_map) as dataset:
        assert dataset.read(1).tolist() == CODES.tolist()
