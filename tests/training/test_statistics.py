"""Band and label statistics against numpy, and the command that prints them."""

import json

import numpy as np
import pytest
import yaml

from landcover.errors import OutputNotWritable
from serving.cli import main
from tests.rasters import BANDS
from tests.training.memory import MemorySource, memory_scene
from tests.training.own_data import codes, dark_numbers, make_data, write_config, write_labels
from training import statistics
from training.check.figures import UncheckedData, collect
from training.datamodule import SceneData
from training.splits import SplitChoice


def data_of(scenes, dates=1):
    return SceneData(MemorySource(scenes, dates=dates), SplitChoice(given=True))


def roots_of(scenes, dates=1):
    """Mean and deviation of the root of reflectance by weighing single pixels."""
    values, weights = [], []
    for site in {scene.info.site for scene in scenes}:
        members = [scene for scene in scenes if scene.info.site == site]
        image = np.concatenate([_pixels(scene, dates) for scene in members], axis=1)
        values.append(np.sqrt(np.clip(image * 1e-4, 0, 2)))
        area = members[0].info.height * members[0].info.width
        weights.append(np.full(image.shape[1], area**0.5 / image.shape[1]))
    everything, weight = np.concatenate(values, axis=1), np.concatenate(weights)
    mean = np.average(everything, axis=1, weights=weight)
    return mean, np.average((everything - mean[:, None]) ** 2, axis=1, weights=weight) ** 0.5


def _pixels(scene, dates):
    image = scene._sample["image"].numpy()
    image = image[:, (image != 0).any(axis=0)]
    return np.concatenate(np.split(image, dates), axis=1)


@pytest.mark.parametrize("dates", [1, 2])
def test_bands_are_those_of_numpy_with_sites_weighed_by_the_root_of_their_area(dates):
    kinds = {"bands": dates * len(BANDS), "split": "train"}
    train = [memory_scene("a1", "a", seed=1, **kinds), memory_scene("a2", "a", seed=2, **kinds)]
    train += [memory_scene("b", shape=(20, 30), seed=3, **kinds)]
    train[0]._sample["image"][:, :9] = 0
    found = collect(data_of([*train, memory_scene("v", bands=dates * len(BANDS), split="val")], dates))
    mean, deviation = roots_of(train, dates)
    np.testing.assert_allclose([band.root_mean for band in found.bands], mean)
    np.testing.assert_allclose([band.root_std for band in found.bands], deviation)
    pixels = np.concatenate([_pixels(scene, dates) for scene in train], axis=1)
    np.testing.assert_allclose([band.mean for band in found.bands], pixels.mean(axis=1))
    np.testing.assert_allclose([band.std for band in found.bands], pixels.std(axis=1))
    wanted = np.quantile(pixels, (0.01, 0.5, 0.99), axis=1, method="inverted_cdf")
    np.testing.assert_array_equal([[band.p01, band.p50, band.p99] for band in found.bands], wanted.T)


def test_labels_are_counted_by_split_scene_and_site():
    scenes = [memory_scene(name, name[0], seed=seed, split="train") for seed, name in enumerate(("a1", "a2", "b1"))]
    for scene, only in zip(scenes, (0, 0, 2), strict=True):
        scene._sample["mask"][:] = only
    scenes[2]._sample["mask"][:, :10] = 255
    scenes.append(memory_scene("v", split="val"))
    train, val = collect(data_of(scenes)).splits
    assert (train.scenes, train.sites, train.pixels) == (3, 2, 3 * 70 * 90)
    assert train.labelled == (2 * 6300, 0, 70 * 80, 0, 0, 0, 0)
    assert train.in_scenes == (2, 0, 1, 0, 0, 0, 0)
    assert train.in_sites == (1, 0, 1, 0, 0, 0, 0)
    assert train.percent(0) == pytest.approx(100 * 12600 / 18200)
    mask = scenes[3]._sample["mask"].numpy()
    assert list(val.labelled) == np.bincount(mask.ravel(), minlength=7).tolist()


def test_labels_that_mean_nothing_are_refused():
    scene = memory_scene("a", split="train")
    scene._sample["mask"][0, 0] = 99
    with pytest.raises(UncheckedData, match="a: labels hold 99; `steppe train check` lists everything"):
        collect(data_of([scene]))


@pytest.fixture
def config(tmp_path):
    return write_config(make_data(tmp_path))


def test_command_prints_tables_and_lines_for_the_configuration(config, capsys):
    assert main(["train", "stats", "-c", str(config)]) == 0
    said = capsys.readouterr().out
    inputs = yaml.safe_load(said[said.index("inputs:") :])["inputs"]
    assert inputs["bands"] == list(BANDS)
    pixels = np.sqrt(dark_numbers(0).reshape(4, -1) * 1e-4)
    np.testing.assert_allclose(inputs["mean"], pixels.mean(axis=1), atol=1e-4)
    np.testing.assert_allclose(inputs["std"], pixels.std(axis=1), atol=1e-4)
    for text in ("labels: train", "labels: val", "Water bodies", "class weights"):
        assert text in said


def test_command_writes_and_prints_json(config, tmp_path, capsys):
    assert main(["train", "stats", "--json", "-c", str(config), "-o", str(tmp_path / "stats.json")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == json.loads((tmp_path / "stats.json").read_text())
    assert [split["name"] for split in answer["splits"]] == ["train", "val", "test"]
    assert answer["splits"][0]["labelled"] == np.bincount(codes(0).ravel(), minlength=8)[1:].tolist()


def test_a_place_that_cannot_be_written_is_refused_before_counting(config, tmp_path):
    with pytest.raises(OutputNotWritable, match="its folder does not exist"):
        statistics.main(["-c", str(config), "-o", str(tmp_path / "none" / "stats.json")])
    other = tmp_path / "folds.yaml"
    other.write_text("folds: []")
    with pytest.raises(OutputNotWritable, match=r"'folds\.yaml' exists and is no JSON"):
        statistics.main(["-c", str(config), "-o", str(other)])
    assert other.read_text() == "folds: []"


def test_training_without_labels_has_no_weights_and_still_bands(tmp_path, capsys):
    make_data(tmp_path)
    write_labels(tmp_path / "labels/alpha.tif", np.full((60, 70), 255, np.uint8), 0)
    assert main(["train", "stats", "-c", str(write_config(tmp_path))]) == 0
    assert "B08" in capsys.readouterr().out
