"""Small runs of ``steppe train`` for tests: the smoke configuration on the generated collection."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback

from training import cli, lightning_cli

SMOKE = Path(__file__).parents[2] / "configs/train/smoke.yaml"
# Everything that makes a configuration large; what is left is what it is about.
SMALL = (
    "--data.init_args.patches.size=32",
    "--data.init_args.patches.eval_size=64",
    "--data.init_args.patches.batch_size=2",
    "--data.init_args.patches.per_epoch=6",
    "--data.init_args.patches.num_workers=0",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
)

# Warnings of Lightning about runs as small as these, and about its own dependencies.
WARNINGS = [
    pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*lr_scheduler.step"),
]


def fit(root, *more, config=SMOKE, epochs=3):
    """``steppe train fit`` in a folder; its exit code."""
    return cli.train(["fit", "-c", str(config), *SMALL, *at(root), f"--trainer.max_epochs={epochs}", *more])


def at(root):
    return (f"--trainer.default_root_dir={root}",)


def stored(root, name="last", version=0):
    return torch.load(root / f"version_{version}/checkpoints/{name}.ckpt", weights_only=True)


def metrics(root, version=0):
    with (root / f"version_{version}/metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def column(root, name, version=0):
    return [float(row[name]) for row in metrics(root, version) if row.get(name)]


class Signal(Callback):
    """Sends this process a signal in the middle of an epoch."""

    def __init__(self, number, *, epoch, batch):
        self.number, self.epoch, self.batch = number, epoch, batch

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):  # noqa: ARG002 (Lightning's signature)
        if (trainer.current_epoch, batch_idx) == (self.epoch, self.batch):
            os.kill(os.getpid(), self.number)


def always_with(callback):
    """Add a callback to every run without naming it in the configuration, which would be another configuration then."""
    own = lightning_cli.SteppeCLI._own_callbacks

    def more(self, config, plan):
        return [callback, *own(self, config, plan)]

    lightning_cli.SteppeCLI._own_callbacks = more
    return own
