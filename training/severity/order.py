"""What to publish for severity: the command's options and the publishing configuration, checked before any work."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from landcover.bundle import Bundle
from landcover.errors import ConfigError, OutputNotWritable
from training.config import read_yaml
from training.gate import Gate, Override, check_comparable, gate_from_config
from training.gate_options import add_gate_options
from training.order import public_command
from training.promotion import find_champion
from training.scenes import SourceFacts
from training.severity.cross_validation import Recipe, read_recipe
from training.severity.table import SeverityTable, read_table

TEXT_KEYS: Final = (
    *(
        "name",
        "title",
        "description",
        "table",
        "licence",
        "attribution",
        "tile_size",
        "overlap",
        "batch_size",
        "levels",
    ),
    *("training_data", "training", "labels", "levels_note", "accuracy_note", "terms", "limits"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityOrder:
    """What to publish.

    Attributes:
        source: The checkpoint to export; when ``rebinding`` the bundle whose network is kept.
        rebinding: Whether only the table of levels changes.
        recipe: The training configuration.
        text: The publishing configuration: names, licence, limits.
        table: The table of levels.
        version: Version of the bundle.
        output: Registry folder.
        command: The command line, for the card.
        champion: Current version; None when there is none.
        gate: What the new version may lose against it.
        override: Who publishes although the gate refuses.
    """

    source: Path
    rebinding: bool
    recipe: Recipe
    text: Mapping[str, Any]
    table: SeverityTable
    version: str
    output: Path
    command: str
    champion: Bundle | None
    gate: Gate
    override: Override | None


def read_order(arguments: Sequence[str]) -> SeverityOrder:
    """Read and check what is wanted, before minutes are spent.

    Args:
        arguments: Everything after ``steppe publish``.

    Raises:
        ConfigError: A file cannot be used or lacks an entry, or the champion answers another question.
        BundleInvalid: The champion is damaged.
        OutputNotWritable: That version exists.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.bundle and (options.champion or options.force):
        parser.error("--bundle keeps the network, so there is nothing to compare; leave --champion and --force out")
    recipe, text = read_recipe(options.config), read_yaml(options.publish)
    missing = [key for key in TEXT_KEYS if key not in text]
    if missing:
        raise ConfigError(
            f"{options.publish.name} lacks {', '.join(missing)}; see configs/publish/landsat_severity.yaml"
        )
    name = str(text["name"])
    if (options.output / name / options.version).exists():
        raise OutputNotWritable(f"{name}@{options.version} exists and bundles never change; raise --version")
    table = read_table(options.publish.parent / str(text["table"]))
    return SeverityOrder(
        source=options.bundle or options.checkpoint,
        rebinding=options.bundle is not None,
        recipe=recipe,
        text=text,
        table=table,
        version=options.version,
        output=options.output,
        command=public_command(["steppe", "publish", *arguments]),
        champion=None if options.bundle else _champion(options, name, recipe, table),
        gate=gate_from_config(text.get("gate"), table.legend),
        override=options.force,
    )


def _champion(options: argparse.Namespace, name: str, recipe: Recipe, table: SeverityTable) -> Bundle | None:
    champion = find_champion(options.champion, options.output, name)
    if champion is not None:
        data = recipe.build_data()
        check_comparable(champion.manifest, SourceFacts(tuple(data.columns.bands), data.product.id, table.legend.id))
    return champion


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe publish",
        description="Cross-validate a severity configuration and export a checkpoint of it as a bundle, unless the "
        "current version is better; or put another table of levels into a published bundle, which needs no data and no "
        "training.",
        epilog="Exit codes: 0 published, 2 wrong use, 3 data, 4 configuration, 6 disk full, 7 checkpoint or parity, "
        "8 the current version is better.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration of field plots")
    parser.add_argument(
        "-p", "--publish", type=Path, required=True, help="names, table, licence, limits, gate; configs/publish"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path, help="file that steppe train fit wrote on all plots")
    source.add_argument("--bundle", type=Path, help="folder NAME/VERSION whose network to keep, with another table")
    parser.add_argument("--version", required=True, help="version of the bundle, for example 0.1.0")
    parser.add_argument("-o", "--output", type=Path, default=Path("models/zoo"), help="default: models/zoo")
    add_gate_options(parser)
    return parser
