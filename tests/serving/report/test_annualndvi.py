"""What is no data in annual NDVI, however the files hold it: against numbers worked out by hand.

Four pixels of one soil and land cover over 16 years. The first rises by 0.01 a year from 0.30; so does the second, of
which the ninth year is missing; the third has 0.15 in all years; the fourth has nothing. No method allows for a missing
year, so the second pixel and the fourth have no data in any layer, and the percentile is of the other two: their means
are 0.375 and 0.15, nine tenths of the way from the lower to the higher is 0.3525.
"""

import numpy as np
import pytest
import rasterio

from serving.report.productivitymaking import make_productivity
from serving.report.productivityrequest import ProductivityRequest
from tests.rasters import north_up, write_tiff

YEARS = tuple(range(2000, 2016))
PLACE = {"crs": "EPSG:32633", "transform": north_up(250)}
NONE = -32768
RISING = 3000 + 100 * np.arange(16)
NDVI = np.stack([RISING, RISING, np.full(16, 1500), np.full(16, 1)], axis=1)[:, None]  # (year, row, col)
HOLES = np.zeros(NDVI.shape, bool)
HOLES[8, 0, 1] = HOLES[:, 0, 3] = True

BY_HAND = {
    "trend": [1, NONE, 0, NONE],
    "state": [1, NONE, 0, NONE],
    "performance": [0, NONE, -1, NONE],
    "trajectory": [100, NONE, 0, NONE],
}


def filled(fill, dtype=np.int16, values=NDVI):
    return np.where(HOLES, fill, values).astype(dtype)


def one(tmp_path, data, **profile):
    return (write_tiff(tmp_path / "ndvi.tif", data, **PLACE | profile),)


def declared(tmp_path):
    return one(tmp_path, filled(-3000), nodata=-3000), {}


def named(tmp_path):
    return one(tmp_path, filled(-3000)), {"nodata": -3000.0}


def declared_and_named(tmp_path):
    data = filled(-3000)
    data[8, 0, 1] = -9999
    return one(tmp_path, data, nodata=-3000), {"nodata": -9999.0}


def pixels_together(tmp_path):
    return one(tmp_path, filled(-3000), nodata=-3000, interleave="pixel"), {}


def scaled(tmp_path):
    return one(tmp_path, filled(-3000), nodata=-3000, scaling=[(0.0001, 0.0)] * 16), {}


def scaled_and_named_as_stored(tmp_path):
    return one(tmp_path, filled(-3000), scaling=[(0.0001, 0.0)] * 16), {"nodata": -3000.0}


def bytes_with_an_offset(tmp_path):
    """0.30 is 80, a step of 0.01 is 2; 255 would be 1.175."""
    data = filled(255, np.uint8, (NDVI + 1000) // 50)
    return one(tmp_path, data, nodata=255, scaling=[(0.005, -0.1)] * 16), {}


def bytes_of_which_one_is_low(tmp_path):
    """Missing is 0, which the offset makes -0.1, an NDVI like others."""
    data = filled(0, np.uint8, (NDVI + 1000) // 50)
    return one(tmp_path, data, nodata=0, scaling=[(0.005, -0.1)] * 16), {}


def floats_with_nan(tmp_path):
    return one(tmp_path, filled(np.nan, np.float32, NDVI / 10_000)), {"scale": 10_000.0}


def floats_with_a_number(tmp_path):
    return one(tmp_path, filled(-0.3, np.float32, NDVI / 10_000), nodata=-0.3), {"scale": 10_000.0}


def floats_with_both(tmp_path):
    data = filled(-0.3, np.float32, NDVI / 10_000)
    data[8, 0, 1] = np.nan
    return one(tmp_path, data), {"scale": 10_000.0, "nodata": -0.3}


def masked(tmp_path):
    """What lies under the mask of a file is no NDVI at all, and says nothing of the scale."""
    data = np.where(HOLES, 30_000, NDVI).astype(np.int16)
    data[8, 0, 1] = -3000
    mask = np.array([[True, True, True, False]])
    return one(tmp_path, data, mask=mask), {"nodata": -3000.0}


def a_file_a_year(tmp_path):
    """Each with a value of its own, which is a measured one in the year before."""
    paths = []
    for year, values, holes, own in zip(YEARS, NDVI, HOLES, (-3000, *RISING[:-1].tolist()), strict=True):
        data = np.where(holes, own, values)[None].astype(np.int16)
        paths.append(write_tiff(tmp_path / f"ndvi_{year}.tif", data, nodata=own, **PLACE))
    return tuple(paths), {}


def files_of_several_kinds(tmp_path):
    """Whole numbers with a value or with a mask of the file, and one year in floats."""
    paths = []
    for year, values, holes in zip(YEARS, NDVI, HOLES, strict=True):
        path = tmp_path / f"ndvi_{year}.tif"
        if year == 2008:
            paths.append(write_tiff(path, np.where(holes, np.nan, values)[None].astype(np.float32), **PLACE))
        elif year % 2:
            data = np.where(holes, 20_000, values)[None].astype(np.int16)
            paths.append(write_tiff(path, data, mask=~holes, **PLACE))
        else:
            data = np.where(holes, 255, values)[None].astype(np.int32)
            paths.append(write_tiff(path, data, nodata=255, **PLACE))
    return tuple(paths), {}


@pytest.mark.parametrize(
    "held",
    [
        declared, named, declared_and_named, pixels_together, scaled, scaled_and_named_as_stored, bytes_with_an_offset,
        bytes_of_which_one_is_low, floats_with_nan, floats_with_a_number, floats_with_both, masked, a_file_a_year,
        files_of_several_kinds,
    ],
)  # fmt: skip
def test_a_missing_year_is_never_ndvi(held, tmp_path):
    paths, asked = held(tmp_path)
    ones = np.ones((1, 1, 4), np.uint8)
    soil, cover = (write_tiff(tmp_path / f"{name}.tif", ones, **PLACE) for name in ("soil", "cover"))
    (tmp_path / "out").mkdir()
    made = make_productivity(
        ProductivityRequest(ndvi=paths, years=YEARS, soil=soil, cover=cover, **asked), tmp_path / "out"
    )
    for name, wanted in BY_HAND.items():
        with rasterio.open(tmp_path / "out" / f"{name}.tif") as raster:
            assert raster.read(1)[0].tolist() == pytest.approx(wanted), name
    (unit,) = made.document["performance"]["units"]
    assert (unit["pixels"], unit["ndvi_p90"]) == (2, 0.3525)
