"""Accuracies and areas: published examples to 1e-9, and each formula against another way to it."""

import numpy as np
import pytest

from indicators.sampling.cautions import TooFewSamples
from indicators.sampling.estimate import estimate_olofsson
from indicators.sampling.response import Point, Responses
from indicators.sampling.stehman import estimate_stehman
from indicators.sampling.strata import SampleDesignInvalid
from tests.indicators.sampling.samples import OLOFSSON, STEHMAN, random_counts, strata_of, titles_of

EXACT = {"rel": 1e-9, "abs": 0.0}


def responses_of(counts, codes):
    """The points that have these counts."""
    points = [
        Point(id=f"{i}-{j}-{k}", stratum=codes[i], reference=codes[j])
        for i, row in enumerate(counts)
        for j, count in enumerate(row)
        for k in range(count)
    ]
    return Responses(tuple(points))


@pytest.fixture(params=OLOFSSON, ids=lambda example: example["name"][:20])
def example(request):
    return request.param


def estimated(example, **options):
    strata = strata_of(example["mapped_area_ha"], example.get("mapped_pixels"))
    counts = np.array(example["sample_counts_rows_map_cols_reference"])
    return estimate_olofsson(counts, strata, titles_of(strata), **options)


def test_published_examples(example):
    found, result = estimated(example), example["result"]
    assert found.strata.weights == pytest.approx(np.array(result["W"]), **EXACT)
    assert found.cells.tolist() == [pytest.approx(row, **EXACT) for row in result["p"]]
    assert found.overall.value == pytest.approx(result["OA"], **EXACT)
    assert found.overall.se == pytest.approx(result["se_OA"], **EXACT)
    for index, one in enumerate(found.classes):
        assert one.proportion.value == pytest.approx(result["area_proportion"][index], **EXACT)
        assert one.area_km2.value == pytest.approx(result["area"][index], **EXACT)
        assert one.area_km2.se == pytest.approx(result["se_area"][index], **EXACT)
        half = result["ci95_area_1_96"][index]
        assert one.area_km2.high - one.area_km2.value == pytest.approx(half, **EXACT)
        assert one.area_km2.low == pytest.approx(one.area_km2.value - half, **EXACT)
        assert one.users.value == pytest.approx(result["UA"][index], **EXACT)
        assert one.users.se == pytest.approx(result["se_UA"][index], **EXACT)
        assert one.producers.value == pytest.approx(result["PA"][index], **EXACT)
        assert one.producers.se == pytest.approx(result["se_PA"][index], **EXACT)
        assert one.mapped_km2 == example["mapped_area_ha"][index]
    assert found.caveats == ()


def test_an_independent_estimator_with_finite_population():
    """nrt-validate counts pixels; the factor is in its standard errors."""
    example = OLOFSSON[0]
    peer = example["independent_stehman_2014_nrt_validate"]
    found = estimated(example, finite_population=True)
    assert (found.overall.value, found.overall.se) == pytest.approx(peer["OA"], rel=1e-9)
    per_pixel = sum(example["mapped_area_ha"]) / sum(example["mapped_pixels"])
    for index, one in enumerate(found.classes):
        assert (one.users.value, one.users.se) == pytest.approx(peer["UA"][index], rel=1e-9)
        assert (one.producers.value, one.producers.se) == pytest.approx(peer["PA"][index], rel=1e-9)
        area = (one.area_km2.value / per_pixel, one.area_km2.se / per_pixel)
        assert area == pytest.approx(peer["area"][index], rel=1e-9)


def stehman_example():
    letters = {"A": 1, "B": 2, "C": 3, "D": 4}
    sizes = [STEHMAN["stratum_size"][str(code)] for code in (1, 2, 3, 4)]
    points = [
        Point(id=str(i), stratum=stratum, mapped=letters[mapped], reference=letters[reference])
        for i, (stratum, mapped, reference) in enumerate(
            zip(STEHMAN["strata"], STEHMAN["map"], STEHMAN["reference"], strict=True)
        )
    ]
    return Responses(tuple(points)), strata_of(sizes, sizes), {code: letter for letter, code in letters.items()}


def test_stehman_s_example():
    responses, strata, titles = stehman_example()
    peer, paper = STEHMAN["nrt_validate"], STEHMAN["paper"]
    found = estimate_stehman(responses, strata, titles, finite_population=True)
    by_title = {one.title: one for one in found.classes}
    values = {
        "OA": found.overall,
        "area_A": by_title["A"].proportion,
        "area_C": by_title["C"].proportion,
        "UA_B": by_title["B"].users,
        "PA_B": by_title["B"].producers,
    }
    assert set(values) == set(peer)
    for name, estimate in values.items():
        assert (estimate.value, estimate.se) == pytest.approx(peer[name], rel=1e-9)
        for got, printed in zip((estimate.value, estimate.se), paper[name], strict=True):
            assert printed is None or round(got, 3) == pytest.approx(printed, abs=6e-4)
    assert not found.strata_are_classes
    assert found.cells.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("finite", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_both_estimators_agree_where_strata_are_classes(seed, finite):
    strata = strata_of([30.0, 50.0, 20.0, 400.0])
    counts, titles = random_counts(seed), titles_of(strata)
    one = estimate_olofsson(counts, strata, titles, finite_population=finite)
    mapped = dict(zip(strata.codes, strata.km2.tolist(), strict=True))
    other = estimate_stehman(
        responses_of(counts, strata.codes), strata, titles, mapped_km2=mapped, finite_population=finite
    )
    assert (other.counts == counts).all()
    for mine, yours in zip((one.overall, *each_estimate(one)), (other.overall, *each_estimate(other)), strict=True):
        assert (mine.value, mine.se) == pytest.approx((yours.value, yours.se), rel=1e-9)


def each_estimate(found):
    for one in found.classes:
        yield from (one.users, one.producers, one.proportion, one.area_km2)


def test_standard_errors_are_those_of_repeated_sampling():
    """The spread over many samples of a known population."""
    generator, strata = np.random.default_rng(7), strata_of([100.0, 300.0])
    truth = np.array([[0.8, 0.2], [0.1, 0.9]])
    found = []
    for _ in range(400):
        counts = np.array([generator.multinomial(80, truth[0]), generator.multinomial(120, truth[1])])
        one = estimate_olofsson(counts, strata, titles_of(strata))
        found.append([[one.overall.value, one.overall.se], [one.classes[0].area_km2.value, one.classes[0].area_km2.se]])
    values = np.array(found)
    assert values[:, 0, 0].mean() == pytest.approx(0.875, abs=0.004)
    assert values[:, 1, 0].mean() == pytest.approx(110.0, abs=1.5)
    assert values[:, :, 0].std(axis=0, ddof=1) == pytest.approx(values[:, :, 1].mean(axis=0), rel=0.1)


@pytest.mark.parametrize("few", [0, 1])
def test_a_stratum_with_fewer_than_two_points_is_refused(few):
    strata = strata_of([10.0, 20.0])
    with pytest.raises(TooFewSamples, match=f"stratum 2 .class 2.: {few}; expected at least 2"):
        estimate_olofsson(np.array([[60, 0], [0, few]]), strata, titles_of(strata))
    points = (*(Point(id=str(i), stratum=1, reference=1) for i in range(3)),)
    with pytest.raises(TooFewSamples, match="class 2"):
        estimate_stehman(Responses(points), strata, titles_of(strata))


def test_few_points_are_warned_of():
    strata = strata_of([10.0, 20.0])
    found = estimate_olofsson(np.array([[45, 4], [5, 45]]), strata, titles_of(strata))
    assert [caveat.slug for caveat in found.caveats] == ["sample-few-points"]
    assert "codes 1)" in found.caveats[0].text


def test_a_class_never_seen_in_the_reference_has_no_interval():
    strata = strata_of([10.0, 20.0, 5.0])
    found = estimate_olofsson(np.array([[50, 5, 0], [6, 60, 0], [30, 30, 0]]), strata, titles_of(strata))
    gone = found.classes[2]
    assert (gone.area_km2.value, gone.area_km2.low, gone.area_km2.high) == (0.0, None, None)
    assert gone.producers is None
    assert gone.users.value == 0.0
    assert gone.users.high == pytest.approx(1 - 0.025 ** (1 / 60))
    assert "class-not-in-reference" in [caveat.slug for caveat in found.caveats]


def test_a_class_that_only_the_reference_has():
    """Errors of the map make its area; the map is never right about it."""
    strata = strata_of([10.0, 20.0])
    titles = titles_of(strata) | {9: "wetland"}
    found = estimate_olofsson(np.array([[50, 5, 2], [6, 60, 4]]), strata, titles)
    wetland = found.classes[2]
    assert (wetland.mapped_km2, wetland.users, wetland.producers.value) == (0.0, None, 0.0)
    assert wetland.area_km2.value == pytest.approx(10 * 2 / 57 + 20 * 4 / 70)
    assert sum(one.area_km2.value for one in found.classes) == pytest.approx(30.0)
    assert "class-not-in-map" in [caveat.slug for caveat in found.caveats]
    same = estimate_stehman(responses_of([[50, 5, 2], [6, 60, 4]], (1, 2, 9)), strata, titles)
    assert same.classes[2].producers.value == 0.0
    assert same.classes[2].area_km2 == wetland.area_km2 or same.classes[2].area_km2.se == pytest.approx(
        wetland.area_km2.se
    )


def test_a_sample_without_errors_has_exact_intervals_and_no_area_interval():
    """At least one of the strata would have shown an error if more were wrong: 0.025 to the power of 1/n."""
    strata = strata_of([10.0, 20.0])
    counts = np.array([[50, 0], [0, 80]])
    for found in (
        estimate_olofsson(counts, strata, titles_of(strata)),
        estimate_stehman(responses_of(counts, strata.codes), strata, titles_of(strata)),
    ):
        assert (found.overall.value, found.overall.se) == (1.0, 0.0)
        assert (found.overall.low, found.overall.high) == (pytest.approx(0.025 ** (1 / 50)), 1.0)
        assert found.classes[1].users.low == pytest.approx(0.025 ** (1 / 80))
        assert found.classes[0].area_km2.low is None
        slugs = {caveat.slug for caveat in found.caveats}
        assert slugs == {"area-without-interval", "producers-without-interval"}


def test_one_stratum_all_right_and_one_all_wrong_has_no_interval():
    strata = strata_of([10.0, 20.0])
    found = estimate_olofsson(np.array([[50, 0], [50, 0]]), strata, titles_of(strata))
    assert found.overall.value == pytest.approx(1 / 3)
    assert found.overall.low is None


def test_intervals_stay_within_what_is_possible():
    strata = strata_of([1.0, 1000.0])
    found = estimate_olofsson(np.array([[59, 1], [1, 59]]), strata, titles_of(strata))
    assert found.classes[0].area_km2.low == 0.0
    assert found.classes[0].area_km2.value - 1.96 * found.classes[0].area_km2.se < 0
    assert all(0.0 <= one.users.low <= one.users.high <= 1.0 for one in found.classes)


def test_more_points_than_pixels_are_refused():
    strata = strata_of([10.0, 20.0], [40, 5000])
    with pytest.raises(SampleDesignInvalid, match="more points than its 40 pixels"):
        estimate_olofsson(np.array([[50, 5], [5, 45]]), strata, titles_of(strata))


@pytest.mark.parametrize(
    ("counts", "titles"),
    [
        ([[5, 1], [1, 5], [2, 2]], {1: "a", 2: "b"}),
        ([[5, -1], [1, 5]], {1: "a", 2: "b"}),
        ([[5, 1], [1, 5]], {1: "a", 3: "c"}),
    ],
)
def test_a_matrix_that_does_not_fit_is_refused(counts, titles):
    with pytest.raises(SampleDesignInvalid):
        estimate_olofsson(np.array(counts), strata_of([1.0, 2.0]), titles)


def test_the_document_has_everything():
    found = estimated(OLOFSSON[0])
    document = found.to_document()
    assert document["points"] == 640
    assert document["error_matrix"]["points"] == OLOFSSON[0]["sample_counts_rows_map_cols_reference"]
    assert document["classes"][0]["estimated_area_km2"]["value"] == pytest.approx(21157.76223776224)
    assert "Olofsson" in document["method"]
