"""``steppe classify``: one scene to a land-cover map."""

from __future__ import annotations

import json
import sys
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
    progress_bar,
    split_bands,
    stop_like_interrupt,
)
from serving.request import Inputs, Outputs
from serving.settings import load_settings


def classify(
    source: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="GeoTIFF with named bands, folder of per-band files, or SAFE folder."),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="MAP.tif", help="Map of class codes, a COG; a .qml style beside it."),
    ],
    model: ModelOption = None,
    confidence: Annotated[
        Path | None, typer.Option(metavar="C.tif", help="Confidence in percent, a COG (255 = no data).")
    ] = None,
    preview: Annotated[Path | None, typer.Option(metavar="P.png", help="Picture of the map with its legend.")] = None,
    areas: Annotated[Path | None, typer.Option(metavar="A.json", help="Area of each class in km2.")] = None,
    stac: Annotated[Path | None, typer.Option(metavar="I.json", help="STAC Item that describes all of it.")] = None,
    bands: BandsOption = None,
    level: LevelOption = None,
    product: ProductOption = None,
    provider: ProviderOption = None,
    precision: PrecisionOption = None,
    tta: AugmentationOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the scene in titles and in the STAC Item.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Classify a scene into a land-cover map.

    Bands are found by name and put in the model's order. The map has exactly the input's grid; where the input has no
    data, the map has none (255). All files appear together when everything is done, or not at all.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import

    from serving.classify import classify_scene  # noqa: PLC0415 - loads the runtime
    from serving.outputs.areas import areas_table  # noqa: PLC0415

    settings = load_settings()
    inputs = Inputs(source=source, bands=split_bands(bands), level=level, product=product, name=name)
    outputs = Outputs(map=output, confidence=confidence, preview=preview, areas=areas, stac=stac)
    engine = load_engine(settings, model, provider, precision, tta)
    shown = sys.stderr.isatty() and not as_json
    with stop_like_interrupt(), progress_bar(f"classifying {source.name}", shown=shown) as progress:
        outcome = classify_scene(inputs, outputs, engine, settings, progress=progress)
    if as_json:
        typer.echo(json.dumps(outcome.to_json(), indent=2))
        return
    Console().print(areas_table(outcome.areas, heading=outcome.identifier))
    for warning in outcome.warnings:
        typer.secho(f"warning: {warning}", fg=typer.colors.YELLOW, err=True)
    typer.echo(outcome.summary())
    for role, path in outputs.files().items():
        typer.echo(f"  {role.ljust(10)} {path}")
