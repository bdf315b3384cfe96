"""``steppe report``: two land-cover maps to the tables that countries hand in, and what belongs to them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from typer.core import TyperGroup

from landcover.errors import WrongUse
from landcover.labels import LANGUAGES, Language
from serving.commands import reportcompare, reportmatrix, reportproductivity, sampling
from serving.commands.common import JsonOption, answering, progress_bar
from serving.commands.periodtables import preset_of
from serving.commands.reportoptions import (
    crosswalk_of,
    matrix_of,
    named_files,
    parse_years,
    productivity_of,
    refuse_empty_words,
    refuse_idle,
    soil_of,
)
from serving.signals import stop_like_interrupt

if TYPE_CHECKING:  # loads GDAL
    from serving.report.making import ReportMade

DEFAULT: Final = "make"
"""The sub-command that is meant where none is named."""


class DefaultGroup(TyperGroup):
    """A group of commands, one of which may be left out: ``steppe report A.tif B.tif`` makes a report."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default in front of what is neither a command nor a call for help."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=DefaultGroup,
    no_args_is_help=True,
    help="Report land degradation (SDG 15.3.1): `steppe report BEFORE.tif AFTER.tif --years 2000-2015 -o FOLDER` makes "
    "the tables; `productivity` makes its layers from annual NDVI; `sample` and `estimate` give areas with intervals; "
    "`compare` says why two reports differ.",
)


@app.command(DEFAULT)
def make(
    before: Annotated[
        Path, typer.Argument(metavar="BEFORE.tif", show_default=False, help="Land cover of the initial year, one band.")
    ],
    after: Annotated[
        Path, typer.Argument(metavar="AFTER.tif", show_default=False, help="Land cover of the final year.")
    ],
    *,
    years: Annotated[str, typer.Option(metavar="2000-2015", show_default=False, help="Years of both maps.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the report; is made.")],
    areas: Annotated[
        Path | None,
        typer.Option(
            metavar="COUNTRY.gpkg", help="Areas to report on: GeoPackage, Shapefile or GeoJSON. Default: all."
        ),
    ] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --areas, where it has several.")] = None,
    name_field: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Field of --areas that names them; default: name.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the country or region in titles.")] = None,
    legend: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Legend of both maps, where they do not state one: unccd7, esa-cci, worldcover, dynamic-world, ...",
        ),
    ] = None,
    legend_after: Annotated[
        str | None, typer.Option(metavar="ID", help="Legend of AFTER, where it is another one.")
    ] = None,
    crosswalk: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="National legend to UNCCD-7 for both maps: Steppe's or Trends.Earth's nesting JSON.",
        ),
    ] = None,
    crosswalk_after: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Crosswalk of AFTER, where it is another one.")
    ] = None,
    product: Annotated[str | None, typer.Option(help="What both maps are called; default: their legend.")] = None,
    product_after: Annotated[
        str | None, typer.Option(help="What AFTER is called, where it is another product.")
    ] = None,
    matrix: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Transition matrix: JSON of Steppe or Trends.Earth, or CSV. Default: UNCCD's."
        ),
    ] = None,
    regions: Annotated[
        Path | None, typer.Option(metavar="REGIONS.gpkg", help="Polygons of up to five regional matrices.")
    ] = None,
    regional_matrix: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="Matrix of a region; once for each.")
    ] = None,
    period: Annotated[
        Literal["baseline", "report_1", "report_2"] | None,
        typer.Option(help="Which period it is; default: by its last year (to 2015, to 2019, later)."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="prais_2026|trends_earth_2026|FILE.json",
            help="Check the years against a table of periods, its id or your own file, and name it in the report.",
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Report of the baseline, to compare a later period with."),
    ] = None,
    lpd: Annotated[Path | None, typer.Option(metavar="LPD.tif", help="Land productivity dynamics, 1 to 5.")] = None,
    lpd_source: Annotated[
        Literal["jrc", "fao_wocat", "trends_earth", "national"] | None, typer.Option(help="Who made --lpd.")
    ] = None,
    trend: Annotated[Path | None, typer.Option(metavar="T.tif", help="Productivity trend: -1, 0, 1.")] = None,
    state: Annotated[Path | None, typer.Option(metavar="S.tif", help="Productivity state: -1, 0, 1.")] = None,
    performance: Annotated[Path | None, typer.Option(metavar="P.tif", help="Productivity performance: -1, 0.")] = None,
    raw_layers: Annotated[
        bool,
        typer.Option("--raw-layers", help="--trend and --state are Trends.Earth's: -3 to 3, and change of class."),
    ] = False,
    lpd_table: Annotated[
        Literal["prais2026", "gpg_v1", "gpg_v2"] | None,
        typer.Option(help="How trend, state and performance combine; default: prais2026."),
    ] = None,
    soc_change: Annotated[
        Path | None, typer.Option(metavar="C.tif", help="Change of soil organic carbon in percent, floats or integers.")
    ] = None,
    soc_condition: Annotated[Path | None, typer.Option(metavar="C.tif", help="Soil organic carbon: -1, 0, 1.")] = None,
    soc_stock: Annotated[
        Path | None,
        typer.Option(
            metavar="S.tif",
            help="Stock of the initial year, t/ha, floats or integers, to follow through the change of cover.",
        ),
    ] = None,
    climate: Annotated[
        str | None,
        typer.Option(
            metavar="ZONES.tif|NAME", help="For --soc-stock: raster of IPCC zones, or one name such as temperate_dry."
        ),
    ] = None,
    soc_threshold: Annotated[
        float | None, typer.Option(metavar="PERCENT", help="What is a loss or gain of carbon; default: 10.")
    ] = None,
    nodata_policy: Annotated[
        Literal["strict", "single_evidence"] | None,
        typer.Option(help="What the indicator makes of a missing sub-indicator; default: strict."),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            metavar="C.geojson", help="Where experts know better than the indicator, as Trends.Earth writes it."
        ),
    ] = None,
    min_spot: Annotated[float, typer.Option(metavar="KM2", help="Smallest hot- or brightspot.")] = 1.0,
    most_spots: Annotated[int, typer.Option(min=1, help="Most of each kind.")] = 100,
    confidence: Annotated[
        Literal["high", "medium", "low"] | None, typer.Option(help="How sure the country is of the degraded area.")
    ] = None,
    language: Annotated[
        Language, typer.Option(metavar="|".join(LANGUAGES), help="Language of tables and page.")
    ] = "en",
    replace: Annotated[bool, typer.Option("--replace", help="Put the report in place of one that lies there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the report of one period from two land-cover maps.

    The folder gets a workbook (so1.xlsx) and JSON and CSV with the tables SO1-1 to SO1-4, Trends.Earth's summary, the
    degradation and transition maps, hot- and brightspots, a page (report.html), and a STAC Item. With productivity and
    soil carbon the indicator SDG 15.3.1 is computed, with --baseline the status of land. Everything appears when all is
    done, or nothing. docs/ldn.md explains rules and options.
    """
    first, last = parse_years(years)
    crosswalk_before, national_before = crosswalk_of(crosswalk)
    later, national_later = (
        (crosswalk_before, national_before) if crosswalk_after is None else crosswalk_of(crosswalk_after)
    )
    refuse_empty_words(
        {
            "--layer": layer,
            "--name-field": name_field,
            "--name": name,
            "--legend": legend,
            "--legend-after": legend_after,
            "--product": product,
            "--product-after": product_after,
            "--climate": climate,
        }
    )
    if areas is None and (layer or name_field):
        raise WrongUse("--layer and --name-field are about --areas; give it, or leave them out")
    chosen = matrix_of(matrix, regions, named_files(regional_matrix, "--regional-matrix"))

    some_productivity = any(path is not None for path in (lpd, trend, state, performance))
    some_carbon = any(path is not None for path in (soc_change, soc_condition, soc_stock))
    refuse_idle(
        {
            "--lpd-table": (lpd_table, some_productivity, "land productivity (--lpd, or --trend and the others)"),
            "--soc-threshold": (soc_threshold, some_carbon and soc_condition is None, "--soc-change or --soc-stock"),
            "--nodata-policy": (nodata_policy, some_productivity and some_carbon, "productivity and soil carbon"),
        }
    )

    from indicators.condition.correction_files import read_corrections  # noqa: PLC0415 - these load GDAL
    from indicators.condition.oneout import nodata_policy as policy_of  # noqa: PLC0415
    from indicators.zones.reading import read_zones  # noqa: PLC0415
    from serving.report.folder import report_folder  # noqa: PLC0415
    from serving.report.making import make_report  # noqa: PLC0415
    from serving.report.request import CoverMap, ReportRequest, SpotTerms, period_of  # noqa: PLC0415

    request = ReportRequest(
        before=CoverMap(
            source=before,
            year=first,
            legend=legend,
            crosswalk=crosswalk_before,
            national=national_before,
            product=product,
        ),
        after=CoverMap(
            source=after,
            year=last,
            legend=legend_after or legend,
            crosswalk=later,
            national=national_later,
            product=product_after or product,
        ),
        period=period_of(first, last, period),
        zones=None if areas is None else read_zones(areas, layer=layer, name_field=name_field),
        name=name,
        matrix=chosen,
        productivity=productivity_of(
            lpd,
            lpd_source,
            {"--trend": trend, "--state": state, "--performance": performance},
            raw=raw_layers,
            table=lpd_table or "prais2026",
        ),
        soil=soil_of(
            soc_change,
            soc_condition,
            soc_stock,
            climate,
            10.0 if soc_threshold is None else soc_threshold,
            (first, last),
        ),
        policy=policy_of(nodata_policy or "strict"),
        corrections=None if corrections is None else read_corrections(corrections),
        baseline=baseline,
        preset=preset_of(preset),
        spots=SpotTerms(min_km2=min_spot, most=most_spots),
        confidence=confidence,
        language=language,
    )
    shown = sys.stderr.isatty() and not as_json
    with (
        stop_like_interrupt(publishes=True),
        report_folder(output, replace=replace) as folder,
        progress_bar(f"reporting {request.title}", shown=shown) as progress,
    ):
        made = make_report(request, folder, progress=progress)
    _tell(made, output, as_json=as_json)


app.command("matrix")(reportmatrix.matrix)
app.command("productivity")(reportproductivity.productivity)
app.command("sample")(sampling.sample)
app.command("estimate")(sampling.estimate)
app.command("compare")(reportcompare.compare)


def _tell(made: ReportMade, output: Path, *, as_json: bool) -> None:
    document = made.to_json()
    document["files"] = {name: str(output / name) for name in made.names}
    with answering():
        if as_json:
            typer.echo(json.dumps(document, indent=2))
            return
        period, land = document["period"], made.made.whole
        typer.echo(f"{made.title}, {period['initial']}-{period['final']}: mapped area (pixel count) in km2")
        totals = land.cover
        rows = {
            "country": land.country_km2,
            "land": land.land_km2("final"),
            "degraded by land cover": totals.degraded,
            "improved by land cover": totals.improved,
            "no data on land cover": totals.no_data,
        }
        if land.degraded_km2 is not None:
            rows["degraded (SDG 15.3.1)"] = land.degraded_km2
        for title, km2 in rows.items():
            typer.echo(f"  {title:<24}{km2:>16,.2f}")
        if land.degraded_percent is not None:
            typer.echo(f"  {'percent of land':<24}{land.degraded_percent:>16,.2f}")
        for warning in made.warnings:
            typer.secho(f"  note: {warning}", fg=typer.colors.YELLOW, err=True)
        typer.echo(f"  {output / 'report.html'}")
        typer.echo(f"  {output / 'so1.xlsx'}")
