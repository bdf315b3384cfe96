"""Maps of scenes that readers have open are bit for bit those of scenes that this process has open."""

from __future__ import annotations

import json

import numpy as np
import pytest
from affine import Affine

from serving.classify import classify_scene
from serving.degradation import PairInputs, compare_scenes
from serving.engine import Engine
from serving.opener import IN_PROCESS
from serving.registry.folders import open_registry
from serving.request import Inputs, MosaicMode, Outputs
from serving.treatment import Treatment
from tests.bundles import BANDS, pair_bundle
from tests.rasters import north_up, write_tiff
from tests.scenes import smooth_numbers
from tests.service import make_settings, scene_numbers, write_scene

TAGS = {"processing_level": "L1C", "scale": "0.0001", "offset": "0", "datetime": "2020-06-01"}


@pytest.fixture(scope="module")
def engine(folders, tmp_path_factory):
    settings = make_settings(tmp_path_factory.mktemp("engine"), *folders)
    return Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)


def files_of(folder):
    """Every file that a map is published as; of the Item what does not depend on the time."""
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    item = json.loads(found.pop("item.json"))
    found["item"] = {
        key: value for key, value in item["properties"].items() if "created" not in key and key != "processing:datetime"
    }
    return found


def one_file(folder):
    return {"source": write_scene(folder / "scene.tif")}


def folder_of_bands(folder):
    for band, data in zip(BANDS, scene_numbers(), strict=True):
        write_scene(folder / f"{band}.tif", data[None], names=(band,), tags=TAGS)
    return {"source": folder}


def halves(folder):
    dn_BRC = scene_numbers()
    right = north_up() @ Affine.translation(40, 0)
    return {
        "source": write_scene(folder / "left.tif", dn_BRC[:, :, :50]),
        "others": (write_scene(folder / "right.tif", dn_BRC[:, :, 40:], transform=right),),
    }


def averaged(folder):
    return halves(folder) | {"mosaic": MosaicMode.MEAN}


def warped(folder):
    return one_file(folder) | {"crs": "EPSG:32634", "bbox": (15.0, 49.644, 15.008, 49.649)}


@pytest.mark.parametrize("make", [one_file, folder_of_bands, halves, averaged, warped])
def test_maps_are_the_same(pool, engine, settings, tmp_path, make):
    source = tmp_path / "in"
    source.mkdir()
    inputs = make(source)
    maps = {}
    for opener in (IN_PROCESS, pool):
        out = tmp_path / type(opener).__name__
        out.mkdir()
        outputs = Outputs(map=out / "map.tif", confidence=out / "confidence.tif", stac=out / "item.json")
        treatment = Treatment()
        classify_scene(Inputs(**inputs, opener=opener), outputs, engine, settings, treatment=treatment)
        maps[opener] = files_of(out)
    assert maps[IN_PROCESS] == maps[pool]


def test_maps_masked_by_clouds_are_the_same(pool, engine, settings, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    inputs = folder_of_bands(source)
    codes = np.random.default_rng(0).integers(0, 12, (35, 45), dtype=np.uint8)
    write_tiff(source / "SCL.tif", codes[None], transform=north_up(20.0))
    maps = {}
    for opener in (IN_PROCESS, pool):
        out = tmp_path / type(opener).__name__
        out.mkdir()
        outputs = Outputs(map=out / "map.tif", quality=out / "quality.tif", stac=out / "item.json")
        inputs["opener"] = opener
        classify_scene(Inputs(**inputs), outputs, engine, settings, treatment=Treatment(mask_clouds=True))
        maps[opener] = files_of(out)
    assert maps[IN_PROCESS] == maps[pool]


def test_maps_of_two_dates_are_the_same(pool, tmp_path):
    engine = Engine(pair_bundle(tmp_path / "models"), provider="cpu", threads=1)
    settings = make_settings(tmp_path, tmp_path / "models", tmp_path / "zoo")
    dates = [
        write_scene(
            tmp_path / f"{year}.tif", smooth_numbers(70, 90, seed=year), tags=TAGS | {"datetime": f"{year}-04-02"}
        )
        for year in (2016, 2018)
    ]
    maps = {}
    for opener in (IN_PROCESS, pool):
        out = tmp_path / type(opener).__name__
        out.mkdir()
        before, after = (Inputs(source=path, opener=opener) for path in dates)
        outputs = Outputs(map=out / "map.tif", stac=out / "item.json")
        compare_scenes(PairInputs(before=before, after=after), outputs, engine, settings)
        maps[opener] = files_of(out)
    assert maps[IN_PROCESS] == maps[pool]
