"""Folders of single-band files: finest grid, bilinear upsampling, and blocks that equal the whole bit for bit."""

import hashlib

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import Resampling

from landcover.errors import (
    BandMapping,
    DtypeMismatch,
    GridMismatch,
    LevelMismatch,
    RadiometryMismatch,
    RasterTruncated,
    RasterUnreadable,
    WindowError,
)
from landcover.grid import Window
from landcover.raster.scene import ReadPolicy, open_scene
from landcover.sensors import Radiometry
from tests.rasters import cut, north_up, numbers, write_band_folder, write_jp2, write_tiff

WANTED = ("B02", "B03", "B11", "B01")
HEIGHT, WIDTH = 132, 192  # at 10 m; both whole at 60 m
RATIO = {"B02": 1, "B03": 1, "B11": 2, "B01": 6}


def coarse_numbers(seed=0):
    """Digital numbers of WANTED at 10, 10, 20 and 60 m."""
    return {name: numbers(1, HEIGHT // ratio, WIDTH // ratio, seed=seed + ratio)[0] for name, ratio in RATIO.items()}


@pytest.fixture(params=[".jp2", ".tif"])
def folder(tmp_path, request):
    return write_band_folder(tmp_path / "scene", coarse_numbers(), suffix=request.param)


def some_windows():
    random = np.random.default_rng(7)
    for _ in range(25):
        height, width = int(random.integers(1, 90)), int(random.integers(1, 120))
        row, col = int(random.integers(0, HEIGHT - height + 1)), int(random.integers(0, WIDTH - width + 1))
        yield Window(row=row, col=col, height=height, width=width)


def test_grid_is_that_of_the_finest_wanted_band(folder):
    with open_scene(folder, bands_wanted=WANTED) as scene:
        assert (scene.grid.height, scene.grid.width) == (HEIGHT, WIDTH)
        assert scene.grid.transform == north_up()
        assert scene.bands == WANTED
    with open_scene(folder, bands_wanted=["B01", "B11"]) as scene:
        assert scene.grid.pixel_size == (20, 20)


def test_blocks_at_odd_offsets_equal_the_whole(folder):
    with open_scene(folder, bands_wanted=WANTED) as scene:
        whole = scene.read(scene.grid.extent)
    assert whole.valid.all()
    with open_scene(folder, bands_wanted=WANTED) as scene:
        for window in some_windows():
            np.testing.assert_array_equal(scene.read(window).data, whole.data[:, window.rows, window.cols])


def test_threads_do_not_change_a_pixel(folder):
    blocks = []
    for threads in (1, 4):
        with open_scene(folder, bands_wanted=WANTED, policy=ReadPolicy(threads=threads)) as scene:
            blocks.append(scene.read(scene.grid.extent).data)
    np.testing.assert_array_equal(*blocks)


def test_pixels_are_those_of_gdal(folder):
    with open_scene(folder, bands_wanted=WANTED) as scene:
        data = scene.read(scene.grid.extent).data.astype(int)
    for band, ratio in enumerate(RATIO.values()):
        (path,) = folder.glob(f"*_{WANTED[band]}.*")
        with rasterio.open(path) as dataset:
            expected = dataset.read(1, out_shape=(HEIGHT, WIDTH), resampling=Resampling.bilinear)
        assert np.abs(data[band] - expected).max() <= (0 if ratio == 1 else 1)


def test_nodata_is_not_mixed_and_undeclared_zero_counts(tmp_path):
    bands = coarse_numbers()
    for name, data in bands.items():
        data[: 60 // RATIO[name]] = 0  # a swath edge that all bands share
    with open_scene(write_band_folder(tmp_path, bands), bands_wanted=WANTED) as scene:
        block = scene.read(scene.grid.extent)
        part = scene.read(Window(row=55, col=31, height=11, width=50))
    np.testing.assert_array_equal(block.valid.all(axis=1), np.arange(HEIGHT) >= 60)
    assert (block.data[:, 60:] >= 1).all()
    assert block.data[:, 60:].min() >= min(data[data > 0].min() for data in bands.values())
    np.testing.assert_array_equal(part.data, block.data[:, 55:66, 31:81])
    np.testing.assert_array_equal(part.valid, block.valid[55:66, 31:81])


def test_internal_mask_of_one_band_counts(tmp_path):
    bands = coarse_numbers()
    folder = write_band_folder(tmp_path, {name: bands[name] for name in ("B02", "B03")}, suffix=".tif")
    mask = np.ones((HEIGHT // 2, WIDTH // 2), bool)
    mask[3, 4] = False
    write_tiff(folder / "T33UUU_20170216T102101_B11.tif", bands["B11"][None], transform=north_up(20), mask=mask)
    with open_scene(folder, bands_wanted=["B02", "B11"]) as scene:
        valid = scene.read(scene.grid.extent).valid
    np.testing.assert_array_equal(valid, np.kron(mask, np.ones((2, 2), bool)))


def test_digest_is_of_names_and_bytes_of_the_wanted_files(folder):
    with open_scene(folder, bands_wanted=["B03", "B02"]) as scene:
        digest = scene.input_digest()
        assert digest == scene.input_digest()
    files = sorted(path for path in folder.iterdir() if path.stem.endswith(("B02", "B03")))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    assert digest == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_date_and_name_come_from_the_names(folder):
    with open_scene(folder, bands_wanted=WANTED) as scene:
        assert scene.datetime == "2017-02-16T10:21:01Z"
        assert scene.identifier == "T33UUU_20170216T102101"
        assert (scene.level, scene.radiometry) == (None, None)


@pytest.mark.parametrize(
    "names",
    [("B02.tif", "B03.tif"), ("a_B02.tif", "b_B03.tif"), ("_B02.tif", "_B03.tif")],
    ids=["bare", "two", "empty"],
)
def test_the_folder_gives_the_name_where_the_files_share_none(tmp_path, names):
    for name in names:
        write_tiff(tmp_path / name, numbers(1, 12, 12))
    with open_scene(tmp_path, bands_wanted=["B02", "B03"]) as scene:
        assert scene.identifier == tmp_path.name


def test_tags_of_band_files_count(tmp_path):
    for name in ("B02", "B03"):
        tags = {"processing_level": "L2A", "scale": "0.0001", "offset": "-0.1", "datetime": "2022-05-01"}
        write_tiff(tmp_path / f"{name}.tif", numbers(1, 12, 12), tags=tags)
    with open_scene(tmp_path, bands_wanted=["B02", "B03"]) as scene:
        assert (scene.level, scene.radiometry) == ("L2A", Radiometry(1e-4, -0.1))
        assert scene.datetime == "2022-05-01"
    with pytest.raises(LevelMismatch, match=r"'B02.tif', but L1C by the caller"):
        open_scene(tmp_path, bands_wanted=["B02", "B03"], level="L1C")
    write_tiff(tmp_path / "B03.tif", numbers(1, 12, 12), scaling=[(1e-4, 0.5)])
    with pytest.raises(RadiometryMismatch, match=r"by the tags of 'B02.tif', but 0.0001, 0.5 by band 1 of 'B03.tif'"):
        open_scene(tmp_path, bands_wanted=["B02", "B03"])


def test_landsat_surface_reflectance_is_known_by_its_names(tmp_path):
    prefix = "LC09_L2SP_168060_20230101_20230103_02_T1_"
    bands = {f"SR_B{number}": numbers(1, 20, 20, seed=number)[0] for number in (4, 5)}
    write_band_folder(tmp_path, bands, prefix=prefix, suffix=".TIF", pixel=30)
    with open_scene(tmp_path, bands_wanted=["SR_B5", "SR_B4"], level="L2SP") as scene:
        assert (scene.level, scene.radiometry) == ("L2SP", Radiometry(0.0000275, -0.2))
        assert scene.datetime == "2023-01-01"
        np.testing.assert_array_equal(scene.read(scene.grid.extent).data[0], bands["SR_B5"])


def test_missing_band_names_what_is_there(folder):
    with pytest.raises(BandMapping, match=r"no file for band B04, B12; it has B01, B02, B03, B11, the model wants B02"):
        open_scene(folder, bands_wanted=["B02", "B04", "B12"])


def test_names_from_the_caller_are_refused(folder):
    with pytest.raises(BandMapping, match=r"file names say which band is which"):
        open_scene(folder, bands_wanted=["B02"], bands=["B02"])


def test_two_scenes_in_one_folder_are_refused(folder):
    write_band_folder(folder, {"B02": numbers(1, HEIGHT, WIDTH)[0]}, prefix="T33UUU_20180101T000000_")
    with pytest.raises(BandMapping, match=r"B02 is in .*2017.* and in .*2018.*both with pixels of 10"):
        open_scene(folder, bands_wanted=WANTED)


def test_several_bands_in_one_file_are_refused(tmp_path):
    write_tiff(tmp_path / "B02.tif", numbers(3, 12, 12))
    with pytest.raises(BandMapping, match=r"'B02.tif' has 3 bands; a folder of bands has one in each file"):
        open_scene(tmp_path, bands_wanted=["B02"])


def test_other_sample_types_are_refused(tmp_path):
    write_tiff(tmp_path / "B02.tif", numbers(1, 12, 12).astype(np.uint8))
    with pytest.raises(DtypeMismatch, match=r"'B02.tif' has uint8 samples"):
        open_scene(tmp_path, bands_wanted=["B02"])


@pytest.mark.parametrize(
    "profile",
    [
        {"crs": "EPSG:32634"},
        {"transform": north_up() @ Affine.translation(1, 0)},
        {"transform": north_up(20)},
        {"transform": Affine(10, 0, 500_000, 0, 10, 5_500_000)},
    ],
    ids=["crs", "shifted", "other extent", "south up"],
)
def test_bands_on_other_grids_are_refused_by_name(tmp_path, profile):
    write_tiff(tmp_path / "B02.tif", numbers(1, 12, 12))
    write_tiff(tmp_path / "B03.tif", numbers(1, 12, 12), **profile)
    with pytest.raises(GridMismatch, match=r"'B02.tif' and 'B03.tif' (have different coord|do not cover the same)"):
        open_scene(tmp_path, bands_wanted=["B02", "B03"])


def test_factor_that_is_not_whole_is_refused(tmp_path):
    write_tiff(tmp_path / "B02.tif", numbers(1, 12, 12))
    write_tiff(tmp_path / "B11.tif", numbers(1, 5, 5), transform=north_up(24))
    with pytest.raises(GridMismatch, match=r"12 x 12 and 5 x 5 pixels"):
        open_scene(tmp_path, bands_wanted=["B02", "B11"])


def test_south_up_bands_are_upsampled_in_place(tmp_path):
    bands = {"B02": numbers(1, 12, 12)[0], "B11": numbers(1, 6, 6)[0]}
    write_tiff(tmp_path / "B02.tif", bands["B02"][None], transform=Affine(10, 0, 5e5, 0, 10, 5.4e6))
    write_tiff(tmp_path / "B11.tif", bands["B11"][None], transform=Affine(20, 0, 5e5, 0, 20, 5.4e6))
    with open_scene(tmp_path, bands_wanted=["B02", "B11"]) as scene:
        assert scene.grid.transform.e == 10
        np.testing.assert_array_equal(scene.read(scene.grid.extent).data[0], bands["B02"])


def test_truncated_band_is_noticed_by_name(folder):
    (path,) = folder.glob("*_B11.*")
    cut(path, 0.9)
    with (
        open_scene(folder, bands_wanted=WANTED) as scene,
        pytest.raises(RasterTruncated, match=path.name),
    ):
        scene.read(scene.grid.extent)


def test_window_beyond_the_grid_is_refused(folder):
    with open_scene(folder, bands_wanted=WANTED) as scene, pytest.raises(WindowError):
        scene.read(Window(row=HEIGHT, col=0, height=1, width=1))


def test_folder_without_bands_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(RasterUnreadable, match=r"holds no band files"):
        open_scene(tmp_path, bands_wanted=["B02"])


def test_what_is_no_regular_file_is_passed_over(tmp_path):
    write_jp2(tmp_path / "x_B02.jp2", numbers(1, 64, 64)[0])
    (tmp_path / "y_B02.jp2").mkdir()
    (tmp_path / "z_B02.jp2").symlink_to(tmp_path / "gone.jp2")
    with open_scene(tmp_path, bands_wanted=["B02"]) as scene:
        assert scene.read(scene.grid.extent).valid.all()
