"""``steppe train check``: look at everything before the first step."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from landcover.errors import DataError

_WIDTH: Final = 160
"""Columns of tables in a file or a pipe."""


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Everything after ``steppe train check``.

    Returns:
        Exit code: 0 where training may start, 3 where the data forbids it.

    Raises:
        ConfigError: The configuration cannot be used.
        DataError: There is no scene at all.
    """
    options = _parser().parse_args(arguments)
    from rich.console import Console  # noqa: PLC0415 (slow to import, as torch is; --help must not wait)

    from training.check.inspection import check_data  # noqa: PLC0415
    from training.check.report import print_json, print_tables  # noqa: PLC0415
    from training.check.settings import check_settings  # noqa: PLC0415
    from training.config import data_from_config  # noqa: PLC0415

    shown = sys.stderr.isatty() and not options.json
    data = data_from_config(options.config)
    check_settings(options.config, data.facts)
    report = check_data(data, skip_bad=options.skip_bad, shown=shown)
    if options.json:
        sys.stdout.write(print_json(report) + "\n")
    else:
        console = Console()
        print_tables(report, console if console.is_terminal else Console(width=_WIDTH))
    return 0 if report.ok else DataError.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe train check",
        description="Look at all training data before the first step: files, labels, grids, splits. "
        "Exit code 0: training may start; 3: the data forbids it; 4: the configuration cannot be used.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration")
    parser.add_argument("--json", action="store_true", help="answer in JSON on standard output")
    parser.add_argument(
        "--skip-bad", type=_count, default=0, metavar="N", help="leave out up to N bad scenes and list them; default 0"
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 0 or more")
    return int(text)
