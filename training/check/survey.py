"""One pass over the pixels of a scene: what checks and statistics need to know, in memory of one window."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import DataError
from landcover.grid import Window
from training.check.tally import BandTally
from training.scenes import IGNORE, PartScene, Sample, Scene, SourceFacts
from training.sources.own_errors import StrayCodes

SIDE: Final = 1024
"""Rows and columns of a window; whole blocks of the usual tiled files."""

type Progress = Callable[[int], None]
"""Called with the pixels that were read."""


@dataclass(slots=True)
class Survey:
    """What the pixels of a scene, or of a part of one, are like.

    Attributes:
        scene: The scene.
        pixels: Pixels that were read.
        valid: Pixels with image data.
        labels_K: Labelled pixels of each class.
        strays: Mask values that are neither a class nor `IGNORE`, with their pixels.
        stray_codes: Values in label files that mean nothing, with their pixels.
        nonfinite: Numbers in the image that are NaN or infinite.
        failures: Messages of windows that cannot be read, with the number of windows.
        bands: Bands that the image has.
        percentiles_2B: 1st and 99th percentile of the digital numbers.
        digests: SHA-256 of the pixels of each date.
    """

    scene: Scene
    pixels: int = 0
    valid: int = 0
    labels_K: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    strays: Counter[int] = field(default_factory=Counter)
    stray_codes: Counter[str] = field(default_factory=Counter)
    nonfinite: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    bands: int = 0
    percentiles_2B: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 0)))
    digests: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the scene or part."""
        return self.scene.info.name

    @property
    def whole(self) -> str:
        """Name of the scene that this is, or is a part of."""
        return whole_name(self.scene)

    @property
    def labelled(self) -> int:
        """Pixels with a class."""
        return int(self.labels_K.sum())


def whole_name(scene: Scene) -> str:
    """Name of a scene; of a part, the name of the scene that it was cut from."""
    return scene.info.name.rpartition("[")[0] if isinstance(scene, PartScene) else scene.info.name


def survey(scene: Scene, facts: SourceFacts, *, progress: Progress | None = None) -> tuple[Survey, BandTally]:
    """Read a scene once.

    Windows that cannot be read are noted, and reading goes on.

    Args:
        scene: The scene.
        facts: Of its source.
        progress: Told after every window.

    Returns:
        The survey, and the distribution of the digital numbers.
    """
    found = Survey(scene, labels_K=np.zeros(len(facts.legend), np.int64))
    tally = BandTally(len(facts.bands), facts.product.radiometry)
    digests = [hashlib.sha256() for _ in range(facts.dates)]
    for window in windows(scene.info.extent):
        try:
            sample = scene.read(window)
        except StrayCodes as reason:
            found.stray_codes.update(reason.counts)
        except DataError as reason:
            found.failures[str(reason)] += 1
        else:
            _look(sample, found, tally, digests)
        found.pixels += window.height * window.width
        if progress is not None:
            progress(window.height * window.width)
    found.percentiles_2B = tally.percentiles((0.01, 0.99))
    found.digests = tuple(digest.hexdigest() for digest in digests)
    return found, tally


def windows(extent: Window, side: int = SIDE) -> Iterator[Window]:
    """Windows that cover an extent, row by row."""
    for row in range(0, extent.height, side):
        for col in range(0, extent.width, side):
            yield Window(row, col, min(side, extent.height - row), min(side, extent.width - col))


def _look(sample: Sample, found: Survey, tally: BandTally, digests: Sequence[Any]) -> None:
    image_BHW, mask_HW = sample["image"].numpy(), sample["mask"].numpy()
    found.bands = len(image_BHW)
    dates = np.array_split(image_BHW, len(digests))
    for digest, date_BHW in zip(digests, dates, strict=True):
        digest.update(np.ascontiguousarray(date_BHW))
    finite_HW = np.ones(mask_HW.shape, dtype=np.bool_)
    if np.issubdtype(image_BHW.dtype, np.floating):
        finite_BHW = np.isfinite(image_BHW)
        found.nonfinite += int(np.count_nonzero(~finite_BHW))
        finite_HW = finite_BHW.all(axis=0)
    data_HW = (image_BHW != 0).any(axis=0)
    found.valid += int(np.count_nonzero(data_HW))
    _count_labels(mask_HW, found)
    if len(image_BHW) == len(dates) * tally.bands:
        for date_BHW in dates:
            tally.add(date_BHW[:, data_HW & finite_HW])


def _count_labels(mask_HW: NDArray[Any], found: Survey) -> None:
    values, pixels = np.unique(mask_HW, return_counts=True)
    for value, count in zip(values.tolist(), pixels.tolist(), strict=True):
        if 0 <= value < len(found.labels_K):
            found.labels_K[value] += count
        elif value != IGNORE:
            found.strays[value] += count
