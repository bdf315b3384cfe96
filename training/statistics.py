"""``steppe train stats``: what the training data is like, in numbers that a configuration and a person can use."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from landcover.errors import OutputNotWritable

if TYPE_CHECKING:  # torch takes seconds; --help must not wait
    from rich.console import Console
    from rich.table import Table

    from landcover.legends import Legend
    from training.check.figures import BandFigures, SplitFigures, Statistics

_WIDTH: Final = 140
"""Columns of tables in a file or a pipe."""

_RULES: Final = ("sqrt", "balanced", "effective")


def main(arguments: Sequence[str]) -> int:
    """Print tables and the lines for a configuration.

    Args:
        arguments: Everything after ``steppe train stats``.

    Returns:
        Exit code.

    Raises:
        SteppeError: Configuration or data cannot be used, or the answer cannot be written.
    """
    options = _parser().parse_args(arguments)
    from rich.console import Console  # noqa: PLC0415 (slow to import, as torch is; --help must not wait)

    from landcover.raster.staging import check_target  # noqa: PLC0415
    from landcover.staging import os_errors  # noqa: PLC0415

    if options.output:
        check_target(options.output, needed_bytes=0)
        if options.output.exists() and options.output.suffix != ".json":
            raise OutputNotWritable(f"{options.output.name!r} exists and is no JSON; give -o another name")
    statistics = _collected(options.config, options.fold)
    text = json.dumps(statistics.to_json(), indent=2) + "\n"
    if options.json:
        sys.stdout.write(text)
    else:
        console = Console()
        print_statistics(statistics, console if console.is_terminal else Console(width=_WIDTH))
    if options.output:
        with os_errors(options.output):
            options.output.write_text(text, encoding="utf-8")
    return 0


def _collected(config: Path, fold: int | None) -> Statistics:
    from training.check.figures import collect  # noqa: PLC0415
    from training.check.progress import pixel_bar  # noqa: PLC0415
    from training.config import data_from_config  # noqa: PLC0415

    data = data_from_config(config, fold=fold)
    infos = {scene.info.name: scene.info for scenes in data.all_scenes().values() for scene in scenes}.values()
    with pixel_bar("reading scenes", sum(info.height * info.width for info in infos), shown=sys.stderr.isatty()) as bar:
        return collect(data, progress=bar)


def print_statistics(statistics: Statistics, console: Console) -> None:
    """Print bands, labels, the lines for ``inputs`` and class weights."""
    from rich.markup import escape  # noqa: PLC0415

    console.print(_band_table(statistics.bands))
    for split in statistics.splits:
        console.print(_label_table(split, statistics.legend))
    console.print(_weight_table(statistics))
    console.print("for the configuration, below model.init_args:\n")
    console.print(escape(inputs_yaml(statistics.bands)), highlight=False, soft_wrap=True)


def inputs_yaml(bands: Sequence[BandFigures]) -> str:
    """Lines for ``model.init_args`` of a configuration."""
    rows = {
        "bands": [band.name for band in bands],
        "mean": [f"{band.root_mean:.4f}" for band in bands],
        "std": [f"{band.root_std:.4f}" for band in bands],
    }
    return "inputs:\n" + "".join(f"  {name}: [{', '.join(values)}]\n" for name, values in rows.items())


def _band_table(bands: Sequence[BandFigures]) -> Table:
    from rich.table import Table  # noqa: PLC0415

    heads = ("mean", "deviation", "1 %", "50 %", "99 %", "mean of root", "deviation of root")
    table = Table("band", *heads, title="digital numbers of the training scenes, and the root of reflectance")
    for band in bands:
        numbers = (band.mean, band.std, band.p01, band.p50, band.p99)
        table.add_row(
            band.name, *(f"{number:,.1f}" for number in numbers), f"{band.root_mean:.4f}", f"{band.root_std:.4f}"
        )
    return table


def _label_table(split: SplitFigures, legend: Legend) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table("class", "pixels", "%", "in scenes", "in sites", title=f"labels: {split.name}")
    for index, entry in enumerate(legend.classes):
        cells = (f"{split.labelled[index]:,}", f"{split.percent(index):.2f}")
        table.add_row(entry.title, *cells, str(split.in_scenes[index]), str(split.in_sites[index]))
    labelled = sum(split.labelled)
    share = f"{100 * labelled / max(split.pixels, 1):.2f}"
    table.add_section()
    table.add_row("labelled, of all pixels", f"{labelled:,}", share, str(split.scenes), str(split.sites))
    return table


def _weight_table(statistics: Statistics) -> Table:
    """What the rules of ``loss.class_weights`` would give."""
    from rich.table import Table  # noqa: PLC0415

    from training.class_weights import class_weights  # noqa: PLC0415

    (train,) = (split for split in statistics.splits if split.name == "train")
    table = Table("class", *_RULES, title="class weights (loss: {class_weights: RULE})")
    if any(train.labelled):
        columns = [class_weights(rule, train.labelled).values for rule in _RULES]
        for index, entry in enumerate(statistics.legend.classes):
            table.add_row(entry.title, *(f"{column[index]:.3g}" for column in columns))
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe train stats",
        description="Count bands and labels of all scenes: the numbers that a configuration needs, and the balance of "
        "classes.",
    )
    parser.add_argument(
        "-c", "--config", type=Path, required=True, help="training configuration: the data and its split"
    )
    parser.add_argument("--fold", type=int, help="held-out fold instead of the configuration's own")
    parser.add_argument("--json", action="store_true", help="answer in JSON on standard output")
    parser.add_argument("-o", "--output", type=Path, metavar="STATS.json", help="write everything as JSON, too")
    return parser
