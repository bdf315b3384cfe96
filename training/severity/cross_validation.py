"""Train a configuration once for each held-out fold, and predict what each training did not see."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jsonargparse
import numpy as np
import torch
from lightning.pytorch import Trainer, seed_everything

from landcover.errors import ConfigError
from training.cli import FOREIGN_WARNINGS
from training.config import read_yaml
from training.guards import EpochSeed, FiniteGuard
from training.severity.data import FieldCoverData, as_image
from training.severity.folds import FoldRule
from training.severity.plots import Plots
from training.severity.scores import Estimates
from training.severity.table import SeverityTable
from training.severity.task import SeverityTask

DATA_CLASS: Final = f"{FieldCoverData.__module__}.{FieldCoverData.__qualname__}"
"""``data.class_path`` of configurations that this package evaluates and publishes."""

TRAINER_OPTIONS: Final = ("max_epochs", "gradient_clip_val", "accelerator", "devices", "precision")
"""Options of ``trainer`` that decide what comes out of a training."""

type Watch = Callable[[int, int], None]
"""Called with (folds done, folds in all)."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training configuration of this package.

    Attributes:
        path: The file.
        seed: ``seed_everything``.
        model: ``model`` of the file.
        data: ``data`` of the file.
        trainer: Those of its trainer's options that decide the outcome.
    """

    path: Path
    seed: int
    model: dict[str, Any]
    data: dict[str, Any]
    trainer: dict[str, Any]

    def build_data(self, **changes: Any) -> FieldCoverData:
        """The data module, with other arguments where some are given.

        Raises:
            ConfigError: An argument does not exist or is refused.
        """
        options = {"seed": self.seed} | (self.data.get("init_args") or {}) | changes
        built: FieldCoverData = _built(self.path, FieldCoverData, {**self.data, "init_args": options})
        return built

    def build_task(self) -> SeverityTask:
        """The task with fresh weights.

        Raises:
            ConfigError: An argument does not exist or is refused.
        """
        built: SeverityTask = _built(self.path, SeverityTask, self.model)
        return built


def read_recipe(path: Path) -> Recipe:
    """Read a training configuration.

    Raises:
        ConfigError: When it is not one of field plots.
    """
    content = read_yaml(path)
    model, data = content.get("model"), content.get("data")
    if not isinstance(model, dict) or not isinstance(data, dict) or data.get("class_path") != DATA_CLASS:
        raise ConfigError(f"{path.name} does not train on field plots; its data.class_path must be {DATA_CLASS}")
    trainer = content.get("trainer") or {}
    options = {name: trainer[name] for name in TRAINER_OPTIONS if name in trainer}
    return Recipe(path, int(content.get("seed_everything") or 0), model, data, options)


def cross_validate(
    recipe: Recipe, table: SeverityTable, *, rule: FoldRule, watch: Watch | None = None
) -> list[Estimates]:
    """Estimates of every fold's plots by a network that never saw them.

    Args:
        recipe: What to train.
        table: Bounds of the levels.
        rule: How plots go to folds.
        watch: Told after every fold.

    Returns:
        One entry per fold; together they hold every plot once.
    """
    folds = recipe.build_data().hold_out.folds
    parts = []
    for fold in range(folds):
        data = recipe.build_data(hold_out={"fold": fold, "folds": folds, "rule": rule})
        parts.append(estimate(train_fold(recipe, data), data.plots, table).part(data.held_out_plots()))
        if watch is not None:
            watch(fold + 1, folds)
    return parts


def train_fold(recipe: Recipe, data: FieldCoverData) -> SeverityTask:
    """Train as ``steppe train fit`` would, but keep the result in memory.

    Args:
        recipe: What to train.
        data: With the fold to hold out.

    Raises:
        Diverged: The loss or a weight is no finite number.
    """
    with _quiet():
        seed_everything(recipe.seed, verbose=False)
        task = recipe.build_task()
        trainer = Trainer(
            **recipe.trainer,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            callbacks=[FiniteGuard(), EpochSeed(recipe.seed)],
        )
        trainer.fit(task, datamodule=data)
    return task.cpu().eval()


def estimate(task: SeverityTask, plots: Plots, table: SeverityTable) -> Estimates:
    """What a trained task says of all plots.

    Args:
        task: In evaluation mode.
        plots: The plots.
        table: Bounds of the levels.
    """
    image = as_image(plots.dn_PB)
    with torch.inference_mode():
        cover = task(image)
        at_most = cover.below(as_image(plots.bare[:, None]).unsqueeze(1)).flatten()
        levels_KP = task.severity_net(table.bounds).eval().probabilities(image)[0, :, :, 0]
    return Estimates(
        bare=plots.bare,
        mean=cover.mean().flatten().double().numpy(),
        # All probability lies at or below 1.
        at_most=np.where(plots.bare >= 1, 1.0, at_most.double().numpy()),
        levels_PK=levels_KP.T.contiguous().numpy(),
    )


def _built(path: Path, kind: type, given: dict[str, Any]) -> Any:
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(kind, "part", required=True)
    try:
        return parser.instantiate(parser.parse_object({"part": given})).part
    except jsonargparse.ArgumentError as error:
        raise ConfigError(f"{path.name} is no training configuration: {' '.join(str(error).split())}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning greets at every training."""
    log = logging.getLogger("lightning.pytorch")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message in FOREIGN_WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        log.setLevel(before)
