"""Temperature scaling: one number that makes confidences mean what they say.

Guo et al. 2017, https://arxiv.org/abs/1706.04599: the temperature minimises the negative log-likelihood on sites that
were not trained on. It never changes which class wins in a window.

Axes: K class, P pixel, H row, W column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from landcover.errors import DataError
from models.graph import SceneNet
from training.inference import Predictor, predict_strips, scene_plan, torch_predictor
from training.scenes import IGNORE, Sample, Scene

MAX_PIXELS: Final = 400_000
"""Pixels drawn for the fit; one number needs no more."""

BOUNDS: Final = (0.25, 8.0)

_TINY: Final = 1e-30
"""A probability of 0 stands for one too small for float32."""


class NothingToScore(DataError):
    """Not one pixel of the scenes has a label."""

    slug = "nothing-to-score"


@dataclass(frozen=True, slots=True)
class Pixels:
    """A uniform sample of labelled pixels.

    Attributes:
        probabilities_KP: float32 class probabilities.
        labels_P: uint8 class indices.
        owners_P: int32 number of the scene of each pixel.
        keys_P: float32 random key of each pixel.
        limit: every labelled pixel whose key is below this is in the sample.
    """

    probabilities_KP: NDArray[np.float32]
    labels_P: NDArray[np.uint8]
    owners_P: NDArray[np.int32]
    keys_P: NDArray[np.float32]
    limit: float

    def __len__(self) -> int:
        """Number of pixels."""
        return len(self.labels_P)

    def only(self, chosen_P: NDArray[np.bool_]) -> Pixels:
        """Some of the pixels.

        Args:
            chosen_P: True = kept.
        """
        return replace(
            self,
            probabilities_KP=self.probabilities_KP[:, chosen_P],
            labels_P=self.labels_P[chosen_P],
            owners_P=self.owners_P[chosen_P],
            keys_P=self.keys_P[chosen_P],
        )

    def below(self, limit: float) -> Pixels:
        """The pixels whose key is below a limit that is not above the own one: again a uniform sample."""
        return replace(self.only(self.keys_P < limit), limit=limit)

    @staticmethod
    def joined(parts: Sequence[Pixels], *, shifts: Sequence[int]) -> Pixels:
        """A uniform sample of what several samples were drawn from, large and small sources in proportion.

        Args:
            parts: samples of different pixels, at least one.
            shifts: what is added to the scene numbers of each.
        """
        limit = min(part.limit for part in parts)
        kept = [part.below(limit) for part in parts]
        return Pixels(
            np.concatenate([part.probabilities_KP for part in kept], axis=1),
            np.concatenate([part.labels_P for part in kept]),
            np.concatenate([part.owners_P + np.int32(shift) for part, shift in zip(kept, shifts, strict=True)]),
            np.concatenate([part.keys_P for part in kept]),
            limit,
        )


@dataclass(slots=True)
class PixelSample:
    """Draws a uniform sample of the labelled pixels of a stream in bounded memory: those with the smallest random keys.

    Attributes:
        capacity: pixels in the end; up to twice as many are held on the way.
        seed: of the keys.
    """

    capacity: int = MAX_PIXELS
    seed: int = 0
    _parts: list[Pixels] = field(default_factory=list)
    _limit: float = 1.0
    _random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Start the keys."""
        self._random = np.random.default_rng(self.seed)

    def update(self, probabilities_KHW: NDArray[np.float32], truth_HW: NDArray[np.uint8], *, owner: int = 0) -> None:
        """Draw from more pixels.

        Args:
            probabilities_KHW: class probabilities.
            truth_HW: class indices, `IGNORE` where there is no label.
            owner: number of the scene.
        """
        rows, cols = np.nonzero(truth_HW != IGNORE)
        keys = self._random.random(len(rows), dtype=np.float32)
        drawn = keys < self._limit
        rows, cols, keys = rows[drawn], cols[drawn], keys[drawn]
        owners = np.full(len(keys), owner, dtype=np.int32)
        self._parts.append(Pixels(probabilities_KHW[:, rows, cols], truth_HW[rows, cols], owners, keys, self._limit))
        if sum(map(len, self._parts)) > 2 * self.capacity:
            self._shrink()

    def pixels(self) -> Pixels:
        """The sample of everything seen so far.

        Raises:
            NothingToScore: No pixel had a label.
        """
        if sum(map(len, self._parts)) > self.capacity:
            self._shrink()
        if not any(map(len, self._parts)):
            raise NothingToScore("no pixel of the scenes has a label; look at the labels with `steppe train check`")
        return Pixels.joined(self._parts, shifts=[0] * len(self._parts))

    def _shrink(self) -> None:
        keys = np.concatenate([part.keys_P for part in self._parts])
        self._limit = float(np.partition(keys, self.capacity)[self.capacity])
        self._parts = [Pixels.joined(self._parts, shifts=[0] * len(self._parts)).below(self._limit)]


def fit_temperature(
    net: SceneNet | Predictor, scenes: Iterable[Scene], *, tile: int = 512, overlap: int = 32, seed: int = 0
) -> float:
    """Fit the temperature on labelled pixels of some scenes, in memory that does not grow with their number.

    Args:
        net: network in evaluation mode, or whatever answers its probabilities at temperature 1.
        scenes: scenes of sites that were not trained on.
        tile: window side in pixels.
        overlap: pixels shared by neighbouring windows.
        seed: of the draw of pixels.

    Returns:
        Temperature between 0.25 and 8.

    Raises:
        NothingToScore: No pixel has a label.
    """
    predict = torch_predictor(net) if isinstance(net, SceneNet) else net
    sample = PixelSample(seed=seed)
    for scene in scenes:
        for strip in predict_strips(predict, scene, scene_plan(scene, tile=tile, overlap=overlap)):
            sample.update(strip.probabilities_KHW, labels(strip.sample))
    return best_temperature(sample.pixels())


def best_temperature(pixels: Pixels) -> float:
    """The temperature with the smallest negative log-likelihood.

    Pixels of classes that the model never answers are left out: no temperature gives them a probability, and a few of
    them would outweigh all others.

    Args:
        pixels: labelled pixels; their probabilities are those at temperature 1.

    Returns:
        Temperature between 0.25 and 8.

    Raises:
        NothingToScore: No pixel has a class that the model answers.
    """
    labels_1P = pixels.labels_P[None].astype(np.intp)
    possible_P = (pixels.probabilities_KP > 0).any(axis=1)[labels_1P[0]]
    if not possible_P.any():
        raise NothingToScore("no labelled pixel has a class that the model answers; look at legend and labels")
    # Logarithms of probabilities are logits up to a constant of each pixel, which a softmax does not see.
    log_KP = np.log(np.maximum(pixels.probabilities_KP[:, possible_P], _TINY))
    right_P = np.take_along_axis(log_KP, labels_1P[:, possible_P], axis=0)[0]

    def loss(temperature: float) -> float:
        scale = np.float32(1 / temperature)
        # No term is above 1, and the largest is at least 1/K to the power of 4: no shift is needed.
        total_P = np.log(np.exp(log_KP * scale).sum(axis=0))
        return float((total_P - right_P * scale).mean(dtype=np.float64))

    result: Any = minimize_scalar(loss, bounds=BOUNDS, method="bounded", options={"xatol": 1e-4})
    return float(result.x)


def labels(sample: Sample) -> NDArray[np.uint8]:
    """Class indices that count: `IGNORE` where there is no label, its weight is 0, or the image has no data.

    Args:
        sample: rasters of a window.

    Returns:
        uint8 (row, col), an array of its own.
    """
    truth_HW: NDArray[np.uint8] = sample["mask"].numpy().astype(np.uint8)  # a copy
    truth_HW[_empty(sample["image"].numpy())] = IGNORE
    if "weight" in sample:
        truth_HW[sample["weight"].numpy() == 0] = IGNORE
    return truth_HW


def _empty(image_BHW: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels that are 0 in all bands; where no pixel of the first bands is, the others are not looked at."""
    empty_HW: NDArray[np.bool_] = image_BHW[0] == 0
    for band_HW in image_BHW[1:]:
        if not empty_HW.any():
            break
        empty_HW &= band_HW == 0
    return empty_HW
