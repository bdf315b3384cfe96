"""Requests for reports that must be refused: what each is, and what the command line must answer."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine

from indicators.transition_files import trends_earth_matrix_document
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.crosswalk_files import crosswalk_document
from landcover.crosswalks import get_crosswalk
from tests.rasters import cut
from tests.serving.report.countries import (
    HEIGHT,
    WIDTH,
    areas,
    box,
    collection,
    conditions,
    cover,
    feature,
    layer,
    polygon,
    raster,
    sub_indicators,
    words,
    write_json,
)


@dataclass(frozen=True)
class BadReport:
    """One request.

    Attributes:
        name: what is wrong.
        make: from a folder to the words of the command; writes its inputs there.
        exit_code: of the command line.
        says: parts of the message.
    """

    name: str
    make: object
    exit_code: int
    says: tuple[str, ...]

    def __str__(self):
        return self.name


def bad(name, exit_code, *says):
    """Add a request to the table."""

    def add(make):
        BAD_REPORTS.append(BadReport(name, make, exit_code, says))
        return make

    return add


BAD_REPORTS: list[BadReport] = []


def options(name, exit_code, *given, says=(), years="2000-2015", legend="unccd7"):
    """A request whose maps are good, with other words."""
    BAD_REPORTS.append(
        BadReport(name, lambda folder: words(folder, *given, years=years, legend=legend), exit_code, says)
    )


def with_before(name, exit_code, write, *says):
    """A request with another initial map; ``write`` writes it under a path."""

    def make(folder):
        path = folder / "before.tif"
        good = raster(folder / "after.tif", cover(1))
        write(path)
        return words(folder, before=path, after=good)

    BAD_REPORTS.append(BadReport(name, make, exit_code, says))


def with_areas(name, exit_code, document, *says, more=()):
    """A request with areas that are a document, or a text."""

    def make(folder):
        path = folder / "country.geojson"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return words(folder, "--areas", path, *more)

    BAD_REPORTS.append(BadReport(name, make, exit_code, says))


def with_file(name, exit_code, option, file, text, *says, more=(), legend="unccd7", years="2000-2015"):
    """A request with a file of that text under an option; ``text`` may make it."""

    def make(folder):
        path = folder / file
        content = text() if callable(text) else text
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return words(folder, option, path, *more, legend=legend, years=years)

    BAD_REPORTS.append(BadReport(name, make, exit_code, says))


def with_indicator(name, exit_code, *says, given=(), **layers):
    """A request with all sub-indicators, some of which are other arrays."""

    def make(folder):
        found = sub_indicators(folder)
        for option, codes in layers.items():
            layer(folder / f"{option.replace('_', '-')}.tif", codes)
        more = given(folder) if callable(given) else given
        return words(folder, *found, *more)

    BAD_REPORTS.append(BadReport(name, make, exit_code, says))


# -- codes and legends


def strange(path):
    codes = cover(0)
    codes[5, :7] = 9
    codes[30, 3] = 44
    raster(path, codes)


with_before("unmapped codes", 3, strange, "initial map", "(code: pixels): 9: 7, 44: 1", "add them to the crosswalk")


@bad("unmapped codes in both maps", 3, "initial map", "9: 2000", "final map")
def _unmapped_everywhere(folder):
    each = np.full((HEIGHT, WIDTH), 9, np.uint8)
    return words(folder, before=raster(folder / "b.tif", each), after=raster(folder / "a.tif", each))


@bad("unmapped codes below the first rows of blocks", 3, "final map", "200: 1")
def _unmapped_late(folder):
    codes = np.tile(cover(0), (14, 1))
    late = codes.copy()
    late[-1, -1] = 200
    return words(folder, before=raster(folder / "b.tif", codes), after=raster(folder / "a.tif", late))


@bad("maps far apart", 3, "no place in common")
def _apart(folder):
    good = raster(folder / "before.tif", cover(0))
    return words(
        folder, before=good, after=raster(folder / "after.tif", cover(1), transform=Affine(30, 0, 9e5, 0, -30, 5.5e6))
    )


options("table without layers", 2, "--lpd-table", "gpg_v1", says=("--lpd-table is for", "leave --lpd-table out"))
options("threshold without carbon", 2, "--soc-threshold", "5", says=("--soc-threshold is for",))
options("policy without the indicator", 2, "--nodata-policy", "single_evidence", says=("--nodata-policy is for",))
options("legend that is not known", 4, legend="corine-of-mars", says=("corine-of-mars", "worldcover"))
options("maps that do not state a legend", 4, legend=None, says=("does not say what its codes mean", "esa-cci"))
options("legend without a crosswalk", 4, legend="degradation3", says=("degradation3",))
options("no legend for the second map", 4, "--legend-after", "esa", says=("esa",))


def national(**changed):
    classes = [
        {"code": code, "name": f"class_{code}", "title": f"Class {code}", "color": "#808080"} for code in range(1, 8)
    ]
    rules = [{"from": [code], "to": code} for code in range(1, 8)]
    document = {
        "id": "home-to-unccd7",
        "version": "1",
        "source_legend": "home",
        "target_legend": "unccd7",
        "rules": rules,
        "nodata": [0],
        "status": "national",
        "citation": "ours",
        "legend": {"id": "home", "version": "1", "title": "Home", "classes": classes, "citation": "ours"},
    }
    return json.dumps(document | changed)


def elsewhere():
    return json.dumps(crosswalk_document(get_crosswalk("esa-cci", "ipcc6")))


with_file("crosswalk to another legend", 4, "--crosswalk", "c.json", elsewhere, "ends in 'ipcc6'", legend=None)
with_file(
    "crosswalk with a gap",
    4,
    "--crosswalk",
    "c.json",
    lambda: national(rules=[{"from": [code], "to": code} for code in range(1, 7)]),
    "7",
    legend=None,
)
with_file(
    "crosswalk with a code twice",
    4,
    "--crosswalk",
    "c.json",
    lambda: national(rules=[{"from": [code], "to": code} for code in (*range(1, 8), 3)]),
    "3",
    legend=None,
)
with_file(
    "crosswalk to a code that is none",
    4,
    "--crosswalk",
    "c.json",
    lambda: national(rules=[{"from": [code], "to": code + 1} for code in range(1, 8)]),
    "8",
    legend=None,
)
with_file("crosswalk that is no JSON", 4, "--crosswalk", "c.json", "{", "crosswalk", legend=None)
with_file("crosswalk that is empty", 4, "--crosswalk", "c.json", "", "crosswalk", legend=None)
with_file("nesting that is none", 4, "--crosswalk", "c.json", '{"nesting": 3}', "nesting", legend=None)
options("crosswalk that is not there", 4, "--crosswalk", "gone.json", legend=None, says=("gone.json", "No such file"))

# -- matrices


def gap_json():
    document = UNCCD7_TRANSITIONS.to_document()
    document["signs"][2][4] = None
    return json.dumps(document)


def gap_trends_earth():
    document = trends_earth_matrix_document(UNCCD7_TRANSITIONS)
    del document["definitions"]["transitions"][10]
    return json.dumps(document)


def gap_csv():
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["initial", "final", "sign"])
    for row, signs in enumerate(UNCCD7_TRANSITIONS.signs, start=1):
        writer.writerows([row, col, sign] for col, sign in enumerate(signs, start=1) if (row, col) != (3, 5))
    return text.getvalue()


def table_csv():
    return "\n".join(",".join(map(str, signs)) for signs in UNCCD7_TRANSITIONS.signs)


with_file("matrix without names of columns", 4, "--matrix", "m.csv", table_csv, "initial, final, sign")
with_file("matrix with a gap, JSON", 4, "--matrix", "m.json", gap_json, "no sign for 3 to 5")
with_file("matrix with a gap, Trends.Earth", 4, "--matrix", "m.json", gap_trends_earth, "no sign for 2 to 4")
with_file("matrix with a gap, CSV", 4, "--matrix", "m.csv", gap_csv, "no sign for 3 to 5")
with_file("matrix that is empty", 4, "--matrix", "m.csv", "", "matrix")
with_file("matrix that is no text", 4, "--matrix", "m.csv", b"\xff\xfe\x00\x01", "UTF-8")
options("matrix that is not there", 4, "--matrix", "gone.csv", says=("gone.csv",))
options("two kinds of matrices", 2, "--matrix", "m.csv", "--regional-matrix", "A=a.csv", says=("give one of them",))
options("regional matrix without regions", 2, "--regional-matrix", "A=a.csv", says=("--regions",))
options("regional matrix without a name", 2, "--regional-matrix", "a.csv", says=("NAME=FILE",))
options(
    "regional matrix twice", 2, "--regional-matrix", "A=a.csv", "--regional-matrix", "A=b.csv", says=("'A'", "twice")
)


def regions(name, exit_code, boxes, named, *says):
    """Regional matrices in boxes, for those that are named."""

    def make(folder):
        found = areas(folder / "regions.geojson", **boxes)
        matrix = write_json(folder / "m.json", UNCCD7_TRANSITIONS.to_document())
        return words(
            folder, "--regions", found, *(w for region in named for w in ("--regional-matrix", f"{region}={matrix}"))
        )

    BAD_REPORTS.append(BadReport(name, make, exit_code, says))


HALVES = {"west": (0, 0, 25, HEIGHT), "east": (25, 0, 25, HEIGHT)}
regions("land without the only region", 3, {"west": HALVES["west"]}, ["west"], "'west'", "pixels", "km2", "extend")
regions(
    "land without a region",
    3,
    {"west": HALVES["west"], "east": (30, 0, 20, HEIGHT)},
    ["west", "east"],
    "the whole map",
    "pixels",
    "km2",
    "extend",
)
regions("region without a matrix", 4, HALVES, ["west"], "east")
regions("matrix without a region", 4, HALVES, ["west", "east", "south"], "south")
regions(
    "overlapping regions", 3, {"west": (0, 0, 30, HEIGHT), "east": HALVES["east"]}, ["west", "east"], "overlap", "km2"
)
regions(
    "six regions",
    4,
    {f"r{i}": (8 * i, 0, 8, HEIGHT) for i in range(7)},
    [f"r{i}" for i in range(7)],
    "at most 5",
)

# -- areas

SQUARE = polygon(box(5, 5, 20, 20))
with_areas(
    "areas without a CRS that do not fit degrees",
    3,
    collection(feature(SQUARE), epsg=None),
    "longitude",
    "member 'crs'",
)
with_areas("areas elsewhere", 3, collection(feature(polygon(box(900, 900, 5, 5)))), "touches")
with_areas(
    "polygon whose sides cross",
    3,
    collection(feature(polygon([box(5, 5, 20, 20)[i] for i in (0, 2, 1, 3, 0)]))),
    "cross",
)
with_areas("polygon without area", 3, collection(feature(polygon(box(5, 5, 20, 0)))), "without area")
LARGE_HOLE = polygon(box(5, 5, 20, 20), box(0, 0, 40, 40))
with_areas("hole larger than its polygon", 3, collection(feature(LARGE_HOLE)), "hole lies outside")
with_areas("hole that takes all", 3, collection(feature(polygon(box(5, 5, 20, 20), box(5, 5, 20, 20)))), "correct it")
with_areas(
    "overlapping zones",
    3,
    collection(feature(SQUARE, name="A"), feature(polygon(box(15, 15, 20, 20)), name="B")),
    "'A'",
    "'B'",
    "overlap",
    "0.09007 km2",
)
with_areas(
    "overlapping polygons of one zone",
    3,
    collection(feature({"type": "MultiPolygon", "coordinates": [[box(5, 5, 20, 20)], [box(9, 9, 20, 20)]]}, name="A")),
    "two polygons",
)
with_areas("points for areas", 3, collection(feature({"type": "Point", "coordinates": [500100, 5499900]})), "Point")
with_areas("areas without a feature", 3, collection(), "holds no polygon")
with_areas("feature without a geometry", 3, collection(feature(None)), "feature 1", "no polygon")
with_areas(
    "feature without a name", 3, collection(feature(SQUARE, name="A"), feature(polygon(box(30, 5, 9, 9)))), "feature 2"
)
with_areas("areas that are no JSON", 3, "{nothing", "country.geojson")
with_areas("empty areas", 3, "", "country.geojson")
with_areas("unknown field of names", 4, collection(feature(SQUARE, name="A")), "'code'", more=("--name-field", "code"))
with_areas("unknown layer", 4, collection(feature(SQUARE, name="A")), "'land'", more=("--layer", "land"))
with_areas("areas in which all is nodata", 3, collection(feature(polygon(box(0, 0, 3, 2)))), "no pixel of the areas")
options("areas that are not there", 3, "--areas", "gone.gpkg", says=("gone.gpkg",))

# -- years and periods

options("years swapped", 2, years="2015-2000", says=("2015", "2000"))
options("one year", 2, years="2015-2015", says=("2015",))
options("words for years", 2, years="then-now", says=("then-now", "2000-2015"))
options("three years", 2, years="2000-2010-2015", says=("2000-2010-2015",))
options("no year", 2, years="2000", says=("'2000'",))
options("years of two digits", 2, years="85-15", says=("85-15",))
options("years of no calendar", 4, years="0000-2015", says=("1900 to 2100",))
options("years after all calendars", 2, years="2000-20150", says=("20150",))
options("years of another preset", 4, "--preset", "prais_2026", years="2001-2015", says=("2000-2015", "prais_2026"))
options(
    "years of another period",
    4,
    "--preset",
    "trends_earth_2026",
    "--period",
    "report_1",
    says=("2015-2019", "trends_earth_2026"),
)
with_file("preset that is no JSON", 4, "--preset", "p.json", "{", "'p.json' cannot be used: it is no JSON")
with_file("preset without periods", 4, "--preset", "p.json", '{"id": "a"}', "lacks version, periods")
options("preset that is not there", 4, "--preset", "none.json", says=("'none.json' cannot be read",))
options("unknown preset", 2, "--preset", "prais_2030", says=("prais_2030",))
options("unknown period", 2, "--period", "report_3", says=("report_3",))

# -- maps that are none


def fill(value, dtype):
    return lambda path: raster(path, np.full((HEIGHT, WIDTH), value, dtype), nodata=None)


def bands(path):
    raster(path, np.stack([cover(0)] * 3))


def truncated(path):
    raster(path, np.random.default_rng(0).integers(1, 8, (HEIGHT * 4, WIDTH * 4)).astype(np.uint8), compress=None)
    cut(path, 0.6)


with_before("float land cover", 3, fill(1.5, np.float32), "float32")
with_before("complex land cover", 3, fill(1, np.complex64), "complex64")
with_before("several bands", 3, bands, "3 bands")
with_before("truncated", 3, truncated, "fetch the file again")
with_before("empty file", 3, lambda path: path.write_bytes(b""), "empty")
with_before("a web page", 3, lambda path: path.write_text("<!doctype html><title>404</title>"), "neither TIFF")
with_before("no CRS", 3, lambda path: raster(path, cover(0), crs=None), "no coordinate reference system")
with_before("no transform", 3, lambda path: raster(path, cover(0), transform=None), "transform")
with_before("no such file", 3, Path.exists, "before.tif")
with_before("a folder", 3, lambda path: path.mkdir(), "before.tif")
with_before("all no data", 3, lambda path: raster(path, np.full((HEIGHT, WIDTH), 255, np.uint8)), "no pixel")

# -- outputs


@bad("report there already", 2, "holds a report already", "--replace")
def _there(folder):
    (folder / "out" / "report").mkdir()
    (folder / "out" / "report" / "account.json").write_text("{}")
    return words(folder)


@bad("other files there", 2, "holds other files", "another folder")
def _foreign(folder):
    (folder / "out" / "report").mkdir()
    (folder / "out" / "report" / "thesis.doc").write_text("precious")
    return words(folder, "--replace")


@bad("file in the place of the report", 2, "is a file")
def _file(folder):
    (folder / "out" / "report").write_text("precious")
    return words(folder, "--replace")


@bad("no folder for the report", 4, "not there")
def _no_parent(folder):
    return words(folder, out=folder / "gone" / "report")


@bad("file for the folder of the report", 4, "not there")
def _file_for_folder(folder):
    (folder / "file").write_text("")
    return words(folder, out=folder / "file" / "report")


# -- layers

options("productivity without its source", 2, "--lpd", "lpd.tif", says=("--lpd-source", "jrc"))
options("source without productivity", 2, "--lpd-source", "jrc", says=("--lpd",))
options("two of three sub-indicators", 2, "--trend", "t.tif", "--state", "s.tif", says=("--performance",))
options(
    "productivity twice",
    2,
    *("--lpd", "lpd.tif", "--lpd-source", "jrc", "--trend", "t.tif"),
    says=("--lpd", "--trend"),
)
options("soil carbon twice", 2, "--soc-change", "a.tif", "--soc-condition", "b.tif", says=("give one of them",))
options("stock without a climate", 2, "--soc-stock", "a.tif", says=("--climate",))
options("climate without a stock", 2, "--climate", "temperate_dry", says=("--soc-stock",))
options("unknown climate", 4, "--soc-stock", "a.tif", "--climate", "martian", says=("martian", "temperate_dry"))
options("unknown source of productivity", 2, "--lpd", "a.tif", "--lpd-source", "modis", says=("modis",))
options("unknown table", 2, "--lpd-table", "gpg_v3", says=("gpg_v3",))
options("unknown policy", 2, "--nodata-policy", "lenient", says=("lenient",))
options("layer that is not there", 3, "--soc-condition", "gone.tif", says=("gone.tif",))
options("negative smallest spot", 2, "--min-spot", "-1", says=("-1",))
options("smallest spot that is no number", 2, "--min-spot", "nan", says=("nan",))
options("no spots", 2, "--most-spots", "0", says=("--most-spots",))
options("negative threshold", 4, "--soc-threshold", "-10", "--soc-change", "a.tif", says=("-10",))
options("threshold that is no number", 4, "--soc-threshold", "nan", "--soc-change", "a.tif", says=("nan",))
options("unknown language", 2, "--language", "de", says=("de",))
options("no word at all for a name", 2, "--name", "", says=("--name",))
options("field of names without areas", 2, "--name-field", "code", says=("--areas",))
options("raw layers that are not there", 2, "--raw-layers", says=("--trend",))
options("unknown option", 2, "--speed", "9", says=("--speed",))


def lpd(name, exit_code, codes, source, *says, table="prais2026"):
    def make(folder):
        given = raster(folder / "lpd.tif", codes, nodata=None)
        return words(folder, "--lpd", given, "--lpd-source", source, "--lpd-table", table)

    BAD_REPORTS.append(BadReport(name, make, exit_code, says))


FIVE = np.random.default_rng(5).integers(1, 6, (HEIGHT, WIDTH)).astype(np.uint8)
lpd("unknown codes of productivity", 3, np.where(FIVE == 5, np.uint8(77), FIVE), "jrc", "77", "pixels")
lpd("five classes under the table of 2021", 2, FIVE, "trends_earth", "gpg_v2", table="gpg_v2")
lpd("five classes under the table of 2017", 2, FIVE, "trends_earth", "gpg_v1", table="gpg_v1")
lpd("float productivity", 3, FIVE.astype(np.float32), "jrc", "float32")
with_indicator("unknown codes of the trend", 3, "5", "trend", trend=conditions(1, codes=(-1, 0, 5)))
with_indicator("improved performance", 3, "performance", performance=conditions(1, codes=(-1, 0, 7)))


@bad("layer elsewhere", 3, "elsewhere")
def _layer_elsewhere(folder):
    given = layer(folder / "soc.tif", conditions(1), transform=Affine(30, 0, 9e5, 0, -30, 5.5e6))
    return words(folder, "--soc-condition", given)


# -- corrections


def correction(*rings, periods=("baseline",), **recoded):
    return feature(polygon(*rings), periods_affected=list(periods), **recoded)


def corrections(*features):
    return lambda folder: ("--corrections", write_json(folder / "c.geojson", collection(*features)))


DEGRADES, HEALS = {"recode_stable_to": -1}, {"recode_deg_to": 0}
with_indicator(
    "overlapping corrections",
    3,
    "overlap",
    "100 pixels",
    given=corrections(correction(box(5, 5, 20, 20), **DEGRADES), correction(box(15, 15, 20, 20), **HEALS)),
)
with_indicator(
    "correction that contradicts itself",
    3,
    "false_degradation",
    given=corrections(correction(box(5, 5, 20, 20), kind="false_degradation", **DEGRADES)),
)
with_indicator("correction elsewhere", 3, "do not touch", given=corrections(correction(box(900, 900, 9, 9), **HEALS)))
with_indicator("correction that changes nothing", 3, "changes nothing", given=corrections(correction(box(5, 5, 9, 9))))
with_indicator(
    "correction of an unknown period",
    3,
    "report_9",
    given=corrections(correction(box(5, 5, 9, 9), periods=["report_9"], **HEALS)),
)
with_indicator(
    "correction with sides that cross",
    3,
    "cross near",
    given=corrections(correction([box(5, 5, 20, 20)[i] for i in (0, 2, 1, 3, 0)], **HEALS)),
)
with_file(
    "corrections without an indicator",
    4,
    "--corrections",
    "c.geojson",
    lambda: json.dumps(collection(correction(box(5, 5, 9, 9), **HEALS))),
    "productivity",
)

# -- the baseline

LATER = ("--period", "report_1")


def later(name, exit_code, prepare, *says, indicator=True, given=LATER):
    """A later period whose baseline ``prepare`` makes in a folder."""

    def make(folder):
        found = folder / "baseline"
        prepare(found)
        more = sub_indicators(folder) if indicator else ()
        return words(folder, *more, "--baseline", found, *given, years="2015-2019")

    BAD_REPORTS.append(BadReport(name, make, exit_code, says))


def damaged(folder):
    folder.mkdir()
    (folder / "account.json").write_text("{}")


later("baseline that is not there", 4, Path.exists, "'baseline'", "no folder of a report")
later("baseline that is none", 4, lambda folder: folder.mkdir(), "account.json")
later("baseline that is damaged", 3, damaged, "make the report again")
later("baseline without an indicator", 4, lambda folder: folder.mkdir(), "productivity", indicator=False)
later("baseline of a baseline", 2, lambda folder: folder.mkdir(), "the baseline is", given=("--period", "baseline"))
