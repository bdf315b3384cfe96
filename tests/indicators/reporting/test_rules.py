"""PRAIS's rules: silent on good tables, each one loud on a table broken in one place."""

import dataclasses
import math

import pytest

from indicators.reporting.bounds import MOST_CLASSES, MOST_MATRICES
from indicators.reporting.entries import CountryClass
from indicators.reporting.rules import RULES, check
from indicators.reporting.submission import Submission
from indicators.reporting.table import Column, Row, Table
from indicators.reporting.tables import report_tables
from indicators.reporting.texts import words
from tests.indicators.reporting.country import account, submission
from tests.landcover.vectors import vector


@pytest.fixture(scope="module")
def tables():
    return {table.id: table for table in report_tables(submission())}


def changed(tables, name, row, column, value):
    """All tables, one cell of one of them changed: to a value, or by a function of what it was."""
    table = tables[name]
    place = table.index(column)
    rows = [
        dataclasses.replace(
            each,
            cells=(
                *each.cells[:place],
                value(each.cells[place]) if callable(value) else value,
                *each.cells[place + 1 :],
            ),
        )
        if each.key == row
        else each
        for each in table.rows
    ]
    return [*(tables | {name: dataclasses.replace(table, rows=tuple(rows))}).values()]


def test_there_is_a_rule_for_each_of_the_manual_and_one_for_the_limits():
    assert len(RULES) == len(vector("prais_tables")["validation"]) + 1


def test_good_tables_are_not_found_fault_with(tables):
    assert check([*tables.values()]) == ()
    for role in ("baseline", "report_1"):
        for layers in ((), ("lpd",), ("sdg", "baseline")):
            assert check(report_tables(Submission((account(role, layers=layers)[0],)))) == ()
    assert check(report_tables(Submission((account(regions=2, cover_year="final")[0],)))) == ()


@pytest.mark.parametrize(
    ("name", "row", "column", "value", "rule", "cell"),
    [
        ("SO1-1.T4", "2000", "cropland_km2", -1.0, "areas-are-numbers", "2000/cropland_km2"),
        ("SO1-1.T4", "2000", "cropland_km2", math.nan, "areas-are-numbers", "2000/cropland_km2"),
        ("SO1-1.T7", "baseline", "stable_percent", "much", "areas-are-numbers", "baseline/stable_percent"),
        ("SO1-4.T4", "1", "area_km2", True, "areas-are-numbers", "1/area_km2"),
        ("SO1-4.T4", "1", "area_km2", 1e6, "within-the-country", "1/area_km2"),
        ("SO1-1.T5", "net_change", "cropland_km2", -1e6, "within-the-country", "net_change/cropland_km2"),
        (
            "CP-1.T1",
            "2000",
            "water_bodies_km2",
            lambda was: was + 1,
            "country-is-land-and-water",
            "2000/total_country_area_km2",
        ),
        ("CP-1.T1", "2015", "total_country_area_km2", None, "country-is-land-and-water", "2015/total_country_area_km2"),
        ("SO1-1.T4", "2022", "wetland_km2", lambda was: was + 0.001, "extents-fill-the-country", "2022"),
        ("SO1-1.T4", "2022", "total_km2", lambda was: was - 0.001, "extents-fill-the-country", "2022/total_km2"),
        (
            "SO1-1.T5",
            "grassland",
            "water_km2",
            lambda was: was + 0.001,
            "changes-agree-with-extents",
            "grassland/initial",
        ),
        ("SO1-1.T6", "grassland", "water_km2", lambda was: was + 0.001, "changes-agree-with-extents", "water/final"),
        ("SO1-2.T3", "baseline", "no_data_km2", lambda was: was * 1.01, "conditions-fill-the-land", "baseline"),
        ("SO1-3.T2", "report_2", "stable_km2", 0.0, "conditions-fill-the-land", "report_2"),
        (
            "SO1-4.T1",
            "report_2_total",
            "stable_km2",
            lambda was: was * 1.01,
            "conditions-fill-the-land",
            "report_2_total",
        ),
        (
            "SO1-4.T1",
            "report_2_stable",
            "degraded_km2",
            lambda was: was * 2,
            "status-agrees-with-indicator",
            "report_2/degraded_km2",
        ),
        (
            "SO1-4.T2",
            "report_2",
            "degraded_km2",
            lambda was: was * 0.99,
            "status-agrees-with-indicator",
            "report_2/degraded_km2",
        ),
    ],
)
def test_a_broken_cell_is_found(tables, name, row, column, value, rule, cell):
    found = check(changed(tables, name, row, column, value))
    assert (rule, cell) in {(finding.rule, finding.cell) for finding in found}
    assert all(finding.sentence for finding in found)


def test_limits():
    classes = tuple(CountryClass(code, "x", 1) for code in range(1, MOST_CLASSES + 2))
    (finding,) = check(report_tables(submission(country_legend=classes)))
    assert (finding.rule, finding.table) == ("limits", "SO1-1.T2")
    assert "16 classes came; PRAIS takes 15 at most" in finding.sentence
    one = submission()
    matrices = {table.id: table for table in report_tables(one)}
    table = matrices["SO1-1.T3"]
    six = [
        dataclasses.replace(row, key=f"{place}_{row.key.partition('_')[2]}")
        for place in range(1, MOST_MATRICES + 2)
        for row in table.rows
    ]
    found = check([dataclasses.replace(table, rows=tuple(six))])
    assert [finding.rule for finding in found] == ["limits"]
    assert check([dataclasses.replace(table, rows=tuple(six[7:]))]) == ()


def test_populations_where_they_are_given():
    groups = tuple(Column(name, words("total")) for name in ("female", "male", "total"))
    people = Table("CP-1.T2", words("total"), "", groups, (Row("2015", (1.0, 1.0, 2.0)),))
    exposed = Table("SO2-3.T1", words("total"), "", groups, (Row("2015", (1000, 1001, 2000)),))
    (finding,) = check([people, exposed])
    assert (finding.rule, finding.cell) == ("within-the-country", "2015/male")
