"""What a network answers for whole scenes, and windows cut from them to learn it from.

Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landcover.borders import known_pixels, mirror_borders
from landcover.errors import ConfigError
from landcover.grid import Window
from landcover.tiling import ALIGNMENT, MARGIN, mirror, round_up
from training.inference import Predictor
from training.scenes import Scene

ONE_PASS_PIXELS: Final = 4_000_000
"""Of larger scenes only the upper rows are taken: in one pass a network needs a kilobyte and more for each pixel."""

SIDES: Final = (256, 320, 384)
"""Sides of the windows, multiples of 32: small ones have much border, large ones much of what a border cuts off."""

BLIND: Final = 4
"""Pixels at the border of a window that nothing is learned from: in blending they hardly count."""

FADE: Final = 16
"""Pixels behind these over which a pixel comes to count in full."""

NEAR: Final = 48.0
"""Distance from the border in pixels over which the extra weight of pixels near it fades to a third."""

EXTRA: Final = 2.0
"""Extra weight of a pixel at the border: what is lost there is what is to be learned."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A scene with mirrored margins, and what the network says of it in one pass.

    Attributes:
        dn_BHW: digital numbers, as the service would show them; sides are multiples of 32.
        probabilities_KHW: float16.
    """

    dn_BHW: NDArray[np.generic]
    probabilities_KHW: NDArray[np.float16]


class Crops(NamedTuple):
    """Windows of one side.

    Attributes:
        dn_NBHW: float32 digital numbers.
        probabilities_NKHW: float32, cut from the answer for the whole scene.
    """

    dn_NBHW: Tensor
    probabilities_NKHW: Tensor


def answered(scenes: Iterable[Scene], predict: Predictor) -> Iterator[Answered]:
    """Scenes with the network's answer in one pass; those without data or smaller than every window are left out.

    Args:
        scenes: of one date.
        predict: the network.
    """
    for scene in scenes:
        dn_BHW = framed(scene)
        if min(dn_BHW.shape[1:]) >= SIDES[0] and dn_BHW.any():
            yield Answered(dn_BHW, predict(dn_BHW[None].astype(np.float32))[0].astype(np.float16))


def framed(scene: Scene) -> NDArray[np.generic]:
    """The digital numbers (band, row, col) of a scene with the mirrored margins that the service gives it."""
    width = scene.info.width
    height = min(scene.info.height, max(ONE_PASS_PIXELS // width, 1))
    dn_BHW = scene.read(Window(0, 0, height, width))["image"].numpy()
    rows, cols = (mirror(-MARGIN, round_up(side + 2 * MARGIN) - MARGIN, side) for side in (height, width))
    framed_BHW = np.ascontiguousarray(dn_BHW.take(rows, axis=1).take(cols, axis=2))
    mirror_borders(framed_BHW, known_pixels(framed_BHW))
    whole = framed_BHW.dtype.kind in "iu" and framed_BHW.min() >= 0 and framed_BHW.max() <= np.iinfo(np.uint16).max
    return framed_BHW.astype(np.uint16) if whole else framed_BHW  # half the memory


def draw_crops(pool: Sequence[Answered], generator: np.random.Generator, *, pixels: int) -> Crops:
    """Windows of one side from scenes by their size, where windows of a plan may begin.

    Args:
        pool: at least one scene.
        generator: source of all randomness.
        pixels: of all windows together, about.

    Raises:
        ConfigError: when no scene is as large as a window.
    """
    side = int(generator.choice(SIDES))
    large = [one for one in pool if min(one.dn_BHW.shape[1:]) >= side]
    if not large:
        raise ConfigError(f"no scene has {side} pixels each way; windows are cut from scenes larger than {SIDES[-1]}")
    sizes = np.array([one.probabilities_KHW[0].size for one in large], np.float64)
    chosen = generator.choice(len(large), size=max(pixels // side**2, 1), p=sizes / sizes.sum())
    cuts = [_cut(large[index], side, generator) for index in chosen]
    dn_NBHW, probabilities_NKHW = (torch.from_numpy(np.stack(parts)) for parts in zip(*cuts, strict=True))
    return Crops(dn_NBHW.contiguous(memory_format=torch.channels_last), probabilities_NKHW)


def _cut(one: Answered, side: int, generator: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    starts = [ALIGNMENT * int(generator.integers((length - side) // ALIGNMENT + 1)) for length in one.dn_BHW.shape[1:]]
    place = (slice(None), *(slice(start, start + side) for start in starts))
    return one.dn_BHW[place].astype(np.float32), one.probabilities_KHW[place].astype(np.float32)


def weights(side: int) -> Tensor:
    """How much each pixel of a window counts, float32 (row, col), by its distance from the border."""
    line = torch.arange(side, dtype=torch.float32)
    distance = torch.minimum(line, side - 1 - line)
    distance_HW = torch.minimum(distance[:, None], distance[None])
    seen_HW = ((distance_HW - BLIND) / FADE).clamp(0, 1)
    return seen_HW * (1 + EXTRA * torch.exp(-distance_HW / NEAR))
