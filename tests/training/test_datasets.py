"""Scenes read through TorchGeo equal rasterio's own windows, and labels stay with their image."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
from rasterio.windows import Window

from landcover.errors import BandMapping
from training.datasets import (
    IGNORE,
    SiteDataset,
    SiteFilesMissing,
    class_sums,
    find_sites,
    site_name,
)

BANDS = ("B12", "B02", "B08")
LEGENDS = {"source_legend": "dynamic-world", "target_legend": "unccd7"}
DW_TO_INDEX = np.array([6, 0, 1, 3, 2, 1, 4, 5, IGNORE] + [IGNORE] * 247, dtype=np.uint8)


@pytest.fixture
def sites(data_root):
    return find_sites(data_root / "s2_landcover")


def open_site(site, bands=BANDS):
    return SiteDataset(site, bands=bands, **LEGENDS)


def read(site, kind, scene, window=None):
    with rasterio.open(site.folder / kind / f"{scene}.tif") as raster:
        return raster.read(window=window), raster.descriptions


def patch_slices(geo, row, col, size):
    x, y, _ = geo.bounds
    west, north = x.start + col * x.step, y.stop - row * y.step
    return slice(west, west + size * x.step), slice(north - size * y.step, north)


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


def test_sites_hold_their_dates_and_chips(sites):
    assert sites["paris"].scenes == ("paris_20160120", "paris_20180328")
    assert sites["eotdl_Boadella"].folder.name == "chips"


def test_no_images_is_one_clear_sentence(tmp_path):
    with pytest.raises(SiteFilesMissing, match="STEPPE_DATA"):
        find_sites(tmp_path)


def test_missing_label_is_named(sites, tmp_path):
    site = sites["paris"]
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "paris_20160120.tif").write_bytes(site.files("images")[0].read_bytes())
    with pytest.raises(SiteFilesMissing, match="labels/paris_20160120"):
        open_site(find_sites(tmp_path)["paris"])


def test_missing_band_is_named(sites):
    with pytest.raises(BandMapping, match="B8A"):
        open_site(sites["eotdl_Boadella"], bands=("B02", "B8A"))


@pytest.mark.parametrize("name", ["paris", "eotdl_Boadella", "terramind_L1C_38D_378R_2_3"])
def test_whole_scene_equals_the_files(sites, name):
    dataset = open_site(sites[name])
    assert len(dataset.geo.index) == len(sites[name].scenes)
    for scene, when in zip(sites[name].scenes, dataset.geo.index.index, strict=True):
        image, names = read(sites[name], "images", scene)
        labels, _ = read(sites[name], "labels", scene)
        got = dataset.scene(when)
        np.testing.assert_array_equal(got["image"], image[[names.index(band) for band in BANDS]])
        wanted = np.where((got["image"] == 0).all(dim=0), IGNORE, DW_TO_INDEX[labels[0]])
        np.testing.assert_array_equal(got["mask"], wanted)
        assert (got["mask"] == IGNORE).sum() >= 5


def test_dates_are_not_mixed(sites):
    dataset = open_site(sites["paris"])
    first, second = (dataset.scene(when) for when in dataset.geo.index.index)
    assert not torch.equal(first["image"], second["image"])


@pytest.mark.parametrize(("row", "col"), [(0, 0), (7, 13), (38, 58)])
@pytest.mark.parametrize("name", ["paris", "pisa", "hongkong"])
def test_patch_equals_a_rasterio_window(sites, name, row, col):
    dataset, scene = open_site(sites[name]), sites[name].scenes[1]
    when = dataset.geo.index.index[1]
    x, y = patch_slices(dataset.geo, row, col, 32)
    patch = dataset.patch(x, y, slice(when.left, when.right), mirror=False)
    image, names = read(sites[name], "images", scene, Window(col, row, 32, 32))
    np.testing.assert_array_equal(patch["image"], image[[names.index(band) for band in BANDS]])
    assert patch["image"].dtype == torch.float32
    assert patch["mask"].dtype == torch.int64


def test_patch_equals_torchgeos_own_window(sites):
    # With several threads GDAL cuts off the fraction of a window's offset, and TorchGeo's 22.999... becomes 22.
    with rasterio.Env(GDAL_NUM_THREADS="1"):
        dataset = open_site(sites["paris"])
        when = dataset.geo.index.index[0]
        x, y = patch_slices(dataset.geo, 11, 23, 32)
        patch = dataset.patch(x, y, slice(when.left, when.right), mirror=False)
        direct = dataset.geo[x, y, when.left : when.right]
    assert torch.equal(patch["image"], direct["image"].float())
    assert torch.equal(patch["mask"], direct["mask"].long())


def test_patch_over_the_edge_is_empty_or_mirrored(sites):
    dataset = open_site(sites["paris"])
    when = dataset.geo.index.index[0]
    x, y = patch_slices(dataset.geo, -8, -8, 16)
    time = slice(when.left, when.right)
    empty = dataset.patch(x, y, time, mirror=False)
    mirrored = dataset.patch(x, y, time, mirror=True)
    assert (empty["mask"][:8] == IGNORE).all()
    assert (empty["image"][:, :, :8] == 0).all()
    assert torch.equal(empty["image"][:, 8:, 8:], mirrored["image"][:, 8:, 8:])
    assert torch.equal(mirrored["image"][:, :8, :8], mirrored["image"][:, 8:, 8:].flip(1, 2))
    assert torch.equal(mirrored["mask"][:8, :8], mirrored["mask"][8:, 8:].flip(0, 1))


def test_scene_smaller_than_the_patch_is_mirrored_more_than_once(sites):
    dataset = open_site(sites["worldcereal_preproc"])
    when = dataset.geo.index.index[0]
    x, y = patch_slices(dataset.geo, 0, 0, 96)
    mirrored = dataset.patch(x, y, slice(when.left, when.right), mirror=True)["image"]
    assert torch.equal(mirrored[:, 60:90, :33], mirrored[:, :30, :33])


def test_teacher_sums_to_the_legend(sites):
    dataset = open_site(sites["paris"])
    when = dataset.geo.index.index[0]
    stored, _ = read(sites["paris"], "probabilities", "paris_20160120")
    teacher = dataset.scene(when)["teacher"].float().numpy()
    summed = np.stack([stored[[code for code in range(9) if DW_TO_INDEX[code] == k]].sum(axis=0) for k in range(7)])
    np.testing.assert_allclose(teacher, summed / summed.sum(axis=0), atol=1e-3)


def test_class_sums_leave_snow_out():
    sums_KS = class_sums("dynamic-world", "unccd7")
    assert sums_KS.shape == (7, 9)
    assert sums_KS.sum(dim=0).tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 0]


def test_undated_scene_has_all_time(sites):
    dataset = open_site(sites["terramind_L1C_38D_378R_2_3"])
    assert dataset.geo.index.index[0] == pd.Interval(pd.Timestamp.min, pd.Timestamp.max, closed="both")


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["bercy", "dsen2_T33UUB_L1C", "worldcereal_presto", "terramind_L2A_637U_59R_1_3"])
def test_real_sites_are_read_as_they_are(name):
    root = os.environ.get("STEPPE_DATA")
    if not root:
        pytest.skip("STEPPE_DATA is not set")
    site = find_sites(Path(root) / "s2_landcover")[name]
    dataset = open_site(site)
    for scene, when in zip(site.scenes, dataset.geo.index.index, strict=True):
        image, names = read(site, "images", scene)
        labels, _ = read(site, "labels", scene)
        got = dataset.scene(when)
        np.testing.assert_array_equal(got["image"], image[[names.index(band) for band in BANDS]])
        counted = got["mask"].numpy() != IGNORE
        np.testing.assert_array_equal(got["mask"].numpy()[counted], DW_TO_INDEX[labels[0]][counted])
        assert counted.mean() > 0.5
