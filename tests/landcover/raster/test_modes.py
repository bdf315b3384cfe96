"""Overviews by mode against a loop over squares."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import rasterio

from landcover.legends import get_legend
from landcover.raster.cog import LargeMapWriter, MapWriter
from tests.scenes import utm_grid


def modes(codes, nodata):
    height, width = codes.shape
    out = np.full((-(-height // 2), -(-width // 2)), nodata, codes.dtype)
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            square = codes[2 * row : 2 * row + 2, 2 * col : 2 * col + 2].ravel().tolist()
            counts = Counter(code for code in square if code != nodata)
            if counts:
                out[row, col] = counts.most_common(1)[0][0]  # of equals the one that was met first
    return out


@pytest.mark.parametrize("writer", [MapWriter, LargeMapWriter])
@pytest.mark.parametrize(
    ("dtype", "nodata", "legend", "codes"),
    [("uint8", 255, "unccd7", [1, 2, 3, 7, 255]), ("int16", -32768, "degradation3", [-1, 0, 1, -32768])],
)
def test_every_level(tmp_path, dtype, nodata, legend, codes, writer):
    random = np.random.default_rng(5)
    values = random.choice(np.array(codes, dtype), (1301, 61))
    values[200:600, 20:50] = codes[1]
    with writer(tmp_path / "map.tif", utm_grid(1301, 61), dtype=dtype, nodata=nodata, legend=get_legend(legend)) as out:
        out.write_rows(0, values)
    for level in (None, 0, 1):
        options = {} if level is None else {"overview_level": level}
        with rasterio.open(tmp_path / "map.tif", **options) as dataset:
            np.testing.assert_array_equal(dataset.read(1), values)
        values = modes(values, nodata)
