"""What ``fit`` would refuse in a configuration, found without building a network."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from training.cli import FOREIGN_WARNINGS
from training.config import read_yaml
from training.lightning_cli import SteppeCLI
from training.scenes import SourceFacts
from training.task import check_facts


class _Parsed(SteppeCLI):
    """Reads the configuration as ``fit`` does and stops there."""

    @property
    def model(self) -> Any:
        """The part about the model."""
        return self._settings.model

    @model.setter
    def model(self, value: Any) -> None:
        """Nothing is built."""

    def _set_seed(self) -> None:
        """A check draws nothing."""

    def before_instantiate_classes(self) -> None:
        """No run folder is needed."""

    def instantiate_classes(self) -> None:
        """Nothing is built."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Nothing is run."""


def check_settings(path: Path, facts: SourceFacts) -> None:
    """Refuse a configuration that ``fit`` would refuse before its first step; one of data alone is none.

    Args:
        path: The training configuration.
        facts: What its data is.

    Raises:
        ConfigError: A field or value does not exist, or the model is told of other bands, dates or classes.
    """
    if "model" not in read_yaml(path):
        return
    with ExitStack() as held, warnings.catch_warnings():
        for message in FOREIGN_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        model = _Parsed(["fit", "-c", str(path)], held=held).model
    told = model.get("init_args") or {}
    if "inputs" in told and "legend" in told:
        check_facts(facts, told["inputs"], told["legend"])
