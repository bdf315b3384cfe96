"""What interpreters saw at the points of a sample, checked against its design."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.caveats import Caveat
from indicators.sampling.strata import Counts, Strata
from landcover.errors import DataError

_LISTED: Final = 5
"""Points that a message names."""

_UNSURE: Final = frozenset({"low", "0", "faible", "baja", "bajo", "низкая", "منخفضة", "低"})
"""Words by which interpreters say that they are not sure, in the six UN languages."""


class ResponseInvalid(DataError):
    """The table of interpreted points is incomplete, altered or holds classes that there are not."""

    slug = "sample-response"


class NoProbabilitySample(DataError):
    """How the points were chosen is not known, so that nothing can be estimated from them."""

    slug = "no-probability-sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One interpreted point.

    Attributes:
        id: its name in the design.
        stratum: code of its stratum.
        mapped: class of the assessed map there; None = the stratum is the class.
        reference: class by the interpreter; None = not interpreted.
        x: in the CRS of the table.
        y: in the CRS of the table.
        interpreter: who looked.
        confidence: how sure the interpreter was, in free words.
    """

    id: str
    stratum: int
    mapped: int | None = None
    reference: int | None = None
    x: float | None = None
    y: float | None = None
    interpreter: str = ""
    confidence: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the design knows of a point.

    Attributes:
        stratum: its stratum.
        mapped: class of the assessed map there.
    """

    stratum: int
    mapped: int


@dataclass(frozen=True, slots=True)
class Responses:
    """Interpreted points of a probability sample.

    Attributes:
        points: all with a reference class and the class of the map.
        caveats: what to know of them.
    """

    points: tuple[Point, ...]
    caveats: tuple[Caveat, ...] = ()

    @property
    def strata(self) -> npt.NDArray[np.int64]:
        """Stratum code of each point."""
        return np.array([point.stratum for point in self.points], np.int64)

    @property
    def mapped(self) -> npt.NDArray[np.int64]:
        """Class of the map at each point."""
        return np.array([point.stratum if point.mapped is None else point.mapped for point in self.points], np.int64)

    @property
    def reference(self) -> npt.NDArray[np.int64]:
        """Reference class of each point."""
        return np.array([point.reference for point in self.points], np.int64)

    @property
    def strata_are_classes(self) -> bool:
        """Whether the stratum of each point is the class of the map there."""
        return bool((self.strata == self.mapped).all())

    def counts(self, strata: Sequence[int], classes: Sequence[int]) -> Counts:
        """Points n_ij by stratum (rows) and reference class (columns), int64."""
        return count_matrix(self.strata, self.reference, strata, classes)


def count_matrix(
    rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64], row_codes: Sequence[int], col_codes: Sequence[int]
) -> Counts:
    """How many points have each pair of codes.

    Args:
        rows: code of each point, shape (points,).
        cols: another code of each point.
        row_codes: codes in the order of the matrix's rows; all that occur.
        col_codes: codes in the order of its columns; all that occur.

    Returns:
        int64, shape (row codes, column codes).
    """
    pairs = Counter(zip(rows.tolist(), cols.tolist(), strict=True))
    return np.array([[pairs[row, col] for col in col_codes] for row in row_codes], np.int64)


def checked_responses(
    points: Iterable[Point],
    strata: Strata,
    classes: Collection[int],
    drawn: Mapping[str, Drawn] | None = None,
    *,
    partial: bool = False,
) -> Responses:
    """The points from which something can be estimated.

    Args:
        points: the table.
        strata: of the design.
        classes: codes that a reference class may have.
        drawn: the points of the design by id, where it holds them; a point that it does not hold was not drawn.
        partial: leave points without a reference class out, instead of refusing them.

    Raises:
        ResponseInvalid: for points that occur twice, strata and classes that there are not, points without a reference
            class.
        NoProbabilitySample: for points that were not drawn.
    """
    table = tuple(points)
    _refuse_repeated(table)
    _refuse_strange_strata(table, strata)
    if drawn is not None:
        _refuse_undrawn(table, drawn)
        table = tuple(_completed(point, drawn[point.id]) for point in table)
    _refuse_strange_classes(table, classes)
    kept = tuple(point for point in table if point.reference is not None)
    expected = len(table) if drawn is None else len(drawn)
    return Responses(kept, (*_missing(expected, len(kept), partial=partial), *_unsure(kept)))


def _completed(point: Point, known: Drawn) -> Point:
    """The point with the class of the map from the design, which nobody may have changed."""
    return Point(
        id=point.id,
        stratum=point.stratum,
        mapped=known.mapped,
        reference=point.reference,
        x=point.x,
        y=point.y,
        interpreter=point.interpreter,
        confidence=point.confidence,
    )


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
    return ", ".join(repr(name) for name in ids[:_LISTED]) + more


def _refuse_repeated(table: Sequence[Point]) -> None:
    counts = Counter(point.id for point in table)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise ResponseInvalid(
            f"points {_named(repeated)} occur more than once; give one line for each point: where interpreters differ, "
            "settle it first"
        )


def _refuse_strange_strata(table: Sequence[Point], strata: Strata) -> None:
    strange = Counter(point.stratum for point in table if point.stratum not in strata.codes)
    if strange:
        listed = ", ".join(f"{code}: {count} points" for code, count in sorted(strange.items()))
        raise ResponseInvalid(
            f"the points have strata that the design does not have ({listed}); its strata are "
            f"{', '.join(map(str, strata.codes))}: give the design that these points were drawn by"
        )


def _refuse_undrawn(table: Sequence[Point], drawn: Mapping[str, Drawn]) -> None:
    strange = [point.id for point in table if point.id not in drawn]
    if strange:
        raise NoProbabilitySample(
            f"points {_named(strange)} are not of the design ({len(strange)} of {len(table)}); points that were chosen "
            "otherwise are no probability sample: leave them out"
        )
    moved = [point.id for point in table if drawn[point.id].stratum != point.stratum]
    if moved:
        raise ResponseInvalid(
            f"points {_named(moved)} have another stratum than in the design; the stratum is where a point was drawn "
            "and must not be changed"
        )


def _refuse_strange_classes(table: Sequence[Point], classes: Collection[int]) -> None:
    strange = Counter(point.reference for point in table if point.reference not in {None, *classes})
    if strange:
        listed = ", ".join(f"{code}: {count} points" for code, count in strange.items())
        raise ResponseInvalid(
            f"reference classes that the legend does not have ({listed}); expected one of "
            f"{', '.join(map(str, classes))}"
        )


def _missing(expected: int, kept: int, *, partial: bool) -> tuple[Caveat, ...]:
    """What is said of points without a reference class.

    Raises:
        ResponseInvalid: when they are not to be left out, or there are no others.
    """
    missing = expected - kept
    if missing and not (partial and kept):
        raise ResponseInvalid(
            f"{missing} of {expected} points have no reference class; interpret them all, or leave them out on purpose "
            "(--partial), which is right only when they are missing by chance"
        )
    if not missing:
        return ()
    text = (
        f"{missing} of {expected} points have no reference class and were left out; the result is right only if they "
        "are missing by chance."
    )
    return (Caveat("sample-missing-labels", text),)


def _unsure(points: Sequence[Point]) -> tuple[Caveat, ...]:
    unsure = sum(point.confidence.strip().casefold() in _UNSURE for point in points)
    if not unsure:
        return ()
    text = (
        f"{unsure} of {len(points)} points were interpreted with low confidence; errors of the reference are not in "
        "the intervals."
    )
    return (Caveat("sample-unsure-reference", text),)
