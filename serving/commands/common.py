"""What several commands share: options, progress bar, engine start-up."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landcover.augmentation import Augmentation
from landcover.errors import DiskFull, OutputNotWritable, WrongUse
from landcover.labels import LANGUAGES, Language
from landcover.precision import Precision
from serving.request import refuse_empty

if TYPE_CHECKING:  # these load the model runtime, which --help should not wait for
    from rich.table import Table

    from landcover.bundle import Bundle
    from serving.engine import Engine
    from serving.outcome import Outcome
    from serving.predict import Progress
    from serving.settings import Settings

ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", metavar="NAME[@VERSION]", help="Model; default: STEPPE_MODEL.")
]
ProviderOption = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="auto|cpu|openvino|cuda|tensorrt",
        help="What runs the model; default: auto, the fastest that is installed.",
    ),
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(
        "--precision",
        help="int8: the model's 8-bit variant; bf16 (OpenVINO) and fp16 (GPUs): the model in 16-bit arithmetic. All "
        "are faster than fp32 and change some pixels. Default: STEPPE_PRECISION, else fp32.",
    ),
]
AugmentationOption = Annotated[
    Augmentation | None,
    typer.Option(
        "--tta",
        help="Test-time augmentation: average over mirror images (flips: 4 times the work), or over rotations too (d4: "
        "8 times). Default: STEPPE_TTA, else none.",
    ),
]
BandsOption = Annotated[
    str | None,
    typer.Option(metavar="B02,B03,...", help="Names of the input's bands in file order, when the file names none."),
]
LevelOption = Annotated[
    str | None, typer.Option(metavar="L1C|L2A", help="Processing level, when the input does not state it.")
]
ProductOption = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Product the digital numbers are of, when the input does not state scale and offset, for example "
        "sentinel-2-l2a-0400 (processing baseline 04.00 and later).",
    ),
]
ConfidenceOption = Annotated[
    Path | None, typer.Option(metavar="C.tif", help="Confidence in percent, a COG (255 = no data).")
]
PreviewOption = Annotated[Path | None, typer.Option(metavar="P.png", help="Picture of the map with its legend.")]
AreasOption = Annotated[Path | None, typer.Option(metavar="A.json", help="Area of each class in km2.")]
FeaturesOption = Annotated[
    Path | None,
    typer.Option(metavar="F.geojson", help="Outline of each class, generalised, with its area in km2; GeoJSON."),
]
StacOption = Annotated[Path | None, typer.Option(metavar="I.json", help="STAC Item that describes all of it.")]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Keep finished rows in a hidden folder beside the map, and go on from those that a run which was killed, "
        "interrupted or out of disk has left: the files get the same bytes. The folder goes when the map is there.",
    ),
]
WorkOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of --resume, instead of the hidden one.")]
LanguageOption = Annotated[
    Language,
    typer.Option(
        metavar="|".join(LANGUAGES),
        help="Language of class names in areas, table and picture; pictures are in en, es, fr or ru.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Answer in JSON on standard output; an error stays one sentence on standard error.",
    ),
]


def load_engine(
    settings: Settings,
    model: str | None,
    provider: str | None,
    precision: Precision | None = None,
    augmentation: Augmentation | None = None,
) -> Engine:
    """The engine for a command's options.

    Raises:
        WrongUse: when a name is empty.
        ModelNotFound: when there is no such model.
        VariantMissing: when it does not have that precision.
        BundleInvalid: when its bundle is broken.
        ProviderUnavailable: when the provider cannot be had.
    """
    from serving.engines import open_engine  # noqa: PLC0415 - loads the runtime

    bundle = find_bundle(settings, model, provider)
    return open_engine(bundle, settings, provider=provider, precision=precision, augmentation=augmentation)


def find_bundle(settings: Settings, model: str | None, provider: str | None) -> Bundle:
    """The model of a command's options.

    Raises:
        WrongUse: when a name is empty.
        ModelNotFound: when there is no such model.
        BundleInvalid: when its bundle is broken.
    """
    from serving.registry.folders import open_registry  # noqa: PLC0415

    refuse_empty("--model", model)
    refuse_empty("--provider", provider)
    return open_registry(settings).get(model or settings.model)


def chosen_work(output: Path, work: Path | None, *, resume: bool) -> Path | None:
    """The folder that keeps finished rows; None = they are not kept.

    Raises:
        WrongUse: when a folder was given for rows that are not kept.
    """
    from serving.rowstore import work_folder  # noqa: PLC0415 - loads GDAL

    if work is not None and not resume:
        raise WrongUse("--work says where --resume keeps its rows, but there is no --resume; give it, too")
    return (work or work_folder(output)) if resume else None


def split_bands(text: str | None) -> tuple[str, ...] | None:
    """Band names from ``B02,B03,...``; blanks around names do not count."""
    return None if text is None else tuple(name.strip() for name in text.split(","))


@contextmanager
def answering() -> Generator[None]:
    """Print what came of work that is done: whoever reads it may stop early, as ``head`` does; that is no error.

    Raises:
        DiskFull: when standard output is a file and there is no room for the answer.
        OutputNotWritable: when it cannot be written otherwise.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _say_no_more()
    except OSError as error:
        _say_no_more()
        kind = DiskFull if error.errno == errno.ENOSPC else OutputNotWritable
        raise kind(
            f"the answer cannot be written to standard output: {error.strerror}; the work itself is done"
        ) from error


def _say_no_more() -> None:
    """What is still buffered would fail once more when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def echo_table(table: Table, *, least: int = 0) -> None:
    """Print a table as wide as the terminal; a closed output is a BrokenPipeError, as of other text.

    Args:
        table: what to print.
        least: columns that it gets anyway, where lines that the terminal breaks are better than lost words.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import

    console = Console()
    console.width = max(console.width, least)
    with console.capture() as printed:
        console.print(table)
    typer.echo(printed.get(), nl=False)


def report(outcome: Outcome, *, as_json: bool, language: Language = "en") -> None:
    """Tell what was done: areas, warnings and files, or all of it as one JSON object."""
    with answering():
        _report(outcome, as_json=as_json, language=language)


def _report(outcome: Outcome, *, as_json: bool, language: Language) -> None:
    if as_json:
        typer.echo(json.dumps(outcome.to_json(), indent=2))
        return
    from serving.outputs.areas import areas_table  # noqa: PLC0415 - loads GDAL

    echo_table(areas_table(outcome.areas, heading=outcome.identifier, language=language))
    for warning in outcome.warnings:
        typer.secho(f"warning: {warning}", fg=typer.colors.YELLOW, err=True)
    typer.echo(outcome.summary())
    for remark in outcome.remarks:
        typer.echo(remark)
    for role, path in outcome.files.items():
        typer.echo(f"  {role.ljust(13)} {path}")


@contextmanager
def progress_bar(what: str, *, shown: bool) -> Generator[Progress]:
    """A bar on standard error that counts rows of windows; nothing when not shown."""
    if not shown:
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
