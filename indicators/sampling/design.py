"""The design of a sample: strata, how many points each has, the seed, and how these numbers were chosen.

With its design a table of interpreted points is a probability sample; without it, it is a heap of points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from indicators.caveats import Caveat
from indicators.sampling.allocation import Allocation, allocate, floors_of, least_of
from indicators.sampling.draw import METHOD
from indicators.sampling.size import (
    SampleSize,
    expected_presence,
    expected_se_area,
    expected_se_overall,
    overall_size,
    searched_size,
)
from indicators.sampling.strata import FEW, LEAST, Counts, Floats, SampleDesignInvalid, Strata, checked_accuracies
from landcover.errors import WrongUse
from landcover.identity import identity

KIND: Final = "steppe-sample-design"
VERSION: Final = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaTarget:
    """A wanted standard error of one class's area.

    Attributes:
        code: the class, a stratum.
        se_km2: wanted standard error, km2.
        omission: share of every other stratum that is expected to be the class in truth; None spreads errors evenly.
    """

    code: int
    se_km2: float
    omission: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeOrder:
    """How many points are wanted; the largest number that one of the wishes leads to.

    Attributes:
        n: a number of points.
        overall_se: wanted standard error of overall accuracy, a share.
        area: wanted standard error of a class's area.
    """

    n: int | None = None
    overall_se: float | None = None
    area: AreaTarget | None = None

    def __post_init__(self) -> None:
        """Refuse an order without a wish, and a number beside wishes.

        Raises:
            WrongUse: saying which.
        """
        targets = self.overall_se is not None or self.area is not None
        if (self.n is None) != targets:
            raise WrongUse(
                "a number of points and a wanted standard error were given; give one of them"
                if targets
                else "it is not said how many points are wanted; give a number, or a wanted standard error"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDesign:
    """A stratified random sample.

    Attributes:
        strata: the population.
        counts: n_i, points of each stratum, in the order of the strata.
        users: expected user's accuracies U_i, shares, in that order.
        method: how points were shared out.
        minimum: fewest points of a stratum.
        size: how many points and why.
        seed: of the drawing.
    """

    strata: Strata
    counts: tuple[int, ...]
    users: tuple[float, ...]
    method: Allocation
    minimum: int
    size: SampleSize
    seed: int

    def __post_init__(self) -> None:
        """Refuse counts that cannot be drawn or from which nothing can be estimated.

        Raises:
            SampleDesignInvalid: naming the stratum.
        """
        checked_accuracies(self.users, len(self.strata))
        if len(self.counts) != len(self.strata):
            raise SampleDesignInvalid(f"{len(self.counts)} numbers of points for {len(self.strata)} strata")
        for stratum, count in zip(self.strata.each, self.counts, strict=True):
            if not LEAST <= count <= stratum.pixels:
                raise SampleDesignInvalid(
                    f"{count} points for stratum {stratum.code} ({stratum.title}) of {stratum.pixels} pixels; expected "
                    f"at least {LEAST} and at most all pixels"
                )

    @property
    def n(self) -> int:
        """Points in all."""
        return sum(self.counts)

    @property
    def expected_se_overall(self) -> float:
        """Standard error of overall accuracy to be expected, a share (Olofsson et al. 2014, Eq. 5)."""
        return expected_se_overall(self.strata.weights, np.array(self.users), np.array(self.counts))

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """What to know of this design."""
        few = [str(code) for code, count in zip(self.strata.codes, self.counts, strict=True) if count < FEW]
        drawn = zip(self.strata.each, self.counts, strict=True)
        whole = [str(stratum.code) for stratum, count in drawn if count == stratum.pixels]
        said = {
            "sample-few-points": few
            and f"Strata with fewer than {FEW} points (codes {', '.join(few)}): intervals of their accuracies will be "
            "wide and only roughly right.",
            "sample-whole-stratum": whole
            and f"All pixels of a stratum are in the sample (codes {', '.join(whole)}): it has no others.",
        }
        return tuple(Caveat(slug, text) for slug, text in said.items() if text)

    @property
    def identity(self) -> str:
        """``id@version#sha256``."""
        return identity(self.to_document())

    def to_document(self) -> dict[str, Any]:
        """The design as JSON."""
        rows = [
            {**stratum.to_document(), "weight": float(weight), "expected_users_accuracy": float(user), "n": count}
            for stratum, weight, user, count in zip(
                self.strata.each, self.strata.weights, self.users, self.counts, strict=True
            )
        ]
        return {
            "id": KIND,
            "version": VERSION,
            "probability_sample": True,
            "strata": rows,
            "n": self.n,
            "size": {
                "n": self.size.n,
                "exact": self.size.exact,
                "formula": self.size.formula,
                "source": self.size.source,
            },
            "allocation": {"method": self.method.value, "minimum": self.minimum},
            "expected_se_overall_accuracy": self.expected_se_overall,
            "seed": self.seed,
            "drawing": METHOD,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The design of ``to_document``; further members are passed over.

        Raises:
            SampleDesignInvalid: when it is none.
        """
        if document.get("id") != KIND or document.get("version") != VERSION:
            raise SampleDesignInvalid(
                f"the design is {document.get('id')!r} of version {document.get('version')!r}; expected {KIND!r} of "
                f"version {VERSION!r}, as steppe report sample writes it"
            )
        try:
            rows, size, allocation = document["strata"], document["size"], document["allocation"]
            return cls(
                strata=Strata.of_document(rows),
                counts=tuple(int(row["n"]) for row in rows),
                users=tuple(float(row["expected_users_accuracy"]) for row in rows),
                method=Allocation(allocation["method"]),
                minimum=int(allocation["minimum"]),
                size=SampleSize(**size),
                seed=int(document["seed"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SampleDesignInvalid(
                f"the design is incomplete or altered ({error}); give the file that steppe report sample wrote"
            ) from error


def plan_design(
    strata: Strata,
    order: SizeOrder,
    *,
    users: Floats,
    method: Allocation = Allocation.COMPROMISE,
    minimum: int | None = None,
    seed: int = 1,
) -> SampleDesign:
    """Choose how many points a sample has and share them out.

    Where a standard error is wanted and the minima of all strata need more points than that, they get them.

    Args:
        strata: the population.
        order: how many points are wanted.
        users: expected user's accuracies, shares, shape (strata,).
        method: how points are shared out.
        minimum: fewest points of a stratum; None = 50 under the compromise, else 2.
        seed: of the drawing.

    Raises:
        SampleDesignInvalid: when the order cannot be met.
    """
    users = checked_accuracies(users, len(strata))
    least = least_of(method, minimum)

    def shared(n: int) -> Counts:
        return allocate(n, strata, method=method, minimum=least, users=users)

    size = SampleSize.given(order.n) if order.n is not None else _size(strata, order, users, shared, least)
    return SampleDesign(
        strata=strata,
        counts=tuple(shared(size.n).tolist()),
        users=tuple(users.tolist()),
        method=method,
        minimum=least,
        size=size,
        seed=seed,
    )


def _size(strata: Strata, order: SizeOrder, users: Floats, shared: Callable[[int], Counts], minimum: int) -> SampleSize:
    """The most points that one of the wishes leads to."""
    least, most, weights = int(floors_of(strata, minimum).sum()), strata.total_pixels, strata.weights
    sizes = []
    if order.overall_se is not None:
        sizes.append(_bounded(overall_size(weights, users, order.overall_se), least, most))
    if order.area is not None:
        target, position = order.area, strata.index(order.area.code)
        presence = expected_presence(users, position, target.omission)
        sizes.append(
            searched_size(
                lambda n: expected_se_area(weights, presence, shared(n), strata.total_km2),
                target.se_km2,
                least=least,
                most=most,
                what=f"of the area of class {target.code} in km2",
            )
        )
    return max(sizes, key=lambda size: size.n)


def _bounded(size: SampleSize, least: int, most: int) -> SampleSize:
    """A size that all strata have enough points of.

    Raises:
        SampleDesignInvalid: when there are not as many pixels.
    """
    if size.n > most:
        raise SampleDesignInvalid(
            f"the wanted standard error of overall accuracy needs {size.n} points, but the map has {most} pixels; give "
            "a larger one"
        )
    if size.n >= least:
        return size
    formula = f"{size.formula}; raised from {size.n} to the least number of points of all strata"
    return SampleSize(n=least, exact=size.exact, formula=formula, source=size.source)
