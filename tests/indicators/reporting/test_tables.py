"""The tables: PRAIS's ids and units, their sums against each other, and what they say where an input is missing."""

import dataclasses

import pytest

from indicators.codes import NODATA
from indicators.reporting.entries import country_classes
from indicators.reporting.submission import Submission
from indicators.reporting.table import Column, Row, Table, class_keys
from indicators.reporting.tables import GROUPS, group_of, report_tables
from indicators.reporting.texts import ENGLISH, Text, class_text, words
from indicators.reporting.totals import STATUS3
from landcover.crosswalks import get_crosswalk
from landcover.errors import ConfigError
from tests.indicators.reporting.country import CLASSES, account, submission
from tests.landcover.vectors import vector

EXTRA = ("SO1-4.T1b", "SO1-4.T1c")
UNITS = {"": "", "km2": "km2", "t/ha": "t/ha", "km2 and %": "km2"}


@pytest.fixture(scope="module")
def sent():
    return submission()


@pytest.fixture(scope="module")
def tables(sent):
    return {table.id: table for table in report_tables(sent)}


def test_ids_and_units_are_those_of_prais(tables):
    known = {row["id"]: row for row in vector("prais_tables")["tables"]}
    left_to_people = {"CP-1.T2", "SO2-3.T1"}
    assert list(tables) == sorted(tables)
    assert set(tables) - set(EXTRA) == set(known) - left_to_people
    assert {group_of(table) for table in tables.values()} == set(GROUPS)
    for name, row in known.items():
        if row.get("unit") and name in tables:
            assert tables[name].unit == UNITS[row["unit"]], name


def test_every_table_has_rows_and_says_itself_in_english(tables):
    for table in tables.values():
        assert table.given, table.id
        said = [table.title, *table.notes, *(column.title for column in table.columns)]
        said += [cell for row in table.rows for cell in row.cells if isinstance(cell, Text)]
        assert all(text.english and "{" not in text.english for text in said)


def test_areas_of_the_tables(sent, tables):
    baseline, report = sent.ordered
    land = tables["CP-1.T1"]
    assert [row.key for row in land.rows] == ["2000", "2015", "2022"]
    assert land.number("2000", "total_land_area_km2") == baseline.land_km2("initial")
    assert land.number("2022", "water_bodies_km2") == report.water_km2("final")
    extent = tables["SO1-1.T4"]
    assert extent.number("2015", "cropland_km2") == baseline.extent("final")[3]
    assert extent.number("2022", "no_data_km2") == report.extent("final")[NODATA]
    change = tables["SO1-1.T6"]
    assert change.number("tree_covered", "cropland_km2") == report.changes[1, 3]
    assert change.number("net_change", "wetland_km2") == report.net_change[4]
    assert change.number("total", "total_km2") == pytest.approx(report.country_km2)
    assert tables["SO1-1.T5"].number("no_data", "water_km2") == baseline.changes[NODATA, 7]
    cover = tables["SO1-1.T7"]
    assert cover.number("report_2", "improved_km2") == report.cover.improved
    assert cover.number("baseline", "degraded_percent") == pytest.approx(
        100 * baseline.cover.degraded / baseline.country_km2
    )
    lpd = tables["SO1-2.T2"]
    assert lpd.number("grassland", "stable_but_stressed_km2") == report.lpd_by_cover[2, 3]
    assert lpd.number("total", "total_km2") == pytest.approx(report.country_km2)
    assert tables["SO1-2.T3"].number("baseline", "degraded_km2") == baseline.productivity.degraded
    assert tables["SO1-3.T2"].number("report_2", "no_data_km2") == report.soc.no_data
    assert tables["SO1-3.T1"].number("2015", "cropland_t_ha") == pytest.approx(3000 / 200)
    assert tables["SO1-3.T1"].value("2015", "water_t_ha") is None


def test_the_indicator(sent, tables):
    baseline, report = sent.ordered
    status, table = tables["SO1-4.T1"], tables["SO1-4.T2"]
    assert status.number("report_2_stable", "degraded_km2") == report.status.of(0, -1)
    assert table.number("baseline", "degraded_km2") == baseline.headline.totals.degraded
    assert table.number("report_2", "degraded_km2") == report.status.totals.degraded
    shares = [100 * each.degraded_km2 / each.land_km2("final") for each in (baseline, report)]
    assert table.number("report_2", "proportion_percent") == pytest.approx(shares[1])
    assert table.number("report_2", "change_km2") == pytest.approx(report.degraded_km2 - baseline.degraded_km2)
    assert table.number("report_2", "change_points") == pytest.approx(shares[1] - shares[0])
    assert table.value("report_2", "confidence") == words("medium")
    assert table.value("baseline", "change_km2") is None
    seven = tables[EXTRA[0]]
    assert [row.key for row in seven.rows] == [*(f"status_{code}" for code in STATUS3), "no_data", "total"]
    assert seven.number("total", "report_2_km2") == pytest.approx(report.land_km2())


def test_key_processes_go_by_the_names_of_the_menu(sent, tables):
    table = tables["SO1-1.T1"]
    assert 1 <= len(table.rows) <= 10
    largest = max((row for each in sent.accounts for row in each.processes if row.sign == -1), key=lambda row: row.km2)
    first = table.rows[0]
    assert first.cells[2:4] == (class_text(largest.initial), class_text(largest.final))
    menu = ("Urban expansion", "Deforestation", "Vegetation loss", "Inundation", "Woody encroachment")
    for row in table.rows:
        name, title = row.cells[0].english, row.cells[1]
        assert (name == "Other") == (title is not None)
        assert name in (*menu, "Wetland drainage", "Other")


def test_totals_are_sums_of_their_parts(tables):
    for table in tables.values():
        for row in table.rows:
            parts, column = [], None
            for column, cell in zip(table.columns, row.cells, strict=True):
                if column.total and cell is not None:
                    assert cell == sum(parts), (table.id, row.key)
                elif column.unit == "km2":
                    parts.append(cell)


def test_two_reporting_periods():
    accounts = tuple(account(role, seed=seed)[0] for seed, role in enumerate(("report_2", "baseline", "report_1")))
    sent = Submission(accounts)
    tables = {table.id: table for table in report_tables(sent)}
    assert [each.period.role for each in sent.ordered] == ["baseline", "report_1", "report_2"]
    assert [row.key for row in tables["SO1-4.T2"].rows] == ["baseline", "report_1", "report_2"]
    assert tables["SO1-1.T6"].number("total", "total_km2") == pytest.approx(sent.report.country_km2)
    assert [row.key for row in tables["CP-1.T1"].rows] == ["2000", "2015", "2019", "2022"]
    assert words("year_differs", year="2015") in tables["CP-1.T1"].notes
    assert len([row for row in tables["SO1-4.T1"].rows if row.total]) == 2


def test_land_cover_alone():
    tables = {table.id: table for table in report_tables(Submission((account("report_1", layers=())[0],)))}
    reasons = {
        "SO1-1.T2": "no_country_legend",
        "SO1-1.T5": "no_baseline",
        "SO1-2.T1": "no_baseline",
        "SO1-2.T2": "no_lpd",
        "SO1-2.T3": "no_productivity",
        "SO1-3.T1": "no_soc_stock",
        "SO1-3.T2": "no_soc",
        "SO1-4.T1": "no_sdg",
        "SO1-4.T1b": "no_sdg",
        "SO1-4.T1c": "no_status",
        "SO1-4.T2": "no_sdg",
        "SO1-4.T3": "no_corrections",
        "SO1-4.T4": "no_hotspots",
        "SO1-4.T5": "no_brightspots",
    }
    assert {name: table.notes[0].key for name, table in tables.items() if not table.given} == reasons
    assert tables["SO1-2.T2"].notes[0].english == "No layer of land productivity dynamics was given."


def test_a_period_without_its_baseline_says_so():
    tables = {
        table.id: table
        for table in report_tables(Submission((account("report_1", layers=("sdg",))[0], account(layers=("sdg",))[0])))
    }
    assert [row.key for row in tables["SO1-4.T2"].rows] == ["baseline"]
    assert any("not given with the reporting period" in note.english for note in tables["SO1-4.T2"].notes)
    assert not tables["SO1-4.T1"].given


def test_regional_matrices():
    tables = {table.id: table for table in report_tables(Submission((account(regions=2)[0],)))}
    matrix = tables["SO1-1.T3"]
    assert len(matrix.rows) == 14
    assert matrix.value("1_grassland", "cropland") == "+"
    assert matrix.value("2_grassland", "cropland") == "-"


def test_a_country_legend_from_a_crosswalk():
    rows = country_classes(get_crosswalk("worldcover", "unccd7"))
    assert [(row.code, row.unccd) for row in rows][:3] == [(10, 1), (20, 2), (30, 2)]


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        ((), "got none"),
        (("baseline", "baseline"), "one account for each"),
    ],
)
def test_submissions_that_are_refused(accounts, message):
    with pytest.raises(ConfigError, match=message):
        Submission(tuple(account(role)[0] for role in accounts))


def test_submissions_of_two_areas_or_out_of_order():
    one, other = account()[0], account("report_1")[0]
    with pytest.raises(ConfigError, match="zone"):
        Submission((one, dataclasses.replace(other, zone="Elsewhere")))
    late = dataclasses.replace(one.period, initial=2010, final=2021)
    with pytest.raises(ConfigError, match=r"report_1 \(2015-2019\) does not follow"):
        Submission((dataclasses.replace(one, period=late), other))


def test_tables_that_are_refused():
    year = Column("year", words("year"))
    for columns, rows, message in (
        ((year, year), (), "repeats a key"),
        ((year,), (Row("a", (1, 2)),), "another number"),
        ((year,), (), "no note"),
    ):
        with pytest.raises(ConfigError, match=message):
            Table("x", words("year"), "", columns, rows)


def test_texts():
    assert {text for text in ENGLISH.values() if text != text.strip()} == set()
    assert [class_text(code).english for code in CLASSES][-2:] == ["Water bodies", "No data"]
    assert Text("Dune drift", "process").english == "Dune drift"
    assert Text("Stable", "process").english == "Stable"


def test_the_balance_of_land_types(sent, tables):
    """Gains and losses by the land cover of the initial year, cell by cell of the joint table."""
    account, table = sent.report, tables["SO1-4.T1c"]
    joint = account.judged.over(["initial", "baseline", "sdg"])
    status = {(0, 1): 6, (-1, 1): 6, (1, 1): 7, (-1, -1): 1, (0, -1): 2, (1, -1): 2}
    sums = [0.0, 0.0]
    for i, code in enumerate(CLASSES):
        if code == 7:
            continue
        found = {6: 0.0, 7: 0.0, 1: 0.0, 2: 0.0, None: 0.0}
        for j, before in enumerate(joint.axes[1].codes):
            for k, now in enumerate(joint.axes[2].codes):
                found[status.get((before, now))] += joint.km2[i, j, k]
        gains, losses = found[6] + found[7], found[1] + found[2]
        row = table.row(class_keys(account.legend)[code])
        assert row.cells[2:5] == pytest.approx((gains, losses, gains - losses))
        sums = [sums[0] + gains, sums[1] + losses]
    assert table.row("sum_of_balances").cells[2:4] == pytest.approx(sums)
    assert {row.cells[-1].key for row in table.rows} <= {"yes", "no", "not_said"}
