"""``steppe degradation``: two scenes of one place to a map of degraded, stable and improved land."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from landcover.errors import WrongUse
from serving.commands.common import (
    AreasOption,
    AugmentationOption,
    BandsOption,
    ConfidenceOption,
    FeaturesOption,
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
from serving.commands.service import (
    Asked,
    DryRunOption,
    KeepOption,
    KeyFileOption,
    MaxCloudOption,
    ServerOption,
    ServiceUse,
    TileOption,
    check_request,
    needed_output,
    refuse_for_service,
    refuse_without_service,
    scenes_here,
    work_in_service,
)
from serving.request import Inputs, Outputs
from serving.settings import load_settings
from serving.signals import stop_like_interrupt


def degradation(
    before: Annotated[
        str | None,
        typer.Argument(
            metavar="BEFORE",
            show_default=False,
            help="The older scene: GeoTIFF with named bands, folder of per-band files, or SAFE folder. With --server: "
            "GeoTIFF, or https address of one or of a STAC Item.",
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Argument(metavar="AFTER", show_default=False, help="The younger scene of the same place."),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="MAP.tif",
            help="Map of -1, 0 and 1, an int16 COG; a .qml style beside it. Always needed, but for --dry-run.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="NAME[@VERSION]", help="Model of two dates; default: STEPPE_DEGRADATION_MODEL."
        ),
    ] = None,
    confidence: ConfidenceOption = None,
    preview: PreviewOption = None,
    areas: AreasOption = None,
    features: FeaturesOption = None,
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
        str | None,
        typer.Option(
            metavar="2020-01-31",
            help="Date of BEFORE, when it does not state one. With --tile: when to look for it, 2018-05-01/2018-09-30.",
        ),
    ] = None,
    after_date: Annotated[
        str | None,
        typer.Option(
            metavar="2022-01-31", help="Date of AFTER, when it does not state one; with --tile: when to look."
        ),
    ] = None,
    provider: ProviderOption = None,
    precision: PrecisionOption = None,
    tta: AugmentationOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the place in titles and in the STAC Item.")] = None,
    resume: ResumeOption = False,
    work: WorkOption = None,
    server: ServerOption = None,
    key_file: KeyFileOption = None,
    tile: TileOption = None,
    max_cloud: MaxCloudOption = None,
    keep: KeepOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Map where land degraded or improved between two scenes.

    The map says -1 degraded, 0 stable, 1 improving, and -32768 where one of the dates has no data. It has BEFORE's
    pixels, as far as both scenes reach; AFTER is brought onto them while it is read. What the model can see and what it
    cannot is in its card: steppe models show steppe-s2-degradation. Files appear when everything is done, each of them
    whole, the STAC Item last.
    """
    wanted = (
        None
        if output is None and dry_run
        else Outputs(
            map=needed_output(output), confidence=confidence, preview=preview, areas=areas, features=features, stac=stac
        )
    )
    if server is not None:
        refuse_for_service(
            {"--provider": provider, "--precision": precision, "--tta": tta, "--resume": resume, "--work": work}
        )
        refuse_each_date(
            {
                "--before-bands": before_bands,
                "--after-bands": after_bands,
                "--before-product": before_product,
                "--after-product": after_product,
            }
        )
        check_request(language=language, preview=preview)
        request = {
            "before_datetime": before_date,
            "after_datetime": after_date,
            "tile": tile,
            "max_cloud": max_cloud,
            "model": model,
            "bands": split_bands(bands),
            "level": level,
            "product": product,
            "language": language,
            "name": name,
        }
        scenes = pair_for_service(before, after, {"--tile": tile, "--max-cloud": max_cloud}, (before_date, after_date))
        use = ServiceUse(server=server, key_file=key_file, keep=keep, dry_run=dry_run, as_json=as_json)
        work_in_service(use, Asked("degradation", scenes, request), wanted, language=language)
        return
    refuse_without_service(
        {
            "--tile": tile,
            "--max-cloud": max_cloud,
            "--key-file": key_file,
            "--keep": keep,
            "--dry-run": dry_run,
        }
    )
    older, younger = pair_here(before, after)
    assert wanted is not None  # noqa: S101 - only a dry run has no outputs
    from serving.degradation import PairInputs, compare_scenes  # noqa: PLC0415 - loads the runtime
    from serving.treatment import Treatment  # noqa: PLC0415

    settings = load_settings()
    inputs = PairInputs(
        before=Inputs(
            source=older, bands=split_bands(before_bands or bands), level=level, product=before_product or product
        ),
        after=Inputs(
            source=younger, bands=split_bands(after_bands or bands), level=level, product=after_product or product
        ),
        before_date=before_date,
        after_date=after_date,
        name=name,
    )
    treatment = Treatment(language=language)
    folder = chosen_work(wanted.map, work, resume=resume)
    engine = load_engine(settings, settings.degradation_model if model is None else model, provider, precision, tta)
    shown = sys.stderr.isatty() and not as_json
    with (
        stop_like_interrupt(publishes=True),
        progress_bar(f"comparing {older.name} and {younger.name}", shown=shown) as progress,
    ):
        outcome = compare_scenes(inputs, wanted, engine, settings, treatment=treatment, progress=progress, work=folder)
    report(outcome, as_json=as_json, language=language)


def pair_here(before: str | None, after: str | None) -> tuple[Path, Path]:
    """Both scenes of work on this machine.

    Raises:
        WrongUse: when one is missing, or an address.
    """
    if before is None or after is None:
        raise WrongUse("two scenes are compared; name both, BEFORE and AFTER")
    older, younger = scenes_here((before, after))
    return older, younger


def pair_for_service(
    before: str | None, after: str | None, search: Mapping[str, object], dates: tuple[str | None, str | None]
) -> dict[str, tuple[str, ...]]:
    """Both scenes for a service, or none when it is to look for them.

    Raises:
        WrongUse: when that is not complete, or both were given.
    """
    words = tuple(word for word in (before, after) if word is not None)
    when = {"--before-date": dates[0], "--after-date": dates[1]}
    if len(words) == 1:
        raise WrongUse("two scenes are compared; name both, BEFORE and AFTER")
    if words and any(value is not None for value in search.values()):
        raise WrongUse("--tile is for scenes that the service looks for, but scenes were given; leave one of them out")
    if not words and (search["--tile"] is None or None in when.values()):
        raise WrongUse("there are no scenes to compare; name both, or give --tile, --before-date and --after-date")
    return {"before": words[:1], "after": words[1:]}


def refuse_each_date(options: Mapping[str, object]) -> None:
    """Refuse what a service takes for both dates alike.

    Raises:
        WrongUse: with the options.
    """
    given = " and ".join(name for name, value in options.items() if value is not None)
    if given:
        raise WrongUse(f"a service takes one --bands and one --product for both dates; give these instead of {given}")
