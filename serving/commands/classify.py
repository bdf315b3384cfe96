"""``steppe classify``: one scene to a land-cover map."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from landcover.errors import WrongUse
from landcover.postprocess import UncertaintyMeasure
from serving.commands.common import (
    AreasOption,
    AugmentationOption,
    BandsOption,
    ConfidenceOption,
    JsonOption,
    LanguageOption,
    LevelOption,
    ModelOption,
    PrecisionOption,
    PreviewOption,
    ProductOption,
    ProviderOption,
    ResumeOption,
    StacOption,
    WorkOption,
    chosen_work,
    find_bundle,
    progress_bar,
    report,
    split_bands,
)
from serving.garbage import uncollected
from serving.request import Inputs, MosaicMode, Outputs
from serving.settings import load_settings
from serving.signals import stop_like_interrupt


def parse_box(text: str) -> tuple[float, float, float, float]:
    """West, south, east and north from ``W,S,E,N``.

    Raises:
        WrongUse: when these are not four numbers, or the box is empty whatever it counts in.
    """
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError as error:
        raise WrongUse(f"--bbox {text!r} is no box: expected four numbers west,south,east,north") from error
    if not all(map(math.isfinite, (west, south, east, north))):
        raise WrongUse(f"--bbox {text!r} holds something that is no number: expected west,south,east,north")
    if south >= north or west == east:
        raise WrongUse(f"--bbox {text!r} is empty: expected west,south,east,north with south below north")
    return west, south, east, north


def area_crs(aoi_crs: str | None, bbox_crs: str | None, *, aoi: bool, bbox: bool) -> str | None:
    """The CRS of the area that was given.

    Raises:
        WrongUse: when a CRS was given for an area that was not.
    """
    for stated, given, option in ((aoi_crs, aoi, "--aoi"), (bbox_crs, bbox, "--bbox")):
        if stated is not None and not given:
            raise WrongUse(f"{option}-crs says what {option} counts in, but there is no {option}; give it, too")
    return bbox_crs if aoi_crs is None else aoi_crs


def chosen_measure(measure: UncertaintyMeasure | None, *, wanted: bool) -> UncertaintyMeasure:
    """The measure of the uncertainty raster.

    Raises:
        WrongUse: when one was given for a raster that is not wanted.
    """
    if measure is not None and not wanted:
        raise WrongUse(
            "--uncertainty-measure says what --uncertainty holds, but there is no --uncertainty; give it, too"
        )
    return measure or UncertaintyMeasure.ENTROPY


def classify(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="GeoTIFF with named bands, folder of per-band files, or SAFE folder; several become one map.",
        ),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="MAP.tif", help="Map of class codes, a COG; a .qml style beside it."),
    ],
    model: ModelOption = None,
    mosaic: Annotated[
        MosaicMode,
        typer.Option(
            help="Where several inputs overlap: map the last or the first that has data (neighbours of one day), or "
            "the mean of the probabilities over all that have (for dates of one place; for neighbours use last: under "
            "mean each scene is mapped for itself, which shows where they meet).",
        ),
    ] = MosaicMode.LAST,
    aoi: Annotated[
        Path | None,
        typer.Option(metavar="AREA.geojson", help="Map only these polygons; longitude and latitude, or --aoi-crs."),
    ] = None,
    aoi_crs: Annotated[
        str | None, typer.Option(metavar="EPSG:32633", help="CRS of --aoi, when the file does not name one.")
    ] = None,
    bbox: Annotated[
        str | None,
        typer.Option(
            metavar="W,S,E,N",
            help="Map only this box; west above east crosses the date line. Degrees, or --bbox-crs.",
        ),
    ] = None,
    bbox_crs: Annotated[str | None, typer.Option(metavar="EPSG:32633", help="CRS of --bbox.")] = None,
    crs: Annotated[
        str | None,
        typer.Option(
            metavar="EPSG:32633", help="CRS of the map; inputs are resampled to it. Default: the first input's."
        ),
    ] = None,
    resolution: Annotated[
        float | None,
        typer.Option(metavar="10", help="Pixel of the map in units of its CRS; its edges are multiples of that."),
    ] = None,
    confidence: ConfidenceOption = None,
    probabilities: Annotated[
        Path | None,
        typer.Option(
            metavar="K.tif",
            help="Probability of every class, a COG with one band a class: percent, with a scale of 0.01 that GIS "
            "apply (255 = no data).",
        ),
    ] = None,
    uncertainty: Annotated[
        Path | None,
        typer.Option(metavar="U.tif", help="Uncertainty in percent, a COG: 0 = certain, 100 = no idea."),
    ] = None,
    uncertainty_measure: Annotated[
        UncertaintyMeasure | None,
        typer.Option(
            help="Of --uncertainty; entropy, the default: over all classes, 100 = all equally probable; margin: of the "
            "two best, 100 = equally probable."
        ),
    ] = None,
    quality: Annotated[
        Path | None,
        typer.Option(
            metavar="Q.tif",
            help="Observation quality, a COG with colours: valid, cloud, thin cirrus, cloud shadow, snow, defective; "
            "from the scene's own mask (SCL, MSK_CLASSI, QA60 or QA_PIXEL). One input only.",
        ),
    ] = None,
    mask_clouds: Annotated[
        bool,
        typer.Option(
            "--mask-clouds",
            help="No data in the map where that mask says cloud, cirrus, shadow or defective. One input only.",
        ),
    ] = False,
    min_area: Annotated[
        str | None,
        typer.Option(
            metavar="AREA",
            help="Merge smaller patches of the map into their largest neighbour, for example 0.5ha, 5000m2 or 50px; "
            "the area that this moves is reported. Other rasters stay as they are.",
        ),
    ] = None,
    preview: PreviewOption = None,
    areas: AreasOption = None,
    stac: StacOption = None,
    language: LanguageOption = "en",
    bands: BandsOption = None,
    level: LevelOption = None,
    product: ProductOption = None,
    provider: ProviderOption = None,
    precision: PrecisionOption = None,
    tta: AugmentationOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the scene in titles and in the STAC Item.")] = None,
    resume: ResumeOption = False,
    work: WorkOption = None,
    as_json: JsonOption = False,
) -> None:
    """Classify a scene, or several as one, into a land-cover map.

    Bands are found by name and put in the model's order. The map has exactly the input's grid, cut to the area. Inputs
    on the pixels of the first are joined pixel by pixel, others are resampled; --crs and --resolution ask for another
    grid. Where no input has data, the map has none (255): where all bands the model reads are nodata (0 if the file
    declares none), or the file's own mask says so. Files appear when everything is done, each of them whole, the
    STAC Item last.

    Two tiles in one map: steppe classify A.SAFE B.SAFE -o map.tif

    A season of one place: steppe classify june.tif july.tif august.tif --mosaic mean -o map.tif

    A district on a grid of its own: steppe classify A.SAFE --aoi district.geojson --crs EPSG:32633 --resolution 10 -o
    map.tif
    """
    settings = load_settings()
    source, *others = sources
    inputs = Inputs(
        source=source,
        others=tuple(others),
        mosaic=mosaic,
        aoi=aoi,
        bbox=None if bbox is None else parse_box(bbox),
        area_crs=area_crs(aoi_crs, bbox_crs, aoi=aoi is not None, bbox=bbox is not None),
        crs=crs,
        resolution=resolution,
        bands=split_bands(bands),
        level=level,
        product=product,
        name=name,
    )
    outputs = Outputs(
        map=output,
        confidence=confidence,
        probabilities=probabilities,
        uncertainty=uncertainty,
        quality=quality,
        preview=preview,
        areas=areas,
        stac=stac,
    )
    measure = chosen_measure(uncertainty_measure, wanted=uncertainty is not None)
    bundle = find_bundle(settings, model, provider)
    from serving.engines import loading  # noqa: PLC0415 - loads the runtime

    with uncollected(), loading(bundle, settings, provider=provider, precision=precision, augmentation=tta) as making:
        # Beside the runtime, because this loads GDAL.
        from landcover.raster.mosaic import joint_name  # noqa: PLC0415
        from serving.classify import classify_opened, open_checked  # noqa: PLC0415
        from serving.pipeline import Order  # noqa: PLC0415
        from serving.treatment import MinimumPatch, Treatment  # noqa: PLC0415

        treatment = Treatment(
            uncertainty=measure,
            min_patch=None if min_area is None else MinimumPatch.parse(min_area),
            mask_clouds=mask_clouds,
            language=language,
        )
        folder = chosen_work(output, work, resume=resume)
        opening = open_checked(inputs, outputs, bundle.manifest, treatment)
        engine = opening.engine(making, settings)
    order = Order(outputs=outputs, engine=engine, settings=settings, treatment=treatment, work=folder)
    shown = sys.stderr.isatty() and not as_json
    with (
        stop_like_interrupt(publishes=True),
        progress_bar(f"classifying {joint_name([path.name for path in sources])}", shown=shown) as progress,
    ):
        outcome = classify_opened(opening, replace(order, progress=progress))
    report(outcome, as_json=as_json, language=language)
