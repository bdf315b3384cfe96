"""``steppe report compare``: where two reports of the same land differ, and which rule makes how much of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landcover.labels import LANGUAGES, Language
from serving.commands.common import JsonOption, answering, progress_bar
from serving.signals import stop_like_interrupt

if TYPE_CHECKING:  # loads GDAL
    from serving.report.comparingmaking import ComparisonMade


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", show_default=False, help="Folder of a report.")],
    second: Annotated[
        Path, typer.Argument(metavar="B", show_default=False, help="Folder of another report of the same land.")
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the comparison; is made.")
    ],
    language: Annotated[Language, typer.Option(metavar="|".join(LANGUAGES), help="Language of the page.")] = "en",
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the comparison in place of one that lies there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say where two reports differ, and which map, layer or rule makes how much of the difference.

    The reports are of the same land, made with other products, crosswalks, matrices, layers or rules. The folder gets a
    page (comparison.html), comparison.json and CSV with the same numbers, and a map of where they disagree
    (disagreement.tif). Everything appears when all is done, or nothing. docs/ldn.md explains how to read it.
    """
    from serving.report import files  # noqa: PLC0415 - what follows loads GDAL
    from serving.report.comparingmaking import make_comparison  # noqa: PLC0415
    from serving.report.folder import report_folder  # noqa: PLC0415

    shown = sys.stderr.isatty() and not as_json
    with (
        stop_like_interrupt(publishes=True),
        report_folder(output, replace=replace, mark=files.COMPARISON, what="comparison") as folder,
        progress_bar(f"comparing {first.name} with {second.name}", shown=shown) as progress,
    ):
        made = make_comparison(first, second, folder, language=language, progress=progress)
    _tell(made, output, as_json=as_json)


def _tell(made: ComparisonMade, output: Path, *, as_json: bool) -> None:
    document = made.to_json()
    document["files"] = {name: str(output / name) for name in made.names}
    with answering():
        if as_json:
            typer.echo(json.dumps(document, indent=2))
            return
        names = " with ".join(document["comparison"])
        typer.echo(f"{names}, by {document['judged_by'].replace('_', ' ')}: mapped area (pixel count) in km2")
        typer.echo(f"  {'compared':<24}{document['compared_km2']:>16,.2f}")
        for name, km2 in document["difference_km2"].items():
            typer.echo(f"  {'difference ' + name.replace('_', ' '):<24}{km2:>+16,.2f}")
        typer.echo("  of the difference in degraded land is due to")
        for name, km2 in document["effect_on_degraded_km2"].items():
            typer.echo(f"    {name.replace('_', ' '):<22}{km2:>+16,.2f}")
        for warning in made.warnings:
            typer.secho(f"  note: {warning}", fg=typer.colors.YELLOW, err=True)
        typer.echo(f"  {output / 'comparison.html'}")
