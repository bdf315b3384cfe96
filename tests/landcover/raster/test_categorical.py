"""Maps of codes as they are opened, and by the nearest pixel on other grids."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import CRS, Transformer
from rasterio.enums import ColorInterp

from landcover.errors import BandCount, DtypeMismatch, RasterUnreadable
from landcover.grid import Grid, Window
from landcover.raster.categorical import open_codes
from landcover.raster.nearest import NearestScene
from landcover.raster.positions import TOLERANCE_PX
from tests.rasters import north_up, write_tiff
from tests.scenes import ArrayScene


def codes(height=60, width=50, *, dtype="uint8", low=0, high=9, seed=0):
    return np.random.default_rng(seed).integers(low, high, (1, height, width)).astype(dtype)


def whole(code_map):
    block = code_map.scene.read(code_map.grid.extent)
    return block.data[0], block.valid


@pytest.mark.parametrize(
    ("dtype", "nodata", "known"),
    [
        ("uint8", None, None),
        ("uint8", 0, 0),
        ("uint8", 255, 255),
        ("int8", -1, -1),
        ("int16", -32768, -32768),
        ("uint16", 65535, 65535),
        ("int32", -(2**31), -(2**31)),
    ],
)
def test_every_type_keeps_its_own_nodata(tmp_path, dtype, nodata, known):
    data = codes(dtype=dtype)
    data[0, :5] = 0 if nodata is None else nodata
    with open_codes(write_tiff(tmp_path / "map.tif", data, nodata=nodata)) as found:
        assert (found.nodata, found.scene.dtype) == (known, np.dtype(dtype))
        values, valid = whole(found)
    np.testing.assert_array_equal(values, data[0])
    np.testing.assert_array_equal(valid, True if nodata is None else data[0] != nodata)


def test_a_colour_table_is_no_hindrance(tmp_path):
    data = codes()
    path = write_tiff(tmp_path / "map.tif", data, photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (255, 0, 0, 255)})
        assert dataset.colorinterp == (ColorInterp.palette,)
    with open_codes(path) as found:
        np.testing.assert_array_equal(whole(found)[0], data[0])


def test_a_mask_without_nodata(tmp_path):
    data, mask = codes(), np.ones((60, 50), bool)
    mask[10:20, 5:9] = False
    with open_codes(write_tiff(tmp_path / "map.tif", data, mask=mask)) as found:
        assert found.nodata is None
        np.testing.assert_array_equal(whole(found)[1], mask)


def test_nodata_that_the_type_cannot_hold_is_none(tmp_path):
    with open_codes(write_tiff(tmp_path / "map.tif", codes(dtype="int32"), nodata=-9999.5)) as found:
        assert found.nodata is None


def test_what_is_refused(tmp_path):
    with pytest.raises(RasterUnreadable, match="does not exist"):
        open_codes(tmp_path / "none.tif")
    with pytest.raises(BandCount, match=r"'two\.tif' has 2 bands; a map of classes has one"):
        open_codes(write_tiff(tmp_path / "two.tif", np.concatenate([codes(), codes()])))
    with pytest.raises(DtypeMismatch, match="float32 samples; codes of classes are whole numbers"):
        open_codes(write_tiff(tmp_path / "float.tif", codes(dtype="float32")))


def nearest_by_coordinates(data, source, grid, nodata):
    """What each centre lies in, and where that is beyond the doubt of an interpolated position."""
    to_source = Transformer.from_crs(grid.crs, source.crs, always_xy=True)
    out, sure = np.full((grid.height, grid.width), nodata, data.dtype), np.ones((grid.height, grid.width), bool)
    for row in range(grid.height):
        for col in range(grid.width):
            x, y = to_source.transform(*(grid.transform @ (col + 0.5, row + 0.5)))
            place = ~source.transform @ (x, y)
            sure[row, col] = all(abs(value - round(value)) > TOLERANCE_PX for value in place) or grid.crs == source.crs
            there_col, there_row = (int(np.floor(value)) for value in place)
            if 0 <= there_row < source.height and 0 <= there_col < source.width:
                out[row, col] = data[there_row, there_col]
    return out, sure


UTM = Grid(CRS.from_epsg(32633), north_up(30.0), 60, 50)
TARGETS = {
    "its own": UTM,
    "shifted": Grid(UTM.crs, UTM.transform @ Affine.translation(7, -9), 55, 44),
    "finer": Grid(UTM.crs, UTM.transform @ Affine.translation(3.13, 4.41) @ Affine.scale(1 / 3), 90, 70),
    "coarser": Grid(UTM.crs, UTM.transform @ Affine.translation(-8.2, -1.1) @ Affine.scale(3.3), 21, 19),
    "south up": Grid(UTM.crs, Affine(11, 0, 500_203, 0, 11, 5_498_207), 80, 80),
    "turned": Grid(UTM.crs, UTM.transform @ Affine.translation(20, 3) @ Affine.rotation(31), 40, 40),
    "degrees": Grid(CRS.from_epsg(4326), Affine(0.0003, 0, 14.9996, 0, -0.0002, 49.652), 88, 79),
}


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
@pytest.mark.parametrize("name", TARGETS)
def test_nearest_pixels_are_those_that_hold_the_centres(tmp_path, name, dtype):
    data, grid = codes(dtype=dtype), TARGETS[name]
    data[0, 20:30] = 99
    path = write_tiff(
        tmp_path / "map.tif", data, transform=UTM.transform, nodata=99, tiled=True, blockxsize=16, blockysize=16
    )
    with open_codes(path) as opened:
        found = opened.on(grid)
        pieces = [
            found.scene.read(Window(row, 0, min(33, grid.height - row), grid.width))
            for row in range(0, grid.height, 33)
        ]
    values = np.concatenate([piece.data[0] for piece in pieces])
    assert values.dtype == dtype
    expected, sure = nearest_by_coordinates(data[0], UTM, grid, 99)
    np.testing.assert_array_equal(values[sure], expected[sure])
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(np.concatenate([piece.valid for piece in pieces]), values != 99)


def test_across_the_date_line():
    data = codes(10, 20)
    source = Grid(CRS.from_epsg(4326), Affine(0.5, 0, 175, 0, -0.5, 5), 10, 20)
    here = Grid(CRS.from_epsg(4326), Affine(0.25, 0, -184.3, 0, -0.25, 4.1), 12, 40)
    scene = NearestScene(ArrayScene(data, grid=source, bands=("codes",)), here, nodata=99)
    there = Grid(here.crs, Affine(0.25, 0, 175.7, 0, -0.25, 4.1), 12, 40)
    values = scene.read(here.extent).data[0]
    np.testing.assert_array_equal(values, nearest_by_coordinates(data[0], source, there, 99)[0])


def test_a_fine_source_is_read_in_parts(monkeypatch):
    monkeypatch.setattr("landcover.raster.nearest._SOURCE_BYTES", 400)
    data = codes(200, 40)
    source = ArrayScene(data, grid=Grid(UTM.crs, UTM.transform, 200, 40), bands=("codes",))
    grid = Grid(UTM.crs, UTM.transform @ Affine.scale(4), 50, 10)
    values = NearestScene(source, grid, nodata=99).read(grid.extent).data[0]
    np.testing.assert_array_equal(values, data[0, 2::4, 2::4])
    assert max(window.height * window.width for window in source.reads) <= 400


def test_what_lies_elsewhere_has_no_data():
    far = Grid(UTM.crs, UTM.transform @ Affine.translation(1000, 0), 8, 8)
    scene = NearestScene(ArrayScene(codes(), grid=UTM, bands=("codes",)), far, nodata=7)
    block = scene.read(Window(2, 2, 3, 3))
    assert (block.data == 7).all()
    assert not block.valid.any()
    scene.pass_over(Window(0, 0, 8, 8))
    NearestScene(ArrayScene(codes(), grid=UTM, bands=("codes",)), UTM, nodata=7).pass_over(Window(0, 0, 8, 8))
