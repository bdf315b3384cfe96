"""Scenes of the folder that the operator has configured, and no way out of it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bundles import BANDS
from tests.rasters import write_tiff
from tests.service import scene_numbers, write_scene
from tests.serving.api.check import check_problem
from tests.serving.api.ogc.answers import codes_of

MAP = {"outputs": {"map": {}}}


@pytest.fixture(scope="module")
def folder(house):
    """The operator's folder with a scene, band files, and links that lead out of it."""
    folder = house.settings.data_folder
    write_scene(folder / "2020" / "scene.tif") if (folder / "2020").mkdir() is None else None
    dn_BRC = scene_numbers()
    bands = folder / "T33UVR_20200601T102030"
    bands.mkdir()
    tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0"}
    for band, dn_RC in zip(BANDS, dn_BRC, strict=True):
        write_tiff(bands / f"T33UVR_20200601T102030_{band}.tif", dn_RC[None], nodata=0, tags=tags)
    outside = folder.parent / "secret.tif"
    write_scene(outside)
    (folder / "link.tif").symlink_to(outside)
    (folder / "within.tif").symlink_to(folder / "2020" / "scene.tif")
    return folder


def test_a_file_of_the_folder(house, folder, plain):
    assert folder.is_dir()
    for path in ("2020/scene.tif", "./2020/scene.tif", "within.tif"):
        answer = house.ask(inputs={"scene": {"path": path}}, **MAP)
        assert answer.status_code == 200, answer.text
        np.testing.assert_array_equal(codes_of(answer.content), plain)


def test_a_folder_of_band_files(house, folder, plain):
    assert folder.is_dir()
    answer = house.ask(inputs={"scene": {"path": "T33UVR_20200601T102030"}, "product": "sentinel-2-l1c"}, **MAP)
    assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(codes_of(answer.content), plain)


OUTSIDE = [
    "../secret.tif",
    "2020/../../secret.tif",
    "link.tif",
    "/etc/passwd",
    ".",
    "..",
    "./",
    "2020/other.tif",
    "x" * 900,
    "2020/scene.tif/x",
    "2020\\scene.tif",
    "file:2020/scene.tif",
    "/vsicurl/https://data.example.org/x.tif",
    "~/x.tif",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_way_out_of_the_folder(house, folder, path):
    assert folder.is_dir()
    answer = house.ask(inputs={"scene": {"path": path}}, **MAP)
    assert answer.status_code == 422
    check_problem(answer, 422, "no-such-path", "secret", "passwd", folder.parent)


def test_without_a_folder(idle):
    detail = check_problem(idle.ask(inputs={"scene": {"path": "scene.tif"}}), 422, "no-such-path")
    assert "no folder of scenes" in detail
