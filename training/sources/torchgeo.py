"""Labelled chips of TorchGeo's data sets as scenes: LoveDA, GeoNRW, SEN12MS, OSCD and their kind, classes unmodified.

Axes: B band, H row, W column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from landcover.errors import ConfigError, GridMismatch, RasterUnreadable
from landcover.grid import Window
from training.scenes import Sample, Scene, SceneInfo, Source, SourceFacts
from training.sources.own_errors import NoTrainingScenes
from training.sources.torchgeo_cache import SampleCache
from training.sources.torchgeo_classes import TorchGeoChoice
from training.sources.torchgeo_names import ChipName, ListingChoice, size_and_grid
from training.sources.torchgeo_samples import ImageChoice, LabelChoice, convert, source_facts
from training.splits import SPLIT_NAMES


class _Chips:
    """An opened data set with what its samples mean."""

    def __init__(self, dataset: Any, image: ImageChoice, labels: LabelChoice, cache: SampleCache) -> None:
        self.dataset = dataset
        self._image = image
        self._labels = labels
        self._cache = cache

    def sample(self, index: int, info: SceneInfo) -> Sample:
        """One chip, whole."""
        return self._cache.get(info.name, lambda: self._read(index, info))

    def _read(self, index: int, info: SceneInfo) -> Sample:
        try:
            raw = self.dataset[index]
        except (OSError, ValueError, RuntimeError, SyntaxError) as error:  # Pillow: broken PNG is a SyntaxError
            words = " ".join(str(error).split())
            raise RasterUnreadable(f"{info.name}: {type(self.dataset).__name__} cannot read it: {words}") from error
        sample = convert(raw, self._image, self._labels, name=info.name)
        if sample["mask"].shape != (info.height, info.width):
            height, width = sample["mask"].shape
            raise GridMismatch(
                f"{info.name} is {height} x {width} pixels, {info.height} x {info.width} was expected from the header "
                f"of its files; with `sizes: first`, all chips must be as large as the first"
            )
        return sample


class ChipScene(Scene):
    """A chip of a TorchGeo data set, read when it is asked for.

    Args:
        info: What the chip is.
        chips: Its data set.
        index: Its number there.
    """

    def __init__(self, info: SceneInfo, chips: _Chips, index: int) -> None:
        self.info = info
        self._chips = chips
        self._index = index

    def read(self, window: Window) -> Sample:
        """A window of the chip; the chip is read whole and kept as long as the cache has room."""
        sample = self._chips.sample(self._index, self.info)
        return {
            "image": sample["image"][:, window.rows, window.cols].to(torch.int32),
            "mask": sample["mask"][window.rows, window.cols],
        }


class TorchGeoChips(Source):
    """A TorchGeo data set of numbered samples; every sample is a scene.

    Args:
        dataset: Class and folder.
        image: What images hold.
        labels: What masks mean.
        listing: How chips are named.
        splits: Split name to the options that open it; they become the scenes' own split.
        cache_mb: Memory for decoded chips in each process, megabytes.

    Raises:
        ConfigError: The class or one of its options does not exist.
    """

    def __init__(
        self,
        dataset: TorchGeoChoice,
        image: ImageChoice,
        labels: LabelChoice,
        listing: ListingChoice,
        *,
        splits: dict[str, dict[str, Any]],
        cache_mb: float = 500,
    ) -> None:
        self._dataset = dataset
        self._image = image
        self._labels = labels
        self._listing = listing
        self._splits = splits
        self._cache_mb = cache_mb
        for split, options in splits.items():
            if split not in SPLIT_NAMES:
                raise ConfigError(f"splits: {split!r} is not one of {', '.join(SPLIT_NAMES)}")
            dataset.check(options)

    def facts(self) -> SourceFacts:
        """Bands, product, legend and where the labels come from."""
        return source_facts(self._image, self._labels, self._dataset.provenance())

    def scenes(self) -> Sequence[Scene]:
        """All chips of all splits, in the order of their names.

        Raises:
            NoTrainingScenes: The folder does not hold the data set, or not one chip.
            ConfigError: The class refuses an option, or names do not come out unique.
        """
        cache = SampleCache(self._cache_mb)
        scenes = [scene for split in self._splits for scene in self._split(split, cache)]
        repeated = [name for name, times in Counter(scene.info.name for scene in scenes).items() if times > 1]
        if repeated:
            raise ConfigError(f"listing: {len(repeated)} chips share their name with others, {repeated[0]!r} for one")
        if not scenes:
            raise NoTrainingScenes(f"{self._dataset.path} finds not one chip in {self._dataset.root}")
        return sorted(scenes, key=lambda scene: scene.info.name)

    def _split(self, split: str, cache: SampleCache) -> Iterator[Scene]:
        dataset = self._dataset.open(self._splits[split])
        chips = _Chips(dataset, self._image, self._labels, cache)
        # Some classes look for their files in a folder of their own below the one they are given.
        root = Path(getattr(dataset, "root", self._dataset.root))
        names = self._listing.chips(dataset, root=root, split=split)
        first = size_and_grid(names[0].files()[0]) if names else None
        for index, name in enumerate(names):
            yield ChipScene(self._info(name, split, first), chips, index)

    def _info(self, chip: ChipName, split: str, first: Any) -> SceneInfo:
        files = chip.files()
        (height, width), grid = first if self._listing.sizes == "first" else size_and_grid(files[0])
        return SceneInfo(
            name=chip.name,
            site=chip.site,
            height=height,
            width=width,
            grid=None if self._listing.sizes == "first" else grid,
            level=self._image.product_facts.level,
            split=split,
            files=files,
            dates=self._image.dates,
        )
