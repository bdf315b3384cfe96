"""``steppe report sample`` and ``steppe report estimate``: points to interpret, and what they say of a map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indicators.sampling.allocation import Allocation
from landcover.errors import WrongUse
from serving.commands.common import JsonOption, answering
from serving.commands.reportoptions import refuse_empty_words
from serving.signals import stop_like_interrupt

if TYPE_CHECKING:  # these load GDAL, which --help should not wait for
    from collections.abc import Iterable

    from indicators.caveats import Caveat
    from serving.report.sampling import DrawnSample


def sample(
    class_map: Annotated[
        Path,
        typer.Argument(
            metavar="MAP.tif", show_default=False, help="Class map, one band: land cover, productivity or change."
        ),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="POINTS.gpkg|.csv",
            help="Table of points for interpreters; the design lies beside it as POINTS.design.json.",
        ),
    ],
    legend: Annotated[
        str | None, typer.Option(metavar="ID", help="Legend of the map, when it does not state one: unccd7, lpd5, ...")
    ] = None,
    areas: Annotated[
        Path | None,
        typer.Option(
            metavar="AREAS.gpkg",
            help="Sample these areas only, as in the report: pixels whose centre lies in them. Default: the whole map.",
        ),
    ] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Layer of --areas, where it has several.")] = None,
    name_field: Annotated[str | None, typer.Option(metavar="FIELD", help="Field of --areas with the names.")] = None,
    by_class: Annotated[
        bool, typer.Option("--by-class/--whole-map", help="The classes of the map are the strata, or all of it is one.")
    ] = True,
    n: Annotated[int | None, typer.Option("--n", metavar="641", help="Number of points.")] = None,
    target_se: Annotated[
        float | None,
        typer.Option(metavar="0.01", help="Instead of --n: wanted standard error of overall accuracy, a share."),
    ] = None,
    area_se: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS=KM2", help="Instead of --n, or with --target-se: wanted standard error of a class's area."
        ),
    ] = None,
    omission: Annotated[
        float | None,
        typer.Option(
            metavar="0.01",
            help="Of --area-se: share of the other classes that is expected to be that class in truth; default: errors "
            "are spread evenly.",
        ),
    ] = None,
    expected_accuracy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="0.85|CLASS=0.7", help="User's accuracy to be expected, of all classes or one; default: 0.8."
        ),
    ] = None,
    allocation: Annotated[
        Allocation,
        typer.Option(
            help="How points are shared out; compromise: rare classes get --minimum, the others are in proportion; "
            "neyman: the least standard error of overall accuracy."
        ),
    ] = Allocation.COMPROMISE,
    minimum: Annotated[
        int | None,
        typer.Option(metavar="50", help="Fewest points of a class; default: 50 under compromise, else 2."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="Class that is not sampled, such as water; several times for several."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same points, with every version.")] = 1,
    crs: Annotated[
        str | None, typer.Option(metavar="EPSG:32633", help="CRS of x and y in the table; default: the map's.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw a random sample of a class map, for interpreters to say what is really there.

    The number of points is given, or follows from a wanted standard error (Olofsson et al. 2014, Eq. 13). Every pixel
    of a class has the same chance. The design file says how the points were drawn; without it nothing can be estimated
    from them: keep it.

    As many points as a standard error of 1 % of overall accuracy needs, 75 in each rare class: steppe report sample
    map.tif -o points.gpkg --target-se 0.01 --expected-accuracy 0.9 --expected-accuracy 5=0.7 --minimum 75
    """
    refuse_empty_words({"--layer": layer, "--name-field": name_field})
    if areas is None and (layer or name_field):
        raise WrongUse("--layer and --name-field are about --areas; give it, or leave them out")

    from indicators.zones.reading import read_zones  # noqa: PLC0415 - these load GDAL
    from serving.report.sampling import SampleOrder, draw_sample  # noqa: PLC0415

    order = SampleOrder(
        map=class_map,
        legend=legend,
        by_class=by_class,
        n=n,
        target_se=target_se,
        area_se=area_se,
        omission=omission,
        expected=tuple(expected_accuracy or ()),
        allocation=allocation,
        minimum=minimum,
        exclude=tuple(exclude or ()),
        seed=seed,
        crs=crs,
        zones=None if areas is None else read_zones(areas, layer=layer, name_field=name_field),
    )
    with stop_like_interrupt(publishes=True):
        drawn = draw_sample(order, output)
    with answering():
        if as_json:
            files = {"points": str(drawn.points), "design": str(drawn.path)}
            shown = {key: said for key, said in drawn.document.items() if key != "points"}
            typer.echo(json.dumps(shown | {"files": files}, indent=2))
        else:
            _tell(drawn)


def estimate(
    points: Annotated[
        Path,
        typer.Argument(
            metavar="POINTS.gpkg|.csv", show_default=False, help="The table of steppe report sample, filled in."
        ),
    ],
    *,
    design: Annotated[
        Path | None,
        typer.Option(
            metavar="POINTS.design.json", help="The design of steppe report sample; default: that beside the points."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for accuracy.json, .csv and .md.")
    ],
    used: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS",
            help="Class in a transition that is reported, whose accuracies are judged; several times for several, "
            "default: all.",
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Leave points without a reference out; right only if they are missing by chance."
        ),
    ] = False,
    finite_population: Annotated[
        bool,
        typer.Option("--finite-population", help="Standard errors with the factor 1 - n/N, for maps of few pixels."),
    ] = False,
    nodata_land: Annotated[
        float | None, typer.Option(metavar="PERCENT", help="Land without data, which is then judged as well.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate the accuracy of a map and the areas of its classes from interpreted points.

    Overall, user's and producer's accuracies, and areas corrected for the errors of the map, with 95 % intervals
    (Olofsson et al. 2014; Stehman 2014 where the strata are not the classes). Gates say whether that is enough to be
    reported to UNCCD. Reference classes are codes, or names of the legend.
    """
    from serving.report.accuracy import AccuracyOrder, publish_assessment  # noqa: PLC0415 - loads GDAL

    order = AccuracyOrder(
        points=points,
        design=design,
        used=tuple(used or ()),
        partial=partial,
        finite_population=finite_population,
        nodata_percent=nodata_land,
    )
    with stop_like_interrupt(publishes=True):
        result, files = publish_assessment(order, output)
    with answering():
        if as_json:
            typer.echo(
                json.dumps(result.document | {"files": {name: str(path) for name, path in files.items()}}, indent=2)
            )
            return
        typer.echo(result.summary)
        for path in files.values():
            typer.echo(f"  {path}")


def _tell(drawn: DrawnSample) -> None:
    """The numbers of a sample for people."""
    design = drawn.design
    typer.echo(f"{design.n} points, seed {design.seed}; {design.size.formula} ({design.size.source})")
    for stratum, count in zip(design.strata.each, design.counts, strict=True):
        typer.echo(
            f"  {stratum.code:>6} {stratum.title}: {count} of {stratum.pixels} pixels, {stratum.area_km2:.2f} km2"
        )
    typer.echo(f"expected standard error of overall accuracy: {100 * design.expected_se_overall:.2f} %")
    _warn(drawn.caveats)
    typer.echo(f"  points  {drawn.points}")
    typer.echo(f"  design  {drawn.path}")


def _warn(caveats: Iterable[Caveat]) -> None:
    for caveat in caveats:
        typer.secho(f"warning: {caveat.text}", fg=typer.colors.YELLOW, err=True)
