"""Hotspots and brightspots: connected land that is degraded or improved, with its area and what happened there.

UNCCD PRAIS 4 reporting manual, SO1.md 1.4.3 step 3, tables SO1-4.T4 (hotspots) and SO1-4.T5 (brightspots). What a
country reports as a hotspot is its own choice; these are candidates: patches of one class of the indicator above a
smallest area. The process is that of the land-cover change; land whose cover did not change is degraded by productivity
or soil carbon, which name none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from pyproj import Transformer

from indicators.areas import PixelAreas
from indicators.codes import DEGRADED, IMPROVED, NODATA, OUTSIDE
from indicators.transitions import TransitionMatrix
from indicators.zones.areas import RowAreas
from landcover.errors import ConfigError
from landcover.grid import Grid, Window
from landcover.legends import CLASS_NODATA
from landcover.lookup import build_table, look_up
from landcover.raster.outlines import Outline, Outliner
from landcover.raster.patches import (
    Left,
    Patch,
    Patches,
    PatchQuery,
    PatchRuns,
    Rows,
    expanded,
    find_patches,
    patch_runs,
)

HOTSPOT: Final = "hotspot"
BRIGHTSPOT: Final = "brightspot"

CONDITION: Final[Mapping[str, int]] = MappingProxyType({HOTSPOT: DEGRADED, BRIGHTSPOT: IMPROVED})
"""Condition of the land that each kind of spot is made of."""

PRAIS_TABLE: Final[Mapping[str, str]] = MappingProxyType({HOTSPOT: "SO1-4.T4", BRIGHTSPOT: "SO1-4.T5"})

MOSTLY_PERCENT: Final = 50.0
"""Share of a spot that a process must have made to name it: most of a spot may come from productivity or carbon."""

_BORDER: Final = 16
"""Points along each side of a window whose extent in degrees is asked for."""


@dataclass(frozen=True, slots=True)
class ProcessShare:
    """A process within a spot.

    Attributes:
        process: its English name in the transition matrix.
        km2: area on which it happened.
        percent: share of the spot.
    """

    process: str
    km2: float
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One spot: mapped area (pixel count).

    Attributes:
        kind: ``hotspot`` or ``brightspot``.
        rank: 1 is the largest.
        pixels: number of pixels.
        area_km2: area on the ellipsoid, not rounded.
        window: the smallest window around it.
        bbox: extent of that window in degrees: west, south, east, north; west is more than east where it crosses the
            antimeridian (RFC 7946, section 5.2). None where the CRS has no degrees there.
        processes: processes that made it, largest first; empty where no transitions were given.
        unexplained_km2: land whose cover did not change in that direction, or is not known.
        outline: along the sides of pixels.
    """

    kind: str
    rank: int
    pixels: int
    area_km2: float
    window: Window
    bbox: tuple[float, float, float, float] | None
    processes: tuple[ProcessShare, ...]
    unexplained_km2: float
    outline: Outline

    @property
    def process(self) -> str | None:
        """Name of the process that made at least half of it; None where no change of land cover explains so much."""
        first = self.processes[0] if self.processes else None
        return first.process if first is not None and first.percent >= MOSTLY_PERCENT else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spots:
    """The spots of a map.

    Attributes:
        kind: ``hotspot`` or ``brightspot``.
        query: which patches were wanted.
        spots: the largest ones, largest first.
        left_out: others that are large enough, but not among the ``query.most`` largest.
        small: patches below ``query.min_km2``.
        method: how pixel areas were computed.
    """

    kind: str
    query: PatchQuery
    spots: tuple[Spot, ...]
    left_out: Left
    small: Left
    method: str


@dataclass(frozen=True, slots=True)
class Processes:
    """Which process explains each pixel.

    Attributes:
        names: English names.
        rows: from a first row and the row after the last to positions in ``names``: uint8 (row, col); ``len(names)``
            where none explains the pixel.
    """

    names: tuple[str, ...]
    rows: Rows


def processes_of(transitions: Rows, matrix: TransitionMatrix, kind: str) -> Processes:
    """The processes of a map of transitions.

    Args:
        transitions: rows of transition codes, ``TransitionMatrix.transitions``, or of a transition map in which land
            cover that stayed has the rank of its class (11 is 1); integers, 0, 255 or -32768 for no data.
        matrix: the matrix that the codes are of.
        kind: only processes of its sign explain a hotspot or a brightspot.

    Raises:
        ConfigError: for an unknown kind.
        UnmappedCodes: while rows are read, for a code that is no transition.
    """
    sign, codes = _sign(kind), sorted(matrix.legend.codes)
    cells = [(before, after) for before in range(len(codes)) for after in range(len(codes))]
    signed = {
        (before, after): matrix.process(codes[before], codes[after])
        for before, after in cells
        if matrix.sign(codes[before], codes[after]) == sign
    }
    names = tuple(dict.fromkeys(signed.values()))
    places = {cell: names.index(name) for cell, name in signed.items()}
    table = build_table(
        [
            *((code, len(names)) for code in (0, NODATA, OUTSIDE, CLASS_NODATA, *range(1, len(codes) + 1))),
            *((matrix.multiplier * (cell[0] + 1) + cell[1] + 1, places.get(cell, len(names))) for cell in cells),
        ]
    )
    owner = f"transition matrix {matrix.id!r}"
    return Processes(names, lambda start, stop: look_up(table, transitions(start, stop), owner=owner))


def spot_query(kind: str, *, min_km2: float, most: int = 100, connectivity: int = 4) -> PatchQuery:
    """The query of spots in a layer of -1, 0, 1; for layers of other codes make a ``PatchQuery``.

    Raises:
        ConfigError: for an unknown kind or an impossible number.
    """
    return PatchQuery((_sign(kind),), min_km2=min_km2, most=most, connectivity=connectivity)


def find_spots(
    kind: str,
    layer: Rows,
    grid: Grid,
    query: PatchQuery,
    *,
    processes: Processes | None = None,
    areas: RowAreas | None = None,
) -> Spots:
    """The spots of a map, in two passes over it.

    Args:
        kind: ``hotspot`` or ``brightspot``.
        layer: rows of the indicator, or of another layer that has the codes of the query.
        grid: grid of the map.
        query: which patches make a spot, `spot_query`.
        processes: what explains each pixel; read in the second pass, where there are spots.
        areas: areas of pixels, of the parts that lie in zones for example; None = of whole pixels.

    Raises:
        ConfigError: for an unknown kind.
        NoCrs: when the grid's CRS has no areas.
        RasterChanged: when the map changed between the passes.
    """
    _sign(kind)
    areas = areas or PixelAreas(grid)
    found = find_patches(layer, grid.height, grid.width, query, areas=areas.rows)
    outlines: dict[int, Outline] = {}
    outliner, shares = Outliner(found), _Shares(found, processes, areas)
    for runs in patch_runs(found, layer):
        shares.add(runs)
        outlines |= outliner.add(runs)
    return Spots(
        kind=kind,
        query=query,
        spots=tuple(_spot(kind, i, patch, grid, shares.of(i), outlines[i]) for i, patch in enumerate(found.patches)),
        left_out=found.left_out,
        small=found.small,
        method=areas.method,
    )


class _Shares:
    """Adds up the area of each process in each patch while runs stream by."""

    def __init__(self, found: Patches, processes: Processes | None, areas: RowAreas) -> None:
        self._found, self._areas = found, areas
        self._processes = processes or Processes(
            (), lambda start, stop: np.zeros((stop - start, found.width), np.uint8)
        )
        self._known = processes is not None
        self._km2_PN = np.zeros((len(found.patches), len(self._processes.names) + 1))

    def add(self, runs: PatchRuns) -> None:
        if not (self._known and len(runs.rows)):
            return
        patch, place = expanded(runs, self._found.width)
        process = self._processes.rows(runs.row_start, runs.row_stop).reshape(-1)[place]
        km2 = self._areas.rows(runs.row_start, runs.row_stop)
        weights = km2[place // self._found.width] if km2.ndim == 1 else km2.reshape(-1)[place]
        patches, names = self._km2_PN.shape
        cells = patch * names + process
        self._km2_PN += np.bincount(cells, weights, patches * names).reshape(patches, names)

    def of(self, i: int) -> tuple[tuple[ProcessShare, ...], float]:
        """The processes of a patch, largest first, and the area that none explains."""
        patch = self._found.patches[i]
        if not self._known:
            return (), patch.area_km2
        *areas, unexplained = self._km2_PN[i].tolist()
        named = [
            ProcessShare(name, km2, 100.0 * km2 / patch.area_km2)
            for name, km2 in zip(self._processes.names, areas, strict=True)
            if km2
        ]
        return tuple(sorted(named, key=lambda share: -share.km2)), unexplained


def _spot(
    kind: str, i: int, patch: Patch, grid: Grid, shares: tuple[tuple[ProcessShare, ...], float], outline: Outline
) -> Spot:
    return Spot(
        kind=kind,
        rank=i + 1,
        pixels=patch.pixels,
        area_km2=patch.area_km2,
        window=patch.window,
        bbox=_bbox(patch.window, grid),
        processes=shares[0],
        unexplained_km2=shares[1],
        outline=outline,
    )


def _bbox(window: Window, grid: Grid) -> tuple[float, float, float, float] | None:
    """Extent of a window in degrees, from points along its sides."""
    along = np.linspace(0, 1, _BORDER + 1)
    zero, one = np.zeros_like(along), np.ones_like(along)
    cols = window.col + window.width * np.concatenate([along, one, along[::-1], zero])
    rows = window.row + window.height * np.concatenate([zero, along, one, along[::-1]])
    t = grid.transform
    xs, ys = t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f
    lon, lat = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform(xs, ys)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    lon = np.unwrap(lon, period=360.0)
    lon -= 360.0 * np.floor((lon.min() + 180.0) / 360.0)
    east = float(lon.max())
    return float(lon.min()), float(lat.min()), east - 360.0 if east > 180.0 else east, float(lat.max())  # noqa: PLR2004


def _sign(kind: str) -> int:
    if kind not in CONDITION:
        raise ConfigError(f"spots of kind {kind!r} are not known; choose one of {', '.join(CONDITION)}")
    return CONDITION[kind]
