"""What both ways to publish share of the promotion gate: its options and its table."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from training.gate import Override, Verdict, parse_override


def add_gate_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--champion`` and ``--force``."""
    parser.add_argument(
        "--champion", type=Path, metavar="BUNDLE", help="compare with this; default: the newest version in the output"
    )
    parser.add_argument(
        "--force", type=_override, metavar="'WHO: WHY'", help="publish although the gate refuses; it is recorded"
    )


def print_gate(verdict: Verdict, console: Console) -> None:
    """Print what the gate found.

    Args:
        verdict: Of the gate.
        console: Takes the table.
    """
    if verdict.champion is None:
        console.print("promotion gate: there is no champion of this name yet, so there is nothing to compare with")
        return
    if verdict.problem is None:
        table = Table(
            "score", verdict.champion, "new", "loss accepted", "verdict", title=f"promotion gate: {verdict.basis}"
        )
        for row in verdict.rows():
            table.add_row(*row, style="red" if row[-1] == "refused" else None)
        console.print(table)
    if verdict.override:
        console.print(f"overridden by {verdict.override.who}: {verdict.override.why}", style="yellow")


def _override(text: str) -> Override:
    try:
        return parse_override(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
