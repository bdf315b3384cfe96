"""How many points a sample needs for a wanted standard error.

Olofsson et al. 2014, "Good practices for estimating area and assessing accuracy of land change", Remote Sensing of
Environment 148, 42-57, doi:10.1016/j.rse.2014.02.015. Equation numbers are those of that paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from indicators.sampling.strata import Counts, Floats, SampleDesignInvalid, checked_accuracies, checked_weights

SOURCE: Final = "Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """A number of points and why it is that.

    Attributes:
        n: points.
        exact: the number before it was rounded up; the same as ``n`` where it was given or searched for.
        formula: how it was found.
        source: where the formula comes from.
    """

    n: int
    exact: float
    formula: str
    source: str

    @classmethod
    def given(cls, n: int) -> SampleSize:
        """A number that the caller chose."""
        return cls(n=n, exact=float(n), formula="given", source="the caller")


def overall_size(
    weights: Sequence[float] | Floats,
    users: Sequence[float] | Floats,
    target_se: float,
    *,
    population: int | None = None,
) -> SampleSize:
    """Points for a wanted standard error of overall accuracy (Olofsson et al. 2014, Eq. 13).

    Args:
        weights: W_i, shape (strata,).
        users: expected user's accuracies U_i, shares, shape (strata,).
        target_se: wanted standard error S(O) of overall accuracy, a share above 0.
        population: N, pixels of the map, for the finite population; None takes it as unlimited, as the paper's example.

    Raises:
        SampleDesignInvalid: when a number is out of range.
    """
    shares = checked_weights(weights)
    _check_target(target_se, "of overall accuracy")
    accuracies = checked_accuracies(users, len(shares))
    spread = math.fsum((shares * np.sqrt(accuracies * (1.0 - accuracies))).tolist())
    formula, divisor = "n = (sum_i W_i S_i / S(O))^2, S_i = sqrt(U_i (1 - U_i))", target_se**2
    if population is not None:
        formula = "n = (sum_i W_i S_i)^2 / (S(O)^2 + (1/N) sum_i W_i S_i^2), S_i = sqrt(U_i (1 - U_i))"
        divisor += math.fsum((shares * accuracies * (1.0 - accuracies)).tolist()) / population
    exact = spread**2 / divisor
    return SampleSize(n=max(1, math.ceil(exact)), exact=exact, formula=formula, source=f"{SOURCE}, Eq. 13")


def expected_se_overall(weights: Floats, users: Floats, counts: Counts) -> float:
    """Standard error of overall accuracy to be expected (Olofsson et al. 2014, Eq. 5).

    Args:
        weights: W_i, shape (strata,).
        users: expected user's accuracies U_i, shape (strata,).
        counts: n_i, points of each stratum, at least 2.

    Returns:
        a share.
    """
    terms = weights**2 * users * (1.0 - users) / (counts - 1)
    return math.sqrt(math.fsum(terms.tolist()))


def expected_presence(users: Floats, position: int, omission: float | None = None) -> Floats:
    """Share of each stratum that is expected to be one class in truth, q_i.

    In its own stratum that is the user's accuracy. Elsewhere it is what the map will omit, which nobody knows before
    the sample: without ``omission`` the errors of each stratum are spread evenly over the other classes.

    Args:
        users: expected user's accuracies, shape (strata,).
        position: the class's own stratum.
        omission: share of every other stratum that is expected to be the class; None spreads the errors.

    Raises:
        SampleDesignInvalid: when ``omission`` is no share.
    """
    if omission is not None and not 0.0 <= omission <= 1.0:
        raise SampleDesignInvalid(f"the expected omission {omission} is no share from 0 to 1")
    others = max(1, len(users) - 1)
    presence = (1.0 - users) / others if omission is None else np.full(len(users), omission)
    presence[position] = users[position]
    return presence


def expected_se_area(weights: Floats, presence: Floats, counts: Counts, total_km2: float) -> float:
    """Standard error of a class's area to be expected (Olofsson et al. 2014, Eq. 10 and 11).

    Args:
        weights: W_i, shape (strata,).
        presence: q_i, share of each stratum that is the class in truth.
        counts: n_i, at least 2.
        total_km2: area of the population.

    Returns:
        km2.
    """
    terms = weights**2 * presence * (1.0 - presence) / (counts - 1)
    return total_km2 * math.sqrt(math.fsum(terms.tolist()))


def searched_size(
    expected_se: Callable[[int], float], target_se: float, *, least: int, most: int, what: str
) -> SampleSize:
    """The fewest points whose allocation reaches a wanted standard error, by bisection.

    Args:
        expected_se: standard error to be expected of a total number of points; falls as that grows.
        target_se: wanted standard error, the unit of ``expected_se``.
        least: fewest points that can be allocated.
        most: most points, all pixels.
        what: of what the error is, for messages and the record.

    Raises:
        SampleDesignInvalid: when the target is not above 0, or even all pixels are too few.
    """
    _check_target(target_se, what, shares=False)
    low, high = least, least
    while expected_se(high) > target_se:
        if high >= most:
            raise SampleDesignInvalid(
                f"a standard error {what} of {target_se:g} cannot be reached: with all {most} pixels as points it "
                f"would be {expected_se(most):.4g}; give a larger one"
            )
        low, high = high + 1, min(2 * high, most)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if expected_se(middle) <= target_se else (middle + 1, high)
    formula = f"fewest n whose allocation has an expected standard error {what} of at most {target_se:g}"
    return SampleSize(n=high, exact=float(high), formula=formula, source=f"{SOURCE}, Eq. 10 and 11")


def _check_target(target_se: float, what: str, *, shares: bool = True) -> None:
    """Raises SampleDesignInvalid for a standard error that cannot be wanted."""
    most = 0.5 if shares else math.inf
    if not 0.0 < target_se <= most or not math.isfinite(target_se):
        wanted = "a share above 0 and at most 0.5, for example 0.01" if shares else "a number above 0"
        raise SampleDesignInvalid(f"the wanted standard error {what} is {target_se:g}; expected {wanted}")
