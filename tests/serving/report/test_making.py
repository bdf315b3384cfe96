"""Whole reports: every number in every file against the oracle, pixel by pixel."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile

import numpy as np
import openpyxl
import pystac
import pytest
import rasterio
import shapely
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rio_cogeo.cogeo import cog_validate

from indicators.reporting.submission import Submission
from indicators.reporting.tables import report_tables
from serving.report.tablefiles import read_accounts
from tests.serving.report import oracle, worlds
from tests.serving.report.oracle import CONDITIONS, KEYS, NO

NAMES = (
    "degrees",
    "baseline",
    "report_1",
    "report_2",
    "federation",
    "gpg_v1",
    "gpg_v2",
    "grids",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Every report by name; made once."""

    def empty(name):
        folder = tmp_path_factory.mktemp(name)
        (folder / "out").mkdir()
        return folder

    found = dict(worlds.provinces(empty("provinces")))
    for name in ("degrees", "federation", "grids"):
        found[name] = getattr(worlds, name)(empty(name))
    for table in ("gpg_v1", "gpg_v2"):
        found[table] = worlds.nested(empty(table), table)
    assert set(found) == set(NAMES)
    return found


@pytest.fixture(params=NAMES)
def world(made, request):
    return made[request.param]


def scale_of(column, cells):
    """What differences are measured by: the row's largest area, or the whole of a share."""
    if column.endswith(("_percent", "_points")):
        return 100.0
    return max(abs(cell) for cell in cells.values())


def tables_in(document):
    return {table["id"]: {row["key"]: row for row in table["rows"]} for table in document["tables"]}


def test_every_number_of_every_table(world):
    found = tables_in(world.json())
    compared = 0
    for table, rows in oracle.tables_of(world.accounts).items():
        assert set(found[table]) == set(rows), table
        for key, cells in rows.items():
            numbers = {name: value for name, value in found[table][key].items() if isinstance(value, int | float)}
            if table != "SO1-4.T2":
                numbers.pop("year", None)
            assert numbers.keys() == cells.keys(), (table, key)
            for column, value in cells.items():
                limit = world.rel * scale_of(column, cells)
                assert numbers[column] == pytest.approx(value, rel=0, abs=max(limit, 1e-300)), (table, key, column)
                compared += 1
    assert compared > 100
    assert world.json()["findings"] == []


def test_sums(world):
    """Columns that are totals are the sums of their rows, and rows that are totals those of their columns."""
    for table in world.json()["tables"]:
        for row in table["rows"]:
            areas = [row[c["key"]] for c in table["columns"] if c["unit"] == "km2" and c["key"] != "total_km2"]
            if "total_km2" in row and row["total_km2"] is not None:
                assert row["total_km2"] == pytest.approx(sum(areas), rel=1e-12)
        totals = [row for row in table["rows"] if row["key"].endswith("total")]
        for total in totals:
            begins = total["key"].removesuffix("total")
            parts = [
                r for r in table["rows"] if r["key"].startswith(begins) and r["key"] not in {total["key"], "net_change"}
            ]
            for column in (c["key"] for c in table["columns"] if c["unit"] == "km2"):
                assert total[column] == pytest.approx(sum(row[column] for row in parts), rel=1e-9, abs=1e-12)


def test_processes_of_degradation(world):
    """SO1-1.T1: the largest ten changes that the matrices call degradation, of every period."""
    document = world.json()
    table = next(table for table in document["tables"] if table["id"] == "SO1-1.T1")
    names = {key: code for code, key in KEYS.items()}
    account = world.accounts[-1]
    column = f"{account.role}_km2"
    signs = {(p.before, p.after) for p in account.pixels if p.cover == -1}
    expected = {
        pair: sum(p.weight() for p in account.pixels if (p.before, p.after) == pair and p.cover == -1) for pair in signs
    }
    for row in table["rows"]:
        before, _, after = row["key"].rpartition("_")[0].partition("_to_")
        pair = names[before], names[after]
        if pair[0] != pair[1]:
            assert row[column] == pytest.approx(expected[pair], rel=1e-6)
    if len(world.accounts) == 1:
        largest = sorted((km2 for pair, km2 in expected.items() if pair[0] != pair[1]), reverse=True)[:10]
        assert [row[column] for row in table["rows"]] == pytest.approx(largest, rel=1e-6)


def test_matrices_and_national_legend(made):
    tables = tables_in(made["federation"].json())
    matrix, classes = tables["SO1-1.T3"], [KEYS[code] for code in range(1, 8)]
    rows = [[matrix[f"{place}_{key}"][to] for to in classes] for place in (1, 2) for key in classes]
    assert ["".join(row) for row in rows] == [*oracle.MATRIX, *oracle.edited(c12="+", c21="-", c33="-")]
    home = {row["code"]: row["unccd_code"] for row in tables["SO1-1.T2"].values()}
    assert home == {code: to for code, to in worlds.NATIONAL.items() if to != NO}
    assert not tables_in(made["degrees"].json())["SO1-1.T2"]


def test_rasters(world):
    for name, values in world.maps.items():
        path = world.report / f"{name}.tif"
        assert cog_validate(path, strict=True) == (True, [], [])
        with rasterio.open(path) as dataset:
            row, col = offset(world, dataset)
            height, width = dataset.shape
            np.testing.assert_array_equal(dataset.read(1), values[row : row + height, col : col + width])
            assert (dataset.nodata, dataset.dtypes) == (NO, ("int16",))
            left = values.copy()
            left[row : row + height, col : col + width] = NO
            assert (left == NO).all()
    rasters = {path.stem for path in world.report.glob("*.tif")}
    assert rasters - {"soc_stock_final"} == {*world.maps, "transitions"}


def offset(world, dataset):
    """First row and column of a raster on the grid of the maps: reports are cut to their zones."""
    if not world.zones:
        return 0, 0
    col, row = ~worlds.UTM[1] @ (dataset.transform.c, dataset.transform.f)
    return round(row), round(col)


def test_transition_map(made):
    world = made["grids"]
    with rasterio.open(world.report / "transitions.tif") as dataset:
        codes = dataset.read(1).ravel().tolist()
    expected = [
        NO if NO in (p.before, p.after) else p.before if p.before == p.after else 10 * p.before + p.after
        for p in world.accounts[0].pixels
    ]
    assert codes == expected


def test_account_makes_the_same_tables_again(world):
    accounts = read_accounts((world.report / "account.json").read_bytes())
    again = report_tables(Submission(accounts=accounts.whole))
    found = tables_in(world.json())
    for table in again:
        if table.id in {"SO1-1.T2", "SO1-4.T3", "SO1-4.T4", "SO1-4.T5"}:
            continue
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                if column.unit:
                    assert found[table.id][row.key][column.key] == cell, (table.id, row.key, column.key)


def test_zones(made):
    for role in ("baseline", "report_1", "report_2"):
        world = made[role]
        accounts = read_accounts((world.report / "account.json").read_bytes())
        assert [each.zone for each in accounts.zones] == list(worlds.ZONES)
        for each, expected in zip(accounts.zones, world.zones, strict=True):
            assert each.country_km2 == pytest.approx(expected.country, rel=world.rel)
            assert each.land_km2("final") == pytest.approx(expected.land_after, rel=world.rel)
            assert each.degraded_km2 == pytest.approx(expected.degraded, rel=world.rel)
        assert accounts.whole[-1].country_km2 == pytest.approx(
            sum(each.country_km2 for each in accounts.zones), rel=1e-12
        )


def test_csv_says_the_same(world):
    document = world.json()
    with zipfile.ZipFile(world.report / "tables.zip") as archive:
        content = {name: archive.read(name).decode() for name in archive.namelist()}
    numbers = set()
    for table in document["tables"]:
        rows = list(csv.DictReader(io.StringIO(content.pop(f"{table['id']}.csv"), newline="")))
        if not table["given"]:
            assert [set(row) for row in rows] == [{"note"}] * len(table["notes"])
            continue
        assert len(rows) == len(table["rows"])
        for row, expected in zip(rows, table["rows"], strict=True):
            for column in table["columns"]:
                value = expected[column["key"]]
                if isinstance(value, float):
                    assert float(row[column["key"]]) == value
                    numbers.add(value)
                elif value is None:
                    assert row[column["key"]] == ""
    assert not content
    assert numbers


def test_the_workbook_says_the_same(world):
    """Each row of numbers is in the workbook; its formulas are sums."""
    book = openpyxl.load_workbook(world.report / "so1.xlsx")
    lines = {tuple(f"{value:.9e}" for value in numbers_in(sheet, line)) for sheet in book for line in sheet.iter_rows()}
    for table in world.json()["tables"]:
        for row in table["rows"]:
            cells = [row[column["key"]] for column in table["columns"]]
            numbers = tuple(f"{cell:.9e}" for cell in cells if isinstance(cell, float))
            if numbers:
                assert numbers in lines, (table["id"], row["key"])


def numbers_in(sheet, line):
    """The floating-point numbers of a line, sums worked out."""
    for cell in line:
        if isinstance(cell.value, float) or str(cell.value).startswith("=SUM("):
            yield number_in(sheet, cell.value)


def number_in(sheet, value):
    if not isinstance(value, str):
        return float(value or 0)
    area = re.fullmatch(r"=SUM\(([A-Z]+\d+:[A-Z]+\d+)\)", value).group(1)
    return sum(number_in(sheet, cell.value) for part in sheet[area] for cell in part)


def test_spots(world):
    layer, values = spotted(world)
    km2 = km2_of(world)
    tables = tables_in(world.json())
    for kind, table, wanted in (("hotspot", "SO1-4.T4", -1), ("brightspot", "SO1-4.T5", 1)):
        document = world.json(f"{kind}s.geojson")
        expected = [each for each in oracle.patches(values, km2, wanted) if each[1] >= document["min_km2"]]
        areas = [feature["properties"]["area_km2"] for feature in document["features"]]
        assert areas
        assert len(areas) == min(len(expected), 7 if world.report.parent.parent.name.startswith("degrees") else 100)
        assert areas == pytest.approx([area for _, area in expected[: len(areas)]], abs=6e-7)
        rows = [row["area_km2"] for row in tables[table].values()]
        assert rows == pytest.approx([area for _, area in expected[: len(areas)]], rel=1e-6)
        pixels = sorted(feature["properties"]["pixels"] for feature in document["features"])
        if len(areas) == len(expected):
            assert pixels == sorted(count for count, _ in expected)
        for feature in document["features"]:
            shape = shapely.geometry.shape(feature["geometry"])
            assert shape.is_valid
            assert shape.area > 0
        assert kind == document["kind"]
        assert document["layer"] == f"{layer}.tif"


def spotted(world):
    """What spots are of: the headline's condition; of the indicator no water, where both years say what is there."""
    layer = next(name for name in ("status", "indicator", "degradation") if name in world.maps)
    values = world.maps[layer].copy()
    if layer == "status":
        values = np.vectorize(lambda code: oracle.THREE.get(code, NO))(values)
    for pixel in world.accounts[-1].pixels if layer != "degradation" else ():
        years = pixel.before, pixel.after
        if oracle.WATER in years and NO not in years:
            values[pixel.place] = NO
    return layer, values


def test_spots_are_parts_of_what_the_indicator_counts(made):
    for role in ("baseline", "report_1", "report_2"):
        world = made[role]
        degraded = tables_in(world.json())["SO1-4.T2"][role]["degraded_km2"]
        document = world.json("hotspots.geojson")
        assert document["codes"] == ([-1] if role == "baseline" else [1, 2, 3])
        parts = [each["properties"]["area_km2"] for each in document["features"]]
        parts += [document["left_out"]["area_km2"], document["below_min_km2"]["area_km2"]]
        assert sum(parts) == pytest.approx(degraded, abs=1e-4)


def test_page_and_tables_say_the_same_of_the_indicator(made):
    for name in NAMES[1:]:
        world = made[name]
        rows = tables_in(world.json())["SO1-4.T2"]
        if not rows:
            continue
        expected = rows[world.accounts[-1].role]
        properties = world.json("item.json")["properties"]
        assert properties["steppe:land_km2"] == pytest.approx(expected["total_land_area_km2"], rel=1e-6)
        headline = properties["steppe:headline"]
        assert headline["degraded_percent"] == pytest.approx(expected["proportion_percent"], abs=1e-4)
        assert headline["degraded_km2"] == pytest.approx(expected["degraded_km2"], rel=1e-6)


def test_water_of_the_baseline_is_no_land_without_data(made):
    for role in ("report_1", "report_2"):
        world = made[role]
        account, expected = read_accounts((world.report / "account.json").read_bytes()).whole[-1], world.accounts[-1]
        assert any(pixel.was_water and pixel.before != oracle.WATER for pixel in expected.pixels)
        assert account.status.water_km2 == pytest.approx(expected.water_without_status, rel=world.rel)
        assert account.headline.nodata_share == pytest.approx(expected.nodata_share, rel=world.rel)
        said = f"{expected.water_without_status:,.2f} km2 were water"
        table = next(each for each in world.json()["tables"] if each["id"] == "SO1-4.T1")
        assert any(said in note for note in table["notes"])


def km2_of(world):
    """Area of each pixel in the zones, on the grid of the maps."""
    found = np.zeros(next(iter(world.maps.values())).shape)
    for pixel in world.accounts[-1].pixels:
        found[pixel.place] = pixel.weight()
    return found


def test_corrections(made):
    for role in ("baseline", "report_1", "report_2"):
        rows = list(tables_in(made[role].json())["SO1-4.T3"].values())
        assert [row["area_km2"] for row in rows] == pytest.approx(list(made[role].corrected), rel=2e-7)
    assert [row["place"] for row in tables_in(made["report_1"].json())["SO1-4.T3"].values()] == ["place 0", "place 1"]


def test_summary_of_trends_earth(world):
    path = world.report / "trends_earth_summary.json"
    if world.report.parent.parent.name.startswith("federation"):
        assert not path.exists()
        return
    document = world.json(path.name)["land_condition"]
    assert list(document) == [account.role for account in world.accounts]
    for account in world.accounts:
        period = document[account.role]["period_assessment"]
        names = {1: "Improved", 0: "Stable", -1: "Degraded", NO: "No data"}

        def same(found, expected, names=names):
            areas = {each["name"]: each["area"] for each in found["areas"]}
            wanted = {names[code]: expected[code] for code in CONDITIONS}
            assert areas == pytest.approx(wanted, rel=1e-6, abs=1e-9)

        same(period["land_cover"]["summary"], account.by("cover"))
        if account.pixels[0].sdg is not None:
            same(period["sdg"]["summary"], account.by("sdg", land=True))
            same(period["productivity"]["summaries"]["all_cover_types"], account.by("productivity"))
            same(period["productivity"]["summaries"]["non_water"], account.by("productivity", land=True))
            same(period["soil_organic_carbon"]["summaries"]["non_water"], account.by("soc", land=True))
        changes = account.by("before", "after")
        (table,) = period["land_cover"]["crosstabs_by_land_cover_class"]
        assert sum(each["value"] for each in table["values"]) == pytest.approx(
            sum(km2 for pair, km2 in changes.items() if NO not in pair), rel=1e-6
        )
        if account.pixels[0].baseline is not None:
            status = document[account.role]["status_assessment"]["sdg"]
            seven = account.by("settled", land=True)
            three = dict.fromkeys(CONDITIONS, 0.0)
            for code, km2 in seven.items():
                three[oracle.THREE.get(code, NO)] += km2
            same(status, three)


def test_item(world):
    document = world.json("item.json")
    item = pystac.Item.from_dict(document)
    JsonSchemaSTACValidator().validate_core(document, pystac.STACObjectType.ITEM, document["stac_version"])
    assert item.id.startswith("steppe-report-")
    names = {asset.href.removeprefix("./") for asset in item.assets.values()}
    there = {path.name for path in world.report.iterdir()}
    assert names <= there
    assert there - names == {"item.json", "tables.zip", *(name for name in there if name.endswith(".qml"))}
    for asset in item.assets.values():
        content = (world.report / asset.href).read_bytes()
        assert asset.extra_fields["file:size"] == len(content)
        assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
    assert document["properties"]["steppe:total_km2"] == pytest.approx(world.accounts[-1].country, rel=1e-6)
    assert json.dumps(document, allow_nan=False)


def test_two_products_are_told_of(made):
    slugs = {each["slug"] for each in made["degrees"].json()["caveats"]}
    assert {"two-products", "two-crosswalks"} <= slugs
    page = (made["degrees"].report / "report.html").read_text(encoding="utf-8")
    assert "two products" in page
