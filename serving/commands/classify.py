"""``steppe classify``: one scene to a land-cover map."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from serving.commands.common import (
    AreasOption,
    BandsOption,
    ConfidenceOption,
    JsonOption,
    LevelOption,
    ModelOption,
    PrecisionOption,
    PreviewOption,
    ProductOption,
    ProviderOption,
    StacOption,
    load_engine,
    progress_bar,
    report,
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
    confidence: ConfidenceOption = None,
    preview: PreviewOption = None,
    areas: AreasOption = None,
    stac: StacOption = None,
    bands: BandsOption = None,
    level: LevelOption = None,
    product: ProductOption = None,
    provider: ProviderOption = None,
    precision: PrecisionOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the scene in titles and in the STAC Item.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Classify a scene into a land-cover map.

    Bands are found by name and put in the model's order. The map has exactly the input's grid; where the input has no
    data, the map has none (255). All files appear together when everything is done, or not at all.
    """
    from serving.classify import classify_scene  # noqa: PLC0415 - loads the runtime

    settings = load_settings()
    inputs = Inputs(source=source, bands=split_bands(bands), level=level, product=product, name=name)
    outputs = Outputs(map=output, confidence=confidence, preview=preview, areas=areas, stac=stac)
    engine = load_engine(settings, model, provider, precision)
    shown = sys.stderr.isatty() and not as_json
    with stop_like_interrupt(), progress_bar(f"classifying {source.name}", shown=shown) as progress:
        outcome = classify_scene(inputs, outputs, engine, settings, progress=progress)
    report(outcome, as_json=as_json)
