"""How many points, and how they are shared out."""

import math
from itertools import product

import numpy as np
import pytest

from indicators.sampling.allocation import Allocation, allocate
from indicators.sampling.design import AreaTarget, SampleDesign, SizeOrder, plan_design
from indicators.sampling.size import (
    SampleSize,
    expected_presence,
    expected_se_area,
    expected_se_overall,
    overall_size,
    searched_size,
)
from indicators.sampling.strata import SampleDesignInvalid, Strata, Stratum, checked_weights
from landcover.errors import WrongUse
from tests.indicators.sampling.samples import SIZE, strata_of

PAPER = strata_of([200.0, 150.0, 3200.0, 6450.0], [200_000, 150_000, 3_200_000, 6_450_000])
USERS = np.array(SIZE["assumed_UA"])


def test_the_paper_s_sample_size():
    size = overall_size(SIZE["W"], USERS, SIZE["target_se_overall_accuracy"])
    assert size.n == SIZE["n"] == 641
    assert size.exact == pytest.approx(SIZE["n_exact"], rel=1e-9)
    assert math.sqrt(size.exact) * 0.01 == pytest.approx(SIZE["sum_WS"], rel=1e-9)
    assert "Eq. 13" in size.source
    finite = overall_size(SIZE["W"], USERS, 0.01, population=10_000_000)
    assert size.exact > finite.exact > size.exact - 1.0
    small = overall_size(SIZE["W"], USERS, 0.01, population=1000)
    spread = sum(w * u * (1 - u) for w, u in zip(SIZE["W"], USERS, strict=True))
    assert small.exact == pytest.approx(SIZE["sum_WS"] ** 2 / (1e-4 + spread / 1000))


def test_the_paper_s_allocation():
    """75 points in each rare class; the paper rounds 163 and 328 to 165 and 325."""
    counts = allocate(641, PAPER, method=Allocation.COMPROMISE, minimum=75)
    assert counts.tolist() == [75, 75, 163, 328]
    assert allocate(641, PAPER, method=Allocation.PROPORTIONAL).tolist() == [13, 10, 205, 413]
    assert allocate(641, PAPER, method=Allocation.EQUAL).tolist() == [161, 160, 160, 160]


def test_neyman_s_allocation_is_the_best_of_all():
    """Against every other way to share 40 points out."""
    strata, users = strata_of([10.0, 30.0, 60.0]), np.array([0.6, 0.9, 0.8])
    chosen = allocate(40, strata, method=Allocation.NEYMAN, users=users)
    errors = {
        (a, b, 40 - a - b): expected_se_overall(strata.weights, users, np.array([a, b, 40 - a - b]))
        for a, b in product(range(2, 37), repeat=2)
        if 40 - a - b >= 2
    }
    best = min(errors, key=errors.get)
    assert np.abs(chosen - np.array(best)).max() <= 1  # the divisor is n - 1
    assert errors[tuple(chosen.tolist())] <= min(errors.values()) * 1.005


def test_neyman_gives_strata_that_are_expected_to_be_perfect_the_least():
    strata = strata_of([10.0, 30.0, 60.0])
    counts = allocate(100, strata, method=Allocation.NEYMAN, minimum=5, users=np.array([0.6, 1.0, 0.8]))
    assert counts[1] == 5
    perfect = allocate(100, strata, method=Allocation.NEYMAN, users=np.ones(3))
    assert perfect.tolist() == allocate(100, strata, method=Allocation.PROPORTIONAL).tolist()
    tight = strata_of([1.0, 1.0], [10, 100])
    assert allocate(60, tight, method=Allocation.NEYMAN, users=np.array([0.5, 1.0])).tolist() == [10, 50]
    with pytest.raises(SampleDesignInvalid, match="needs the user's accuracies"):
        allocate(60, tight, method=Allocation.NEYMAN)


@pytest.mark.parametrize("method", list(Allocation))
@pytest.mark.parametrize("seed", range(8))
def test_allocations_keep_their_bounds_and_proportions(method, seed):
    generator = np.random.default_rng(seed)
    size = int(generator.integers(1, 9))
    strata = strata_of(generator.uniform(0.1, 100.0, size), generator.integers(20, 3000, size))
    users = generator.uniform(0.5, 0.99, size)
    minimum = int(generator.integers(2, 60))
    floors = np.minimum(strata.pixels, minimum)
    n = int(generator.integers(floors.sum(), strata.total_pixels + 1))
    counts = allocate(n, strata, method=method, minimum=minimum, users=users)
    assert counts.sum() == n
    assert (counts >= floors).all()
    assert (counts <= strata.pixels).all()
    shares = {
        Allocation.EQUAL: np.ones(size),
        Allocation.NEYMAN: strata.weights * np.sqrt(users * (1 - users)),
    }.get(method, strata.weights)
    free = (counts > floors) & (counts < strata.pixels)
    rates_low, rates_high = (counts[free] - 1) / shares[free], (counts[free] + 1) / shares[free]
    assert not free.any() or rates_low.max() <= rates_high.min() * (1 + 1e-9)


def test_a_small_stratum_is_taken_whole():
    strata = strata_of([1.0, 50.0], [30, 5000])
    design = plan_design(strata, SizeOrder(n=200), users=np.array([0.8, 0.9]))
    assert design.counts == (30, 170)
    assert [caveat.slug for caveat in design.caveats] == ["sample-few-points", "sample-whole-stratum"]


@pytest.mark.parametrize(
    ("strata", "n", "minimum", "said"),
    [
        (strata_of([1.0, 5.0], [1, 500]), 100, None, "a single pixel"),
        (strata_of([1.0, 5.0], [300, 400]), 90, 50, "give at least 100"),
        (strata_of([1.0, 5.0], [30, 40]), 71, 2, "the map has 70 pixels"),
        (strata_of([1.0, 5.0]), 60, 1, "expected 2 or more"),
    ],
)
def test_numbers_that_cannot_be_shared_out(strata, n, minimum, said):
    with pytest.raises(SampleDesignInvalid, match=said):
        allocate(n, strata, method=Allocation.COMPROMISE, minimum=minimum)


def test_a_wanted_standard_error_of_an_area_is_reached_with_the_fewest_points():
    target = AreaTarget(code=1, se_km2=30.0)
    design = plan_design(PAPER, SizeOrder(area=target), users=USERS)
    presence = expected_presence(USERS, 0)
    assert presence == pytest.approx([0.7, 0.4 / 3, 0.1 / 3, 0.05 / 3])

    def reached(counts):
        return expected_se_area(PAPER.weights, presence, counts, PAPER.total_km2)

    assert reached(np.array(design.counts)) <= 30.0
    assert reached(allocate(design.n - 1, PAPER, method=Allocation.COMPROMISE)) > 30.0
    assert "area of class 1" in design.size.formula
    less = plan_design(PAPER, SizeOrder(area=AreaTarget(code=1, se_km2=30.0, omission=0.003)), users=USERS)
    assert less.n < design.n
    both = plan_design(PAPER, SizeOrder(overall_se=0.01, area=target), users=USERS)
    assert both.n == max(641, design.n)


def test_expected_errors_are_those_of_the_estimator():
    """Counts as expected give the standard errors that were expected."""
    from indicators.sampling.estimate import estimate_olofsson  # noqa: PLC0415

    strata, users = strata_of([100.0, 400.0]), np.array([0.75, 0.9])
    counts = np.array([[75, 25], [20, 180]])
    found = estimate_olofsson(counts, strata, {1: "a", 2: "b"})
    points = counts.sum(axis=1)
    assert found.overall.se == pytest.approx(expected_se_overall(strata.weights, users, points))
    presence = expected_presence(users, 0)
    assert found.classes[0].area_km2.se == pytest.approx(expected_se_area(strata.weights, presence, points, 500.0))


def test_minima_may_need_more_points_than_the_target():
    design = plan_design(PAPER, SizeOrder(overall_se=0.05), users=USERS)
    assert design.n == 200
    assert design.size.formula.endswith("raised from 26 to the least number of points of all strata")
    assert design.expected_se_overall < 0.05


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({}, "how many points"),
        ({"n": 100, "overall_se": 0.01}, "give one of them"),
        ({"n": 100, "area": AreaTarget(code=1, se_km2=1.0)}, "give one of them"),
    ],
)
def test_orders_that_say_too_little_or_too_much(order, said):
    with pytest.raises(WrongUse, match=said):
        SizeOrder(**order)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (SizeOrder(overall_se=0.0), "above 0"),
        (SizeOrder(overall_se=0.7), "at most 0.5"),
        (SizeOrder(overall_se=float("nan")), "above 0"),
        (SizeOrder(overall_se=1e-5), "needs 640535923 points"),
        (SizeOrder(area=AreaTarget(code=1, se_km2=-1.0)), "above 0"),
        (SizeOrder(area=AreaTarget(code=1, se_km2=1e-6)), "cannot be reached"),
        (SizeOrder(area=AreaTarget(code=9, se_km2=1.0)), "no stratum 9"),
        (SizeOrder(area=AreaTarget(code=1, se_km2=1.0, omission=2.0)), "no share"),
        (SizeOrder(n=10), "give at least 200"),
    ],
)
def test_orders_that_cannot_be_met(order, said):
    with pytest.raises(SampleDesignInvalid, match=said):
        plan_design(PAPER, order, users=USERS)


@pytest.mark.parametrize("users", [[0.9], [0.9, 1.1, 0.5, 0.5], [0.9, -0.1, 0.5, 0.5], [0.9, float("nan"), 0.5, 0.5]])
def test_accuracies_that_are_none(users):
    with pytest.raises(SampleDesignInvalid, match="one share from 0 to 1 for each"):
        plan_design(PAPER, SizeOrder(n=641), users=np.array(users))


@pytest.mark.parametrize("weights", [[0.5, 0.4], [0.5, 0.5, 0.0], [1.5, -0.5], [], [0.5, float("nan")]])
def test_weights_must_sum_to_one(weights):
    with pytest.raises(SampleDesignInvalid, match="sum to 1"):
        checked_weights(weights)
    assert checked_weights([0.1] * 10) == pytest.approx(0.1)


def test_strata_that_are_none():
    with pytest.raises(SampleDesignInvalid, match="0 pixels"):
        Stratum(code=1, title="a", pixels=0, area_km2=0.0)
    with pytest.raises(SampleDesignInvalid, match="distinct codes"):
        Strata(())
    with pytest.raises(SampleDesignInvalid, match=r"repeated: \[1\]"):
        Strata((Stratum(code=1, title="a", pixels=1, area_km2=1.0), Stratum(code=1, title="b", pixels=1, area_km2=1.0)))


def test_a_design_survives_its_document():
    design = plan_design(PAPER, SizeOrder(overall_se=0.01), users=USERS, minimum=75, seed=20260101)
    again = SampleDesign.from_document(design.to_document())
    assert again == design
    assert again.identity == design.identity
    assert design.identity.startswith("steppe-sample-design@1#")
    other = plan_design(PAPER, SizeOrder(overall_se=0.01), users=USERS, minimum=75, seed=2)
    assert other.identity != design.identity


@pytest.mark.parametrize("spoilt", ["id", "version", "strata", "seed", "size", "allocation"])
def test_a_document_that_is_none(spoilt):
    document = plan_design(PAPER, SizeOrder(n=641), users=USERS).to_document()
    with pytest.raises(SampleDesignInvalid):
        SampleDesign.from_document({key: value for key, value in document.items() if key != spoilt})
    with pytest.raises(SampleDesignInvalid):
        SampleDesign.from_document(document | {spoilt: "x"})


@pytest.mark.parametrize("counts", [(1, 10), (2, 101), (2,)])
def test_counts_beyond_a_stratum_are_refused(counts):
    with pytest.raises(SampleDesignInvalid):
        SampleDesign(
            strata=strata_of([1.0, 1.0], [100, 100]),
            counts=counts,
            users=(0.5, 0.5),
            method=Allocation.EQUAL,
            minimum=2,
            size=SampleSize.given(10),
            seed=1,
        )


@pytest.mark.parametrize("target", [0.3, 0.1, 0.03])
def test_bisection_finds_the_fewest(target):
    size = searched_size(lambda n: 1 / math.sqrt(n), target, least=2, most=10_000, what="of it")
    assert size.n == next(n for n in range(2, 10_000) if 1 / math.sqrt(n) <= target)
