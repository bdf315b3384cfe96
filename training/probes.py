"""Windows of real scenes that publishing looks at: to calibrate, to compare, never to ship.

Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import NoValidData
from landcover.grid import Window
from landcover.tiling import mirror, round_up
from models.export import Batch
from training.inference import Predictor
from training.scenes import Scene

PROBE_SIDE: Final = 256
PROBE_STEP: Final = 64
"""Sides are multiples of this, so that half a window, the second size compared, is one of 32."""
MOST_PROBES: Final = 12

_DRAWS: Final = 20
"""Draws of a window before one without enough data is taken as it is."""
_FILLED: Final = 0.5
"""Share of pixels with data that a window to calibrate on should have."""


def probe_batches(scenes: Sequence[Scene], dtype: str, *, overviews: bool) -> list[Batch]:
    """Two windows, opposite corners, of some scenes spread over the list; compared on, never published.

    Args:
        scenes: any scenes.
        dtype: sample type of the product.
        overviews: whether the network takes one of each scene.

    Returns:
        Batches, sides multiples of 64.
    """
    step = max(1, len(scenes) // MOST_PROBES)
    return [_corners(scene, dtype, overview=overviews) for scene in scenes[::step][:MOST_PROBES]]


def calibration_windows(
    scenes: Sequence[Scene], *, count: int, side: int, dtype: str, seed: int = 0
) -> list[NDArray[np.generic]]:
    """Random windows of the training scenes; a scene is drawn with the square root of its pixels, as in training.

    Args:
        scenes: training scenes.
        count: windows.
        side: rows and columns, a multiple of 32; smaller scenes are continued by mirroring.
        dtype: sample type of the product.
        seed: of the draw.

    Returns:
        Batches of one window, NBHW.

    Raises:
        NoValidData: not one window has data.
    """
    random = np.random.default_rng(seed)
    weights = np.sqrt([scene.info.height * scene.info.width for scene in scenes])
    chosen = random.choice(len(scenes), size=count, p=weights / weights.sum())
    windows = [_drawn(scenes[index], side, dtype, random) for index in chosen]
    if not any(window.any() for window in windows):
        raise NoValidData("no window of the training scenes has data; look at them with `steppe train check`")
    return windows


@dataclass(slots=True)
class Agreement:
    """Share of the pixels that two graphs give the same class, seen while both are evaluated, one after the other.

    Both must be run on the same windows in the same order, as the evaluation of the same scenes does.
    """

    same: int = 0
    pixels: int = 0
    _remembered: list[NDArray[np.uint8]] = field(default_factory=list)

    @property
    def percent(self) -> float:
        """Percent of the pixels with data."""
        return 100 * self.same / max(1, self.pixels)

    def first(self, predict: Predictor) -> Predictor:
        """The first graph; its classes are remembered, a byte a pixel."""

        def remember(
            dn_NBHW: NDArray[np.float32], overview_1BHW: NDArray[np.float32] | None = None
        ) -> NDArray[np.float32]:
            answer_NKHW = predict(dn_NBHW, overview_1BHW)
            self._remembered.append(_classes(answer_NKHW))
            return answer_NKHW

        return remember

    def second(self, predict: Predictor) -> Predictor:
        """The second graph, to be run after the first one has finished."""
        before = iter(self._remembered)

        def count(
            dn_NBHW: NDArray[np.float32], overview_1BHW: NDArray[np.float32] | None = None
        ) -> NDArray[np.float32]:
            answer_NKHW = predict(dn_NBHW, overview_1BHW)
            valid_NHW = (dn_NBHW != 0).any(axis=1)
            self.same += int(((_classes(answer_NKHW) == next(before)) & valid_NHW).sum())
            self.pixels += int(valid_NHW.sum())
            return answer_NKHW

        return count


def _classes(probabilities_NKHW: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.argmax(probabilities_NKHW, axis=1).astype(np.uint8)


def _corners(scene: Scene, dtype: str, *, overview: bool) -> Batch:
    height, width = min(PROBE_SIDE, scene.info.height), min(PROBE_SIDE, scene.info.width)
    last = Window(scene.info.height - height, scene.info.width - width, height, width)
    windows = [_read(scene, window, dtype) for window in (Window(0, 0, height, width), last)]
    sides = round_up(height, PROBE_STEP), round_up(width, PROBE_STEP)
    seen = scene.overview().numpy().astype(dtype)[None] if overview else None
    return Batch(np.stack([_mirrored(window, *sides) for window in windows]), seen)


def _drawn(scene: Scene, side: int, dtype: str, random: np.random.Generator) -> NDArray[np.generic]:
    height, width = min(side, scene.info.height), min(side, scene.info.width)
    for _ in range(_DRAWS):
        row = int(random.integers(scene.info.height - height + 1))
        col = int(random.integers(scene.info.width - width + 1))
        window_BHW = _read(scene, Window(row, col, height, width), dtype)
        if (window_BHW != 0).any(axis=0).mean() >= _FILLED:
            break
    return _mirrored(window_BHW, side, side)[None]


def _read(scene: Scene, window: Window, dtype: str) -> NDArray[np.generic]:
    return scene.read(window)["image"].numpy().astype(dtype)


def _mirrored(window_BHW: NDArray[np.generic], height: int, width: int) -> NDArray[np.generic]:
    rows, cols = mirror(0, height, window_BHW.shape[1]), mirror(0, width, window_BHW.shape[2])
    return np.ascontiguousarray(window_BHW[:, rows[:, None], cols])
