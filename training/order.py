"""What to publish: the command's options and the publishing configuration, checked before minutes are spent."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from landcover.errors import ConfigError, OutputNotWritable
from landcover.legends import Legend
from landcover.manifest import NAME_PATTERN
from models.quantise import Method, QuantiseChoice
from training.gate import Override
from training.order_text import check_text

TEXT_KEYS: Final = (
    *("name", "title", "description", "licence", "attribution", "tile_size", "overlap", "batch_size", "levels"),
    *("training_data", "training", "labels", "terms", "limits"),
)
OPTIONAL_KEYS: Final = ("evaluation", "gate", "int8")
REPORT_FILE: Final = "report.json"
HELD_OUT: Final = "held-out folds"
"""What the report of a cross-validation says about its split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Choice:
    """The entry ``int8`` of a publishing configuration.

    Attributes:
        windows: training windows that the ranges of activations are taken from.
        side: rows and columns of a window, a multiple of 32.
        max_loss: mean IoU that the variant may lose against fp32, 0..1.
        quantise: how ranges are taken and what stays float.
    """

    windows: int = 16
    side: int = 256
    max_loss: float = 0.005
    quantise: QuantiseChoice = field(default_factory=QuantiseChoice)

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be used.

        Raises:
            ConfigError: with the number.
        """
        if self.windows < 1 or self.side < 32 or self.side % 32 or not 0 <= self.max_loss <= 1:  # noqa: PLR2004
            raise ConfigError(
                f"int8: {self.windows} windows of {self.side} pixels, max_loss {self.max_loss}; expected at least one "
                "window, a side that is a multiple of 32, and a loss from 0 to 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to publish.

    Attributes:
        config: training configuration, for data and split.
        text: publishing configuration: names, licence, limits, gate, int8.
        checkpoint: file that ``steppe train fit`` wrote.
        version: version of the bundle.
        output: registry folder.
        champion: bundle to compare with instead of the newest version in ``output``.
        override: who publishes against the gate, and why.
        dry_run: do everything but write.
        require_int8: refuse to publish without the int8 variant.
        command: the command line, without folders of this machine.
    """

    config: Path
    text: Mapping[str, Any]
    checkpoint: Path
    version: str
    output: Path
    champion: Path | None = None
    override: Override | None = None
    dry_run: bool = False
    require_int8: bool = False
    command: str = "steppe publish"

    @property
    def identifier(self) -> str:
        """``name@version``."""
        return f"{self.text['name']}@{self.version}"

    @property
    def sizes(self) -> dict[str, int]:
        """``tile`` and ``overlap`` of the windows, in pixels."""
        return {"tile": int(self.text["tile_size"]), "overlap": int(self.text["overlap"])}

    def check(self) -> None:
        """Refuse what cannot be published.

        Raises:
            ConfigError: entries of the publishing configuration are missing or unknown.
            OutputNotWritable: that version exists.
        """
        missing = [key for key in TEXT_KEYS if key not in self.text]
        if missing:
            raise ConfigError(f"the publishing configuration lacks {', '.join(missing)}; see configs/publish")
        unknown = sorted(set(self.text) - {*TEXT_KEYS, *OPTIONAL_KEYS})
        if unknown:
            raise ConfigError(
                f"the publishing configuration has {', '.join(unknown)}, which nothing reads; beside the "
                f"required entries it may have {', '.join(OPTIONAL_KEYS)}"
            )
        check_text(self.text)
        self._check_output()
        if (self.output / str(self.text["name"]) / self.version).exists():
            raise OutputNotWritable(f"{self.identifier} exists and bundles never change; raise --version")
        if self.require_int8 and self.int8() is None:
            raise ConfigError("--require-int8 contradicts `int8: false` in the publishing configuration; drop one")

    def _check_output(self) -> None:
        if not NAME_PATTERN.fullmatch(self.version):
            raise ConfigError(f"--version {self.version!r}: use 1 to 64 of a-z, 0-9, '.', '_', '-', such as 1.0.0")
        if self.dry_run:
            return
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputNotWritable(
                f"cannot write to {self.output.name}: {error.strerror}; give another folder by -o"
            ) from error

    def int8(self) -> Int8Choice | None:
        """How to make the int8 variant, None when it is not wanted.

        Raises:
            ConfigError: the entry has fields that are not known or cannot be used.
        """
        entry = self.text.get("int8", True)
        if isinstance(entry, bool):
            return Int8Choice() if entry else None
        own = {each.name for each in fields(Int8Choice)} - {"quantise"}
        ways = {each.name for each in fields(QuantiseChoice)}
        if not isinstance(entry, Mapping) or not set(entry) <= own | ways:
            raise ConfigError(f"int8: {entry!r} is not understood; it is true, false, or has {sorted(own | ways)}")
        try:
            options: dict[str, Any] = {**entry, **({"method": Method(entry["method"])} if "method" in entry else {})}
            quantise = QuantiseChoice(**{name: value for name, value in options.items() if name in ways})
            return Int8Choice(quantise=quantise, **{name: value for name, value in options.items() if name in own})
        except (TypeError, ValueError) as error:
            raise ConfigError(f"int8: {error}; see configs/publish") from error


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The report of ``steppe evaluate --folds``, whose figures speak for a network trained on all sites.

    Attributes:
        path: ``report.json``.
        report: its content.
    """

    path: Path
    report: Mapping[str, Any]

    @property
    def temperature(self) -> float:
        """Geometric mean of the folds' temperatures: each was fitted on predictions of scenes held out."""
        found = list(self.report["temperatures"].values())
        return math.exp(math.fsum(map(math.log, found)) / len(found))


def read_cross_validation(path: Path, legend: Legend) -> CrossValidation:
    """Read the report of a cross-validation.

    Args:
        path: ``report.json`` or its folder, or the manifest of a bundle that was published with one.
        legend: of the network that is published.

    Raises:
        ConfigError: it is missing, of another kind, or of another legend.
    """
    file = path / REPORT_FILE if path.is_dir() else path
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        if report.get("type") == "Feature":  # a manifest is a STAC Item
            report = report["properties"]["steppe:scores"]["cross_validation"]
        classes = [entry["name"] for entry in report["classes"]]
        held_out, temperatures = report["split"] == HELD_OUT, report["temperatures"]
    except OSError as error:
        raise ConfigError(
            f"evaluation: cannot read {file.name} ({error.strerror}); run steppe evaluate --folds"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"evaluation: {file.name} is no report of steppe evaluate --folds, nor holds one ({error})"
        ) from error
    if not held_out or not temperatures:
        raise ConfigError(
            f"evaluation: {file.name} is of {report['split']}, not of a cross-validation of this network; make it with "
            "steppe evaluate --folds"
        )
    if classes != list(legend.names):
        raise ConfigError(f"evaluation: {file.name} scores {', '.join(classes)}, the network {', '.join(legend.names)}")
    return CrossValidation(file, report)


def public_command(words: Sequence[str]) -> str:
    """A command line for a card: of absolute paths, only the last part, because folders of one machine help nobody."""
    return shlex.join(Path(word).name if Path(word).is_absolute() else word for word in words)
