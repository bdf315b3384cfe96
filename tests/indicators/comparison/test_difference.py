"""Effects of factors against the average over all orders of exchange, pixel by pixel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from indicators.codes import NODATA
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
    layers = np.broadcast_arrays(*layers)
    found = np.select([np.any([one == -1 for one in layers], 0), np.any([one == 1 for one in layers], 0)], [-1, 1], 0)
    return np.where(np.any([one == NODATA for one in layers], 0), NODATA, found).astype(np.int16)


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


def condition(codes, choice, matrices):
    """The condition of every pixel when each factor is taken from one account."""
    initial, final = (codes[f"{choice[year]}_{year}"] for year in ("initial", "final"))
    cover = matrices[choice["matrix"]].degradation(initial, final)
    others = [codes[f"{choice[layer]}_{layer}"] for layer in ("productivity", "soc") if f"a_{layer}" in codes]
    return one_out([cover, *others]) if others else cover


@pytest.mark.parametrize("extra", [(), ("productivity",), ("productivity", "soc")])
def test_against_all_orders_of_exchange(extra):
    layers = ("initial", "final", *extra)
    codes, km2 = pixels(1, [f"{account}_{layer}" for layer in layers for account in "ab"])
    matrices = {"a": UNCCD7_TRANSITIONS, "b": EDITED}
    factors = (*layers, "matrix")
    found = compare(table_of(codes, km2), Rules(matrices["a"], one_out), Rules(matrices["b"], one_out))
    expected = {factor: np.zeros(4) for factor in factors}
    orders = list(itertools.permutations(factors))
    for order in orders:
        choice = dict.fromkeys(factors, "a")
        for factor in order:
            before = condition(codes, choice, matrices)
            choice[factor] = "b"
            after = condition(codes, choice, matrices)
            change = [km2[after == code].sum() - km2[before == code].sum() for code in CODES]
            expected[factor] += np.array(change) / len(orders)
    for effect in found.effects:
        np.testing.assert_allclose([effect.km2[code] for code in CODES], expected[effect.factor], atol=1e-9)
    for code in CODES:
        whole = found.area_km2("b", code) - found.area_km2("a", code)
        assert sum(effect.km2[code] for effect in found.effects) == pytest.approx(whole, abs=1e-9)
    a, b = (condition(codes, dict.fromkeys(factors, account), matrices) for account in "ab")
    both = (a != NODATA) & (b != NODATA)
    assert found.agreed_percent == pytest.approx(100 * km2[both & (a == b)].sum() / km2[both].sum())
    classes = [[km2[(codes["a_final"] == i) & (codes["b_final"] == k)].sum() for k in CLASSES] for i in CLASSES]
    np.testing.assert_allclose(found.cover_km2["final"], classes, atol=1e-12)


def test_accounts_that_are_alike_differ_in_nothing():
    codes, km2 = pixels(2, ["a_initial", "a_final"])
    codes |= {name.replace("a_", "b_"): values for name, values in codes.items()}
    found = compare(table_of(codes, km2), Rules(UNCCD7_TRANSITIONS), Rules(UNCCD7_TRANSITIONS))
    assert found.agreed_percent == pytest.approx(100)
    assert all(value == pytest.approx(0, abs=1e-12) for effect in found.effects for value in effect.km2.values())


def test_what_is_refused():
    codes, km2 = pixels(3, ["a_initial", "a_final", "b_initial", "b_final", "a_soc"])
    rules = Rules(UNCCD7_TRANSITIONS)
    with pytest.raises(ConfigError, match="only one of both accounts has the layer 'soc'"):
        compare(table_of(codes, km2), rules, rules)
    del codes["a_soc"], codes["b_final"]
    with pytest.raises(ConfigError, match="'final'"):
        compare(table_of(codes, km2), rules, rules)
