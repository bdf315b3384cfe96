"""The mean of a model's probabilities over several scenes of one place, window by window.

Blending is a sum with fixed weights, so averaging windows before they are blended gives what averaging whole blended
rasters would, in the memory of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from landcover.tiling import TilePlan
from serving.strips import Strip

type Run = Callable[[NDArray[np.generic]], NDArray[np.float32]]
"""Class probabilities (batch, class, row, col) of digital numbers (batch, band, row, col)."""


def joint_valid(strips: Sequence[Strip]) -> NDArray[np.bool_]:
    """Where at least one of the scenes has data, (row, col) of one row of windows."""
    first, *others = (strip.valid_HW for strip in strips)
    return np.logical_or.reduce([first, *others]) if others else first


def mean_probabilities(strips: Sequence[Strip], cols: Sequence[int], plan: TilePlan, run: Run) -> NDArray[np.float32]:
    """Probabilities of some windows: at each pixel the mean over the scenes that have data there.

    Args:
        strips: the same row of windows of each scene.
        cols: numbers of the windows in their row.
        plan: windows over the scenes' grid.
        run: the model; a scene's window without data is not run.

    Returns:
        (batch, class, row, col); of one scene its own probabilities as they are, of several 0 where none has data.
    """
    origins = [plan.cols.origins[col] for col in cols]
    if len(strips) == 1:
        return run(_windows(strips[0].dn_BHW, origins, plan))
    sums_NKHW: NDArray[np.float32] | None = None
    counts_N1HW = np.zeros((len(cols), 1, plan.rows.tile, plan.cols.tile), np.float32)
    for strip in strips:
        valid_N1HW = _windows(strip.valid_HW[None], origins, plan)
        with_data = valid_N1HW.any(axis=(1, 2, 3))
        if not with_data.any():
            continue
        wanted = [origin for origin, some in zip(origins, with_data, strict=True) if some]
        answer_NKHW = run(_windows(strip.dn_BHW, wanted, plan)) * valid_N1HW[with_data]
        if sums_NKHW is None:
            sums_NKHW = np.zeros((len(cols), *answer_NKHW.shape[1:]), np.float32)
        sums_NKHW[with_data] += answer_NKHW
        counts_N1HW += valid_N1HW
    if sums_NKHW is None:
        raise ValueError("no scene has data in these windows: leave them out")
    return np.divide(sums_NKHW, np.maximum(counts_N1HW, 1), out=sums_NKHW)


def _windows[Number: np.generic](strip_BHW: NDArray[Number], origins: Sequence[int], plan: TilePlan) -> NDArray[Number]:
    """Windows (batch, band, row, col) cut from a row of them."""
    return np.stack([strip_BHW[:, :, origin : origin + plan.cols.tile] for origin in origins])
