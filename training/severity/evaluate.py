"""``steppe evaluate`` for field plots: cross-validate a configuration, or score a published bundle on plots."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from training.severity.cross_validation import cross_validate, read_recipe
from training.severity.table import read_table
from training.severity.verdict import print_verdict, reach_verdict

RULES: Final = ("random", "blocks", "bright")
DEFAULT_TABLE: Final = Path("configs/severity/bare_ground.yaml")


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Everything after ``steppe evaluate``.

    Returns:
        Exit code.
    """
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    recipe, table = read_recipe(options.config), read_table(options.table)

    def watch(done: int, total: int) -> None:
        console.print(f"fold {done} of {total} done", highlight=False)

    verdict = reach_verdict(cross_validate(recipe, table, rule=options.rule, watch=watch), table, options.rule)
    if options.output:
        options.output.write_text(json.dumps(verdict.to_json(), indent=2) + "\n", encoding="utf-8")
    if options.json:
        sys.stdout.write(json.dumps(verdict.to_json(), indent=2) + "\n")
    else:
        print_verdict(verdict, Console())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe evaluate",
        description="Train a severity configuration once per held-out fold and score what each training did not see.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration of field plots")
    parser.add_argument(
        "--rule",
        choices=RULES,
        default="random",
        help="how plots go to folds: random (by a hash of their number), blocks (runs of numbers), bright (by "
        "brightness, so that each fold's soils are unlike the others'); default random",
    )
    parser.add_argument("--table", type=Path, default=DEFAULT_TABLE, help=f"table of levels, default {DEFAULT_TABLE}")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("-o", "--output", type=Path, help="also write the JSON to this file")
    return parser
