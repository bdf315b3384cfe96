"""``steppe train``, ``steppe evaluate`` and ``steppe publish``: the entry points of this room."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Final

FOREIGN_WARNINGS: Final = (
    "LightningCLI's args parameter",  # meant for scripts; `steppe` has already taken its own part of the line
    ".*LeafSpec.*is deprecated",  # lightning 2.6 calls what torch 2.10 renamed
    ".*WeightAveraging callback, but loading",  # validate and test want the averaged weights, and get them
    "The inplace keyword",  # torchgeo 0.10 calls what pandas 3 will drop
)


def train(arguments: Sequence[str]) -> int:
    """Run LightningCLI: ``steppe train fit|validate|test -c CONFIG.yaml``.

    Args:
        arguments: Everything after ``steppe train``.

    Returns:
        Exit code.
    """
    import torch  # noqa: PLC0415 (seconds to load; --help of others must not wait)
    from lightning.pytorch.cli import LightningCLI  # noqa: PLC0415

    from training.datamodule import LandCoverData  # noqa: PLC0415
    from training.task import LandCoverTask  # noqa: PLC0415

    torch.set_float32_matmul_precision("high")
    with warnings.catch_warnings():
        for message in FOREIGN_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        LightningCLI(
            LandCoverTask,
            LandCoverData,
            args=list(arguments),
            save_config_kwargs={"overwrite": True},
            seed_everything_default=0,
        )
    return 0


def evaluate(arguments: Sequence[str]) -> int:
    """Score a checkpoint on the test sites: ``steppe evaluate``.

    Args:
        arguments: Everything after ``steppe evaluate``.

    Returns:
        Exit code.
    """
    return int(import_module("training.evaluate").main(list(arguments)))


def publish(arguments: Sequence[str]) -> int:
    """Write a bundle from a checkpoint: ``steppe publish``.

    Args:
        arguments: Everything after ``steppe publish``.

    Returns:
        Exit code.
    """
    return int(import_module("training.publish").main(list(arguments)))
