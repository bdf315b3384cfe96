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

from landcover.borders import framed, known_pixels
from landcover.grid import Window
from landcover.tiling import ALIGNMENT
from training.inference import Predictor
from training.scenes import PartScene, Scene

ONE_PASS_SIDE: Final = 2000
"""Of larger scenes only the upper left of this size is taken: in one pass a network needs a kilobyte and more for each
pixel."""

POOL_PIXELS: Final = 100_000_000
"""Most pixels of all scenes together, of some 30 bytes each; what is more is left out."""

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
        known_HW: where there is data to be mapped; margins and mirrored nodata count as data.
    """

    dn_BHW: NDArray[np.generic]
    probabilities_KHW: NDArray[np.float16]
    known_HW: NDArray[np.bool_]

    @property
    def least_side(self) -> int:
        """The shorter side, pixels."""
        return min(map(int, self.known_HW.shape))


class Crops(NamedTuple):
    """Windows of one side.

    Attributes:
        dn_NBHW: float32 digital numbers.
        probabilities_NKHW: float32, cut from the answer for the whole scene.
        known_NHW: True = data.
    """

    dn_NBHW: Tensor
    probabilities_NKHW: Tensor
    known_NHW: Tensor


def answered(scenes: Iterable[Scene], predict: Predictor) -> Iterator[Answered]:
    """Scenes with the network's answer in one pass; those without data or smaller than every window are left out.

    Args:
        scenes: of one date.
        predict: the network.
    """
    for scene in map(in_one_pass, scenes):
        dn_BHW = framed(scene.read(scene.info.extent)["image"].numpy())
        known_HW = known_pixels(dn_BHW)
        if min(known_HW.shape) >= SIDES[0] and known_HW.any():
            answer_KHW = predict(dn_BHW[None].astype(np.float32))[0].astype(np.float16)
            yield Answered(_halved(dn_BHW), answer_KHW, known_HW)


def in_one_pass(scene: Scene) -> Scene:
    """The scene, or the upper left of a large one."""
    info = scene.info
    if max(info.height, info.width) <= ONE_PASS_SIDE:
        return scene
    window = Window(0, 0, min(info.height, ONE_PASS_SIDE), min(info.width, ONE_PASS_SIDE))
    return PartScene(scene, window, site=info.site)


def _halved(dn_BHW: NDArray[np.generic]) -> NDArray[np.generic]:
    """The same numbers in 16 bits, where they fit."""
    if dn_BHW.dtype.kind not in "iu":
        return dn_BHW
    fits = int(dn_BHW.min()) >= 0 and int(dn_BHW.max()) <= np.iinfo(np.uint16).max
    return dn_BHW.astype(np.uint16) if fits else dn_BHW


def draw_crops(pool: Sequence[Answered], generator: np.random.Generator, *, pixels: int) -> Crops:
    """Windows of one side from scenes by their size, where windows of a plan may begin.

    Args:
        pool: scenes, at least one.
        generator: source of all randomness.
        pixels: of all windows together, about.
    """
    largest = max(one.least_side for one in pool)
    side = int(generator.choice([side for side in SIDES if side <= largest]))
    fitting = [one for one in pool if one.least_side >= side]
    sizes = np.array([one.known_HW.size for one in fitting], np.float64)
    chosen = generator.choice(len(fitting), size=max(pixels // side**2, 1), p=sizes / sizes.sum())
    cuts = [_cut(fitting[index], side, generator) for index in chosen]
    dn_NBHW, *others = (torch.from_numpy(np.stack(parts)) for parts in zip(*cuts, strict=True))
    return Crops(dn_NBHW.contiguous(memory_format=torch.channels_last), *others)


def _cut(
    one: Answered, side: int, generator: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    starts = [ALIGNMENT * int(generator.integers((length - side) // ALIGNMENT + 1)) for length in one.known_HW.shape]
    place = tuple(slice(start, start + side) for start in starts)
    return (
        one.dn_BHW[:, *place].astype(np.float32),
        one.probabilities_KHW[:, *place].astype(np.float32),
        one.known_HW[place],
    )


def weights(side: int) -> Tensor:
    """How much each pixel of a window counts, float32 (row, col), by its distance from the border."""
    line = torch.arange(side, dtype=torch.float32)
    distance = torch.minimum(line, side - 1 - line)
    distance_HW = torch.minimum(distance[:, None], distance[None])
    seen_HW = ((distance_HW - BLIND) / FADE).clamp(0, 1)
    return seen_HW * (1 + EXTRA * torch.exp(-distance_HW / NEAR))
