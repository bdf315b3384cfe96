"""The mean of a model's probabilities over several scenes of one place, window by window.

Blending is a sum with fixed weights, so averaging windows before they are blended gives what averaging whole blended
rasters would, in the memory of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from serving.windows import SceneWindow

type Place = tuple[SceneWindow, ...]
"""The same window of each scene."""

type Run = Callable[[NDArray[np.generic]], NDArray[np.float32]]
"""Class probabilities (batch, class, row, col) of digital numbers (batch, band, row, col)."""


def has_data(place: Place) -> bool:
    """Whether at least one of the scenes has a valid pixel there."""
    return any(window.dn_BHW is not None for window in place)


def joint_valid(place: Place) -> NDArray[np.bool_]:
    """Where at least one of the scenes has data, (row, col)."""
    first, *others = (window.valid_HW for window in place)
    return np.logical_or.reduce([first, *others]) if others else first


def mean_probabilities(places: Sequence[Place], run: Run) -> NDArray[np.float32]:
    """Probabilities of some windows: at each pixel the mean over the scenes that have data there.

    Args:
        places: windows in which at least one scene has data.
        run: the model; a scene's window without data is not run.

    Returns:
        (batch, class, row, col); of one scene its own probabilities as they are, of several 0 where none has data.
    """
    if len(places[0]) == 1:
        return _answer([window for (window,) in places], run)
    sums_NKHW: NDArray[np.float32] | None = None
    counts_N1HW = np.zeros((len(places), 1, *places[0][0].valid_HW.shape), np.float32)
    for windows in zip(*places, strict=True):  # scene by scene, in the order the caller gave them
        with_data = [index for index, window in enumerate(windows) if window.dn_BHW is not None]
        if not with_data:
            continue
        valid_N1HW = np.stack([windows[index].valid_HW[None] for index in with_data])
        answer_NKHW = _answer([windows[index] for index in with_data], run) * valid_N1HW
        if sums_NKHW is None:
            sums_NKHW = np.zeros((len(places), *answer_NKHW.shape[1:]), np.float32)
        sums_NKHW[with_data] += answer_NKHW
        counts_N1HW[with_data] += valid_N1HW
    if sums_NKHW is None:
        raise ValueError("no scene has data in these windows: leave them out")
    return np.divide(sums_NKHW, np.maximum(counts_N1HW, 1), out=sums_NKHW)


def _answer(windows: Sequence[SceneWindow], run: Run) -> NDArray[np.float32]:
    """Run windows that have data; one alone without a copy."""
    arrays = [window.dn_BHW for window in windows if window.dn_BHW is not None]
    return run(arrays[0][None] if len(arrays) == 1 else np.stack(arrays))
