"""Interpreted points: what is refused, what is warned of."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from indicators.sampling.response import Drawn, NoProbabilitySample, Point, ResponseInvalid, checked_responses
from tests.indicators.sampling.samples import strata_of

STRATA = strata_of([10.0, 20.0])
CLASSES = (1, 2, 3)


def point(name, stratum=1, reference=1, **more):
    return Point(id=name, stratum=stratum, reference=reference, **more)


GOOD = [point("a"), point("b", 2, 3), point("c", 2, 2), point("d", 1, 2)]
DRAWN = {"a": Drawn(1, 1), "b": Drawn(2, 2), "c": Drawn(2, 2), "d": Drawn(1, 1)}


def test_good_points_are_counted():
    found = checked_responses(GOOD, STRATA, CLASSES, DRAWN)
    assert found.caveats == ()
    assert found.counts((1, 2), CLASSES).tolist() == [[1, 1, 0], [0, 1, 1]]
    assert found.strata_are_classes
    assert checked_responses(GOOD, STRATA, CLASSES).counts((1, 2), CLASSES).sum() == 4


def test_counts_are_those_of_scikit_learn():
    generator = np.random.default_rng(2)
    strata, reference = generator.integers(1, 3, 300), generator.integers(1, 4, 300)
    points = [point(str(i), int(s), int(r)) for i, (s, r) in enumerate(zip(strata, reference, strict=True))]
    found = checked_responses(points, STRATA, CLASSES)
    assert (found.counts((1, 2), CLASSES) == confusion_matrix(strata, reference, labels=CLASSES)[:2]).all()


def test_the_class_of_the_map_is_that_of_the_design():
    drawn = DRAWN | {"a": Drawn(1, 7)}
    found = checked_responses([point("a", mapped=1), *GOOD[1:]], STRATA, CLASSES, drawn)
    assert found.mapped.tolist() == [7, 2, 2, 1]
    assert not found.strata_are_classes


@pytest.mark.parametrize(
    ("points", "error", "said"),
    [
        ([*GOOD, point("a")], ResponseInvalid, "'a' occur more than once"),
        ([*GOOD[1:], point("a", 5)], ResponseInvalid, r"does not have \(5: 1 points\)"),
        ([*GOOD[1:], point("a", 1, 9)], ResponseInvalid, r"\(9: 1 points\); expected one of 1, 2, 3"),
        ([*GOOD, point("e")], NoProbabilitySample, r"'e' are not of the design \(1 of 5\)"),
        ([point("a", 2), *GOOD[1:]], ResponseInvalid, "another stratum than in the design"),
        ([point("a", 1, None), *GOOD[1:]], ResponseInvalid, "1 of 4 points have no reference class"),
        (GOOD[1:], ResponseInvalid, "1 of 4 points have no reference class"),
        ([], ResponseInvalid, "4 of 4 points"),
        ([point(str(i)) for i in range(20)], NoProbabilitySample, "and 15 more"),
    ],
)
def test_tables_that_are_refused(points, error, said):
    with pytest.raises(error, match=said):
        checked_responses(points, STRATA, CLASSES, DRAWN)


def test_missing_points_may_be_left_out_on_purpose():
    found = checked_responses([point("a", 1, None), *GOOD[1:3]], STRATA, CLASSES, DRAWN, partial=True)
    assert len(found.points) == 2
    assert [caveat.slug for caveat in found.caveats] == ["sample-missing-labels"]
    assert "2 of 4 points" in found.caveats[0].text
    with pytest.raises(ResponseInvalid, match="4 of 4"):
        checked_responses([point("a", 1, None)], STRATA, CLASSES, DRAWN, partial=True)


def test_unsure_interpreters_are_heard():
    found = checked_responses([point("a", confidence=" Low "), *GOOD[1:]], STRATA, CLASSES, DRAWN)
    assert [caveat.slug for caveat in found.caveats] == ["sample-unsure-reference"]
    assert "1 of 4 points" in found.caveats[0].text
