"""``steppe report productivity``: trend, state, performance and productivity dynamics from annual NDVI."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from landcover.errors import WrongUse
from serving.commands.common import JsonOption, answering, progress_bar
from serving.commands.periodtables import preset_of
from serving.commands.reportoptions import parse_years
from serving.signals import stop_like_interrupt

if TYPE_CHECKING:  # loads GDAL
    from serving.report.productivitymaking import ProductivityMade


def productivity(
    ndvi: Annotated[
        list[Path],
        typer.Argument(
            metavar="NDVI.tif...",
            show_default=False,
            help="Annual NDVI: one file with a band a year, or a file for each year, in order.",
        ),
    ],
    *,
    years: Annotated[
        str, typer.Option(metavar="2001-2015", show_default=False, help="First and last year of the bands or files.")
    ],
    soil: Annotated[
        Path,
        typer.Option(metavar="SOIL.tif", show_default=False, help="Soil taxonomy codes (USDA), whole numbers from 1."),
    ],
    land_cover: Annotated[
        Path,
        typer.Option(
            metavar="LC.tif",
            show_default=False,
            help="Land-cover codes of any legend; with the soil they say which pixels are compared.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the layers; is made.")],
    legend: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Legend of --land-cover, to check its codes: esa-cci, unccd7, worldcover, ..."),
    ] = None,
    areas: Annotated[
        Path | None,
        typer.Option(
            metavar="COUNTRY.gpkg",
            help="Areas to compute; performance is measured within them. GeoPackage, Shapefile or "
            "GeoJSON; default: all.",
        ),
    ] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --areas, where it has several.")] = None,
    name_field: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Field of --areas that names them; default: name.")
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            metavar="FACTOR",
            help="Makes the values NDVI x 10000: 10000 for NDVI of -1 to 1, 1 for whole numbers (the default; 10000 "
            "where the file states a scale itself).",
        ),
    ] = None,
    nodata: Annotated[
        float | None,
        typer.Option(
            metavar="VALUE",
            help="Value of missing years as the file stores it, before any scale; beside the file's own, NaN, -32768.",
        ),
    ] = None,
    method: Annotated[
        Literal["kendall", "z196"],
        typer.Option(
            help="When there is a trend: kendall, critical values of Mann-Kendall's S and a slope above 0.001 a year "
            "(PRAIS, Trends.Earth); z196, its z score beyond 1.96 (Good Practice Guidance v2)."
        ),
    ] = "kendall",
    historical_years: Annotated[
        int | None,
        typer.Option(min=1, metavar="13", help="State: years before the recent ones; default 13, or the preset's."),
    ] = None,
    recent_years: Annotated[
        int | None, typer.Option(min=1, metavar="3", help="State: the last years; default 3, or the preset's.")
    ] = None,
    lpd_table: Annotated[
        Literal["prais2026", "gpg_v1", "gpg_v2"], typer.Option(help="How trend, state and performance combine.")
    ] = "prais2026",
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="prais_2026|trends_earth_2026|FILE.json",
            help="Take the years of a table of periods out of the stack; with --period.",
        ),
    ] = None,
    period: Annotated[
        Literal["baseline", "report_1", "report_2"] | None, typer.Option(help="Period of --preset.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put the layers in place of such that lie there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make layers of land productivity (SO 1-2) from annual NDVI.

    Trend is whether NDVI rises or falls over the years; state whether the last years lie in another class of the
    pixel's own history; performance whether a pixel has half, or less, of the NDVI of the best land of the same soil
    and cover. The folder gets trend.tif, state.tif, performance.tif, lpd.tif (the five classes), trajectory.tif (slope
    and significance) and metadata.json, which says how they were made.

    Give them to a report: steppe report A.tif B.tif --years 2000-2015 --trend F/trend.tif --state F/state.tif
    --performance F/performance.tif -o REPORT, or --lpd F/lpd.tif --lpd-source national.

    One stack serves all periods: steppe report productivity ndvi_2000_2023.tif --years 2000-2023 --preset prais_2026
    --period report_1 --soil soil.tif --land-cover lc.tif -o FOLDER takes 2004 to 2019 out of it. Trends.Earth's
    baseline begins in 2001: --preset trends_earth_2026 --period baseline, or --years 2001-2015 --historical-years 12.
    """
    first, last = parse_years(years)
    if first >= last:
        raise WrongUse(f"--years {years!r} ends before it begins; expected for example 2001-2015")

    from indicators.productivity.lpd import get_lpd_table  # noqa: PLC0415 - these load GDAL
    from indicators.productivity.trend_methods import TREND_METHODS  # noqa: PLC0415
    from indicators.zones.reading import read_zones  # noqa: PLC0415
    from serving.report.folder import report_folder  # noqa: PLC0415
    from serving.report.productivityfiles import MARK  # noqa: PLC0415
    from serving.report.productivitymaking import make_productivity  # noqa: PLC0415
    from serving.report.productivityrequest import ProductivityRequest  # noqa: PLC0415

    request = ProductivityRequest(
        ndvi=tuple(ndvi),
        years=tuple(range(first, last + 1)),
        soil=soil,
        cover=land_cover,
        legend=legend,
        zones=None if areas is None else read_zones(areas, layer=layer, name_field=name_field),
        scale=scale,
        nodata=nodata,
        trend=TREND_METHODS[method],
        historical_years=historical_years,
        recent_years=recent_years,
        table=get_lpd_table(lpd_table),
        preset=preset_of(preset),
        role=period,
    )
    shown = sys.stderr.isatty() and not as_json
    with (
        stop_like_interrupt(publishes=True),
        report_folder(output, replace=replace, mark=MARK, what="set of productivity layers") as folder,
        progress_bar("productivity", shown=shown) as progress,
    ):
        made = make_productivity(request, folder, progress=progress)
    _tell(made, output, as_json=as_json)


def _tell(made: ProductivityMade, output: Path, *, as_json: bool) -> None:
    from indicators.codes import NODATA  # noqa: PLC0415 - the command has loaded it
    from indicators.joint import LPD  # noqa: PLC0415
    from indicators.productivity.lpd import LPD_CLASSES  # noqa: PLC0415

    document = made.to_json() | {"files": {name: str(output / name) for name in made.names}}
    with answering():
        if as_json:
            typer.echo(json.dumps(document, indent=2))
            return
        used = document["years"]["trend"]
        typer.echo(f"land productivity dynamics {used[0]}-{used[1]}: mapped area (pixel count) in km2")
        names = {**dict(enumerate(LPD_CLASSES, start=1)), NODATA: "No data"}
        for code, km2 in made.km2(LPD).items():
            typer.echo(f"  {names[code]:<24}{km2:>16,.2f}")
        typer.echo(f"  performance within {document['extent']}, {document['units']} units of soil and land cover")
        for name in ("trend.tif", "state.tif", "performance.tif", "lpd.tif", "metadata.json"):
            typer.echo(f"  {output / name}")
