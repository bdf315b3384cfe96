"""Layers of numbers: only what the file says is no data, and what it says of scales is applied once."""

import numpy as np
import pytest
from affine import Affine

from landcover.errors import BandCount, DtypeMismatch, RasterEmpty, RasterTruncated, RasterUnreadable
from landcover.grid import Grid, Window
from landcover.raster.numbers import open_number_stack, open_numbers
from tests.rasters import cut, write_jp2, write_tiff


def values(dtype="float32", bands=1):
    """(band, row, col) from -60 on, so that 0 and negative numbers are among them."""
    return (np.arange(bands * 30 * 40).reshape(bands, 30, 40) - 60).astype(dtype)


def read(path, opener=open_numbers):
    with opener(path) as found:
        return found.scene.read(found.grid.extent), found.nodata


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_keep_zero_and_negatives_and_lose_what_is_no_number(tmp_path, dtype):
    data = values(dtype)
    data[0, 0, :4] = np.nan, np.inf, -np.inf, -9999
    block, nodata = read(write_tiff(tmp_path / "p.tif", data, nodata=-9999))
    missing = np.zeros((30, 40), bool)
    missing[0, :4] = True
    assert np.isnan(nodata)
    np.testing.assert_array_equal(block.valid, ~missing)
    np.testing.assert_array_equal(block.data[0][~missing], data[0][~missing])
    assert np.isnan(block.data[0][missing]).all()


def test_nan_declared_as_nodata_does_not_make_zero_missing(tmp_path):
    data = values()
    data[0, 3, 3] = np.nan
    block, _ = read(write_tiff(tmp_path / "p.tif", data, nodata=np.nan))
    assert (data == 0).any()
    np.testing.assert_array_equal(block.valid, ~np.isnan(data[0]))


def test_floats_without_a_nodata_value_assume_none(tmp_path):
    block, _ = read(write_tiff(tmp_path / "p.tif", values()))
    assert block.valid.all()


def test_the_lowest_number_of_a_type_is_no_data(tmp_path):
    data = values()
    data[0, 1, 1] = np.finfo(np.float32).min
    block, _ = read(write_tiff(tmp_path / "p.tif", data))
    assert np.argwhere(~block.valid).tolist() == [[1, 1]]


def test_integers_stay_integers(tmp_path):
    data = values("int16")
    data[0, 2, 2] = -32768
    block, nodata = read(write_tiff(tmp_path / "p.tif", data, nodata=-32768))
    assert (block.data.dtype, nodata) == (np.int16, -32768)
    np.testing.assert_array_equal(block.valid, data[0] != -32768)
    np.testing.assert_array_equal(block.data, data)


def test_integers_without_or_with_an_impossible_nodata_value(tmp_path):
    for index, nodata in enumerate((None, -9999.5)):
        block, found = read(write_tiff(tmp_path / f"{index}.tif", values("int32"), nodata=nodata))
        assert found is None
        assert block.valid.all()


def test_scale_and_offset_are_applied_once(tmp_path):
    data = values("int16")
    data[0, 0, 0] = -32768
    path = write_tiff(tmp_path / "s.tif", data, nodata=-32768, scaling=[(0.5, 3.0)])
    block, nodata = read(path)
    assert block.data.dtype == np.float32
    assert np.isnan(nodata)
    assert np.isnan(block.data[0, 0, 0])
    np.testing.assert_array_equal(block.data[0, 1:], data[0, 1:] * 0.5 + 3.0)
    with open_numbers(path) as found:
        assert found.scaled


def test_a_mask_of_the_file_counts(tmp_path):
    mask = np.ones((30, 40), bool)
    mask[:, 7] = False
    block, _ = read(write_tiff(tmp_path / "m.tif", values(), mask=mask))
    np.testing.assert_array_equal(block.valid, mask)


def test_a_stack_keeps_pixels_that_any_band_has(tmp_path):
    data = values(bands=3)
    data[0, 5, 5] = np.nan
    data[:, 6, 6] = np.nan
    block, _ = read(write_tiff(tmp_path / "s.tif", data), open_number_stack)
    assert block.data.shape == (3, 30, 40)
    assert (block.valid[5, 5], block.valid[6, 6]) == (True, False)
    np.testing.assert_array_equal(block.data, data)


def test_on_another_grid_by_the_nearest_pixel(tmp_path):
    data = values()
    data[0, 0, 0] = -9999
    with open_numbers(write_tiff(tmp_path / "p.tif", data, nodata=-9999)) as found:
        own = found.grid
        fine = Grid(own.crs, own.transform @ Affine.scale(0.5), own.height * 2 + 4, own.width * 2)
        block = found.on(fine).scene.read(fine.extent)
    inside = data[0].repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(block.data[0, :60][block.valid[:60]], inside[inside != -9999])
    assert not block.valid[60:].any()
    assert not block.valid[:2, :2].any()


def test_windows_are_parts_of_the_whole(tmp_path):
    data = values(bands=2)
    with open_number_stack(write_tiff(tmp_path / "p.tif", data)) as found:
        np.testing.assert_array_equal(found.scene.read(Window(3, 4, 5, 6)).data, data[:, 3:8, 4:10])
    jp2 = write_jp2(tmp_path / "p.jp2", np.arange(1200, dtype=np.uint16).reshape(30, 40))
    block, nodata = read(jp2)
    assert nodata is None
    assert block.valid.all()


@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_both_orders_of_samples(tmp_path, interleave):
    data = np.arange(3 * 40 * 2100, dtype=np.int32).reshape(3, 40, 2100)
    place = {"tiled": True, "blockxsize": 64, "blockysize": 32, "interleave": interleave}
    with open_number_stack(write_tiff(tmp_path / "p.tif", data, **place), only=slice(1, None)) as found:
        np.testing.assert_array_equal(found.scene.read(found.grid.extent).data, data[1:])
        np.testing.assert_array_equal(found.scene.read(Window(3, 70, 20, 2000)).data, data[1:, 3:23, 70:2070])
        assert len(found.descriptions) == 3
    with pytest.raises(BandCount, match="none of which"):
        open_number_stack(tmp_path / "p.tif", only=slice(3, None))


def test_what_is_no_layer_of_numbers(tmp_path):
    with pytest.raises(RasterUnreadable):
        open_numbers(tmp_path / "none.tif")
    with pytest.raises(BandCount, match="has 2 bands"):
        open_numbers(write_tiff(tmp_path / "two.tif", values(bands=2)))
    with pytest.raises(DtypeMismatch, match="complex64"):
        open_numbers(write_tiff(tmp_path / "c.tif", values("complex64")))
    (tmp_path / "empty.tif").write_bytes(b"")
    with pytest.raises(RasterEmpty):
        open_numbers(tmp_path / "empty.tif")
    path = cut(write_tiff(tmp_path / "cut.tif", values()), 0.5)
    with pytest.raises(RasterTruncated), open_numbers(path) as found:
        found.scene.read(found.grid.extent)


def test_bands_that_differ_in_scale_are_refused(tmp_path):
    path = write_tiff(tmp_path / "s.tif", values("int16", bands=2), scaling=[(0.5, 0.0), (1.0, 0.0)])
    with pytest.raises(DtypeMismatch, match="differ in scale"):
        open_number_stack(path)
    zero = write_tiff(tmp_path / "z.tif", values("int16"), scaling=[(0.0, 0.0)])
    with pytest.raises(DtypeMismatch, match="scale of 0"):
        open_numbers(zero)


def test_a_colour_table_measures_nothing(tmp_path):
    path = write_tiff(tmp_path / "c.tif", values("uint8"), photometric="palette")
    with pytest.raises(DtypeMismatch, match="colour table"):
        open_numbers(path)


def test_another_value_that_is_no_data(tmp_path):
    """It is a stored value; among integers missing samples have one value, the file's own where there is one."""
    data = np.array([[[5, -3000, -9999, 7]], [[5, 6, 7, -3000]]], np.int16)
    for nodata, wanted in ((None, [-3000, -9999]), (-9999, [-9999, -9999]), (-3000, [-3000, -9999])):
        path = write_tiff(tmp_path / "i.tif", data, nodata=nodata)
        with open_number_stack(path, missing=-3000) as found:
            block = found.scene.read(found.grid.extent)
            assert found.nodata == (-3000 if nodata is None else nodata)
        assert block.data[0, 0].tolist() == [5, *wanted, 7]
        assert block.data[1, 0].tolist() == [5, 6, 7, found.nodata]
        assert block.data.dtype == np.int16
        assert block.valid.all()
    path = write_tiff(tmp_path / "s.tif", data, scaling=[(0.5, 1.0)] * 2)
    with open_number_stack(path, missing=-3000) as found:
        block = found.scene.read(found.grid.extent)
    np.testing.assert_array_equal(block.data[:, 0], [[3.5, np.nan, -4998.5, 4.5], [3.5, 4, 4.5, np.nan]])
    with open_number_stack(path, only=slice(1), missing=-3000.5) as found:
        assert found.scene.read(found.grid.extent).valid.all()
    with open_number_stack(path, only=slice(1), missing=-3000) as found:
        assert found.scene.read(found.grid.extent).valid.tolist() == [[True, False, True, True]]
