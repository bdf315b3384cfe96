"""Scenes of a source to batches: Lightning's data module for every kind of data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Sampler

from landcover.errors import ConfigError
from training.check.scenes import usable
from training.sampling import GriddedPatches, PatchIndex, RandomPatches, ScenePatches
from training.scenes import Scene, Source, SourceFacts, strips
from training.split_error import SplitError
from training.splits import SplitChoice
from training.transforms import Augmentation, AugmentationStrength

SIZE_STEP: Final = 32


@dataclass(frozen=True, slots=True)
class PatchChoice:
    """How patches are cut and batched.

    Attributes:
        size: Height and width of a training patch in pixels.
        eval_size: Height and width of a validation or test patch in pixels; those go one at a time.
        batch_size: Training patches per batch.
        per_epoch: Training patches per epoch.
        num_workers: Loader processes for training; scenes are read before they start.
        focus: Share of training patches centred on a pixel of a class, all classes alike, 0..1.
    """

    size: int = 256
    eval_size: int = 704
    batch_size: int = 8
    per_epoch: int = 1600
    num_workers: int = 0
    focus: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sizes that a U-Net of five stages cannot halve, and counts that make no batch.

        Raises:
            ConfigError: with the offending number.
        """
        for name, size in (("size", self.size), ("eval_size", self.eval_size)):
            if size < SIZE_STEP or size % SIZE_STEP:
                raise ConfigError(f"patch {name} {size}: take a multiple of {SIZE_STEP}, at least {SIZE_STEP}")
        if not 1 <= self.batch_size <= self.per_epoch:
            raise ConfigError(
                f"{self.per_epoch} patches per epoch in batches of {self.batch_size}: at least one full batch is needed"
            )
        if self.num_workers < 0:
            raise ConfigError(f"patch num_workers {self.num_workers}: 0 or more loader processes are expected")
        if not 0 <= self.focus <= 1:
            raise ConfigError(f"patch focus {self.focus}: a share from 0 to 1 is expected")


class SceneData(LightningDataModule):
    """Patches of scenes, split by site.

    Args:
        source: Where scenes come from.
        split: Which scenes are for training, validation and test.
        patches: How patches are cut and batched.
        augmentation: How strong training patches are augmented; none for not at all.
        skip_bad: How many bad scenes may be left out, see `training.check.scenes.usable`; 0 takes all as they are.
        seed: Of places and augmentation of training patches.
    """

    def __init__(
        self,
        source: Source,
        split: SplitChoice,
        *,
        patches: PatchChoice | None = None,
        augmentation: AugmentationStrength | None = None,
        skip_bad: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source = source
        self.facts: SourceFacts = source.facts()
        self.split = split
        self.patches = patches or PatchChoice()
        self._augmentation = None if augmentation is None else _augmentation(augmentation, self.facts)
        self._skip_bad = skip_bad
        self._seed = seed
        self._assigned: dict[str, tuple[Scene, ...]] | None = None

    def setup(self, stage: str) -> None:
        """Find the scenes of a stage; those of other stages are not read.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.

        Raises:
            SplitError: A split that the stage needs has no scene.
        """
        for name in {"fit": ("train", "val"), "validate": ("val",)}.get(stage, ("test",)):
            self.scenes(name)

    def scenes(self, name: str) -> tuple[Scene, ...]:
        """Scenes of one split.

        Args:
            name: ``train``, ``val`` or ``test``.

        Returns:
            Scenes in the order of their names.

        Raises:
            SplitError: The split does not fit the scenes that exist, or has none.
        """
        found = self.all_scenes()[name]
        if not found:
            raise SplitError(f"split {name!r} has no scene; see `split` in the configuration")
        return found

    def all_scenes(self) -> dict[str, tuple[Scene, ...]]:
        """Split name to scenes; a split may be empty."""
        if self._assigned is None:
            assigned = self.split.assign(usable(self.source, self._skip_bad))
            self._assigned = {
                name: tuple(scene for scene in scenes if name == "train" or not scene.info.training_only)
                for name, scenes in assigned.items()
            }
        return dict(self._assigned)

    @property
    def may_choose(self) -> bool:
        """Whether anything may be chosen by the validation scenes: none of them is trained or tested on."""
        names = {name: {scene.info.name for scene in scenes} for name, scenes in self.all_scenes().items()}
        return not names["val"] & (names["train"] | names["test"])

    def class_pixels(self) -> list[int]:
        """Labelled pixels of each class in the training scenes."""
        counts_K = np.sum(list(self._counted(self.scenes("train")).values()), axis=0)
        return [int(count) for count in counts_K]

    def class_pixels_by_site(self) -> dict[str, NDArray[np.int64]]:
        """Site name to labelled pixels of each class, shape (K,), whatever the split, which may be still to be made."""
        scenes = self.split.cut(usable(self.source, self._skip_bad))
        return self._counted([scene for scene in scenes if not scene.info.training_only])

    def _counted(self, scenes: Sequence[Scene]) -> dict[str, NDArray[np.int64]]:
        classes = len(self.facts.legend)
        counts: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(classes, dtype=np.int64))
        for scene in scenes:
            for window in strips(scene):
                labels = scene.read(window)["mask"].numpy().ravel().astype(np.int64)
                counts[scene.info.site] += np.bincount(labels, minlength=classes)[:classes]
        return dict(counts)

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Random augmented patches of the training scenes."""
        scenes, patches = self.scenes("train"), self.patches
        for scene in scenes:
            scene.load()
        sampler = RandomPatches(
            scenes,
            size=patches.size,
            length=patches.per_epoch,
            seed=self._seed,
            epoch=self._epoch,
            focus=patches.focus,
        )
        return DataLoader(
            ScenePatches(scenes, size=patches.size, mirror=True, transform=self._augmentation),
            sampler=sampler,
            batch_size=patches.batch_size,
            num_workers=patches.num_workers,
            persistent_workers=patches.num_workers > 0,
            drop_last=True,
        )

    def val_dataloader(self) -> DataLoader[dict[str, Any]]:
        """All patches of the validation scenes."""
        return self._gridded("val")

    def test_dataloader(self) -> DataLoader[dict[str, Any]]:
        """All patches of the test scenes."""
        return self._gridded("test")

    def _epoch(self) -> int:
        # Asked for anew at every epoch, so that it also holds where Lightning wraps the sampler for several devices.
        return self.trainer.current_epoch if self.trainer is not None else 0

    def _gridded(self, name: str) -> DataLoader[dict[str, Any]]:
        scenes, size = self.scenes(name), self.patches.eval_size
        for scene in scenes:
            scene.load()
        sampler: Sampler[PatchIndex] = GriddedPatches(scenes, size=size)
        return DataLoader(ScenePatches(scenes, size=size, mirror=False), sampler=sampler, batch_size=1)


def _augmentation(strength: AugmentationStrength, facts: SourceFacts) -> Augmentation:
    return Augmentation(
        strength=strength,
        wavelengths_um=tuple(facts.product.band(band).center_wavelength_um for band in facts.bands),
        scale=facts.product.radiometry.scale,
        offset=facts.product.radiometry.offset,
        dates=facts.dates,
    )
