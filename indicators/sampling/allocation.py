"""How the points of a sample are shared out among strata.

Olofsson et al. 2014 (doi:10.1016/j.rse.2014.02.015), section 5.1.2: proportional allocation serves overall accuracy and
areas, equal allocation the user's accuracies of rare classes; they advise a compromise with 50 to 100 points in each
rare class and the others in proportion. Neyman's allocation (Cochran 1977, Eq. 5.26) makes the standard error of
overall accuracy least.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np

from indicators.sampling.strata import LEAST, Counts, Floats, SampleDesignInvalid, Strata

RARE: Final = 50
"""Points of a rare stratum under the compromise unless the caller says otherwise."""

_HALVINGS: Final = 200


class Allocation(StrEnum):
    """How points are shared out."""

    COMPROMISE = "compromise"
    PROPORTIONAL = "proportional"
    EQUAL = "equal"
    NEYMAN = "neyman"


def least_of(method: Allocation, minimum: int | None) -> int:
    """Fewest points of a stratum.

    Args:
        method: how points are shared out.
        minimum: what the caller wants; None = 50 under the compromise, else 2.

    Raises:
        SampleDesignInvalid: when fewer than two are wanted, of which no variance can be estimated.
    """
    if minimum is None:
        return RARE if method is Allocation.COMPROMISE else LEAST
    if minimum < LEAST:
        raise SampleDesignInvalid(f"at least {minimum} points in each stratum are too few; expected {LEAST} or more")
    return minimum


def floors_of(strata: Strata, minimum: int) -> Counts:
    """Fewest points of each stratum; all pixels where there are no more.

    Args:
        strata: the population.
        minimum: fewest points of a stratum that has as many pixels.

    Raises:
        SampleDesignInvalid: when a stratum has a single pixel.
    """
    lonely = [f"{stratum.code} ({stratum.title})" for stratum in strata.each if stratum.pixels < LEAST]
    if lonely:
        raise SampleDesignInvalid(
            f"stratum {', '.join(lonely)} has a single pixel, of which no variance can be estimated; exclude it from "
            "the population, or merge the class with another one"
        )
    return np.minimum(strata.pixels, minimum)


def allocate(
    n: int, strata: Strata, *, method: Allocation, minimum: int | None = None, users: Floats | None = None
) -> Counts:
    """Points of each stratum.

    Every stratum gets at least the minimum, and at most all of its pixels; within these bounds points are shared out
    in proportion to W_i, to 1 (equal) or to W_i S_i (Neyman), S_i = sqrt(U_i (1 - U_i)). Remainders go to the largest
    fractions, ties to the stratum that comes first.

    Args:
        n: points in all.
        strata: the population.
        method: how they are shared out.
        minimum: fewest points of a stratum, see ``least_of``.
        users: expected user's accuracies, needed by Neyman's allocation.

    Returns:
        int64, shape (strata,); the sum is ``n``.

    Raises:
        SampleDesignInvalid: when ``n`` is below the sum of the minima or above the number of pixels.
    """
    floors, caps = floors_of(strata, least_of(method, minimum)), strata.pixels
    if n < floors.sum():
        raise SampleDesignInvalid(
            f"{n} points are too few for {len(strata)} strata with at least {int(floors.max())} each; give at least "
            f"{int(floors.sum())}, or a lower minimum"
        )
    if n > caps.sum():
        raise SampleDesignInvalid(f"{n} points were asked for, but the map has {int(caps.sum())} pixels; give fewer")
    shares = _shares(strata, method, users)
    ideal = _within(n, shares, floors, caps)
    counts = np.minimum(np.maximum(np.floor(ideal).astype(np.int64), floors), caps)
    return _rounded(counts, ideal, n, caps)


def _shares(strata: Strata, method: Allocation, users: Floats | None) -> Floats:
    """What points are proportional to, above 0."""
    if method is Allocation.EQUAL:
        return np.ones(len(strata))
    if method is not Allocation.NEYMAN:
        return strata.weights
    if users is None:
        raise SampleDesignInvalid("Neyman's allocation needs the user's accuracies that are expected; give them")
    shares = strata.weights * np.sqrt(users * (1.0 - users))
    # A stratum that is expected to be perfect gets its minimum, and more only when all others are used up.
    least = float(shares[shares > 0].min()) * 1e-9 if (shares > 0).any() else 0.0
    return np.where(shares > 0, shares, least) if least else strata.weights


def _within(n: int, shares: Floats, floors: Counts, caps: Counts) -> Floats:
    """Numbers in proportion to the shares, as far as the bounds let them be, that sum to ``n``."""
    low, high = 0.0, float((caps / shares).max())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if np.clip(middle * shares, floors, caps).sum() < n:
            low = middle
        else:
            high = middle
    return np.clip(high * shares, floors, caps)


def _rounded(counts: Counts, ideal: Floats, n: int, caps: Counts) -> Counts:
    """Whole numbers that sum to ``n``, by the largest remainders."""
    while counts.sum() < n:
        remainder = np.where(counts < caps, np.round(ideal - counts, 9), -np.inf)
        counts[int(np.argmax(remainder))] += 1
    return counts
