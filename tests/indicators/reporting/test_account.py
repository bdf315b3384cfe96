"""Every sum of an account against pixels counted one by one."""

import dataclasses
import itertools

import pytest

from indicators.codes import NODATA
from indicators.condition.status import condition, status
from indicators.reporting.period import Period
from indicators.reporting.totals import STATUS3, STATUS7, Status
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError
from tests.indicators.reporting.country import CLASSES, CONDITIONS, LAND, OTHER, account, count
from tests.landcover.vectors import vector


@pytest.fixture(scope="module")
def report():
    return account("report_1", seed=3)


def of(totals):
    return [totals.of(code) for code in CONDITIONS]


def test_extents_and_changes(report):
    made, pixels, km2 = report
    for which in ("initial", "final"):
        expected = {code: count(pixels, km2, **{which: {code}}) for code in CLASSES}
        assert made.extent(which) == pytest.approx(expected)
        assert made.land_km2(which) == pytest.approx(sum(expected[code] for code in LAND))
        assert made.water_km2(which) == pytest.approx(expected[7])
    assert made.country_km2 == pytest.approx(km2.sum())
    for before, after in itertools.product(CLASSES, CLASSES):
        assert made.changes[before, after] == pytest.approx(count(pixels, km2, initial={before}, final={after}))
    assert made.net_change[3] == pytest.approx(count(pixels, km2, final={3}) - count(pixels, km2, initial={3}))


@pytest.mark.parametrize("cover_year", ["initial", "final"])
def test_conditions_over_land_and_everywhere(cover_year):
    made, pixels, km2 = account("report_1", seed=5, cover_year=cover_year)
    for name, land, everywhere in (
        ("productivity", made.productivity, made.productivity_all),
        ("soc", made.soc, made.soc_all),
        ("sdg", made.sdg, None),
    ):
        dry = {cover_year: LAND}
        assert of(land) == pytest.approx([count(pixels, km2, **{name: {code}}, **dry) for code in CONDITIONS])
        assert land.total == pytest.approx(made.land_km2())
        if everywhere:
            assert of(everywhere) == pytest.approx([count(pixels, km2, **{name: {code}}) for code in CONDITIONS])
            assert everywhere.total == pytest.approx(made.country_km2)
    assert made.land_year == {"initial": 2015, "final": 2019}[cover_year]


def test_productivity_by_land_cover(report):
    made, pixels, km2 = report
    for (code, lpd), area in made.lpd_by_cover.items():
        assert area == pytest.approx(count(pixels, km2, initial={code}, lpd={lpd}))


def test_status_follows_the_published_matrix(report):
    rows = [tuple(row[:4]) for row in vector("status_matrix_16")["rows"]]
    assert len(rows) == 16
    for before, now, seven, three in rows:
        assert STATUS7.get((before, now), NODATA) == seven
        assert STATUS3.get(seven, NODATA) == three
        one = Status({(before, now): 1.5})
        assert one.seven[seven] == 1.5
        assert one.totals.of(three) == 1.5
    made, pixels, km2 = report
    for before, now in itertools.product(CONDITIONS, CONDITIONS):
        expected = count(pixels, km2, initial=LAND, baseline={before}, sdg={now})
        assert made.status.of(before, now) == pytest.approx(expected)
    assert made.degraded_km2 == made.status.totals.degraded
    dry = pixels["initial"] != 7
    classes = status(pixels["baseline"], pixels["sdg"])
    for code, area in made.status.seven.items():
        assert area == pytest.approx(km2[dry & (classes == code)].sum())
    for code in CONDITIONS:
        assert made.status.totals.of(code) == pytest.approx(km2[dry & (condition(classes) == code)].sum())
    assert made.status.totals.total == pytest.approx(made.land_km2())


@pytest.mark.parametrize("regions", [1, 2])
def test_degradation_by_the_matrix_of_each_region(regions):
    made, pixels, km2 = account(seed=9, regions=regions)
    areas, processes = dict.fromkeys(CONDITIONS, 0.0), {}
    for place, (before, after) in enumerate(zip(pixels["initial"], pixels["final"], strict=True)):
        matrix = (UNCCD7_TRANSITIONS, OTHER)[pixels["region"][place] if regions > 1 else 0]
        data = NODATA not in (before, after)
        sign = matrix.sign(before, after) if data else NODATA
        areas[sign] += km2[place]
        if data and before != after:
            key = matrix.process(before, after), before, after, sign
            area, pixel = processes.get(key, (0.0, 0))
            processes[key] = area + km2[place], pixel + 1
    assert of(made.cover) == pytest.approx([areas[code] for code in CONDITIONS])
    found = {(row.process, row.initial, row.final, row.sign): (row.km2, row.pixels) for row in made.processes}
    assert found.keys() == processes.keys()
    for key, value in found.items():
        assert value == pytest.approx(processes[key])
    assert [row.km2 for row in made.processes] == sorted((row.km2 for row in made.processes), reverse=True)
    assert {(row.initial, row.final) for row in made.processes if row.unlikely} <= UNCCD7_TRANSITIONS.unlikely


def test_layers_that_were_not_given():
    made, _, _ = account("report_1", layers=())
    for value in (made.productivity, made.productivity_all, made.soc, made.soc_all, made.sdg, made.status):
        assert value is None
    assert made.lpd_by_cover is None
    assert made.degraded_km2 is None


def test_what_is_refused():
    made, _, _ = account()
    with pytest.raises(ConfigError, match="expected one for each"):
        type(made)("a", made.period, (), made.joint)
    with pytest.raises(ConfigError, match="expected \\(10, 20"):
        type(made)("a", made.period, made.matrices, made.joint, legend_id="sepal7")
    foreign = dataclasses.replace(UNCCD7_TRANSITIONS, id="x", legend_id="sepal7", unlikely=frozenset())
    with pytest.raises(ConfigError, match="is not for legend"):
        type(made)("a", made.period, (foreign,), made.joint)
    with pytest.raises(ConfigError, match="no axis 'final'"):
        type(made)("a", made.period, made.matrices, made.joint.over(["initial"]))
    with pytest.raises(ConfigError, match="the first year must be earlier"):
        Period("baseline", 2015, 2015)
    with pytest.raises(ConfigError, match="not known"):
        Period("report_9", 2000, 2015)
