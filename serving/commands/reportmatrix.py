"""``steppe report matrix``: a transition matrix as a file to edit, or in the form of another program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from landcover.errors import WrongUse

Form = Literal["csv", "json", "trends-earth"]


def matrix(
    given: Annotated[
        Path | None,
        typer.Argument(metavar="[MATRIX]", show_default=False, help="File of a matrix; default: UNCCD's matrix."),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write; default: standard output."),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(help="csv to edit in a spreadsheet, json with all details, or Trends.Earth's; default: csv."),
    ] = None,
) -> None:
    """Write a transition matrix as CSV, JSON or Trends.Earth's JSON, to edit it and give it to --matrix.

    Every form that --matrix takes is read, so this also checks a matrix: gaps, repetitions and signs that are none end
    with the pairs of classes that are wrong.
    """
    from indicators.transition_csv import matrix_csv  # noqa: PLC0415 - loads numpy
    from indicators.transition_files import read_matrix, trends_earth_matrix_document  # noqa: PLC0415
    from indicators.transitions import UNCCD7_TRANSITIONS  # noqa: PLC0415
    from serving.staging import Staging, write_file  # noqa: PLC0415 - loads GDAL

    chosen = UNCCD7_TRANSITIONS if given is None else read_matrix(given)
    if form == "trends-earth":
        text = json.dumps(trends_earth_matrix_document(chosen), indent=1, ensure_ascii=False) + "\n"
    elif form == "json":
        text = json.dumps(chosen.to_document(), indent=1, ensure_ascii=False) + "\n"
    else:
        text = matrix_csv(chosen)
    if output is None:
        typer.echo(text, nl=False)
        return
    if given is not None and output.exists() and output.samefile(given):
        raise WrongUse(f"{output.name!r} is the matrix that is read; name another file")
    with Staging() as staging:
        write_file(staging.path_for(output), text.encode())
        staging.publish()
