"""Hot- and brightspots of the rasters that a report has just written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from indicators.areas import PixelAreas
from indicators.reporting import entries
from indicators.spots import BRIGHTSPOT, HOTSPOT, Spot, Spots, find_spots, processes_of, spot_query
from indicators.transitions import TransitionMatrix
from indicators.zones.areas import ZonedAreas
from indicators.zones.placed import ZonesOnGrid
from landcover.grid import Grid, Window
from landcover.raster.categorical import CodeMap, open_codes
from landcover.raster.patches import Rows
from serving.report.page import data as page
from serving.report.request import SpotTerms

NAMES = {HOTSPOT: "Hotspot", BRIGHTSPOT: "Brightspot"}


def spots_of(
    layer: Path,
    transitions: Path,
    matrices: Sequence[TransitionMatrix],
    terms: SpotTerms,
    zones: ZonesOnGrid | None = None,
    *,
    watch: Callable[[], None] = lambda: None,
) -> dict[str, Spots]:
    """The spots of a layer of -1, 0, 1.

    Args:
        layer: the raster of the indicator, or of degradation by land cover.
        transitions: the raster of transitions of the same grid.
        matrices: what they mean; under several matrices no process is named, as it depends on the region.
        terms: which patches are spots.
        zones: the areas of the report on that grid; of pixels on their borders only the part inside counts.
        watch: called before rows are read; what it raises ends the search.

    Raises:
        DataError: when a raster cannot be read.
    """
    found = {}
    with open_codes(layer) as condition, open_codes(transitions) as changes:
        whole = PixelAreas(condition.grid)
        areas = whole if zones is None else ZonedAreas(whole, zones)
        for kind in (HOTSPOT, BRIGHTSPOT):
            named = processes_of(_rows(changes, watch), matrices[0], kind) if len(matrices) == 1 else None
            query = spot_query(kind, min_km2=terms.min_km2, most=terms.most)
            found[kind] = find_spots(kind, _rows(condition, watch), condition.grid, query, processes=named, areas=areas)
    return found


def entries_of(spots: Spots) -> tuple[entries.Spot, ...]:
    """Rows of SO1-4.T4 or T5."""
    return tuple(
        entries.Spot(f"{NAMES[spots.kind]} {spot.rank}", spot.area_km2, spot.process or "") for spot in spots.spots
    )


def listed_on_page(spots: Spots, grid: Grid) -> tuple[page.Spot, ...]:
    """Rows of the page's list; a spot of a grid without degrees is left out."""
    to_degrees = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)
    return tuple(
        page.Spot(
            kind="hotspot" if spots.kind == HOTSPOT else "brightspot",
            name=f"{NAMES[spots.kind]} {spot.rank}",
            km2=spot.area_km2,
            processes=() if spot.process is None else (spot.process,),
            lon=place[0],
            lat=place[1],
        )
        for spot in spots.spots
        for place in [_inside(spot, grid, to_degrees)]
        if np.isfinite(place).all()
    )


def _rows(codes: CodeMap, watch: Callable[[], None]) -> Rows:
    def rows(start: int, stop: int) -> npt.NDArray[np.integer]:
        watch()
        block = codes.scene.read(Window(start, 0, stop - start, codes.grid.width))
        return np.asarray(block.data[0])

    return rows


def _inside(spot: Spot, grid: Grid, to_degrees: Transformer) -> tuple[float, float]:
    """The middle of the spot's window, in degrees."""
    col = spot.window.col + spot.window.width / 2
    row = spot.window.row + spot.window.height / 2
    lon, lat = to_degrees.transform(*(grid.transform @ (col, row)))
    return float(lon), float(lat)
