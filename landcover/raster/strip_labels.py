"""Patches that grow while a map streams by: strips of rows, and what hangs together across their seams.

Only what touches the lower edge of a strip can go on in the next one. Such a patch is given a number, and when two
numbers meet further down they are noted as one. A patch that lies within one strip needs none. So memory holds the
runs of one strip, and one number for each patch at each seam. The same strips give the same numbers: a second pass
over the map finds the patches of the first again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from landcover.raster.runs import Ints, joined, runs_of, touching

WITHIN: Final = -1
"""Number of a patch that lies within one strip."""


@dataclass(frozen=True, slots=True)
class LabelledStrip:
    """The runs of a strip, and the groups that they form together with the patches from above.

    Attributes:
        rows: row of each run in the map.
        starts: its first column.
        stops: the column after its last.
        groups: its group.
        numbers: of each group, the smallest number of the patches that it is a part of; ``WITHIN`` for a patch that
            begins and ends in this strip.
        firsts: of each group that no patch from above belongs to, its first run; below 0 for others.
        goes_on: of each group, whether it touches the last row of the strip and more rows come.
        above: group of each patch from above, in the order of their numbers.
    """

    rows: Ints
    starts: Ints
    stops: Ints
    groups: Ints
    numbers: Ints
    firsts: Ints
    goes_on: npt.NDArray[np.bool_]
    above: Ints


class StripLabels:
    """Labels the strips of a map from top to bottom.

    Args:
        height: rows of the map.
        width: columns of the map.
        connectivity: ``runs.FOUR`` or ``runs.EIGHT``.
    """

    def __init__(self, height: int, width: int, *, connectivity: int) -> None:
        self._height, self._connectivity = height, connectivity
        self._row = 0
        self._last_W = np.zeros(width, np.bool_)
        self._ends = np.empty(0, np.int64)  # number of the patch that each run of the last row belongs to
        self._met: list[tuple[Ints, Ints]] = []  # numbers, and the smaller ones that they turned out to be
        self._next = 0

    def add(self, marked_RW: npt.NDArray[np.bool_]) -> LabelledStrip:
        """Label the next rows.

        Args:
            marked_RW: bool (row, col), True in patches; at least one row.
        """
        # The row above stands on top, so that pairs across the seam are pairs like all others.
        runs = runs_of(np.concatenate([self._last_W[None], marked_RW]))
        old = len(self._ends)
        known, place = np.unique(self._ends, return_inverse=True)
        upper, lower = touching(runs, connectivity=self._connectivity)
        # What met above stands for itself: runs of one number are pairs too.
        upper, lower = np.append(upper, _firsts(place, len(known))[place]), np.append(lower, np.arange(old))
        roots, groups = _dense(joined(len(runs), upper, lower))
        above = groups[_firsts(place, len(known))]
        rows, row_above = runs.row[old:], self._row - 1
        self._row += len(marked_RW)
        # In the last row of the map everything ends.
        ends = groups[runs.before(len(marked_RW)) if self._row < self._height else len(groups) :]
        numbers, goes_on = self._numbered(len(roots), known, above, ends)
        self._last_W, self._ends = marked_RW[-1].copy(), numbers[ends]
        return LabelledStrip(
            rows=rows + row_above,
            starts=runs.start[old:] - rows * runs.stride,
            stops=runs.stop[old:] - rows * runs.stride,
            groups=groups[old:],
            numbers=numbers,
            firsts=roots - old,
            goes_on=goes_on,
            above=above,
        )

    def smallest(self) -> npt.NDArray[np.int32]:
        """Of each number, the smallest number of its patch: int32 (number,)."""
        found = np.arange(self._next, dtype=np.int32)
        for numbers, smaller in self._met:
            found[numbers] = smaller
        while True:  # by doubling
            further = found[found]
            if np.array_equal(found, further):
                return found
            found = further

    def _numbered(self, count: int, known: Ints, above: Ints, ends: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """The number of each group, and whether it goes on."""
        numbers, goes_on = np.full(count, WITHIN), np.zeros(count, np.bool_)
        numbers[above[::-1]] = known[::-1]  # the smallest one last, so that it stays
        met = numbers[above] != known
        if met.any():
            self._met.append((known[met].astype(np.int32), numbers[above[met]].astype(np.int32)))
        goes_on[ends] = True
        new = np.flatnonzero(goes_on & (numbers == WITHIN))
        numbers[new] = self._next + np.arange(len(new))
        self._next += len(new)
        return numbers, goes_on


def _firsts(place: Ints, count: int) -> Ints:
    """The first position of each value in an array of values 0 to count - 1."""
    first = np.empty(count, np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]
    return first


def _dense(root: Ints) -> tuple[Ints, Ints]:
    """The roots in order, and the position of each node's root among them."""
    is_root = root == np.arange(len(root))
    return np.flatnonzero(is_root), (np.cumsum(is_root) - 1)[root]
