"""One file with named bands: pixels against rasterio, bands by name, grids kept exactly, nodata and masks."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from landcover.errors import (
    BandMapping,
    DtypeMismatch,
    LevelMismatch,
    RadiometryMismatch,
    RasterUnreadable,
    WindowError,
)
from landcover.grid import Window
from landcover.raster.scene import ReadPolicy, open_scene
from landcover.sensors import Radiometry
from tests.rasters import BANDS, north_up, numbers, write_tiff

HEIGHT, WIDTH = 70, 90
TILED = {"tiled": True, "blockxsize": 32, "blockysize": 16}
PLAIN, SHIFTED = Radiometry(1e-4, 0.0), Radiometry(1e-4, -0.1)


@pytest.fixture
def dn():
    return numbers(4, HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "profile",
    [
        {},
        TILED,
        TILED | {"compress": "deflate", "predictor": 2, "interleave": "pixel"},
        TILED | {"compress": "zstd", "interleave": "band"},
        {"compress": "lzw", "blockysize": 1},
        {"BIGTIFF": "YES", "ENDIANNESS": "BIG"},
        {"NBITS": 12},  # not read by LIBERTIFF: GTiff takes over
        {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "blockxsize": 64, "blockysize": 64},
    ],
    ids=["strips", "tiles", "pixel interleaved", "band interleaved", "rows", "big endian", "12 bits", "jpeg2000"],
)
def test_pixels_are_those_of_rasterio(tmp_path, dn, profile):
    suffix = "jp2" if "driver" in profile else "tif"
    path = write_tiff(tmp_path / f"scene.{suffix}", dn, **profile)
    order = [2, 0, 3]
    with open_scene(path, bands_wanted=[BANDS[i] for i in order], bands=BANDS) as scene, rasterio.open(path) as oracle:
        for window in (scene.grid.extent, Window(row=3, col=5, height=33, width=50), Window(69, 89, 1, 1)):
            row_range, col_range = (window.row, window.row_stop), (window.col, window.col_stop)
            expected = oracle.read([i + 1 for i in order], window=(row_range, col_range))
            block = scene.read(window)
            np.testing.assert_array_equal(block.data, expected)
            assert block.data.dtype == np.uint16
            assert block.valid.all()


def test_bands_are_found_by_description(tmp_path, dn):
    path = write_tiff(tmp_path / "scene.tif", dn, names=("b8", "B03", "B2", "b4"))
    with open_scene(path, bands_wanted=BANDS) as scene:
        assert scene.bands == BANDS
        np.testing.assert_array_equal(scene.read(scene.grid.extent).data, dn[[2, 1, 3, 0]])


def test_file_is_described(tmp_path, dn):
    tags = {"scale": "0.0001", "offset": "-0.1", "PROCESSING_LEVEL": "Level-2A", "datetime": "20171107"}
    path = write_tiff(tmp_path / "abu.dhabi.tif", dn, names=BANDS, tags=tags)
    with open_scene(path, bands_wanted=BANDS, level="L2A", radiometry=SHIFTED) as scene:
        assert (scene.level, scene.radiometry, scene.datetime) == ("L2A", SHIFTED, "2017-11-07")
        assert (scene.identifier, scene.dtype) == ("abu.dhabi", np.uint16)
        assert scene.input_digest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_nobody_states_is_none(tmp_path, dn):
    with open_scene(write_tiff(tmp_path / "scene.tif", dn, names=BANDS), bands_wanted=BANDS) as scene:
        assert (scene.level, scene.radiometry, scene.datetime) == (None, None, None)


def test_band_scale_and_offset_are_radiometry(tmp_path, dn):
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS, scaling=[(1e-4, -0.1)] * 4)
    with open_scene(path, bands_wanted=BANDS) as scene:
        assert scene.radiometry == SHIFTED
        np.testing.assert_array_equal(scene.read(scene.grid.extent).data, dn)  # stated, never applied


def test_wanted_bands_must_agree_on_radiometry(tmp_path, dn):
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS, scaling=[(1e-4, -0.1)] * 3 + [(1.0, 0.0)])
    with open_scene(path, bands_wanted=BANDS[:3]) as scene:
        assert scene.radiometry == SHIFTED
    with pytest.raises(RadiometryMismatch, match=r"by band 1 of 'scene.tif', but 1, 0 by band 4"):
        open_scene(path, bands_wanted=BANDS)


def test_caller_must_not_contradict_the_file(tmp_path, dn):
    tags = {"scale": "0.0001", "offset": "0", "processing_level": "L1C"}
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS, tags=tags)
    with pytest.raises(LevelMismatch, match=r"L1C by the tags of 'scene.tif', but L2A by the caller \(--level"):
        open_scene(path, bands_wanted=BANDS, level="L2A")
    with pytest.raises(
        RadiometryMismatch,
        match=r"of 'scene.tif', but 0.0001, -0.1 by the caller \(--product\); .* leave it",
    ):
        open_scene(path, bands_wanted=BANDS, radiometry=SHIFTED)


@pytest.mark.parametrize(
    ("dtype", "says"),
    [
        ("int16", "rendered; numbers .* gdal_translate -ot UInt16 IN.tif OUT.tif$"),
        ("int32", "rendered; numbers .* gdal_translate -ot UInt16 IN.tif OUT.tif$"),
        ("uint8", "rescaled or rendered$"),
        ("float32", "rescaled or rendered$"),
    ],
)
def test_other_sample_types_and_what_to_do_about_them(tmp_path, dn, dtype, says):
    path = write_tiff(tmp_path / "scene.tif", dn.astype(dtype), names=BANDS, photometric="minisblack")
    with pytest.raises(DtypeMismatch, match=rf"has {dtype} samples; the model wants uint16: .*{says}"):
        open_scene(path, bands_wanted=BANDS)


@pytest.mark.parametrize(
    "given", ["https://example.org/scene.tif", "s3://bucket/scene.tif", "/vsicurl/https://example.org/scene.tif"]
)
def test_only_local_files_are_read(given):
    with pytest.raises(RasterUnreadable, match=r"'scene.tif' does not exist; only local files are read"):
        open_scene(Path(given), bands_wanted=BANDS)
    with pytest.raises(RasterUnreadable, match=r"'scene.tif' does not exist$"):
        open_scene(Path("absent/scene.tif"), bands_wanted=BANDS)


def test_caller_states_what_the_file_does_not(tmp_path, dn):
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS)
    with open_scene(path, bands_wanted=BANDS, level="L1C", radiometry=PLAIN) as scene:
        assert (scene.level, scene.radiometry) == ("L1C", PLAIN)


def test_unnamed_bands_are_refused(tmp_path, dn):
    with pytest.raises(BandMapping, match=r"4 bands without names.*B02, B03, B04, B08.*--bands"):
        open_scene(write_tiff(tmp_path / "scene.tif", dn), bands_wanted=BANDS)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "complex64"])
def test_other_sample_types_are_refused(tmp_path, dn, dtype):
    path = write_tiff(tmp_path / "scene.tif", dn.astype(dtype), names=BANDS, photometric="MINISBLACK")
    with pytest.raises(DtypeMismatch, match=f"has {dtype} samples; the model wants uint16"):
        open_scene(path, bands_wanted=BANDS)


@pytest.mark.parametrize(
    "transform",
    [Affine(10, 3, 5e5, 3, -10, 5.5e6), Affine(10, 0, 5e5, 0, 10, 5.4e6), Affine(-10, 0, 5e5, 0, -10, 5.5e6)],
    ids=["rotated", "south up", "mirrored"],
)
def test_grid_is_kept_exactly(tmp_path, dn, transform):
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS, transform=transform)
    with open_scene(path, bands_wanted=BANDS) as scene:
        assert scene.grid.transform == transform
        assert (scene.grid.height, scene.grid.width) == (HEIGHT, WIDTH)
        assert scene.grid.crs.to_epsg() == 32633
        np.testing.assert_array_equal(scene.read(scene.grid.extent).data, dn)


def test_pixel_is_invalid_when_every_wanted_band_is_nodata(tmp_path, dn):
    dn[:, 0, 0] = 0
    dn[:3, 1, 1] = 0  # dark water: one band still has data
    dn[3, 2, 2] = 0
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS, nodata=0)
    with open_scene(path, bands_wanted=BANDS) as scene:
        valid = scene.read(scene.grid.extent).valid
    assert not valid[0, 0]
    assert valid.sum() == HEIGHT * WIDTH - 1
    with open_scene(path, bands_wanted=BANDS[:3]) as scene:
        assert not scene.read(scene.grid.extent).valid[1, 1]


@pytest.mark.parametrize("nodata", [None, -9999], ids=["undeclared", "outside the type"])
def test_zero_is_nodata_unless_declared_otherwise(tmp_path, dn, nodata):
    dn[:, 5] = 0
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS)
    if nodata is not None:
        _declare_impossible_nodata(path, nodata)
    with open_scene(path, bands_wanted=BANDS) as scene:
        assert not scene.read(scene.grid.extent).valid[5].any()
    with open_scene(path, bands_wanted=BANDS, policy=ReadPolicy(assumed_nodata=None)) as scene:
        assert scene.read(scene.grid.extent).valid.all()


def _declare_impossible_nodata(path, nodata):
    """Rasterio refuses to write such a value; TIFF tag 42113 (GDAL_NODATA) takes any text."""
    marker = b"54321\0"
    with rasterio.open(path) as dataset:
        data, profile, names = dataset.read(), dataset.profile, dataset.descriptions
    write_tiff(path, data, names=names, **(profile | {"nodata": 54321}))
    content = path.read_bytes()
    assert content.count(marker) == 1
    path.write_bytes(content.replace(marker, f"{nodata}\0".encode()))


def test_own_nodata_becomes_the_assumed_one(tmp_path, dn):
    dn[:, :, 7] = 65535
    dn[1, 3, 3] = 65535
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS, nodata=65535)
    with open_scene(path, bands_wanted=BANDS) as scene:
        block = scene.read(scene.grid.extent)
    assert (block.valid == (np.arange(WIDTH) != 7)).all()
    assert (block.data[:, :, 7] == 0).all()
    assert block.data[1, 3, 3] == 0
    assert block.valid[3, 3]


@pytest.mark.parametrize("profile", [{}, {"nodata": 0}])
def test_internal_mask_counts(tmp_path, dn, profile):
    mask = np.random.default_rng(3).random((HEIGHT, WIDTH)) > 0.4
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS, mask=mask, **profile)
    with open_scene(path, bands_wanted=BANDS) as scene:
        block = scene.read(Window(row=10, col=20, height=40, width=60))
    np.testing.assert_array_equal(block.valid, mask[10:50, 20:80])
    assert (block.data[:, ~block.valid] == 0).all()


@pytest.mark.parametrize("nodata", [None, 0])
def test_alpha_is_a_mask_and_never_a_band(tmp_path, dn, nodata):
    alpha = np.where(np.random.default_rng(4).random((1, HEIGHT, WIDTH)) > 0.3, 65535, 0).astype(np.uint16)
    path = write_tiff(
        tmp_path / "rgba.tif", np.concatenate([dn[:3], alpha]), photometric="RGB", ALPHA="YES", nodata=nodata
    )
    with pytest.raises(BandMapping, match=r"has 3 bands"):
        open_scene(path, bands_wanted=BANDS, bands=BANDS)
    with open_scene(path, bands_wanted=BANDS[:3], bands=BANDS[:3]) as scene:
        np.testing.assert_array_equal(scene.read(scene.grid.extent).valid, alpha[0] > 0)


def test_floats_are_invalid_where_any_band_is_not_finite(tmp_path, dn):
    values = dn.astype(np.float32)
    values[0, 1, 1], values[2, 2, 2], values[:, 3, 3] = np.nan, np.inf, np.nan
    path = write_tiff(tmp_path / "scene.tif", values, names=BANDS, nodata=np.nan)
    with open_scene(path, bands_wanted=BANDS, dtype_wanted="float32") as scene:
        block = scene.read(scene.grid.extent)
    assert sorted(zip(*np.nonzero(~block.valid), strict=True)) == [(1, 1), (2, 2), (3, 3)]
    assert np.isfinite(block.data).all()


@pytest.mark.parametrize("kind", ["plain", "masked", "not finite", "other nodata"])
def test_reading_changes_nothing_of_what_is_held(tmp_path, dn, kind):
    """A block may be a part of the scene's own memory; what is invalid is filled in a copy."""
    values, keywords = dn, {}
    if kind == "masked":
        keywords = {"mask": np.random.default_rng(3).random((HEIGHT, WIDTH)) > 0.4}
    elif kind == "not finite":
        values = dn.astype(np.float32)
        values[0, 20:30, 1:50] = np.nan
    elif kind == "other nodata":
        values[:, 20:30] = 65535
        keywords = {"nodata": 65535}
    path = write_tiff(tmp_path / "scene.tif", values, names=BANDS, **TILED, **keywords)
    window = Window(18, 4, 40, 60)
    with open_scene(path, bands_wanted=BANDS, dtype_wanted=values.dtype.name) as scene:
        blocks = [scene.read(window), scene.read(window)]
        scene.pass_over(None)
        blocks.append(scene.read(window))
    assert blocks[0].valid.all() is np.bool_(kind == "plain")
    assert blocks[0].data.flags.writeable is (kind != "plain")
    for block in blocks[1:]:
        np.testing.assert_array_equal(block.data, blocks[0].data)
        np.testing.assert_array_equal(block.valid, blocks[0].valid)


def test_window_beyond_the_grid_is_refused(tmp_path, dn):
    with (
        open_scene(write_tiff(tmp_path / "scene.tif", dn, names=BANDS), bands_wanted=BANDS) as scene,
        pytest.raises(WindowError, match=r"reaches beyond"),
    ):
        scene.read(Window(row=0, col=0, height=HEIGHT + 1, width=WIDTH))


def test_closed_scene_does_not_read(tmp_path, dn):
    scene = open_scene(write_tiff(tmp_path / "scene.tif", dn, names=BANDS), bands_wanted=BANDS)
    scene.close()
    with pytest.raises(ValueError, match=r"the scene 'scene' is closed"):
        scene.read(scene.grid.extent)


def test_one_pixel_is_a_scene(tmp_path):
    path = write_tiff(tmp_path / "dot.tif", numbers(4, 1, 1), names=BANDS, transform=north_up())
    with open_scene(path, bands_wanted=BANDS) as scene:
        assert scene.read(scene.grid.extent).data.shape == (4, 1, 1)


def test_positions_in_a_colour_table_are_no_measurements(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(1, 9, 9, high=200).astype(np.uint8), photometric="palette")
    with pytest.raises(DtypeMismatch, match="a picture with a colour table"):
        open_scene(path, bands_wanted=["B02"], bands=["B02"], dtype_wanted="uint8")
