"""Synthetic scenes: what the product reads of them, and one sentence when they cannot be made."""

import numpy as np
import pytest
import rasterio

from landcover.errors import DiskFull, OutputNotWritable
from landcover.raster.scene import open_scene
from serving.bench.scenes import BANDS, make_scene, scene_bytes
from serving.cli import main
from tests.service import left_in


def test_a_scene_is_what_the_product_reads(tmp_path):
    path = tmp_path / "scene.tif"
    assert main(["bench", "make-scene", str(path), "--side", "600", "--width", "700"]) == 0
    with open_scene(path, bands_wanted=BANDS) as scene:
        assert (scene.grid.height, scene.grid.width, scene.level) == (600, 700, "L1C")
    with rasterio.open(path) as dataset:
        dn_BHW = dataset.read()
        assert (dataset.compression.name, dataset.block_shapes[0]) == ("deflate", (512, 512))
    y, x = np.mgrid[:600, :700]
    assert np.array_equal(dn_BHW.any(axis=0), x + y >= 700 / 8)
    assert path.stat().st_size < scene_bytes(600, 700)
    assert left_in(tmp_path) == ["scene.tif"]


def test_scenes_are_made_again_by_their_seed(tmp_path):
    for name, seed in (("a.tif", 3), ("b.tif", 3), ("c.tif", 4)):
        make_scene(tmp_path / name, height=64, width=64, seed=seed)
    one, same, other = ((tmp_path / name).read_bytes() for name in ("a.tif", "b.tif", "c.tif"))
    assert one == same
    assert one != other


def test_a_file_that_exists_is_replaced_only_when_that_is_asked_for(tmp_path, capsys):
    path = tmp_path / "scene.tif"
    path.write_bytes(b"a scene of somebody")
    argv = ["bench", "make-scene", str(path), "--side", "64"]
    assert main(argv) == 2
    assert "'scene.tif' exists; choose another name, or replace it with --force" in capsys.readouterr().err
    assert path.read_bytes() == b"a scene of somebody"
    assert main([*argv, "--force"]) == 0
    assert path.stat().st_size > 1000


def test_a_full_disk_is_found_before_work(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 1000})())
    with pytest.raises(DiskFull, match="bytes of disk, 1000 are free"):
        make_scene(tmp_path / "scene.tif", height=2000, width=2000)
    assert left_in(tmp_path) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputNotWritable, match="its folder does not exist"):
        make_scene(tmp_path / "absent" / "scene.tif", height=8, width=8)
