"""``steppe bench``: figures of speed, memory and agreement on this machine."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.commands.common import (
    AugmentationOption,
    BandsOption,
    JsonOption,
    LevelOption,
    ModelOption,
    PrecisionOption,
    ProductOption,
    ProviderOption,
    answering,
    load_engine,
    split_bands,
)
from serving.request import Inputs
from serving.settings import load_settings
from serving.signals import stop_like_interrupt

if TYPE_CHECKING:  # these load the model runtime, which --help should not wait for
    from serving.bench.campaign import Moment, Told

app = typer.Typer(help="Measure speed, memory and agreement on this machine.", no_args_is_help=True)

ImagesArgument = Annotated[
    Path, typer.Argument(metavar="IMAGES", help="Folder of GeoTIFF files or SAFE folders.", show_default=False)
]
ProvidersOption = Annotated[
    list[str] | None,
    typer.Option("--provider", metavar="NAME", help="Only this runtime; may be given several times. Default: all."),
]


@app.command("scene")
def scene(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="GeoTIFF, folder of per-band files, or SAFE folder.")],
    *,
    model: ModelOption = None,
    bands: BandsOption = None,
    level: LevelOption = None,
    product: ProductOption = None,
    provider: ProviderOption = None,
    precision: PrecisionOption = None,
    tta: AugmentationOption = None,
    stages: Annotated[
        bool, typer.Option("--stages", help="Also split the work by stage; classifies the scene once more.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Megapixels per second of decoding, of the model and end to end, and peak memory, for one scene."""
    from serving.bench.measure import bench_scene  # noqa: PLC0415 - loads the runtime

    settings = load_settings()
    inputs = Inputs(source=source, bands=split_bands(bands), level=level, product=product)
    with stop_like_interrupt():
        engine = load_engine(settings, model, provider, precision, tta)
        figures = bench_scene(inputs, engine, settings, stages=stages).to_json()
    _show(figures, as_json=as_json)


@app.command("make-scene")
def make(
    path: Annotated[Path, typer.Argument(metavar="SCENE.tif", help="The file.", show_default=False)],
    *,
    side: Annotated[int, typer.Option(min=1, help="Rows, and columns unless --width is given.")] = 10980,
    width: Annotated[int | None, typer.Option(min=1, help="Columns.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the fields and the noise.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Make a Sentinel-2-like scene: ten bands of noise and smooth fields, DEFLATE, a corner without data."""
    from serving.bench.scenes import make_scene  # noqa: PLC0415 - loads GDAL

    with stop_like_interrupt():
        make_scene(path, height=side, width=width or side, seed=seed, replace=force)


@app.command("agreement")
def agreement(
    images: ImagesArgument, *, model: ModelOption = None, provider: ProvidersOption = None, as_json: JsonOption = False
) -> None:
    """Share of pixels whose class differs between runtimes and precisions, over real images."""
    from serving.bench.agreement import compare_engines  # noqa: PLC0415 - loads the runtime
    from serving.bench.engines import engine_kinds  # noqa: PLC0415
    from serving.bench.images import images_in  # noqa: PLC0415
    from serving.registry.folders import open_registry  # noqa: PLC0415

    settings = load_settings()
    with stop_like_interrupt():
        bundle = open_registry(settings).get(model or settings.model)
        kinds = engine_kinds(bundle.manifest, provider or ())
        found = compare_engines(images_in(images), bundle, kinds, settings).to_json()
    _tell_left_out(found)
    if as_json:
        _show(found, as_json=True)
        return
    with answering():
        typer.echo(f"{found['model']}: pixels with another class, of {found['pixels']:,} in {found['images']} images")
        for pair in found["pairs"]:
            typer.echo(f"  {pair['one']:16} {pair['other']:16} {pair['percent']:7.3f} %")


@app.command("windows")
def windows(
    images: ImagesArgument,
    sizes: Annotated[
        list[str] | None, typer.Argument(metavar="[TILE/OVERLAP]...", help="Sizes; default: the model's.")
    ] = None,
    *,
    model: ModelOption = None,
    provider: ProviderOption = None,
    precision: PrecisionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Maps made in windows against one pass over the whole image, and the seam score, over real images."""
    from serving.bench.images import images_in  # noqa: PLC0415 - loads the runtime
    from serving.bench.windows import WindowSize, compare_windows  # noqa: PLC0415

    settings = load_settings()
    with stop_like_interrupt():
        paths = images_in(images)
        engine = load_engine(settings, model, provider, precision)
        manifest = engine.bundle.manifest
        wanted = [WindowSize.parse(text) for text in sizes or [f"{manifest.tile_size}/{manifest.overlap}"]]
        found = compare_windows(paths, engine, wanted).to_json()
    _tell_left_out(found)
    if as_json:
        _show(found, as_json=True)
        return
    with answering():
        typer.echo(f"{found['engine']}: pixels with another class in windows than in one pass")
        for size, tally in found["sizes"].items():
            typer.echo(
                f"  {size:10} {tally['percent']} % of {tally['pixels']:,}; worst image {tally['worst_percent']} % "
                f"({tally['worst_image']}); seam score {tally['seam_percent']} %"
            )


@app.command("repeat")
def repeat(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A small scene.", show_default=False)],
    *,
    model: ModelOption = None,
    provider: ProviderOption = None,
    precision: PrecisionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pixels whose class or confidence depends on the batch size or on the number of threads."""
    from serving.bench.repeat import compare_repeats  # noqa: PLC0415 - loads the runtime
    from serving.registry.folders import open_registry  # noqa: PLC0415

    settings = load_settings()
    with stop_like_interrupt():
        bundle = open_registry(settings).get(model or settings.model)
        found = compare_repeats(Inputs(source=source), bundle, settings, provider=provider, precision=precision)
    _show(found.to_json(), as_json=as_json)


@app.command("report")
def report(
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for report.md, report.json and plots.")
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of real images, for how many pixels change their class; left out, these rows say so.",
        ),
    ] = None,
    model: ModelOption = None,
    provider: ProvidersOption = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small scenes: some minutes, goals for whole tiles are not judged.")
    ] = False,
    rounds: Annotated[int, typer.Option(min=1, help="How often all runtimes are measured on the tile, in turn.")] = 1,
) -> None:
    """Every figure of speed, memory and agreement, beside its goal, in one report with plots.

    Synthetic scenes are made in the scratch folder (STEPPE_SCRATCH) and removed; the largest, a whole Sentinel-2 tile,
    needs about 2.3 GB. Every measurement runs in a process of its own, one after the other: about half an hour on two
    processors, which should be idle.

    A quick look: steppe bench report -o report --quick

    With real images: steppe bench report -o report --images scenes/
    """
    from serving.bench.images import images_in  # noqa: PLC0415 - loads the runtime
    from serving.bench.plan import FULL, QUICK, make_task  # noqa: PLC0415
    from serving.bench.report import MARKDOWN, make_report  # noqa: PLC0415
    from serving.bench.runs import run_command  # noqa: PLC0415
    from serving.registry.folders import open_registry  # noqa: PLC0415

    settings = load_settings()
    if images is not None:
        images_in(images)
    name = model or settings.model
    task = make_task(
        name,
        open_registry(settings).get(name).manifest,
        QUICK if quick else FULL,
        providers=provider or (),
        images=images,
        rounds=rounds,
    )
    command = _report_command(images, model, provider or [], quick=quick, rounds=rounds)
    with stop_like_interrupt(), _progress() as told:
        found = make_report(task, output, settings, run_command, told, command=command)
    with answering():
        for figure in found.figures:
            typer.echo(f"{figure.verdict:12}  {figure.value_text:>14}  {figure.goal_text:18}  {figure.title}")
        typer.echo(f"{found.missed} missed, {found.not_measured} not measured: {output / MARKDOWN}")


def _report_command(images: Path | None, model: str | None, providers: list[str], *, quick: bool, rounds: int) -> str:
    """What makes the report, as people type it."""
    words = ["steppe", "bench", "report", "-o", "FOLDER"]
    words += ["--images", images.name] if images else []
    words += ["--model", model] if model else []
    words += [part for name in providers for part in ("--provider", name)]
    words += ["--quick"] if quick else []
    words += ["--rounds", str(rounds)] if rounds > 1 else []
    return shlex.join(words)


def _tell_left_out(found: Mapping[str, Any]) -> None:
    """Images or engines that a comparison could not use, on standard error."""
    for line in found["left_out"]:
        typer.secho(f"left out: {line}", fg=typer.colors.YELLOW, err=True)


def _show(figures: dict[str, Any], *, as_json: bool) -> None:
    width = max(map(len, figures))
    lines = [f"{name.ljust(width)}  {value}" for name, value in figures.items()]
    with answering():
        typer.echo(json.dumps(figures, indent=2) if as_json else "\n".join(lines))


@contextmanager
def _progress() -> Generator[Told]:
    """What runs now and how long it may take, on standard error: a bar on a terminal, lines elsewhere."""
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.fields[place]}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("about {task.fields[left]} left: {task.description}"),
    )
    shown = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as bar:
        task = bar.add_task("", total=1.0, place="", left="")

        def told(moment: Moment) -> None:
            place, left = f"{moment.number}/{moment.count}", f"{max(moment.left_s, 1) / 60:.0f} min"
            bar.update(task, completed=moment.share, description=moment.label, place=place, left=left)
            if not shown:
                typer.echo(f"{place} {moment.label} (about {left} left)", err=True)

        yield told
