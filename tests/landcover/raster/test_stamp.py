"""Files that change while they are read: no scene is made of two files, and no digest is of another file."""

from __future__ import annotations

import os

import numpy as np
import pytest

from landcover.errors import RasterChanged, RasterUnreadable
from landcover.grid import Window
from landcover.quality import MASKS
from landcover.raster.quality import open_mask
from landcover.raster.scene import ReadPolicy, open_scene
from tests.rasters import BANDS, cut, numbers, write_band_folder, write_tiff

TOP, BELOW = Window(0, 0, 100, 64), Window(600, 0, 100, 64)
TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64, "names": BANDS}


def write(path, seed=0):
    return write_tiff(path, numbers(len(BANDS), 800, 64, seed=seed), **TILED)


def open_file(path, threads=1):
    return open_scene(path, bands_wanted=BANDS, policy=ReadPolicy(threads=threads))


def replaced(path):
    write(path.with_name("new.tif"), seed=1).replace(path)


def rewritten(path):
    """Other bytes in the same file."""
    with path.open("r+b") as stream:
        stream.seek(-8, os.SEEK_END)
        stream.write(b"\1" * 8)
    os.utime(path, ns=(0, 1))  # the clock of a file system may stand still for some milliseconds


def shorter(path):
    cut(path, 0.5)


CHANGES = pytest.mark.parametrize("change", [replaced, rewritten, shorter], ids=lambda change: change.__name__)


@CHANGES
@pytest.mark.parametrize("threads", [1, 4])  # with the handle that there is, or with new ones
def test_pixels_of_another_file_are_refused(tmp_path, change, threads):
    path = write(tmp_path / "x.tif")
    with open_file(path, threads) as scene:
        first = scene.read(TOP)
        change(path)
        with pytest.raises(RasterChanged, match=r"'x\.tif' changed while it was read; run again"):
            scene.read(BELOW)
    np.testing.assert_array_equal(first.data, numbers(len(BANDS), 800, 64)[:, :100])


@CHANGES
def test_digests_of_another_file_are_refused(tmp_path, change):
    path = write(tmp_path / "x.tif")
    with open_file(path) as scene:
        scene.read(TOP)
        change(path)
        with pytest.raises(RasterChanged):
            scene.input_digest()


def test_one_band_of_a_folder_is_enough(tmp_path):
    bands = dict(zip(BANDS, numbers(len(BANDS), 64, 64), strict=True))
    folder = write_band_folder(tmp_path / "bands", bands, suffix=".tif")
    with open_scene(folder, bands_wanted=BANDS) as scene:
        changed = sorted(folder.iterdir())[2]
        write_tiff(tmp_path / "new.tif", bands["B02"][None]).replace(changed)
        with pytest.raises(RasterChanged, match=changed.name):
            scene.input_digest()
        with pytest.raises(RasterChanged, match=changed.name):
            scene.read(Window(0, 0, 8, 8))


def test_a_file_that_is_gone(tmp_path):
    path = write(tmp_path / "x.tif")
    with open_file(path) as scene:
        path.unlink()
        with pytest.raises(RasterUnreadable, match="No such file"):
            scene.read(TOP)


def test_a_file_that_is_only_read_stays_the_same(tmp_path):
    path = write(tmp_path / "x.tif")
    with open_file(path) as scene:
        os.utime(path, ns=(5, path.stat().st_mtime_ns))  # read by somebody
        path.chmod(0o444)
        scene.read(TOP)
        scene.input_digest()


def test_a_mask_that_changes(tmp_path):
    scl = np.full((1, 64, 64), 4, np.uint8)
    path = write_tiff(tmp_path / "SCL.tif", scl)
    bands = dict(zip(BANDS, numbers(len(BANDS), 64, 64), strict=True))
    write_band_folder(tmp_path, bands, suffix=".tif")
    with open_scene(tmp_path, bands_wanted=BANDS) as scene, open_mask(tmp_path, scene.grid) as mask:
        assert mask.kind in MASKS
        mask.rows(0, 8)
        write_tiff(tmp_path / "new.tif", scl).replace(path)
        with pytest.raises(RasterChanged, match=r"SCL\.tif"):
            mask.rows(8, 16)
