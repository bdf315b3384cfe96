"""Which pixels of a scene its overview shows.

Some models judge a window by what is usual in its whole scene. They take an overview beside the window: digital numbers
of `SIDE` x `SIDE` pixels in a regular grid over the scene, none of them averaged, so that an overview has the spread of
the scene. 4096 pixels give the mean of a quantity to 2 % of its spread.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

SIDE: Final = 64
"""Rows and columns of an overview."""


def overview_lines(length: int) -> NDArray[np.intp]:
    """Indices of the rows or columns in an overview: the middles of `SIDE` equal parts, ascending.

    Args:
        length: Rows or columns of the scene, at least 1; fewer than `SIDE` are repeated.
    """
    return (2 * np.arange(SIDE) + 1) * length // (2 * SIDE)
