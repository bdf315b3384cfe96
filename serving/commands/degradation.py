"""``steppe degradation``: two scenes of one place to a map of degraded, stable and improved land."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from serving.commands.common import (
    AreasOption,
    AugmentationOption,
    BandsOption,
    ConfidenceOption,
    JsonOption,
    LanguageOption,
    LevelOption,
    PrecisionOption,
    PreviewOption,
    ProductOption,
    ProviderOption,
    ResumeOption,
    StacOption,
    WorkOption,
    chosen_work,
    load_engine,
    progress_bar,
    report,
    split_bands,
)
from serving.request import Inputs, Outputs
from serving.settings import load_settings
from serving.signals import stop_like_interrupt


def degradation(
    before: Annotated[
        Path,
        typer.Argument(
            metavar="BEFORE",
            help="The older scene: GeoTIFF with named bands, folder of per-band files, or SAFE folder.",
        ),
    ],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The younger scene of the same place.")],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="MAP.tif", help="Map of -1, 0 and 1, an int16 COG; a .qml style beside it."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="NAME[@VERSION]", help="Model of two dates; default: STEPPE_DEGRADATION_MODEL."
        ),
    ] = None,
    confidence: ConfidenceOption = None,
    preview: PreviewOption = None,
    areas: AreasOption = None,
    stac: StacOption = None,
    language: LanguageOption = "en",
    bands: BandsOption = None,
    before_bands: Annotated[
        str | None, typer.Option(metavar="B02,B03,...", help="--bands of BEFORE, where the dates differ.")
    ] = None,
    after_bands: Annotated[
        str | None, typer.Option(metavar="B02,B03,...", help="--bands of AFTER, where the dates differ.")
    ] = None,
    level: LevelOption = None,
    product: ProductOption = None,
    before_product: Annotated[
        str | None, typer.Option(metavar="ID", help="--product of BEFORE, where the dates differ.")
    ] = None,
    after_product: Annotated[
        str | None, typer.Option(metavar="ID", help="--product of AFTER, where the dates differ.")
    ] = None,
    before_date: Annotated[
        str | None, typer.Option(metavar="2020-01-31", help="Date of BEFORE, when it does not state one.")
    ] = None,
    after_date: Annotated[
        str | None, typer.Option(metavar="2022-01-31", help="Date of AFTER, when it does not state one.")
    ] = None,
    provider: ProviderOption = None,
    precision: PrecisionOption = None,
    tta: AugmentationOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the place in titles and in the STAC Item.")] = None,
    resume: ResumeOption = False,
    work: WorkOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map where land degraded or improved between two scenes.

    The map says -1 degraded, 0 stable, 1 improving, and -32768 where one of the dates has no data. It has BEFORE's
    pixels, as far as both scenes reach; AFTER is brought onto them while it is read. What the model can see and what it
    cannot is in its card: steppe models show steppe-s2-degradation. Files appear when everything is done, each of them
    whole, the STAC Item last.
    """
    from serving.degradation import PairInputs, compare_scenes  # noqa: PLC0415 - loads the runtime
    from serving.treatment import Treatment  # noqa: PLC0415

    settings = load_settings()
    inputs = PairInputs(
        before=Inputs(
            source=before, bands=split_bands(before_bands or bands), level=level, product=before_product or product
        ),
        after=Inputs(
            source=after, bands=split_bands(after_bands or bands), level=level, product=after_product or product
        ),
        before_date=before_date,
        after_date=after_date,
        name=name,
    )
    outputs = Outputs(map=output, confidence=confidence, preview=preview, areas=areas, stac=stac)
    treatment = Treatment(language=language)
    folder = chosen_work(output, work, resume=resume)
    engine = load_engine(settings, settings.degradation_model if model is None else model, provider, precision, tta)
    shown = sys.stderr.isatty() and not as_json
    with (
        stop_like_interrupt(publishes=True),
        progress_bar(f"comparing {before.name} and {after.name}", shown=shown) as progress,
    ):
        outcome = compare_scenes(inputs, outputs, engine, settings, treatment=treatment, progress=progress, work=folder)
    report(outcome, as_json=as_json, language=language)
