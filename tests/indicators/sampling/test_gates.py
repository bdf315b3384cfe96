"""Bars of acceptance: the verdict at the bar, and one sentence each."""

import numpy as np
import pytest

from indicators.sampling.accuracy import AccuracyEstimate, ClassAccuracy, Estimate
from indicators.sampling.estimate import estimate_olofsson
from indicators.sampling.gates import (
    DEFAULT_BARS,
    Bars,
    Verdict,
    accepted,
    change_area_gate,
    change_gates,
    land_cover_gates,
    nodata_gate,
    productivity_gates,
)
from landcover.errors import ConfigError
from tests.indicators.sampling.samples import strata_of, titles_of

STRATA = strata_of([10.0, 20.0])


def share(value, low=None, high=None):
    return Estimate(value=value, se=0.01, low=low, high=high)


AREA = share(5.0, 1.0, 9.0)


def land(code, users=0.9, producers=0.9, area=AREA):
    return ClassAccuracy(
        code=code,
        title=f"class {code}",
        mapped_km2=10.0,
        map_points=50,
        reference_points=50,
        users=None if users is None else share(users, users - 0.05, users + 0.05),
        producers=None if producers is None else share(producers),
        proportion=share(0.3),
        area_km2=area,
    )


def found(value, low, *classes):
    return AccuracyEstimate(
        overall=share(value, low, 1.0),
        classes=classes,
        counts=np.zeros((2, 2), np.int64),
        cells=np.zeros((2, 2)),
        strata=STRATA,
        strata_are_classes=True,
        method="",
        finite_population=False,
        caveats=(),
    )


@pytest.mark.parametrize(
    ("value", "low", "verdicts"),
    [
        (0.74, 0.70, "pass pass"),
        (0.7399999, 0.70, "fail pass"),
        (0.76, 0.6999999, "pass fail"),
        (0.76, None, "pass fail"),
        (0.60, 0.55, "fail fail"),
    ],
)
def test_land_cover_needs_74_percent_and_70_at_the_lower_end(value, low, verdicts):
    gates = land_cover_gates(found(value, low))
    assert " ".join(gate.verdict for gate in gates) == verdicts
    assert [gate.bar for gate in gates] == [0.74, 0.70]
    assert "PRAIS" in gates[0].source
    assert "no official source" in gates[1].source
    assert accepted(gates) == ("fail" not in verdicts)


def test_a_number_just_below_a_bar_is_not_printed_as_the_bar():
    gate, low = land_cover_gates(found(0.7399999, 0.6999999))
    assert gate.sentence == "The overall accuracy, 73.9 %, does not reach 74.0 %."
    assert "69.9 %, does not reach 70.0 %" in low.sentence
    assert land_cover_gates(found(0.947, 0.93))[0].sentence == "The overall accuracy, 94.7 %, reaches 74.0 %."


def test_classes_below_60_percent_are_flagged_and_only_those_that_are_used():
    estimate = found(0.8, 0.75, land(1, 0.6, 0.599), land(2, 0.2, None), land(3, None, 0.5))
    gates = land_cover_gates(estimate, used=(1, 2))[2:]
    assert [(gate.name, gate.verdict.value) for gate in gates] == [
        ("users-accuracy-1", "pass"),
        ("producers-accuracy-1", "flag"),
        ("users-accuracy-2", "flag"),
        ("producers-accuracy-2", "flag"),
    ]
    assert gates[3].value is None
    assert "no point of the reference" in gates[3].sentence
    every = land_cover_gates(estimate)
    assert len(every) == 8
    assert "no point of the map" in every[6].sentence
    assert accepted(every)


def test_productivity_needs_80_percent():
    assert productivity_gates(found(0.8, 0.7))[0].passed
    assert productivity_gates(found(0.799, 0.7))[0].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("area", "verdict"),
    [
        (share(5.0, 0.01, 9.0), "pass"),
        (share(5.0, 0.0, 12.0), "fail"),
        (share(0.0, None, None), "fail"),
    ],
)
def test_a_change_is_named_only_when_its_interval_excludes_0(area, verdict):
    gate = change_area_gate(land(1, area=area))
    assert gate.verdict == verdict
    assert ("must not be named" in gate.sentence) == (verdict == "fail")


def test_changes_of_a_real_sample():
    strata = strata_of([1.0, 1000.0])
    estimate = estimate_olofsson(np.array([[59, 1], [1, 59]]), strata, titles_of(strata))
    assert [gate.verdict.value for gate in change_gates(estimate, (1,))] == ["fail"]
    estimate = estimate_olofsson(np.array([[590, 10], [0, 600]]), strata_of([100.0, 1000.0]), titles_of(strata))
    assert [gate.verdict.value for gate in change_gates(estimate, (1,))] == ["pass"]


@pytest.mark.parametrize(("percent", "verdict"), [(0.0, "pass"), (5.0, "pass"), (5.01, "flag"), (80.0, "flag")])
def test_no_data(percent, verdict):
    assert nodata_gate(percent).verdict == verdict


def test_other_bars():
    strict = Bars(id="hub", version="2", land_cover_overall=0.85)
    assert not land_cover_gates(found(0.8, 0.75), bars=strict)[0].passed
    assert strict.identity != DEFAULT_BARS.identity
    assert Bars(**DEFAULT_BARS.to_document()) == DEFAULT_BARS
    for wrong in ({"land_cover_overall": 74.0}, {"class_accuracy": 0.0}, {"nodata_percent": 100.0}):
        with pytest.raises(ConfigError, match="the bar"):
            Bars(**wrong)


def test_gates_as_documents():
    document = nodata_gate(7.25).to_document()
    assert document["verdict"] == "flag"
    assert document["sentence"] == "7.2 % of the land has no data: more than 5 %."
