"""Effects of factors against the average over all orders of exchange, pixel by pixel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from indicators.codes import NODATA, OUTSIDE
from indicators.comparison.difference import CODES, compare
from indicators.comparison.factors import Rules
from indicators.joint import Axis, JointTable
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError
from landcover.legends import get_legend

CLASSES = (*get_legend("unccd7").codes, NODATA)
EDITED = UNCCD7_TRANSITIONS.edited({(2, 3): -1, (5, 6): 0}, matrix_id="mine", version="1")


def one_out(layers):
    """One out, all out, without the code under test."""
    found = np.select([np.any([one == -1 for one in layers], 0), np.any([one == 1 for one in layers], 0)], [-1, 1], 0)
    return np.where(np.any([one == NODATA for one in layers], 0), NODATA, found).astype(np.int16)


def single_evidence(layers):
    """The same, but one layer alone is enough when it is degraded."""
    alone = (np.sum([one != NODATA for one in layers], 0) == 1) & np.any([one == -1 for one in layers], 0)
    return np.where(alone, -1, one_out(layers)).astype(np.int16)


def pixels(seed, layers):
    """Codes of a few hundred pixels, and their areas."""
    rng = np.random.default_rng(seed)
    codes = {name: rng.choice(CLASSES if "al" in name else CODES, 300) for name in layers}
    return codes, rng.random(300)


def table_of(codes, km2):
    axes = tuple(Axis(name, CLASSES if "al" in name else CODES) for name in codes)
    place = tuple(np.array([axis.index(code) for code in codes[axis.name]]) for axis in axes)
    shape = tuple(map(len, axes))
    counted, areas = np.zeros(shape, np.int64), np.zeros(shape)
    np.add.at(counted, place, 1)
    np.add.at(areas, place, km2)
    return JointTable(axes, counted, areas, "random")


def condition(codes, choice, rules, water=()):
    """The condition of every pixel when each factor is taken from one account."""
    initial, final = (codes[f"{choice[year]}_{year}"] for year in ("initial", "final"))
    cover = rules[choice["matrix"]].matrix.degradation(initial, final)
    others = [codes[f"{choice[layer]}_{layer}"] for layer in ("productivity", "soc") if layer in choice]
    if not others:
        return cover
    found = rules[choice["nodata_policy"]].combine([cover, *others])
    return np.where(np.isin(initial, water), OUTSIDE, found)


def area_of(km2, conditions, codes):
    return np.array([km2[conditions == code].sum() for code in codes])


@pytest.mark.parametrize("water", [(), (7,)])
@pytest.mark.parametrize("extra", [(), ("productivity",), ("productivity", "soc")])
def test_against_all_orders_of_exchange(extra, water):
    layers = ("initial", "final", *extra)
    codes, km2 = pixels(1, [f"{account}_{layer}" for layer in layers for account in "ab"])
    rules = {"a": Rules(UNCCD7_TRANSITIONS, one_out, water), "b": Rules(EDITED, single_evidence, water)}
    factors = (*layers, "matrix", "nodata_policy") if extra else (*layers, "matrix")
    found = compare(table_of(codes, km2), rules["a"], rules["b"])
    assert found.codes == ((*CODES, OUTSIDE) if extra and water else CODES)
    expected = {factor: np.zeros(len(found.codes)) for factor in factors}
    orders = list(itertools.permutations(factors))
    areas = {}
    for taken in itertools.product("ab", repeat=len(factors)):
        conditions = condition(codes, dict(zip(factors, taken, strict=True)), rules, water)
        areas[taken] = area_of(km2, conditions, found.codes)
    for order in orders:
        choice = dict.fromkeys(factors, "a")
        for factor in order:
            before = areas[tuple(choice.values())]
            choice[factor] = "b"
            expected[factor] += (areas[tuple(choice.values())] - before) / len(orders)
    assert [effect.factor for effect in found.effects] == list(factors)
    for effect in found.effects:
        np.testing.assert_allclose([effect.km2[code] for code in found.codes], expected[effect.factor], atol=1e-9)
    for code in found.codes:
        whole = found.area_km2("b", code) - found.area_km2("a", code)
        assert sum(effect.km2[code] for effect in found.effects) == pytest.approx(whole, abs=1e-9)
    a, b = (condition(codes, dict.fromkeys(factors, account), rules, water) for account in "ab")
    both = (a > OUTSIDE) & (b > OUTSIDE)
    assert found.agreed_percent == pytest.approx(100 * km2[both & (a == b)].sum() / km2[both].sum())
    classes = [[km2[(codes["a_final"] == i) & (codes["b_final"] == k)].sum() for k in CLASSES] for i in CLASSES]
    np.testing.assert_allclose(found.cover_km2["final"], classes, atol=1e-12)


@pytest.mark.parametrize("extra", [(), ("productivity", "soc")])
def test_parts_add_up_to_their_effect(extra):
    layers = ("initial", "final", *extra)
    codes, km2 = pixels(4, [f"{account}_{layer}" for layer in layers for account in "ab"])
    found = compare(table_of(codes, km2), Rules(UNCCD7_TRANSITIONS, one_out, (7,)), Rules(EDITED, one_out, (7,)))
    for effect in found.effects:
        for code in found.codes:
            total = sum(part.km2[code] for part in effect.parts)
            assert total == pytest.approx(effect.km2[code], abs=1e-9)
        for part in effect.parts:
            a, b = part.pair
            if effect.factor == "matrix":
                assert UNCCD7_TRANSITIONS.sign(a, b) != EDITED.sign(a, b)
                assert part.a_km2 == pytest.approx(km2[(codes["a_initial"] == a) & (codes["a_final"] == b)].sum())
                assert part.b_km2 == pytest.approx(km2[(codes["b_initial"] == a) & (codes["b_final"] == b)].sum())
            else:
                assert a != b
                here = (codes[f"a_{effect.factor}"] == a) & (codes[f"b_{effect.factor}"] == b)
                assert part.a_km2 == part.b_km2 == pytest.approx(km2[here].sum())
    if extra:
        assert found.effects[-1].alike


def test_cells_of_the_matrix_add_up_to_the_difference_when_they_are_all_that_differs():
    codes, km2 = pixels(5, ["a_initial", "a_final"])
    codes |= {name.replace("a_", "b_"): values for name, values in codes.items()}
    found = compare(table_of(codes, km2), Rules(UNCCD7_TRANSITIONS), Rules(EDITED))
    matrix = found.effects[-1]
    assert {part.pair for part in matrix.parts} == {(2, 3), (5, 6)}
    for part in matrix.parts:
        signs = UNCCD7_TRANSITIONS.sign(*part.pair), EDITED.sign(*part.pair)
        assert part.a_km2 == part.b_km2 > 0
        assert part.km2[signs[0]] == pytest.approx(-part.a_km2)
        assert part.km2[signs[1]] == pytest.approx(part.a_km2)
    for code in CODES:
        whole = found.area_km2("b", code) - found.area_km2("a", code)
        assert matrix.km2[code] == pytest.approx(whole, abs=1e-9)
    assert all(effect.alike for effect in found.effects[:-1])


def test_accounts_that_are_alike_differ_in_nothing():
    codes, km2 = pixels(2, ["a_initial", "a_final"])
    codes |= {name.replace("a_", "b_"): values for name, values in codes.items()}
    found = compare(table_of(codes, km2), Rules(UNCCD7_TRANSITIONS), Rules(UNCCD7_TRANSITIONS))
    assert found.agreed_percent == pytest.approx(100)
    assert all(value == 0 for effect in found.effects for value in effect.km2.values())
    assert all(effect.alike and effect.parts == () for effect in found.effects)


def test_what_is_refused():
    codes, km2 = pixels(3, ["a_initial", "a_final", "b_initial", "b_final", "a_soc"])
    rules = Rules(UNCCD7_TRANSITIONS)
    with pytest.raises(ConfigError, match="only one of both accounts has the layer 'soc'"):
        compare(table_of(codes, km2), rules, rules)
    del codes["a_soc"], codes["b_final"]
    with pytest.raises(ConfigError, match="'final'"):
        compare(table_of(codes, km2), rules, rules)
