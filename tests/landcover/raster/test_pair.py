"""Two dates as one scene, against plain stacking in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from landcover.errors import GridMismatch
from landcover.grid import Grid, Window
from landcover.overview import SIDE
from landcover.raster.pair import PairScene, pair_scenes, read_overview
from landcover.raster.warped import on_grid
from landcover.scaling import harmonise
from landcover.sensors import Radiometry
from tests.scenes import UTM33, ArrayScene, smooth_numbers, utm_grid

PLAIN = Radiometry(1e-4, 0.0)
NEWER = Radiometry(1e-4, -0.1)
WHOLE = slice(None)


def image(height=50, width=60, *, seed=0, shift=(0.0, 0.0), hole=None, **options):
    """An image that starts ``shift`` rows and columns below and right of the usual corner."""
    valid = np.ones((height, width), bool)
    if hole is not None:
        valid[hole] = False
    grid = Grid(UTM33, utm_grid(height, width).transform @ Affine.translation(shift[1], shift[0]), height, width)
    return ArrayScene(smooth_numbers(height, width, seed=seed), valid=valid, grid=grid, **options)


def all_of(scene):
    return scene.read(scene.grid.extent)


def test_bands_of_both_dates_and_what_both_have():
    before, after = image(seed=1, hole=(slice(5), WHOLE)), image(seed=2, hole=(WHOLE, slice(7)))
    pair = pair_scenes(before, after, radiometry=PLAIN)
    block, dates = all_of(pair), (all_of(before), all_of(after))
    np.testing.assert_array_equal(block.data, np.concatenate([date.data for date in dates]))
    np.testing.assert_array_equal(block.valid, dates[0].valid & dates[1].valid)
    assert block.data[:4, 20, :7].all(), "a date keeps what the other one lacks: the networks were shown that"
    assert (pair.grid, pair.dtype, pair.level) == (before.grid, np.uint16, "L1C")
    assert pair.bands == before.bands + after.bands
    assert pair.datetime is None
    assert pair.identifier == "array and array"


def test_each_date_has_its_own_radiometry():
    before, after = image(seed=1, hole=(slice(5), WHOLE), radiometry=PLAIN), image(seed=2, radiometry=NEWER)
    pair = pair_scenes(before, after, radiometry=PLAIN)
    data = all_of(pair).data
    np.testing.assert_array_equal(data[:4], all_of(before).data)
    np.testing.assert_array_equal(data[4:], harmonise(all_of(after).data, NEWER, PLAIN))
    assert pair.radiometry == PLAIN
    unstated = all_of(pair_scenes(image(seed=1), image(seed=2), radiometry=NEWER)).data
    np.testing.assert_array_equal(unstated[4:], all_of(after).data)


@settings(max_examples=40, deadline=None)
@given(down=st.integers(-60, 60), right=st.integers(-70, 70), height=st.integers(1, 70), width=st.integers(1, 70))
def test_a_younger_image_elsewhere_is_cut_to_what_both_cover(down, right, height, width):
    before, after = image(seed=1), image(height, width, seed=2, shift=(down, right))
    rows = range(max(0, down), min(50, down + height))
    cols = range(max(0, right), min(60, right + width))
    if not (rows and cols):
        with pytest.raises(GridMismatch, match="'array' and 'array' have no place in common"):
            pair_scenes(before, after, radiometry=PLAIN)
        return
    pair = pair_scenes(before, after, radiometry=PLAIN)
    assert pair.grid == before.grid.crop(Window(rows.start, cols.start, len(rows), len(cols)))
    block = all_of(pair)
    older = all_of(before).data[:, rows.start : rows.stop, cols.start : cols.stop]
    younger = all_of(after).data[:, rows.start - down : rows.stop - down, cols.start - right : cols.stop - right]
    np.testing.assert_array_equal(block.data, np.concatenate([older, younger]))
    assert block.valid.all()


@pytest.mark.parametrize("off", [0.0, 0.009, -0.009])
def test_coordinates_that_were_rounded_do_not_resample(off):
    before, after = image(seed=1), image(seed=2, shift=(off, off))
    pair = pair_scenes(before, after, radiometry=PLAIN)
    np.testing.assert_array_equal(all_of(pair).data[4:], all_of(after).data)


@pytest.mark.parametrize("shift", [(0.4, 0.0), (12.3, -20.7)])
def test_pixels_between_pixels_are_resampled(shift):
    before, after = image(seed=1), image(seed=2, shift=shift)
    pair = pair_scenes(before, after, radiometry=PLAIN)
    grid = pair.grid
    np.testing.assert_array_equal(all_of(pair).data[:4], all_of(on_grid(image(seed=1), grid)).data)
    np.testing.assert_array_equal(all_of(pair).data[4:], all_of(on_grid(image(seed=2, shift=shift), grid)).data)
    centres = np.arange(50) + 0.5
    covered = (centres >= shift[0]) & (centres < shift[0] + 50)
    assert grid.height == covered.sum()
    assert all_of(pair).valid.all()


def test_a_younger_image_in_another_crs_is_brought_onto_the_older_ones_pixels():
    """Both are samples of one smooth field, so that what is wrong by a pixel shows."""
    before = image(200, 200)
    lon, lat = 15.0, 49.65
    younger = Grid(CRS.from_epsg(4326), Affine(1.4e-4, 0, lon, 0, -9e-5, lat), 300, 300)
    to_map = _lonlat_to_utm(younger)
    after = ArrayScene(_field(*to_map), grid=younger)
    pair = pair_scenes(before, after, radiometry=PLAIN)
    block = all_of(pair)
    assert 0 < pair.grid.height <= 200
    cols, rows = np.meshgrid(np.arange(pair.grid.width) + 0.5, np.arange(pair.grid.height) + 0.5)
    t = pair.grid.transform
    expected = _field(t.c + cols * t.a, t.f + rows * t.e)
    assert block.valid.sum() > 0.9 * block.valid.size
    off = np.abs(block.data[4:].astype(int) - expected.astype(int))[:, block.valid]
    assert np.quantile(off, 0.99) <= 3
    assert off.max() <= 25, "at an edge the edge goes on for half a pixel"


def _lonlat_to_utm(grid):
    t = grid.transform
    cols, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    return Transformer.from_crs(grid.crs, UTM33, always_xy=True).transform(t.c + cols * t.a, t.f + rows * t.e)


def _field(x, y):
    wave = 3000 + 1000 * np.sin((x - 500_000) / 300) + 1000 * np.cos((y - 5_500_000) / 300)
    return np.stack([wave, wave / 2, wave / 3, wave / 4]).astype(np.uint16)


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (64, 64), (200, 131)])
def test_an_overview_is_the_middles_of_equal_parts(shape):
    before, after = image(*shape, seed=1, hole=(0, 0)), image(*shape, seed=2)
    pair = pair_scenes(before, after, radiometry=PLAIN)
    rows, cols = ([int((part + 0.5) * side / SIDE) for part in range(SIDE)] for side in shape)
    overview = read_overview(pair)
    np.testing.assert_array_equal(overview, all_of(pair).data[:, rows][:, :, cols])
    assert overview.dtype == np.uint16


def test_digests_count_in_their_order_and_both_images_are_closed():
    closed = []

    class Named(ArrayScene):
        def __init__(self, name):
            super().__init__(smooth_numbers(5, 5))
            self.identifier = name

        def input_digest(self):
            return self.identifier * 64

        def close(self):
            closed.append(self.identifier)

    with PairScene(Named("a"), Named("b"), radiometry=PLAIN) as pair:
        other = PairScene(Named("b"), Named("a"), radiometry=PLAIN)
        assert pair.input_digest() != other.input_digest()
        assert len(pair.input_digest()) == 64
    assert sorted(closed) == ["a", "b"]
