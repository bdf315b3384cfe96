"""``steppe bench``: figures of speed and memory on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

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
    load_engine,
    split_bands,
    stop_like_interrupt,
)
from serving.request import Inputs
from serving.settings import load_settings

app = typer.Typer(help="Measure speed and memory on this machine.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``scene`` a sub-command while it is the only one."""


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
    as_json: JsonOption = False,
) -> None:
    """Megapixels per second of decoding, of the model and end to end, and peak memory, for one scene."""
    from serving.bench import bench_scene  # noqa: PLC0415 - loads the runtime

    settings = load_settings()
    inputs = Inputs(source=source, bands=split_bands(bands), level=level, product=product)
    with stop_like_interrupt():
        engine = load_engine(settings, model, provider, precision, tta)
        figures = bench_scene(inputs, engine, settings).to_json()
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    width = max(map(len, figures))
    for name, value in figures.items():
        typer.echo(f"{name.ljust(width)}  {value}")
