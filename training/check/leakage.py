"""Checks between splits: the same pixels, or the same ground, on both sides make every score too good."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from landcover.grid import Grid
from training.check.findings import Finding, error, note
from training.check.survey import Survey
from training.scenes import PartScene

_SLIVER: Final = 0.5  # pixels; edges of neighbours agree no better where their CRS differ
_ROOM: Final = 0.05
_HALF_TURN: Final = 180.0
_SIDE_POINTS: Final = 16
_LONLAT: Final = CRS.from_epsg(4326)


def leak_findings(splits: Mapping[str, Sequence[Survey]], *, buffer: int = 0) -> Iterator[Finding]:
    """The same image in two splits, footprints that overlap, and parts of one image nearer than the buffer.

    A scene that two splits share on purpose (a held-out fold is validation and test at once) is no leak.

    Args:
        splits: Split name to surveys of its scenes.
        buffer: Pixels that must lie between parts of one image in different splits.
    """
    where = {survey.name: (split, survey) for split, surveys in splits.items() for survey in surveys}
    twice = [name for name, count in _occurrences(splits).items() if count > 1]
    if twice:
        yield note("shared-scenes", "splits share scenes by choice of the split", count=len(twice), value=twice[0])
    entries = list(where.values())
    same = list(_same_pixels(entries))
    yield from same
    known = {frozenset((found.scene, found.value)) for found in same}
    for found in _near_ground(entries, buffer):
        if frozenset((found.scene, found.value)) not in known:
            yield found


def _occurrences(splits: Mapping[str, Sequence[Survey]]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for surveys in splits.values():
        for survey in surveys:
            counts[survey.name] += 1
    return counts


def _same_pixels(entries: Sequence[tuple[str, Survey]]) -> Iterator[Finding]:
    by_digest: dict[str, list[tuple[str, Survey]]] = defaultdict(list)
    for split, survey in entries:
        if survey.valid and not survey.failures:
            for digest in set(survey.digests):
                by_digest[digest].append((split, survey))
    for alike in by_digest.values():
        for (split, one), (other_split, other) in combinations(alike, 2):
            if split != other_split:
                same = "are the same image" if len(one.digests) == 1 else "share an image"
                message = (
                    f"{one.name} in {split!r} and {other.name} in {other_split!r} {same}, pixel by pixel; keep one, or "
                    "put both into one split"
                )
                yield error("duplicate", message, scene=one.name, value=other.name, count=one.pixels, split=split)


def _near_ground(entries: Sequence[tuple[str, Survey]], buffer: int) -> Iterator[Finding]:
    placed = [
        (split, survey, survey.scene.info.grid) for split, survey in entries if survey.scene.info.grid is not None
    ]
    for here, there in _candidates([grid for _, _, grid in placed], buffer):
        (split, one, grid), (other_split, other, other_grid) = placed[here], placed[there]
        if split == other_split:
            continue
        shared = shared_pixels(grid, other_grid, gap=0)
        names = f"{one.name} in {split!r} and {other.name} in {other_split!r}"
        if shared:
            message = (
                f"{names} show the same ground ({shared:,} pixels); put both into one split, for example by giving "
                "them one site"
            )
            yield error("overlap", message, scene=one.name, value=other.name, count=shared, split=split)
        elif buffer and _of_one_image(one, other) and shared_pixels(grid, other_grid, gap=buffer):
            message = (
                f"{names} are parts of one image with less than {buffer} pixels between them; enlarge "
                "split.blocks.buffer"
            )
            yield error("buffer", message, scene=one.name, value=other.name, count=buffer, split=split)


def _of_one_image(one: Survey, other: Survey) -> bool:
    parts = isinstance(one.scene, PartScene) and isinstance(other.scene, PartScene)
    return parts and one.whole == other.whole


def _candidates(grids: Sequence[Grid], buffer: int) -> list[tuple[int, int]]:
    """Pairs whose boxes in longitude and latitude touch, each once."""
    boxes: list[Any] = []
    owners: list[int] = []
    for number, grid in enumerate(grids):
        for box in _lonlat_boxes(grid, buffer):
            boxes.append(box)
            owners.append(number)
    if not boxes:
        return []
    pairs_2P = shapely.STRtree(boxes).query(boxes)
    found = {(owners[a], owners[b]) for a, b in pairs_2P.T.tolist() if owners[a] < owners[b]}
    return sorted(found)


def _lonlat_boxes(grid: Grid, buffer: int) -> list[Any]:
    """The box around a grid, wider by more than the buffer; two boxes where it crosses the date line."""
    lon, lat = Transformer.from_crs(grid.crs, _LONLAT, always_xy=True).transform(*_outline(grid).T)
    lon = np.mod(lon + _HALF_TURN, 2 * _HALF_TURN) - _HALF_TURN
    wider = _ROOM + buffer / min(grid.height, grid.width)
    south, north = _widened(lat, wider)
    if np.ptp(lon) <= _HALF_TURN:
        west, east = _widened(lon, wider)
        return [shapely.box(west, south, east, north)]
    return [
        shapely.box(lon[lon > 0].min(), south, _HALF_TURN, north),
        shapely.box(-_HALF_TURN, south, lon[lon < 0].max(), north),
    ]


def _widened(degrees: NDArray[np.float64], share: float) -> tuple[float, float]:
    low, high = float(degrees.min()), float(degrees.max())
    margin = share * (high - low)
    return low - margin, high + margin


def _outline(grid: Grid) -> NDArray[np.float64]:
    """Points along the border of a grid, in its CRS, (point, 2)."""
    side = np.linspace(0, 1, _SIDE_POINTS, endpoint=False)
    zero, one = np.zeros_like(side), np.ones_like(side)
    cols = np.concatenate([side, one, 1 - side, zero]) * grid.width
    rows = np.concatenate([zero, side, one, 1 - side]) * grid.height
    return _applied(grid.transform, cols, rows)


def _applied(transform: Affine, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(
        [transform.a * xs + transform.b * ys + transform.c, transform.d * xs + transform.e * ys + transform.f]
    )


def shared_pixels(one: Grid, other: Grid, *, gap: int) -> int:
    """Pixels of the first grid that lie in the second, or less than a gap from it; slivers do not count.

    Args:
        one: A grid.
        other: Another, in any CRS.
        gap: Distance in pixels of the first grid; 0 asks for overlap.
    """
    transformer = Transformer.from_crs(other.crs, one.crs, always_xy=True)
    x, y = transformer.transform(*_outline(other).T)
    if one.crs.is_geographic:  # count degrees from the first grid, so that nothing jumps at the date line
        centre = (one.transform @ (one.width / 2, one.height / 2))[0]
        x = np.mod(x - centre + _HALF_TURN, 2 * _HALF_TURN) - _HALF_TURN + centre
    if not (np.isfinite(x).all() and np.isfinite(y).all()):  # on the other side of the Earth
        return 0
    ring = shapely.make_valid(shapely.polygons(_applied(~one.transform, np.asarray(x), np.asarray(y))))
    reach = shapely.box(-gap, -gap, one.width + gap, one.height + gap)
    shared = shapely.intersection(ring, reach)
    if shapely.is_empty(shapely.buffer(shared, -_SLIVER / 2, join_style="mitre")):
        return 0
    return max(1, round(float(shapely.area(shared))))
