"""Scenes read through TorchGeo equal the files' own pixels, and labels stay with their image."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.windows import Window as FileWindow

from landcover.errors import BandMapping
from landcover.grid import Window
from training.scenes import IGNORE
from training.sources.dynamic_world import DynamicWorldSites, SiteFilesMissing, class_sums, find_sites, site_name

BANDS = ("B12", "B02", "B08")
DW_TO_INDEX = np.array([6, 0, 1, 3, 2, 1, 4, 5, IGNORE] + [IGNORE] * 247, dtype=np.uint8)


def scenes_of(root, bands=BANDS):
    with pytest.MonkeyPatch.context() as patch:  # whatever the environment names, this folder is meant
        patch.setenv("STEPPE_DATA", str(root))
        return {scene.info.name: scene for scene in DynamicWorldSites(bands=bands).scenes()}


@pytest.fixture(scope="module")
def scenes(data_root):
    return scenes_of(data_root)


def read(scene, kind, window=None):
    path = next(path for path in scene.info.files if path.parent.name == kind)
    with rasterio.open(path) as raster:
        return raster.read(window=window), raster.descriptions


@pytest.mark.parametrize(
    ("scene", "site"),
    [
        ("beirut_20150820", "beirut"),
        ("eotdl_Boadella_2020_01_28", "eotdl_Boadella"),
        ("ssl4eo_T43RCP_20200604_L1C", "ssl4eo_T43RCP_L1C"),
        ("terramind_L1C_282D_485L_3_3", "terramind_L1C_282D_485L_3_3"),
        ("worldcereal_preproc_20201101", "worldcereal_preproc"),
    ],
)
def test_site_name_is_the_scene_name_without_its_date(scene, site):
    assert site_name(scene) == site


def test_sites_hold_their_dates_and_chips(data_root):
    sites = find_sites(data_root / "s2_landcover")
    assert sites["paris"].scenes == ("paris_20160120", "paris_20180328")
    assert sites["eotdl_Boadella"].folder.name == "chips"


def test_facts_name_what_the_labels_are():
    facts = DynamicWorldSites(bands=BANDS).facts()
    assert facts.bands == BANDS
    assert facts.legend.id == "unccd7"
    assert facts.provenance["crosswalk"].startswith("dynamic-world-to-unccd7@")


def test_header_says_grid_site_and_files(scenes):
    info = scenes["paris_20180328"].info
    with rasterio.open(info.files[0]) as raster:
        assert (info.height, info.width) == raster.shape
        assert info.grid.transform == raster.transform
    assert (info.site, info.split) == ("paris", None)
    assert [path.parent.name for path in info.files] == ["images", "labels", "probabilities"]


def test_no_images_is_one_clear_sentence(tmp_path):
    with pytest.raises(SiteFilesMissing, match="STEPPE_DATA"):
        scenes_of(tmp_path)


def test_missing_label_is_named(scenes, tmp_path):
    images = tmp_path / "s2_landcover" / "images"
    images.mkdir(parents=True)
    (images / "paris_20160120.tif").write_bytes(scenes["paris_20160120"].info.files[0].read_bytes())
    with pytest.raises(SiteFilesMissing, match="labels/paris_20160120"):
        scenes_of(tmp_path)


def test_missing_band_is_named(data_root):
    scene = scenes_of(data_root, bands=("B02", "B8A"))["eotdl_Boadella_2020_01_28"]
    with pytest.raises(BandMapping, match="B8A"):
        scene.load()


@pytest.mark.parametrize("name", ["paris_20160120", "eotdl_Boadella_2020_02_02", "terramind_L1C_38D_378R_2_3"])
def test_whole_scene_equals_the_files(scenes, name):
    scene = scenes[name]
    image, names = read(scene, "images")
    labels, _ = read(scene, "labels")
    got = scene.read(scene.info.extent)
    np.testing.assert_array_equal(got["image"], image[[names.index(band) for band in BANDS]])
    wanted = np.where((got["image"] == 0).all(dim=0), IGNORE, DW_TO_INDEX[labels[0]])
    np.testing.assert_array_equal(got["mask"], wanted)
    assert (got["mask"] == IGNORE).sum() >= 5


def test_dates_are_not_mixed(scenes):
    first, second = (scenes[name].read(scenes[name].info.extent) for name in ("paris_20160120", "paris_20180328"))
    assert not torch.equal(first["image"], second["image"])


@pytest.mark.parametrize(("row", "col"), [(0, 0), (7, 13), (38, 58)])
@pytest.mark.parametrize("name", ["paris_20180328", "pisa_20180328"])
def test_window_equals_a_rasterio_window(scenes, name, row, col):
    got = scenes[name].read(Window(row, col, 32, 32))
    image, names = read(scenes[name], "images", FileWindow(col, row, 32, 32))
    np.testing.assert_array_equal(got["image"], image[[names.index(band) for band in BANDS]])


def test_teacher_sums_to_the_legend(scenes):
    scene = scenes["paris_20160120"]
    stored, _ = read(scene, "probabilities")
    teacher = scene.read(scene.info.extent)["teacher"].float().numpy()
    summed = np.stack([stored[[code for code in range(9) if DW_TO_INDEX[code] == k]].sum(axis=0) for k in range(7)])
    np.testing.assert_allclose(teacher, summed / summed.sum(axis=0), atol=1e-3)


def test_class_sums_leave_snow_out():
    sums_KS = class_sums("dynamic-world", "unccd7")
    assert sums_KS.shape == (7, 9)
    assert sums_KS.sum(dim=0).tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 0]


@pytest.mark.shared_data
@pytest.mark.parametrize("site", ["bercy", "dsen2_T33UUB_L1C", "worldcereal_presto", "terramind_L2A_637U_59R_1_3"])
def test_real_sites_are_read_as_they_are(site):
    root = os.environ.get("STEPPE_DATA")
    if not root:
        pytest.skip("STEPPE_DATA is not set")
    chosen = [scene for scene in scenes_of(Path(root)).values() if scene.info.site == site]
    assert chosen
    for scene in chosen:
        image, names = read(scene, "images")
        labels, _ = read(scene, "labels")
        got = scene.read(scene.info.extent)
        np.testing.assert_array_equal(got["image"], image[[names.index(band) for band in BANDS]])
        counted = got["mask"].numpy() != IGNORE
        np.testing.assert_array_equal(got["mask"].numpy()[counted], DW_TO_INDEX[labels[0]][counted])
        assert counted.mean() > 0.5
