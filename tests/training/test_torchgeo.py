"""TorchGeo's data sets come out as they lie on disk: pixels as written, classes as decided; every config trains."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from landcover.grid import Window
from models.networks import NETWORKS
from tests.training.fits import SMALL, WARNINGS
from tests.training.torchgeo_layouts.change import TEST_CITIES
from tests.training.torchgeo_layouts.layouts import LAYOUTS
from training import cli
from training.config import data_from_config
from training.scenes import IGNORE

pytestmark = WARNINGS
CONFIGS = sorted((Path(__file__).parents[2] / "configs" / "train" / "torchgeo").glob("*.yaml"))

# UNCCD-7 code of every class by the number that the data set gives it; none: not learned. Decided by hand, in the
# producers' words: see the heads of the configurations.
MODIS = dict.fromkeys((1, 2, 3, 4, 5, 8), 1) | dict.fromkeys((6, 7, 9, 10), 2) | {12: 3, 14: 3, 11: 4, 13: 5}
FLAIR = dict.fromkeys((12, 13, 17), 1) | {8: 2, 14: 2, 9: 3, 10: 3, 11: 3} | dict.fromkeys(range(5), 5)
NLCD = {41: 1, 42: 1, 43: 1, 52: 2, 71: 2, 81: 2, 82: 3, 90: 4, 95: 4, 21: 5, 22: 5, 23: 5, 24: 5, 12: 6, 31: 6, 11: 7}
UNCCD = {
    "loveda": {0: None, 1: None, 2: 5, 3: 5, 4: 7, 5: 6, 6: 1, 7: 3},
    "deepglobe": {0: 5, 1: 3, 2: 2, 3: 1, 4: 7, 5: 6, 6: None},
    "landcoverai": {0: None, 1: 5, 2: 1, 3: 7, 4: 5},
    "geonrw": {0: None, 1: 1, 2: 7, 3: 3, 4: 5, 5: 2, 6: 5, 7: 5, 8: 5, 9: 5, 10: 5},
    "sen12ms": {0: None, **MODIS, 15: 6, 16: 6, 17: 7},
    "dfc2020_s2": {0: None, 1: 1, 2: 2, 3: None, 4: 2, 5: 4, 6: 3, 7: 5, 8: 6, 9: 6, 10: 7},
    "flairhub_toy": {**FLAIR, 5: 6, 7: 6, 6: 7, 15: None, 16: None, 18: None},
    "sentinel2_esri2020": {0: None, 1: 7, 2: 1, 3: 2, 4: 4, 5: 3, 6: 2, 7: 5, 8: 6, 9: 6, 10: None},
    "sentinel2_worldcover": {0: None, 10: 1, 20: 2, 30: 2, 40: 3, 50: 5, 60: 6, 70: 6, 80: 7, 90: 4, 95: 4, 100: 2},
    "landsat8_nlcd": {**NLCD, 250: None},
}
# Class indices, not codes: what did not change is 0.
INDEX = {name: {code: IGNORE if to is None else to - 1 for code, to in table.items()} for name, table in UNCCD.items()}
INDEX |= {name: {0: 0, 1: 1} for name in ("oscd", "levircd")}
SITES = {
    "loveda": {"train/7", "train/1310", "train/1400", "train/2399", "test/2600", "test/3600"},
    "deepglobe": {"train/119", "train/230", "train/77", "test/505"},
    "landcoverai": {"M-34-51-C-b-2-1", "N-33-60-D-c-4-2", "M-33-20-D-c-4-2"},
    "geonrw": {"aachen", "siegen", "krefeld", "bielefeld", "herne", "neuss", "duesseldorf"},
    "sen12ms": {
        *("train/ROIs1158_spring_1", "train/ROIs1868_summer_24"),
        *("train/ROIs2017_winter_100", "test/ROIs1970_fall_9"),
    },
    "flairhub_toy": {"D004-2021_UF-S1-10", "D005-2018_AA-S2-3", "D006-2020_UU-S1-7"},
    "oscd": {"paris", "bercy", "nantes", "hongkong", *TEST_CITIES},
    "sentinel2_esri2020": {"T32TQM", "T32TQN"},
    "sentinel2_worldcover": {"T47SLA"},
    "landsat8_nlcd": {"034034"},
}


def roots(config, folder):
    """The folders that a configuration reads, moved below another one: option to path."""
    source = yaml.safe_load(config.read_text())["data"]["init_args"]["source"]["init_args"]
    if "dataset" in source:
        return {"dataset": folder}
    return {key: folder / Path(source[key]["root"]).name for key in ("images", "label_maps")}


@pytest.fixture(scope="module")
def torchgeo_data(tmp_path_factory):
    """Name of a config to its folder of data, its source and what was written; each is made once."""
    made = {}

    def make(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            config = next(path for path in CONFIGS if path.stem == name)
            content = yaml.safe_load(config.read_text())
            for key, root in roots(config, folder).items():
                content["data"]["init_args"]["source"]["init_args"][key]["root"] = str(root)
            moved = tmp_path_factory.mktemp("configs") / config.name
            moved.write_text(yaml.safe_dump(content))
            written = LAYOUTS[name](folder)
            made[name] = folder, data_from_config(moved).source, written
        return made[name]

    return make


def test_every_config_has_a_layout():
    assert [path.stem for path in CONFIGS] == sorted(LAYOUTS)
    assert len(CONFIGS) >= 10


@pytest.mark.parametrize("name", LAYOUTS)
def test_scenes_are_what_was_written(torchgeo_data, name):
    _, source, written = torchgeo_data(name)
    scenes = {scene.info.name: scene for scene in source.scenes()}
    assert list(scenes) == sorted(written)
    facts, seen = source.facts(), set()
    for scene_name, scene in scenes.items():
        expected, sample = written[scene_name], scene.read(scene.info.extent)
        assert (scene.info.height, scene.info.width) == expected.labels_HW.shape
        assert scene.info.split == expected.split
        assert all(path.exists() for path in scene.info.files)
        assert scene.info.dates == facts.dates
        check_image(sample["image"].numpy(), expected.image_BHW, bands=facts.dates * len(facts.bands))
        seen |= check_labels(sample, expected, INDEX[name])
    assert seen == set(INDEX[name]), "a class was in no scene, so nothing is known of it"
    if name in SITES:
        assert {scene.info.site for scene in scenes.values()} == SITES[name]


def check_image(image_BHW, expected_BHW, *, bands):
    assert image_BHW.shape == (bands, *expected_BHW.shape[1:])
    assert image_BHW.dtype == np.int32
    for band, values in zip(image_BHW, expected_BHW, strict=True):
        if values.any():  # bands of 20 m are interpolated by TorchGeo
            np.testing.assert_array_equal(band, values)


def check_labels(sample, expected, table):
    found, codes = sample["mask"].numpy(), expected.labels_HW
    assert found.dtype == np.uint8
    empty = (sample["image"].numpy() == 0).all(axis=0)
    assert (found[empty] == IGNORE).all()
    seen = set()
    for code, index in table.items():
        here = (codes == code) & ~empty
        assert (found[here] == index).all(), f"class {code} should be index {index}"
        seen |= {code} if here.any() else set()
    return seen


@pytest.mark.parametrize("name", ["loveda", "oscd", "sentinel2_esri2020"])
def test_a_window_is_cut_from_the_scene(torchgeo_data, name):
    _, source, _ = torchgeo_data(name)
    for scene in source.scenes():
        whole, window = scene.read(scene.info.extent), Window(7, 11, 31, 40)
        part = scene.read(window)
        for key, raster in whole.items():
            np.testing.assert_array_equal(part[key], raster[..., 7:38, 11:51])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_config_trains(torchgeo_data, config, tmp_path, monkeypatch):
    folder, _, _ = torchgeo_data(config.stem)
    assert yaml.safe_load(config.read_text())["model"]["init_args"]["network"]["name"] in NETWORKS
    monkeypatch.chdir(tmp_path)
    moved = roots(config, folder)
    options = [f"--data.init_args.source.init_args.{key}.root={root}" for key, root in moved.items()]
    if "label_maps" in moved:
        options.append("--data.init_args.split.blocks={size: 32, buffer: 2}")
    options += ["--model.init_args.network.name=plain-tiny", "--model.init_args.network.options={width: 4}"]
    assert cli.train(["fit", "-c", str(config), *SMALL, *options, "--trainer.fast_dev_run=1"]) == 0
