"""Scenes on other grids, compared with GDAL's warper and with brute force."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer
from rasterio.warp import Resampling, reproject, transform_bounds

from landcover.errors import ConfigError, GridMismatch, RasterTooLarge, WindowError
from landcover.grid import Grid, Window
from landcover.raster import warped
from landcover.raster.positions import Positions, turn_of
from landcover.raster.warped import ShiftedScene, WarpedScene, on_grid, pixel_shift, target_grid
from tests.scenes import ArrayScene, smooth_numbers, utm_grid

UTM34 = CRS.from_epsg(32634)
DEGREES = CRS.from_epsg(4326)

PLACES = {
    "next zone": (utm_grid(90, 120), UTM34, 10.0),
    "degrees": (utm_grid(90, 120), DEGREES, 1e-4),
    "rotated source": (Grid(CRS.from_epsg(32633), Affine(8, 6, 5e5, 6, -8, 5.5e6), 90, 120), UTM34, 10.0),
    "south-up source": (Grid(CRS.from_epsg(32633), Affine(10, 0, 5e5, 0, 10, 5.5e6), 90, 120), DEGREES, 1e-4),
    "polar": (Grid(CRS.from_epsg(3413), Affine(10, 0, -300, 0, -10, 600), 90, 120), CRS.from_epsg(3995), 10.0),
    "antarctic": (Grid(CRS.from_epsg(3031), Affine(10, 0, -1e6, 0, -10, 5e5), 90, 120), CRS.from_epsg(32701), 10.0),
    "over the date line": (Grid(DEGREES, Affine(1e-4, 0, 179.995, 0, -1e-4, -16.5), 90, 120), CRS.from_epsg(32701), 10),
    "mercator over the date line": (
        Grid(CRS.from_epsg(3857), Affine(10, 0, 20_037_000, 0, -10, -1_860_000), 90, 120), CRS.from_epsg(32701), 10.0,
    ),
    "date line to mercator": (
        Grid(CRS.from_epsg(32701), Affine(10, 0, 179_000, 0, -10, 8_174_000), 90, 120), CRS.from_epsg(3857), 10.0,
    ),
    "date line to degrees": (
        Grid(CRS.from_epsg(32701), Affine(10, 0, 179_000, 0, -10, 8_174_000), 90, 120), DEGREES, 1e-4,
    ),
}  # fmt: skip


def scene_on(grid, *, holes=True, seed=0):
    """Random numbers, some pixels and some single samples without data."""
    random = np.random.default_rng(seed)
    data = smooth_numbers(grid.height, grid.width, seed=seed)
    valid = np.ones(data.shape[1:], bool)
    if holes:
        valid[grid.height // 3 : grid.height // 2, grid.width // 4 : grid.width // 3] = False
        valid &= random.random(valid.shape) > 0.02
        data[:, ~valid] = 0
        data[1][random.random(valid.shape) < 0.01] = 0
    return ArrayScene(data, valid=valid, grid=grid)


def whole(scene):
    return scene.read(scene.grid.extent)


MERCATOR_AROUND_180 = (
    "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=180 +x_0=20037508.342789244 +y_0=0 +k=1 +units=m "
    "+nadgrids=@null +wktext +no_defs"
)
"""EPSG:3857 with its seam at Greenwich and the same x east of it: GDAL's warper does not look beyond the seam."""


def gdal_warp(scene, grid):
    """What GDAL makes of all bands, with exact positions and 0 as nodata."""
    crs = MERCATOR_AROUND_180 if scene.grid.crs.to_epsg() == 3857 else scene.grid.crs.to_wkt()
    data = whole(scene).data
    out = np.zeros((data.shape[0], grid.height, grid.width), data.dtype)
    with rasterio.Env(GDAL_NUM_THREADS="1"):
        reproject(
            data,
            out,
            src_transform=scene.grid.transform,
            src_crs=crs,
            dst_transform=grid.transform,
            dst_crs=grid.crs.to_wkt(),
            src_nodata=0,
            dst_nodata=0,
            resampling=Resampling.bilinear,
            tolerance=0.0,
            XSCALE=1,
            YSCALE=1,
        )
    return out


@pytest.mark.parametrize("name", PLACES)
def test_pixels_are_those_of_gdal(name):
    source, crs, resolution = PLACES[name]
    scene = scene_on(source)
    grid = target_grid([source], crs, resolution)
    got, expected = whole(WarpedScene(scene, grid)), gdal_warp(scene, grid)
    assert got.valid.any()
    assert not got.valid.all()
    # A place on the line between two pixels may fall to either; positions are rounded to 1/256 pixel.
    assert np.mean((got.data != 0) != (expected != 0)) < 0.004
    both = (got.data != 0) & (expected != 0)
    assert both.mean() > 0.2
    difference = np.abs(got.data.astype(int) - expected)[both]
    steepest = np.abs(np.diff(whole(scene_on(source, holes=False)).data.astype(int))).max()
    assert np.quantile(difference, 0.99) <= steepest / 100
    assert not got.data[:, ~got.valid].any()


def test_positions_are_those_of_proj_although_most_are_interpolated():
    source, target = utm_grid(500, 600), target_grid([utm_grid(500, 600)], UTM34, 10.0)
    window = Window(37, 90, 300, 411)
    col_HW, row_HW = Positions(target, source).of(window)
    cols, rows = np.meshgrid(np.arange(90, 501) + 0.5, np.arange(37, 337) + 0.5)
    x, y = Transformer.from_crs(UTM34, source.crs, always_xy=True).transform(*(target.transform @ (cols, rows)))
    expected = ~source.transform @ (x, y)
    np.testing.assert_allclose(col_HW, expected[0], atol=1e-3)
    np.testing.assert_allclose(row_HW, expected[1], atol=1e-3)


@pytest.mark.parametrize("name", PLACES)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_pixel_is_the_same_in_every_window_and_every_cut(name, data):
    source, crs, resolution = PLACES[name]
    scene = scene_on(source)
    grid = target_grid([source], crs, resolution)
    expected = whole(WarpedScene(scene, grid))
    row, col = data.draw(st.integers(0, grid.height - 1)), data.draw(st.integers(0, grid.width - 1))
    height, width = data.draw(st.integers(1, grid.height - row)), data.draw(st.integers(1, grid.width - col))
    window = Window(row, col, height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warped, "MAX_SOURCE_BYTES", data.draw(st.integers(100, 100_000)))
        patch.setattr(warped, "PIECE_PIXELS", data.draw(st.integers(1, 20_000)))
        got = WarpedScene(scene, grid).read(window)
    np.testing.assert_array_equal(got.data, expected.data[:, window.rows, window.cols])
    np.testing.assert_array_equal(got.valid, expected.valid[window.rows, window.cols])


def test_reads_of_the_source_are_small():
    """A turned scene of 900 x 1200 pixels, read by rows: no read is larger than the limit, nothing is left out."""
    scene = scene_on(Grid(CRS.from_epsg(32633), Affine(8, 6, 5e5, 6, -8, 5.5e6), 900, 1200))
    grid = target_grid([scene.grid], scene.grid.crs, 10.0)
    limit = 300_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warped, "MAX_SOURCE_BYTES", limit)
        view = WarpedScene(scene, grid)
        for row in range(0, grid.height - 64, 64):
            view.read(Window(row, 0, 64, grid.width))
    sample_bytes = 4 * 2 + 1
    assert max(window.height * window.width for window in scene.reads) * sample_bytes <= limit


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_means_without_nodata(dtype):
    """Brute force: the four pixels around each place, those without data left out, in Python's own arithmetic."""
    source = utm_grid(9, 11)
    plain = smooth_numbers(9, 11, bands=1) // 40
    data = (plain.astype(dtype) * (-1 if dtype == "int16" else 1)).astype(dtype)
    valid = np.random.default_rng(3).random((9, 11)) > 0.3
    scene = ArrayScene(np.where(valid, data, 0), valid=valid, grid=source, bands=("B02",))
    grid = Grid(source.crs, source.transform @ Affine.translation(0.25, 0.5), 9, 11)
    got = whole(WarpedScene(scene, grid))
    for row in range(9):
        for col in range(11):
            nearest = row + 1, col  # half a pixel down is the upper edge of the next row
            known = nearest[0] < 9 and valid[nearest]
            assert got.valid[row, col] == known
            if known:
                corners = [(r, min(c, 10), w) for r in (row, row + 1) for c, w in ((col, 3), (col + 1, 1))]
                values = [(float(data[0, r, c]), w) for r, c, w in corners if valid[r, c]]
                mean = sum(value * w for value, w in values) / sum(w for _, w in values)
                assert abs(float(got.data[0, row, col]) - mean) <= (1e-4 if dtype == "float32" else 0.5)
            else:
                assert got.data[0, row, col] == 0


def test_a_mean_never_becomes_nodata():
    data = np.array([[[4, 6], [4, 6]]], np.uint16)
    scene = ArrayScene(data, grid=utm_grid(2, 2), bands=("B02",))
    grid = Grid(scene.grid.crs, scene.grid.transform @ Affine.translation(0.5, 0), 2, 1)
    block = whole(WarpedScene(scene, grid, nodata=5))
    assert block.valid.all()
    assert set(block.data.ravel()) == {6}


def test_the_same_grid_is_the_same_scene():
    scene = scene_on(utm_grid(20, 30))
    assert on_grid(scene, utm_grid(20, 30)) is scene


@pytest.mark.parametrize(("row", "col"), [(0, 0), (5, -7), (-12, 3), (19, 29), (-19, -29), (40, 0), (0, -40)])
def test_whole_pixel_shifts_copy(row, col):
    scene = scene_on(utm_grid(20, 30))
    grid = Grid(scene.grid.crs, scene.grid.transform @ Affine.translation(col + 1e-5, row - 1e-5), 25, 33)
    view = on_grid(scene, grid)
    assert isinstance(view, ShiftedScene)
    assert view.grid is grid
    padded = np.zeros((4, 200, 200), np.uint16)
    padded[:, 80:100, 80:110] = whole(scene).data
    valid = np.zeros((200, 200), bool)
    valid[80:100, 80:110] = whole(scene).valid
    for window in (grid.extent, Window(3, 4, 9, 20)):
        block, rows, cols = view.read(window), 80 + row + window.row, 80 + col + window.col
        place = slice(rows, rows + window.height), slice(cols, cols + window.width)
        np.testing.assert_array_equal(block.data, padded[(slice(None), *place)])
        np.testing.assert_array_equal(block.valid, valid[place])


def test_resampling_by_whole_pixels_copies_too():
    scene = scene_on(utm_grid(20, 30))
    got = whole(WarpedScene(scene, scene.grid))
    np.testing.assert_array_equal(got.data, whole(scene).data)
    np.testing.assert_array_equal(got.valid, whole(scene).valid)


def test_longitudes_counted_once_more_around_are_the_same_pixels():
    source = Grid(DEGREES, Affine(1e-3, 0, 179.99, 0, -1e-3, -16.5), 10, 20)
    target = Grid(DEGREES, Affine(1e-3, 0, -180.01, 0, -1e-3, -16.5), 10, 20)
    assert pixel_shift(source, target) == (0, 0)
    assert pixel_shift(target, source) == (0, 0)


@pytest.mark.parametrize(
    "transform",
    [Affine(10, 0, 500_005, 0, -10, 5.5e6), Affine(20, 0, 5e5, 0, -20, 5.5e6), Affine(10, 0, 5e5, 0, 10, 5.5e6)],
    ids=["half a pixel", "larger pixels", "south up"],
)
def test_other_pixels_are_no_shift(transform):
    assert pixel_shift(utm_grid(20, 30), Grid(CRS.from_epsg(32633), transform, 20, 30)) is None
    assert pixel_shift(utm_grid(20, 30), Grid(UTM34, utm_grid(20, 30).transform, 20, 30)) is None


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_larger_pixels_are_means_of_all_they_hold(factor):
    scene = scene_on(utm_grid(6 * factor, 8 * factor))
    grid = Grid(scene.grid.crs, scene.grid.transform @ Affine.scale(factor), 6, 8)
    view, source = on_grid(scene, grid), whole(scene)
    got, part = whole(view), view.read(Window(2, 3, 3, 4))
    shape = 6, factor, 8, factor
    np.testing.assert_array_equal(got.valid, source.valid.reshape(shape).mean(axis=(1, 3)) >= 0.5)
    for band, made in zip(source.data, got.data, strict=True):
        known = (band != 0).reshape(shape)
        sums, counts = band.reshape(shape).sum(axis=(1, 3), where=known), known.sum(axis=(1, 3))
        means = np.rint(sums / np.maximum(counts, 1))
        np.testing.assert_array_equal(made, np.where(got.valid, means, 0))
    np.testing.assert_array_equal(part.data, got.data[:, 2:5, 3:7])


def test_a_view_says_what_its_scene_says_and_closes_it():
    scene = scene_on(utm_grid(9, 9))
    closed = []
    scene.close = lambda: closed.append(True)
    with on_grid(scene, target_grid([scene.grid], UTM34, 10.0)) as view:
        assert (view.bands, view.dtype, view.level, view.radiometry) == (scene.bands, scene.dtype, "L1C", None)
        assert (view.datetime, view.identifier, view.input_digest()) == (None, "array", "0" * 64)
        with pytest.raises(WindowError):
            view.read(Window(0, 0, view.grid.height + 1, 1))
    assert closed == [True]


@pytest.mark.parametrize("name", PLACES)
def test_target_grids_hold_all_pixels_and_no_empty_edge(name):
    source, crs, resolution = PLACES[name]
    grid = target_grid([source], crs, resolution)
    assert (grid.is_north_up, grid.crs, grid.pixel_size) == (True, crs, (resolution, resolution))
    assert all(
        abs(edge / resolution - round(edge / resolution)) < 1e-6 for edge in (grid.transform.c, grid.transform.f)
    )
    valid = whole(WarpedScene(scene_on(source, holes=False), grid)).valid
    for edge in (valid[:2], valid[-2:], valid[:, :2], valid[:, -2:]):
        assert edge.any()
    area = abs(source.transform.determinant) * source.height * source.width
    if crs.is_projected and source.crs.is_projected:
        assert valid.sum() * resolution**2 == pytest.approx(area, rel=0.1)


@pytest.mark.parametrize("name", ["next zone", "degrees", "rotated source", "south-up source", "polar"])
def test_edges_are_the_bounds_that_gdal_finds(name):
    source, crs, resolution = PLACES[name]
    grid = target_grid([source], crs, resolution)
    cols, rows = (0, source.width, 0, source.width), (0, 0, source.height, source.height)
    if name == "rotated source":  # its bounds are those of its four corners; sides of 1 km bend by millimetres
        x, y = source.transform @ (np.array(cols), np.array(rows))
        x, y = rasterio.warp.transform(source.crs.to_wkt(), crs.to_wkt(), x, y)
        west, south, east, north = min(x), min(y), max(x), max(y)
    else:
        bounds = rasterio.transform.array_bounds(source.height, source.width, source.transform)
        west, south, east, north = transform_bounds(source.crs.to_wkt(), crs.to_wkt(), *bounds, densify_pts=63)
    edges = rasterio.transform.array_bounds(grid.height, grid.width, grid.transform)
    low, high = np.array([west, south]) / resolution, np.array([east, north]) / resolution
    expected = [*np.floor(low + 1e-6), *np.ceil(high - 1e-6)]  # two of them lie on the 15th meridian, or nearly so
    np.testing.assert_allclose(np.array(edges) / resolution, expected, atol=1e-6)


def test_target_grid_of_several_sources_across_the_date_line():
    west = Grid(DEGREES, Affine(1e-3, 0, 179.99, 0, -1e-3, -16.5), 10, 10)
    east = Grid(DEGREES, Affine(1e-3, 0, -180, 0, -1e-3, -16.51), 10, 30)
    grid = target_grid([west, east], DEGREES, 1e-3)
    assert (grid.height, grid.width) == (20, 40)
    assert grid.transform.c == pytest.approx(179.99)
    other = target_grid([east, west], DEGREES, 1e-3)
    assert (other.height, other.width) == (20, 40)
    assert other.transform.c == pytest.approx(-180.01)


def test_a_grid_over_the_pole_spans_all_longitudes():
    grid = target_grid([Grid(CRS.from_epsg(3413), Affine(1e4, 0, -2e5, 0, -1e4, 3e5), 60, 40)], DEGREES, 0.5)
    assert (grid.width, grid.transform.c, grid.transform.f) == (720, -180, 90)


@pytest.mark.parametrize(
    ("crs", "turn"),
    [
        ("EPSG:4326", 360),
        ("EPSG:3857", 2 * np.pi * 6378137),
        ("EPSG:3395", 2 * np.pi * 6378137),
        ("EPSG:4087", 2 * np.pi * 6378137),
        ("EPSG:4807", 400),
        ("EPSG:32633", None),
        ("EPSG:3413", None),
    ],
)
def test_one_turn_around_the_earth(crs, turn):
    assert turn_of(CRS.from_user_input(crs)) == (None if turn is None else pytest.approx(turn, rel=1e-9))


@pytest.mark.parametrize("resolution", [0.0, -10.0, float("nan"), float("inf")])
def test_impossible_resolutions(resolution):
    with pytest.raises(ConfigError, match="above 0"):
        target_grid([utm_grid(9, 9)], UTM34, resolution)


def test_grids_that_cannot_be():
    with pytest.raises(RasterTooLarge, match="units of the target CRS"):
        target_grid([utm_grid(9000, 9000)], DEGREES, 1e-9)
    for resolution in (1e-320, 1e-300, 1e-9):
        with pytest.raises(RasterTooLarge, match="more pixels than can be counted; the resolution"):
            target_grid([utm_grid(9, 9)], UTM34, resolution)
    far = Grid(DEGREES, Affine(0.1, 0, 100, 0, -0.1, 5), 10, 10)
    with pytest.raises(GridMismatch, match="does not lie where"):
        target_grid([far], CRS.from_proj4("+proj=gnom +lat_0=0 +lon_0=-80"), 1000.0)
    with pytest.raises(GridMismatch, match="lies nowhere"):
        on_grid(
            scene_on(far), Grid(CRS.from_proj4("+proj=ortho +lat_0=0 +lon_0=-80"), Affine(10, 0, 9e6, 0, -10, 0), 5, 5)
        )
