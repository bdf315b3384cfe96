"""``steppe train``, ``steppe evaluate`` and ``steppe publish``: the entry points of this room."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Final

from training.severity.dispatch import command_module

USAGE: Final = """usage: steppe train COMMAND -c CONFIG.yaml [options]

Look at the data first:
  check      Look at every image and label, say what is wrong, before the first step.
  stats      Write band statistics (mean, std of the inputs) and class balance.
  folds      Assign sites to folds for cross-validation.

Then train:
  fit        Train; run again after an interruption, it goes on from the last finished epoch.
  validate   Score a trained model on the validation split.
  test       Score it on the test split.
  predict    Map the scenes of a split, one GeoTIFF each.
  average    One network from the weights of several that started alike.
  settle     Tune a network until its windows agree with one pass over the scene: fewer seams.
  recover    A checkpoint from a published bundle, to settle, score or publish it anew.

  steppe train check -c my.yaml
  steppe train fit -c my.yaml
  steppe train fit -c my.yaml --trainer.max_epochs=2 --data.init_args.patches.batch_size=4
  steppe train fit -c my.yaml --resume none
  tensorboard --logdir runs

Every command explains itself: steppe train COMMAND --help
Exit codes: 0 done, 2 wrong use, 3 data, 4 configuration, 5 diverged, 6 disk full, 7 checkpoint, 130 Ctrl-C, 143 SIGTERM
"""

OWN_COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "check": "training.check.command",
        "stats": "training.statistics",
        "folds": "training.folds",
        "average": "training.soup",
        "settle": "training.settle.command",
        "recover": "training.recover",
    }
)
LIGHTNING_COMMANDS: Final = ("fit", "validate", "test", "predict")


FOREIGN_WARNINGS: Final = (
    r"Found \d+ module\(s\) in eval mode",  # a part of a network that is meant to stay as it is
    "LightningCLI's args parameter",  # meant for scripts; `steppe` has already taken its own part of the line
    ".*LeafSpec.*is deprecated",  # lightning 2.6 calls what torch 2.10 renamed
    ".*WeightAveraging callback, but loading",  # validate and test want the averaged weights, and get them
    "The inplace keyword",  # torchgeo 0.10 calls what pandas 3 will drop
    "Be aware that when using `ckpt_path`, callbacks",  # validate and test need none of what a fit had
    ".*exists and is not empty",  # a resumed run goes on in its folder
    ".*does not have many workers",  # patches are cut fast enough in the process itself; benchmarks/train_step.py
    ".*is smaller than the logging interval",  # the epoch's figures are logged all the same
)
"""Of libraries about each other; for every command of this room."""


def train(arguments: Sequence[str]) -> int:
    """Run ``steppe train COMMAND``: Lightning's commands, and those that look at data.

    Args:
        arguments: Everything after ``steppe train``.

    Returns:
        Exit code.

    Raises:
        SteppeError: With its own exit code, for everything that the user can mend.
    """
    command = arguments[0] if arguments else ""
    if command in OWN_COMMANDS:
        return int(import_module(OWN_COMMANDS[command]).main(list(arguments[1:])) or 0)
    if command in LIGHTNING_COMMANDS:
        # Takes seconds to load; help and the commands above must not wait for it.
        return int(import_module("training.lightning_cli").run(list(arguments)))
    if command in {"", "-h", "--help"}:
        sys.stdout.write(USAGE)
        return 0 if command else 2
    sys.stderr.write(f"steppe train: there is no command {command!r}\n\n{USAGE}")
    return 2


def evaluate(arguments: Sequence[str]) -> int:
    """Score a checkpoint on the test sites: ``steppe evaluate``.

    Args:
        arguments: Everything after ``steppe evaluate``.

    Returns:
        Exit code.
    """
    return int(import_module(command_module("evaluate", arguments)).main(list(arguments)))


def publish(arguments: Sequence[str]) -> int:
    """Write a bundle from a checkpoint: ``steppe publish``.

    Args:
        arguments: Everything after ``steppe publish``.

    Returns:
        Exit code.
    """
    return int(import_module(command_module("publish", arguments)).main(list(arguments)))
