"""``steppe train average``: one network from the weights of several that started alike.

Networks that are tuned from the same start with other patches or other options end in one valley of the loss, and the
mean of their weights is mostly better on places that none of them saw than each of them, at the price of one (model
soups, Wortsman et al. 2022, https://arxiv.org/abs/2203.05482; diverse weight averaging, Rame et al. 2022,
https://arxiv.org/abs/2205.09739). Networks that started differently do not average: score the result.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from landcover.errors import ConfigError, OutputNotWritable
from landcover.raster.digest import file_digest
from training.checkpoints import read_checkpoint, write_checkpoint
from training.inference import SITES_KEY

ALIKE: Final = ("network", "inputs", "legend", "unsupported")
"""Hyper-parameters that decide what a weight means."""

PARTS_KEY: Final = "averaged_from"
"""Entry of a checkpoint with the SHA-256 of each file that it is the mean of."""


class NotAlike(ConfigError):
    """Networks of another form cannot be averaged."""

    slug = "not-alike"


def average(paths: Sequence[Path]) -> dict[str, Any]:
    """A checkpoint with the mean of the weights and of the statistics of batch normalisation.

    It scores, predicts and is published like any other, and no training goes on from it. It counts as trained on every
    site that one of its parts was trained on.

    Args:
        paths: Checkpoints of ``steppe train fit``, two or more.

    Raises:
        CheckpointUnreadable: One of them is not there, damaged or something else.
        NotAlike: There are fewer than two, or they differ in network, inputs, legend or unsupported classes.
    """
    if len(paths) < 2:  # noqa: PLR2004 (a mean)
        raise NotAlike(f"{len(paths)} checkpoint(s) given; a mean needs two or more")
    parts = [read_checkpoint(path) for path in paths]
    for path, part in zip(paths[1:], parts[1:], strict=True):
        _check_alike(paths[0], parts[0], path, part)
    first = parts[0]
    kept = ("pytorch-lightning_version", "hyper_parameters", "epoch", "global_step", "loops")
    sites = [set(part[SITES_KEY]) for part in parts if SITES_KEY in part]
    return {
        **{name: first[name] for name in kept if name in first},
        "state_dict": {name: _mean([part["state_dict"][name] for part in parts]) for name in first["state_dict"]},
        PARTS_KEY: [file_digest(path) for path in paths],
        **({SITES_KEY: sorted(set.union(*sites))} if sites else {}),
    }


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Everything after ``steppe train average``.

    Returns:
        Exit code.

    Raises:
        SteppeError: As `average`; DiskFull or OutputNotWritable when the result cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="steppe train average",
        description="Average the weights of networks that started alike (same seed_everything, same pretrained "
        "weights) and were trained on other patches (data.init_args.seed) or with other options.",
    )
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="files of steppe train fit")
    parser.add_argument("-o", "--output", type=Path, required=True, help="checkpoint to write")
    options = parser.parse_args(arguments)
    if options.output.exists():
        raise OutputNotWritable(f"{options.output.name!r} exists; give the average a name of its own")
    write_checkpoint(average(options.checkpoints), options.output)
    sys.stdout.write(f"wrote {options.output}: the mean of {len(options.checkpoints)} checkpoints\n")
    return 0


def _check_alike(one: Path, first: dict[str, Any], other: Path, second: dict[str, Any]) -> None:
    for name in ALIKE:
        mine, theirs = (part.get("hyper_parameters", {}).get(name) for part in (first, second))
        if mine != theirs:
            raise NotAlike(f"{other} has another {name} than {one}; average checkpoints of one configuration")
    if {key: value.shape for key, value in first["state_dict"].items()} != {
        key: value.shape for key, value in second["state_dict"].items()
    }:
        raise NotAlike(f"{other} has other weights than {one}; average checkpoints of one configuration")


def _mean(values: Sequence[Tensor]) -> Tensor:
    """In float64, so that the order of the parts does not matter; counters are those of the first."""
    if not values[0].is_floating_point():
        return values[0]
    return torch.stack([value.double() for value in values]).mean(dim=0).to(values[0].dtype)
