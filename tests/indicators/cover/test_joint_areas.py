"""Joint tables against a loop over pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from indicators.areas import PixelAreas
from indicators.cover import joint_areas
from indicators.cover.joint_areas import JointAreas
from indicators.joint import Axis, condition_axis, lpd_axis
from landcover.errors import ConfigError, WindowError
from landcover.grid import Grid, Window

HEIGHT, WIDTH = 37, 29
GRIDS = {
    "degrees": Grid(CRS.from_epsg(4326), Affine(0.01, 0, 10, 0, -0.01, 60), HEIGHT, WIDTH),
    "south up": Grid(CRS.from_epsg(4326), Affine(0.01, 0, 179.9, 0, 0.01, -30), HEIGHT, WIDTH),
    "UTM": Grid(CRS.from_epsg(32636), Affine(300, 0, 5e5, 0, -300, 4e6), HEIGHT, WIDTH),
    "equal area": Grid(CRS.from_epsg(6933), Affine(300, 0, 5e5, 0, -300, 4e6), HEIGHT, WIDTH),
}
AXES = (condition_axis("sdg"), lpd_axis(), Axis("region", (0, 1)))
DEEP = tuple(Axis(f"axis {number}", tuple(range(8))) for number in range(7))


@dataclass
class Part:
    zone: int
    window: Window
    share: np.ndarray | None = None


def positions(axes=AXES, seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(0, len(axis), (HEIGHT, WIDTH), np.uint8) for axis in axes]


def shares(seed=0):
    """About a third nothing, a third all, a third between."""
    return np.clip(np.random.default_rng(seed).random((HEIGHT, WIDTH)) * 3 - 1, 0, 1)


def brute(grid, axes, arrays, share=None):
    areas = PixelAreas(grid).rows(0, HEIGHT)
    shape = tuple(map(len, axes))
    pixels, km2 = np.zeros(shape, np.int64), np.zeros(shape)
    for row in range(HEIGHT):
        for col in range(WIDTH):
            part = 1.0 if share is None else share[row, col]
            place = tuple(array[row, col] for array in arrays)
            pixels[place] += part > 0
            km2[place] += part * (areas[row] if areas.ndim == 1 else areas[row, col])
    return pixels, km2


def count(grid, axes, arrays, *, rows=HEIGHT, zones=1, parts=None):
    joint = JointAreas(axes, PixelAreas(grid), zones=zones)
    for start in reversed(range(0, HEIGHT, rows)):
        stop = min(start + rows, HEIGHT)
        here = None if parts is None else [cut for part in parts for cut in cut_to(part, start, stop)]
        joint.add(start, [array[start:stop] for array in arrays], here)
    return joint.tables()


def cut_to(part, start, stop):
    window = part.window
    top, bottom = max(window.row, start), min(window.row_stop, stop)
    if top < bottom:
        share = None if part.share is None else part.share[top - window.row : bottom - window.row]
        yield Part(part.zone, Window(top, window.col, bottom - top, window.width), share)


def assert_same(table, expected):
    pixels, km2 = expected
    np.testing.assert_array_equal(table.pixels, pixels)
    np.testing.assert_allclose(table.km2, km2, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("rows", [HEIGHT, 10, 1])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_tables_are_those_of_a_loop(grid, rows, monkeypatch):
    monkeypatch.setattr(joint_areas, "_CHUNK", 3 * WIDTH)
    arrays = positions()
    (table,) = count(grid, AXES, arrays, rows=rows)
    assert_same(table, brute(grid, AXES, arrays))
    assert table.axes == AXES
    assert table.method == PixelAreas(grid).method


@pytest.mark.parametrize("row_bins", [1 << 19, 0], ids=["counted", "weighed"])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_zones_with_shares(grid, row_bins, monkeypatch):
    monkeypatch.setattr(joint_areas, "_ROW_BINS", row_bins)
    monkeypatch.setattr(joint_areas, "_CHUNK", 3 * WIDTH)
    arrays, one, other = positions(seed=1), shares(1), shares(2)
    corner = np.zeros((HEIGHT, WIDTH))
    corner[5:20, 3:11] = one[5:20, 3:11]
    corner[20:, :] = 1
    parts = [
        Part(1, Window(0, 0, HEIGHT, WIDTH), one),
        Part(2, Window(0, 0, HEIGHT, WIDTH), other.astype(np.float32)),
        Part(0, Window(5, 3, 15, 8), one[5:20, 3:11]),
        Part(0, Window(20, 0, HEIGHT - 20, WIDTH)),
    ]
    tables = count(grid, AXES, arrays, rows=8, zones=4, parts=parts)
    for table, share in zip(tables, (corner, one, other.astype(np.float32), np.zeros_like(one)), strict=True):
        assert_same(table, brute(grid, AXES, arrays, share))


@pytest.mark.parametrize("grid", [GRIDS["degrees"], GRIDS["UTM"]], ids=["degrees", "UTM"])
def test_many_axes(grid):
    axes = DEEP[:6]
    arrays = positions(axes, seed=2)
    (table,) = count(grid, axes, arrays)
    flat = np.ravel_multi_index(arrays, table.pixels.shape).ravel()
    areas = PixelAreas(grid).rows(0, HEIGHT)
    km2 = np.broadcast_to(areas[:, None] if areas.ndim == 1 else areas, (HEIGHT, WIDTH)).ravel()
    np.testing.assert_array_equal(table.pixels.ravel(), np.bincount(flat, minlength=table.pixels.size))
    expected = np.bincount(flat, weights=km2, minlength=table.pixels.size)
    np.testing.assert_allclose(table.km2.ravel(), expected, rtol=1e-12)


def test_shares_of_neighbours_add_up():
    arrays, share = positions(seed=4), shares(4)
    window = Window(0, 0, HEIGHT, WIDTH)
    parts = [Part(0, window, share), Part(1, window, 1 - share)]
    one, other = count(GRIDS["degrees"], AXES, arrays, zones=2, parts=parts)
    (whole,) = count(GRIDS["degrees"], AXES, arrays)
    np.testing.assert_allclose((one + other).km2, whole.km2, rtol=1e-12)


def test_what_is_refused():
    grid, arrays = GRIDS["degrees"], positions()
    joint = JointAreas(AXES, PixelAreas(grid))
    with pytest.raises(ConfigError, match="2 arrays for 3 axes"):
        joint.add(0, arrays[:2])
    with pytest.raises(WindowError, match="expected"):
        joint.add(0, [array[:, 1:] for array in arrays])
    with pytest.raises(WindowError, match="not rows of"):
        joint.add(5, arrays)
    with pytest.raises(ConfigError, match="'region' has 2 positions; position 2"):
        joint.add(0, [*arrays[:2], arrays[2] + np.uint8(1)])
    with pytest.raises(ConfigError, match="zone 3 came; there are 1"):
        joint.add(0, arrays, [Part(3, grid.extent)])
    for window, share in (
        (Window(30, 0, 8, WIDTH), None),
        (Window(0, 1, 1, WIDTH), None),
        (grid.extent, np.ones((1, 1))),
    ):
        with pytest.raises(WindowError, match="does not fit its shares"):
            joint.add(0, arrays, [Part(0, window, share)])
    with pytest.raises(WindowError, match="37 of 37 rows were not counted"):
        joint.tables()
    joint.add(0, [array[:3] for array in arrays])
    with pytest.raises(WindowError, match="counted before"):
        joint.add(2, [array[2:5] for array in arrays])
    with pytest.raises(ConfigError, match="no account"):
        JointAreas((), PixelAreas(grid))
    with pytest.raises(ConfigError, match="no account"):
        JointAreas((*DEEP, *(Axis(f"more {n}", tuple(range(8))) for n in range(3))), PixelAreas(grid))
