"""Annual NDVI of any type as int16."""

import numpy as np
import pytest

from indicators.productivity.ndvi import NdviUnfit, ndvi_stack


def test_floats_with_a_scale():
    values = np.array([0.25, np.nan, -1, 1, 0.123449, -9999]).reshape(-1, 1, 1)
    found = ndvi_stack(values, scale=10_000, nodata=-9999)
    assert found.dtype == np.int16
    assert found.ravel().tolist() == [2500, -32768, -10000, 10000, 1234, -32768]


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_whole_numbers_of_any_type(dtype):
    values = np.array([2500, -3000, 0, 9999], dtype).reshape(-1, 1, 1)
    assert ndvi_stack(values, nodata=-3000).ravel().tolist() == [2500, -32768, 0, 9999]


def test_bytes():
    assert ndvi_stack(np.array([[[200, 255]]], np.uint8), scale=50, nodata=255).ravel().tolist() == [10000, -32768]


def test_what_is_not_valid_is_not_looked_at():
    values = np.array([[[2500, 30000]], [[-3000, 30000]]], np.int16)
    found = ndvi_stack(values, nodata=-3000, valid_RC=np.array([[True, False]]))
    assert found.tolist() == [[[2500, -32768]], [[-32768, -32768]]]


@pytest.mark.parametrize("nodata", [None, np.nan])
def test_only_nan_is_missing_then(nodata):
    assert ndvi_stack(np.full((1, 1, 1), np.nan), nodata=nodata).item() == -32768
    assert ndvi_stack(np.full((1, 1, 1), -32768), nodata=nodata).item() == -32768


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((1, 2, 2), -30000, np.int16), "from -30000 to"),
        (np.full((1, 2, 2), 10001, np.int16), "to 10001"),
        (np.full((1, 2, 2), np.inf), "to inf"),
        (np.full((1, 2, 2), 0.4, np.float32), "give a scale of 10000"),
        (np.full((2, 2), 4000, np.int16), "year, row, col"),
        (np.full((1, 2, 2), "a"), "integers or floats"),
    ],
)
def test_bad_values(values, words):
    with pytest.raises(NdviUnfit, match=words):
        ndvi_stack(values)
