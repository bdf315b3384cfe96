"""``steppe classify``: one scene to a land-cover map."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from landcover.errors import WrongUse
from landcover.postprocess import UncertaintyMeasure
from serving.commands.area import area_crs, area_for_service, parse_box
from serving.commands.common import (
    AreasOption,
    AugmentationOption,
    BandsOption,
    ConfidenceOption,
    FeaturesOption,
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
    searched_or_given,
    work_in_service,
)
from serving.garbage import uncollected
from serving.request import Inputs, MosaicMode, Outputs
from serving.settings import load_settings
from serving.signals import stop_like_interrupt


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
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            show_default=False,
            help="GeoTIFF with named bands, folder of per-band files, or SAFE folder; several become one map. With "
            "--server: GeoTIFF, or https address of one or of a STAC Item.",
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="MAP.tif",
            help="Map of class codes, a COG; a .qml style beside it. Always needed, but for --dry-run.",
        ),
    ] = None,
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
    features: FeaturesOption = None,
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
    server: ServerOption = None,
    key_file: KeyFileOption = None,
    tile: TileOption = None,
    dates: Annotated[
        str | None,
        typer.Option(
            metavar="2020-05-01/2020-09-30",
            help="Day, or first and last day, of scenes that --server looks for: of --tile, or of --aoi or --bbox.",
        ),
    ] = None,
    max_cloud: MaxCloudOption = None,
    max_scenes: Annotated[
        int | None, typer.Option(min=1, max=20, help="Most scenes that --server looks for and maps; default: 1.")
    ] = None,
    keep: KeepOption = False,
    dry_run: DryRunOption = False,
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

    By a service, which looks for the scene: steppe classify --server https://steppe.example.org --tile 33UUP --dates
    2020-05-01/2020-09-30 -o map.tif
    """
    wanted = (
        None
        if output is None and dry_run
        else Outputs(
            map=needed_output(output),
            confidence=confidence,
            probabilities=probabilities,
            uncertainty=uncertainty,
            quality=quality,
            preview=preview,
            areas=areas,
            features=features,
            stac=stac,
        )
    )
    box = None if bbox is None else parse_box(bbox)
    crs_of_area = area_crs(aoi_crs, bbox_crs, aoi=aoi is not None, bbox=bbox is not None)
    measure = chosen_measure(uncertainty_measure, wanted=uncertainty is not None)
    search = {"--tile": tile, "--dates": dates, "--max-cloud": max_cloud, "--max-scenes": max_scenes}
    if server is not None:
        refuse_for_service(
            {"--provider": provider, "--precision": precision, "--tta": tta, "--resume": resume, "--work": work}
        )
        check_request(language=language, preview=preview, min_area=min_area)
        request = {
            "mosaic": mosaic,
            "area": area_for_service(aoi, box, crs_of_area),
            "crs": crs,
            "resolution": resolution,
            "tile": tile,
            "datetime": dates,
            "max_cloud": max_cloud,
            "max_scenes": max_scenes,
            "model": model,
            "bands": split_bands(bands),
            "level": level,
            "product": product,
            "min_area": min_area,
            "mask_clouds": mask_clouds,
            "uncertainty_measure": measure,
            "language": language,
            "name": name,
        }
        words = searched_or_given(sources, search, places=("--tile", "--aoi", "--bbox"), placed=tile or aoi or box)
        use = ServiceUse(server=server, key_file=key_file, keep=keep, dry_run=dry_run, as_json=as_json)
        work_in_service(use, Asked("classify", {"scene": words}, request), wanted, language=language)
        return
    refuse_without_service(search | {"--key-file": key_file, "--keep": keep, "--dry-run": dry_run})
    paths = scenes_here(sources)
    assert wanted is not None  # noqa: S101 - only a dry run has no outputs
    inputs = Inputs(
        source=paths[0],
        others=paths[1:],
        mosaic=mosaic,
        aoi=aoi,
        bbox=box,
        area_crs=crs_of_area,
        crs=crs,
        resolution=resolution,
        bands=split_bands(bands),
        level=level,
        product=product,
        name=name,
    )
    settings = load_settings()
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
        folder = chosen_work(wanted.map, work, resume=resume)
        opening = open_checked(inputs, wanted, bundle.manifest, treatment)
        engine = opening.engine(making, settings)
    order = Order(outputs=wanted, engine=engine, settings=settings, treatment=treatment, work=folder)
    shown = sys.stderr.isatty() and not as_json
    with (
        stop_like_interrupt(publishes=True),
        progress_bar(f"classifying {joint_name([path.name for path in paths])}", shown=shown) as progress,
    ):
        outcome = classify_opened(opening, replace(order, progress=progress))
    report(outcome, as_json=as_json, language=language)
