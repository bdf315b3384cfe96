"""Sites on disk to batches: Lightning's data module of the Sentinel-2 land-cover collection."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from landcover.errors import ConfigError
from landcover.sensors import get_product
from training.datasets import Site, SiteDataset, find_sites
from training.sampling import GriddedSitePatches, RandomSitePatches, SitePatches
from training.splits import SiteSplit
from training.transforms import Augmentation, AugmentationStrength

DATA_ROOT_VARIABLE: Final = "STEPPE_DATA"
SIZE_STEP: Final = 32
COMMON_BANDS: Final = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
"""The nine bands that all scenes have; Dynamic World uses the same nine (https://doi.org/10.1038/s41597-022-01307-4)."""


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """Which data set, and what of it.

    Attributes:
        root: Folder of data sets; the environment variable STEPPE_DATA overrides it.
        collection: Folder below the root.
        bands: Band names, in the model's order.
        product: Product id of `landcover.sensors` that gives scale, offset and wavelengths.
        source_legend: Legend of the label files.
        target_legend: Legend of the model.
    """

    root: str = "../shared/data"
    collection: str = "s2_landcover"
    bands: list[str] = field(default_factory=lambda: list(COMMON_BANDS))
    product: str = "sentinel-2-l1c"
    source_legend: str = "dynamic-world"
    target_legend: str = "unccd7"

    def folder(self) -> Path:
        """Folder of the collection, below STEPPE_DATA where that is set."""
        return Path(os.environ.get(DATA_ROOT_VARIABLE) or self.root) / self.collection


@dataclass(frozen=True, slots=True)
class PatchChoice:
    """How patches are cut and batched.

    Attributes:
        size: Height and width of a training patch in pixels.
        eval_size: Height and width of a validation or test patch in pixels; those go one at a time.
        batch_size: Training patches per batch.
        per_epoch: Training patches per epoch.
        num_workers: Loader processes for training; scenes are read before they start.
    """

    size: int = 256
    eval_size: int = 704
    batch_size: int = 8
    per_epoch: int = 1600
    num_workers: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes that a U-Net of five stages cannot halve.

        Raises:
            ConfigError: A size is not a multiple of 32.
        """
        for name, size in (("size", self.size), ("eval_size", self.eval_size)):
            if size % SIZE_STEP:
                raise ConfigError(f"Patch {name} must be a multiple of {SIZE_STEP}, got {size}.")


class LandCoverData(LightningDataModule):
    """Patches of sites, split by site.

    Args:
        split: Split name to shell patterns of site names, see `SiteSplit`.
        source: Which data set.
        patches: How patches are cut and batched.
        augmentation: How strong training patches are augmented; none for not at all.
    """

    def __init__(
        self,
        split: dict[str, list[str]],
        *,
        source: SourceChoice | None = None,
        patches: PatchChoice | None = None,
        augmentation: AugmentationStrength | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.site_split = SiteSplit.from_config(split)
        self.source = source or SourceChoice()
        self.patches = patches or PatchChoice()
        self._augmentation = None if augmentation is None else _augmentation(augmentation, self.source)
        self._open: dict[str, tuple[SiteDataset, ...]] = {}

    def setup(self, stage: str) -> None:
        """Open the sites of a stage; test sites stay closed until a test is asked for.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.
        """
        needed = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage, ())
        for name in needed:
            self.sites(name)

    def site_files(self, name: str) -> tuple[Site, ...]:
        """Files of the sites of one split.

        Args:
            name: ``train``, ``val`` or ``test``.

        Returns:
            Sites in order of their names.

        Raises:
            SplitError: The split does not fit the sites that exist.
        """
        found = find_sites(self.source.folder())
        assigned = self.site_split.assign(found)
        return tuple(site for site in found.values() if assigned[site.name] == name)

    def sites(self, name: str) -> tuple[SiteDataset, ...]:
        """Opened sites of one split.

        Args:
            name: ``train``, ``val`` or ``test``.

        Returns:
            Datasets in order of site names.
        """
        if name not in self._open:
            self._open[name] = tuple(self._open_site(site) for site in self.site_files(name))
        return self._open[name]

    def _open_site(self, site: Site) -> SiteDataset:
        source = self.source
        return SiteDataset(
            site,
            bands=tuple(source.bands),
            source_legend=source.source_legend,
            target_legend=source.target_legend,
        )

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Random augmented patches of the training sites."""
        sites = self.sites("train")
        for site in sites:
            site.load()
        return DataLoader(
            SitePatches(sites, mirror=True, transform=self._augmentation),
            sampler=RandomSitePatches(sites, size=self.patches.size, length=self.patches.per_epoch),
            batch_size=self.patches.batch_size,
            num_workers=self.patches.num_workers,
            persistent_workers=self.patches.num_workers > 0,
            drop_last=True,
        )

    def val_dataloader(self) -> DataLoader[dict[str, Any]]:
        """All patches of the validation sites."""
        return self._gridded("val")

    def test_dataloader(self) -> DataLoader[dict[str, Any]]:
        """All patches of the test sites."""
        return self._gridded("test")

    def _gridded(self, name: str) -> DataLoader[dict[str, Any]]:
        sites = self.sites(name)
        sampler = GriddedSitePatches(sites, size=self.patches.eval_size)
        return DataLoader(SitePatches(sites, mirror=False), sampler=sampler, batch_size=1)


def _augmentation(strength: AugmentationStrength, source: SourceChoice) -> Augmentation:
    product = get_product(source.product)
    return Augmentation(
        strength=strength,
        wavelengths_um=tuple(product.band(band).center_wavelength_um for band in source.bands),
        scale=product.radiometry.scale,
        offset=product.radiometry.offset,
    )
