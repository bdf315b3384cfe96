"""A scene of a user's own files, read window by window; whole in memory where it is asked for and small enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landcover.errors import DataError
from landcover.grid import Window
from training.scenes import IGNORE, Sample, Scene, SceneInfo
from training.sources.own_files import RASTERS
from training.sources.own_handles import OPEN, stamp
from training.sources.own_image import ImageFiles
from training.sources.own_labels import LabelRule
from training.sources.own_rasters import Companion, RasterHeader
from training.sources.own_remarks import Remark, image_remarks, label_remarks, vector_remarks
from training.sources.own_vectors import VectorFile

_MEGA: Final = 2**20


class WrongWeights(DataError):
    """Weights of labels are not numbers from 0 to 1."""

    slug = "label-weights"


class Labels(Protocol):
    """Whatever gives labels on the grid of an image."""

    @property
    def path(self) -> Path:
        """Their file."""

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Class indices of a window, (row, col), 255 without a label."""


@dataclass(frozen=True, slots=True)
class RasterFile:
    """A label raster and its rule: the `Labels` of a raster.

    Attributes:
        companion: The raster.
        rule: What its numbers mean.
        header: What its file says about itself.
    """

    companion: Companion
    rule: LabelRule
    header: RasterHeader

    @property
    def path(self) -> Path:
        """The file."""
        return self.companion.path

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Class indices of a window."""
        return self.rule.indices(self.companion.read(window), self.header.nodata, self.path.name)


@dataclass(frozen=True, slots=True)
class MaskRaster:
    """Pixels that are no labels, whatever the labels say.

    Attributes:
        companion: The raster.
        codes: Its codes for clouds and the like.
    """

    companion: Companion
    codes: tuple[int, ...]

    def read(self, window: Window) -> NDArray[np.bool_]:
        """Where labels are left out, (row, col)."""
        return np.isin(self.companion.read(window)[0], self.codes)


@dataclass(frozen=True, slots=True)
class WeightRaster:
    """Weight of each label.

    Attributes:
        companion: The raster.
        scale: Weight per number.
        nodata: Number that means "no weight", that is, 0.
    """

    companion: Companion
    scale: float
    nodata: float | None

    def read(self, window: Window) -> NDArray[np.float32]:
        """Weights of a window, (row, col), 0..1.

        Raises:
            WrongWeights: They are outside.
        """
        numbers_HW = self.companion.read(window)[0]
        weights_HW = numbers_HW.astype(np.float32) * np.float32(self.scale)
        none_HW = np.isnan(weights_HW) | (numbers_HW == self.nodata)
        weights_HW[none_HW] = 0
        low, high = float(weights_HW.min()), float(weights_HW.max())
        if low < 0 or high > 1 + 1e-5:
            raise WrongWeights(
                f"weights {self.companion.path.name!r} go from {low:g} to {high:g} after reading.weight_scale "
                f"{self.scale:g}; expected 0 to 1"
            )
        return np.asarray(np.minimum(weights_HW, np.float32(1)))


@dataclass(frozen=True, slots=True)
class SceneParts:
    """What a scene is read from.

    Attributes:
        image: The image.
        labels: Its labels.
        mask: Pixels that are no labels.
        weight: Weights, one weight for all labels, or none where no scene of the source has weights.
    """

    image: ImageFiles
    labels: Labels
    mask: MaskRaster | None = None
    weight: WeightRaster | float | None = None


class MemoryBudget:
    """Bytes that the scenes of a source may hold together.

    Args:
        megabytes: How much, in MiB.
    """

    def __init__(self, megabytes: int) -> None:
        self._left = megabytes * _MEGA

    def take(self, size: int) -> bool:
        """Whether there is room, which is then taken."""
        if size > self._left:
            return False
        self._left -= size
        return True


class OwnScene(Scene):
    """A scene of a user's own files. Files are opened by the process that reads, when it reads.

    Args:
        info: What is known of it.
        parts: What it is read from.
        budget: Memory that scenes of the source share.
    """

    def __init__(self, info: SceneInfo, parts: SceneParts, budget: MemoryBudget) -> None:
        self.info = info
        self.parts = parts
        self._budget = budget
        self._held: Mapping[str, Tensor] | None = None

    def read(self, window: Window) -> Sample:
        """Image, labels and, where the source has them, weights.

        Raises:
            DataError: Pixels are damaged, or labels hold what they must not.
        """
        if self._held is not None:
            rasters = {name: raster[..., window.rows, window.cols] for name, raster in self._held.items()}
        else:
            rasters = self._from_files(window)
        image_BHW = rasters["image"]
        return {**rasters, "image": image_BHW if image_BHW.is_floating_point() else image_BHW.to(torch.int32)}

    def load(self) -> None:
        """Hold the scene in memory where the budget allows it."""
        if self._held is None and self._budget.take(self._size()):
            self._held = self._from_files(self.info.extent)

    def remarks(self) -> Iterator[Remark]:
        """What a person should know of the files; may read labels and images of fractional numbers."""
        labels = self.parts.labels
        image = tuple(path for path in self.info.files if path.suffix.lower() in RASTERS and path != labels.path)
        yield from image_remarks(self.parts.image, image)
        if isinstance(labels, RasterFile):
            yield from label_remarks(labels.path, labels.header)
        if isinstance(labels, VectorFile):
            yield from vector_remarks(labels, self.info)

    def _size(self) -> int:
        per_pixel = len(self.parts.image.bands) * np.dtype(self.parts.image.dtype).itemsize + 1
        weight = 0 if self.parts.weight is None else 4
        return self.info.height * self.info.width * (per_pixel + weight)

    def _from_files(self, window: Window) -> Sample:
        image = self.parts.image
        dn_BHW, valid_HW = image.read(OPEN.get((image, stamp(image.path)), image.open), window)
        mask_HW = self.parts.labels.read(window)
        mask_HW[~valid_HW] = IGNORE
        if self.parts.mask is not None:
            mask_HW[self.parts.mask.read(window)] = IGNORE
        sample = {"image": torch.from_numpy(dn_BHW), "mask": torch.from_numpy(mask_HW)}
        weight = self.parts.weight
        if weight is None:
            return sample
        if isinstance(weight, WeightRaster):
            return {**sample, "weight": torch.from_numpy(weight.read(window))}
        return {**sample, "weight": torch.full(mask_HW.shape, weight, dtype=torch.float32)}
