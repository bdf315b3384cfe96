"""Upsampling against GDAL's bilinear and against a definition by hand; blocks equal the whole."""

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling

from landcover.grid import Window
from landcover.raster.upsample import coarse_window, upsample
from tests.rasters import numbers, write_tiff

SHAPE = (11, 14)


def whole(coarse, ratio, valid=None):
    window = Window(row=0, col=0, height=coarse.shape[0] * ratio[0], width=coarse.shape[1] * ratio[1])
    valid = np.ones(coarse.shape, bool) if valid is None else valid
    return upsample(coarse, window, ratio=ratio, shape=coarse.shape, valid_RC=valid)


def by_definition(coarse, row, col, ratio):
    """Bilinear at pixel centres, edges repeated, rounded half up."""
    y, x = (row + 0.5) / ratio[0] - 0.5, (col + 0.5) / ratio[1] - 0.5
    top, left = int(np.floor(y)), int(np.floor(x))
    total = 0.0
    for i, wy in ((top, 1 - (y - top)), (top + 1, y - top)):
        for j, wx in ((left, 1 - (x - left)), (left + 1, x - left)):
            total += wy * wx * float(coarse[np.clip(i, 0, coarse.shape[0] - 1), np.clip(j, 0, coarse.shape[1] - 1)])
    return int(np.floor(total + 0.5 + 1e-9))


@pytest.mark.parametrize("ratio", [(2, 2), (6, 6), (3, 2)])
def test_equals_the_definition(ratio):
    coarse = numbers(1, *SHAPE, high=65535)[0]
    fine = whole(coarse, ratio)
    expected = [[by_definition(coarse, r, c, ratio) for c in range(fine.shape[1])] for r in range(fine.shape[0])]
    np.testing.assert_array_equal(fine, expected)


@pytest.mark.parametrize("ratio", [2, 6])
def test_equals_gdal(tmp_path, ratio):
    coarse = numbers(1, *SHAPE)
    path = write_tiff(tmp_path / "coarse.tif", coarse)
    with rasterio.open(path) as dataset:
        shape = (SHAPE[0] * ratio, SHAPE[1] * ratio)
        expected = dataset.read(1, out_shape=shape, resampling=Resampling.bilinear)
    difference = np.abs(whole(coarse[0], (ratio, ratio)).astype(int) - expected)
    assert difference.max() <= 1  # GDAL sums floats; halves may fall to either side


@settings(deadline=None, max_examples=60)
@given(data=st.data(), ratio=st.sampled_from([(2, 2), (6, 6), (1, 3)]))
def test_any_window_equals_the_whole(data, ratio):
    coarse, valid = numbers(1, *SHAPE)[0], np.random.default_rng(1).random(SHAPE) > 0.2
    height, width = SHAPE[0] * ratio[0], SHAPE[1] * ratio[1]
    row, col = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    window = Window(
        row=row,
        col=col,
        height=data.draw(st.integers(1, height - row)),
        width=data.draw(st.integers(1, width - col)),
    )
    own = coarse_window(window, ratio, SHAPE)
    part = upsample(coarse[own.rows, own.cols], window, ratio=ratio, shape=SHAPE, valid_RC=valid[own.rows, own.cols])
    np.testing.assert_array_equal(part, whole(coarse, ratio, valid)[window.rows, window.cols])


def test_nodata_is_never_mixed_into_data():
    coarse = np.full(SHAPE, 1000, np.uint16)
    coarse[4:7, 5:9] = 0
    fine = whole(coarse, (2, 2), coarse != 0)
    np.testing.assert_array_equal(fine, np.kron(coarse, np.ones((2, 2), np.uint16)))


def test_valid_pixels_away_from_nodata_are_still_bilinear():
    coarse = numbers(1, *SHAPE)[0]
    hole = coarse.copy()
    hole[0, 0] = 0
    np.testing.assert_array_equal(whole(hole, (2, 2), hole != 0)[4:, 4:], whole(coarse, (2, 2))[4:, 4:])


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8])
def test_other_types_keep_their_type_and_a_constant_stays(dtype):
    coarse = np.full(SHAPE, 100 if dtype == np.uint8 else -7, dtype)
    fine = whole(coarse, (2, 2))
    assert fine.dtype == dtype
    np.testing.assert_array_equal(fine, coarse[0, 0])


def test_largest_numbers_do_not_overflow():
    np.testing.assert_array_equal(whole(np.full((2, 2), 65535, np.uint16), (100, 100)), 65535)
