"""Draw a sample from a class map: the job behind ``steppe report sample``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

from indicators.areas import PixelAreas
from indicators.caveats import Caveat
from indicators.sampling.allocation import Allocation
from indicators.sampling.design import AreaTarget, SampleDesign, SizeOrder, plan_design
from indicators.sampling.draw import Position, draw_positions, shuffled
from indicators.sampling.strata import SampleDesignInvalid, Strata
from indicators.zones.zone import Zones
from landcover.errors import WrongUse
from landcover.grid import Grid
from landcover.identity import canonical_sha256
from landcover.legends import Legend
from landcover.raster.categorical import CodeMap, open_codes
from landcover.raster.geojson import parse_crs
from serving.report.points import SamplePoint, point_format, write_points
from serving.report.population import Population, class_code, count_population, legend_of
from serving.report.samplingareas import SampledAreas
from serving.staging import Staging, write_file

BY_CLASS: Final = "map-classes"
WHOLE_MAP: Final = "none"
EXPECTED: Final = 0.8
"""User's accuracy that is expected where the caller says nothing."""

DESIGN_ENDING: Final = ".design.json"

DIGEST: Final = "content_sha256"
"""Member of a design file: digest of all the others as canonical JSON, so that a changed file is known as one."""

_UNEQUAL: Final = 1.05
_WGS84: Final = "EPSG:4326"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOrder:
    """Which sample is wanted.

    Attributes:
        map: the class map.
        legend: id of its legend, where the map does not state it; wins over what it states.
        by_class: whether the map's classes are the strata; else the whole map is one.
        n: points, or None.
        target_se: wanted standard error of overall accuracy, a share, or None.
        area_se: ``CLASS=KM2``, wanted standard error of the area of a class, or None.
        omission: share of every other stratum that is expected to be that class.
        expected: expected user's accuracies, ``0.85`` or ``CLASS=0.7``; later ones win.
        allocation: how points are shared out.
        minimum: fewest points of a stratum, or None.
        exclude: classes that are not of the population, by code or name.
        seed: of the drawing.
        crs: of x and y in the table, or None for the map's.
        zones: the areas that the sample is of; None = all of the map.
    """

    map: Path
    legend: str | None = None
    by_class: bool = True
    n: int | None = None
    target_se: float | None = None
    area_se: str | None = None
    omission: float | None = None
    expected: tuple[str, ...] = ()
    allocation: Allocation = Allocation.COMPROMISE
    minimum: int | None = None
    exclude: tuple[str, ...] = ()
    seed: int = 1
    crs: str | None = None
    zones: Zones | None = None


@dataclass(frozen=True, slots=True)
class DrawnSample:
    """What was drawn and where it was written.

    Attributes:
        design: the design.
        document: all of the design file.
        caveats: what to know of it.
        points: the table.
        path: the design file.
    """

    design: SampleDesign
    document: dict[str, Any]
    caveats: tuple[Caveat, ...]
    points: Path
    path: Path


def draw_sample(order: SampleOrder, output: Path) -> DrawnSample:
    """Draw a sample and write its points and its design; nothing is written when anything fails.

    Args:
        order: which sample.
        output: the table of points, ``.csv`` or ``.gpkg``; the design lies beside it as ``NAME.design.json``.

    Raises:
        DataError: when the map or the areas cannot be used.
        ConfigError: when the order cannot be met, or the legend is not known.
        WrongUse: when a file is there already: interpreters may have worked on it.
        OutputNotWritable: when a file cannot be written.
        DiskFull: when there is no space.
    """
    point_format(output)
    design_path = output.with_name(output.stem + DESIGN_ENDING)
    for path in (output, design_path):
        if path.exists():
            raise WrongUse(f"{path.name!r} is there already, maybe with the work of interpreters; choose another name")
    with Staging() as staging:
        staged = {path: staging.path_for(path) for path in (output, design_path)}
        legend = legend_of(order.map, order.legend)
        with open_codes(order.map) as codes:
            areas = None if order.zones is None else SampledAreas(order.zones, codes.grid)
            population = count_population(codes, legend, exclude=order.exclude, by_class=order.by_class, areas=areas)
            design = plan_design(
                population.strata,
                _size(order, legend),
                users=_users(order.expected, population, legend),
                method=order.allocation,
                minimum=order.minimum,
                seed=order.seed,
            )
            drawn = _draw(codes, population, design)
            digest = codes.scene.input_digest()
            grid = codes.grid
        crs = grid.crs if order.crs is None else parse_crs(order.crs)
        caveats = (*design.caveats, *_unequal(grid))
        document = _document(design, population, drawn, crs, caveats) | {"map": _map_entry(order.map, digest, grid)}
        write_points(_points(drawn, design.strata, grid, crs), staged[output], crs.to_wkt())
        document[DIGEST] = canonical_sha256(document)
        write_file(staged[design_path], (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
        staging.publish()
    return DrawnSample(design, document, caveats, output, design_path)


class _Drawn(NamedTuple):
    """A drawn pixel, and the class of the map there."""

    position: Position
    mapped: int


def _draw(codes: CodeMap, population: Population, design: SampleDesign) -> list[_Drawn]:
    """Second pass: the points, in the order of work; with one stratum a third one for the classes there."""
    strata = design.strata
    pixels = {stratum.code: stratum.pixels for stratum in strata.each}
    counts = dict(zip(strata.codes, design.counts, strict=True))
    positions = draw_positions(population.rows(codes), pixels, counts, design.seed)
    mapped = population.classes_at(codes, positions)
    return [_Drawn(at, mapped[at]) for at in shuffled(positions, design.seed)]


def _size(order: SampleOrder, legend: Legend) -> SizeOrder:
    if order.area_se is None:
        if order.omission is not None:
            raise WrongUse("--omission says what --area-se expects, but there is no --area-se; give it, too")
        return SizeOrder(n=order.n, overall_se=order.target_se)
    name, separator, number = order.area_se.partition("=")
    km2 = _number(number) if separator else None
    if km2 is None:
        raise WrongUse(f"{order.area_se!r} is no standard error of a class's area; give for example 5=12.5 (km2)")
    if not order.by_class:
        raise WrongUse("--area-se is for the area of a class that is a stratum; leave --whole-map out")
    target = AreaTarget(code=class_code(name, legend), se_km2=km2, omission=order.omission)
    return SizeOrder(n=order.n, overall_se=order.target_se, area=target)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _users(expected: Sequence[str], population: Population, legend: Legend) -> npt.NDArray[np.float64]:
    """Expected user's accuracy of each stratum."""
    codes = population.strata.codes
    users = dict.fromkeys(codes, EXPECTED)
    for text in expected:
        name, separator, number = text.rpartition("=")
        share = _number(number)
        if share is None:
            raise WrongUse(f"{text!r} is no expected accuracy; give a share as 0.85, or of one class as 3=0.7")
        which = [class_code(name, legend)] if separator else codes
        if not set(which) <= set(codes):
            raise SampleDesignInvalid(f"an accuracy is expected of class {name}, which is no stratum of this sample")
        users |= dict.fromkeys(which, share)
    return np.array([users[code] for code in codes])


def _points(drawn: Sequence[_Drawn], strata: Strata, grid: Grid, crs: CRS) -> list[SamplePoint]:
    """The table: centres of the pixels in both systems."""
    titles = {stratum.code: stratum.title for stratum in strata.each}
    centres = [grid.transform @ (one.position.col + 0.5, one.position.row + 0.5) for one in drawn]
    xs, ys = (np.array(axis) for axis in zip(*centres, strict=True))
    lon, lat = Transformer.from_crs(grid.crs, CRS(_WGS84), always_xy=True).transform(xs, ys)
    if crs != grid.crs:
        xs, ys = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(xs, ys)
    if not all(np.isfinite(axis).all() for axis in (lon, lat, xs, ys)):
        raise SampleDesignInvalid(f"points of the map have no place in {crs.name!r}; choose another --crs")
    return [
        SamplePoint(
            id=number,
            lon=float(lon[number - 1]),
            lat=float(lat[number - 1]),
            x=float(xs[number - 1]),
            y=float(ys[number - 1]),
            stratum=one.position.stratum,
            title=titles[one.position.stratum],
        )
        for number, one in enumerate(drawn, start=1)
    ]


def _unequal(grid: Grid) -> tuple[Caveat, ...]:
    """Pixels are drawn with equal chance, however large they are."""
    areas, rows = PixelAreas(grid), {0, grid.height // 2, grid.height - 1}
    sizes = [size for row in rows for size in (areas.rows(row, row + 1).min(), areas.rows(row, row + 1).max())]
    ratio = float(max(sizes) / min(sizes))
    if ratio <= _UNEQUAL:
        return ()
    text = (
        f"Pixels differ in ground area by a factor of up to {ratio:.2f}, but each is drawn with equal chance: shares "
        "within a stratum are shares of pixels; an equal-area grid avoids that."
    )
    return (Caveat("sample-unequal-pixels", text),)


def _map_entry(path: Path, digest: str, grid: Grid) -> dict[str, Any]:
    return {
        "name": path.name,
        "sha256": digest,
        "crs": grid.crs.to_string(),
        "transform": list(grid.transform)[:6],
        "height": grid.height,
        "width": grid.width,
    }


def _document(
    design: SampleDesign, population: Population, drawn: Sequence[_Drawn], crs: CRS, caveats: Sequence[Caveat]
) -> dict[str, Any]:
    """The design file, but for the map."""
    table, legend = population.table, population.legend
    return design.to_document() | {
        "identity": design.identity,
        "stratification": BY_CLASS if population.by_class else WHOLE_MAP,
        "legend": {
            "id": legend.id,
            "version": legend.version,
            "classes": [{"code": one.code, "name": one.name, "title": one.title} for one in legend.classes],
        },
        "mapped_areas": [
            {"code": row.code, "pixels": row.pixels, "area_km2": row.area_km2} for row in table.rows if row.pixels
        ],
        "areas": None if population.areas is None else population.areas.to_document(),
        "excluded": sorted(population.excluded),
        "nodata": {"pixels": table.nodata_pixels, "area_km2": table.nodata_area_km2},
        "area_method": table.method,
        "points_crs": crs.to_string(),
        "caveats": [{"slug": caveat.slug, "text": caveat.text} for caveat in caveats],
        "point_columns": ["id", "stratum", "map_class", "row", "col"],
        "points": [
            [number, one.position.stratum, one.mapped, one.position.row, one.position.col]
            for number, one in enumerate(drawn, start=1)
        ],
    }
