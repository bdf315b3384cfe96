"""Field plots as training batches.

A batch is an image of N rows and one column: the network takes it like any other image, pixel by pixel.
Axes: P plot, B band, C cover fraction, N row of the batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from landcover.errors import ConfigError
from landcover.sensors import Product, get_product
from training.severity.folds import fold_of_plots
from training.severity.plots import Columns, Plots, read_plots
from training.sources.dynamic_world import DATA_ROOT_VARIABLE

COLUMNS: Final = Columns(
    bands={"SR_B3": "green_band", "SR_B4": "red", "SR_B5": "nir", "SR_B6": "swir1", "SR_B7": "swir2"},
    bare="bare_fraction",
    others=("green_fraction", "dry_fraction"),
)
"""Landsat 8 bands and cover fractions in field_cover/sites.csv."""


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Which plots training does not see.

    Attributes:
        fold: Fold that is held out for validation; none to train on all plots.
        folds: Number of folds.
        rule: How plots go to folds, see `training.severity.folds`.
    """

    fold: int | None = None
    folds: int = 5
    rule: Literal["random", "blocks", "bright"] = "random"

    def __post_init__(self) -> None:
        """Refuse a fold that does not exist.

        Raises:
            ConfigError: With both numbers.
        """
        if self.fold is not None and not 0 <= self.fold < self.folds:
            raise ConfigError(f"there is no fold {self.fold} of {self.folds}; folds count from 0")


class FieldCoverData(LightningDataModule):
    """Field plots with cover fractions and Landsat reflectance, from one CSV.

    Args:
        root: Folder of data sets; the environment variable STEPPE_DATA overrides it.
        file: CSV below it.
        columns: Which column is what; those of field_cover/sites.csv when none are given.
        product: Product of `landcover.sensors` whose digital numbers the network takes.
        batch_size: Plots per step.
        hold_out: Which plots training does not see.
        seed: Of the order of plots.
    """

    def __init__(
        self,
        *,
        root: str = "../shared/data",
        file: str = "field_cover/sites.csv",
        columns: Columns | None = None,
        product: str = "landsat-8-c2-l2",
        batch_size: int = 128,
        hold_out: HoldOut | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.columns = columns or COLUMNS
        self.product: Product = get_product(product)
        for band in self.columns.bands:
            self.product.band(band)
        self.path = Path(os.environ.get(DATA_ROOT_VARIABLE) or root) / file
        self.batch_size = batch_size
        self.hold_out = hold_out or HoldOut()
        self.seed = seed
        self._plots: Plots | None = None

    @property
    def plots(self) -> Plots:
        """All plots, read once."""
        if self._plots is None:
            self._plots = read_plots(self.path, self.columns, self.product)
        return self._plots

    def held_out_plots(self) -> NDArray[np.bool_]:
        """True for plots of the held-out fold, (P,); all False where everything is trained on."""
        chosen = self.hold_out
        if chosen.fold is None:
            return np.zeros(len(self.plots), dtype=bool)
        held: NDArray[np.bool_] = fold_of_plots(self.plots, chosen.rule, chosen.folds) == chosen.fold
        return held

    def training_image(self) -> Tensor:
        """Digital numbers of all training plots, float32 (1, B, P, 1)."""
        return as_image(self.plots.dn_PB[~self.held_out_plots()])

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Batches of training plots in a new order every epoch; the last, smaller batch is left out."""
        rows = np.flatnonzero(~self.held_out_plots())
        if len(rows) < self.batch_size:
            raise ConfigError(f"{len(rows)} training plots are less than one batch of {self.batch_size}")
        order = PlotOrder(len(rows), self.batch_size, self.seed)
        return DataLoader(PlotBatches(self.plots, rows), sampler=order, batch_size=None)

    def val_dataloader(self) -> list[DataLoader[dict[str, Tensor]]]:
        """The held-out plots in one batch; nothing where everything is trained on."""
        rows = np.flatnonzero(self.held_out_plots())
        if not len(rows):
            return []
        return [DataLoader(PlotBatches(self.plots, rows), sampler=[torch.arange(len(rows))], batch_size=None)]


class PlotBatches(Dataset[dict[str, Tensor]]):
    """Whole batches at once; taking plots one by one would cost more than the network.

    Args:
        plots: All plots.
        rows: Those that belong to this data set.
    """

    def __init__(self, plots: Plots, rows: NDArray[np.int64]) -> None:
        self._image = as_image(plots.dn_PB[rows])
        self._cover = as_image(np.concatenate([plots.bare[rows, None], plots.others_PO[rows]], axis=1))

    def __getitem__(self, indices: Any) -> dict[str, Tensor]:
        """Plots by number: ``image`` (1, B, N, 1) digital numbers, ``cover`` (1, C, N, 1), bare first."""
        return {"image": self._image[:, :, indices], "cover": self._cover[:, :, indices]}


class PlotOrder(Sampler[Tensor]):
    """Batches of plot numbers, shuffled by seed and epoch, so that a resumed training sees what it would have seen.

    Args:
        plots: Number of plots.
        batch_size: Plots per batch.
        seed: Of the order.
    """

    def __init__(self, plots: int, batch_size: int, seed: int) -> None:
        self._plots = plots
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning tells the epoch before it starts."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Whole batches of an epoch."""
        return self._plots // self._batch_size

    def __iter__(self) -> Iterator[Tensor]:
        """The batches of the current epoch."""
        generator = torch.Generator().manual_seed(1_000_003 * self._seed + self._epoch)
        order = torch.randperm(self._plots, generator=generator)
        yield from torch.split(order[: len(self) * self._batch_size], self._batch_size)


def as_image(values_PC: NDArray[Any]) -> Tensor:
    """Plots as an image of one column, float32 (1, C, P, 1)."""
    return torch.from_numpy(np.ascontiguousarray(values_PC.T, dtype=np.float32))[None, :, :, None]
