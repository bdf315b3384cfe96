"""Scenes become batches; each pixel of a held-out scene is seen once; what cannot be batched is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from landcover.errors import ConfigError
from tests.training.memory import MemorySource, memory_scene
from training.config import data_from_config
from training.datamodule import PatchChoice, SceneData
from training.split_error import SplitError
from training.splits import SplitChoice
from training.transforms import AugmentationStrength

NAMES = ("a", "b", "c", "d")
PATCHES = PatchChoice(size=32, eval_size=64, batch_size=4, per_epoch=8)


def data(*, scenes=None, split=None, **options):
    scenes = scenes or [memory_scene(name, seed=number) for number, name in enumerate(NAMES)]
    split = split or SplitChoice(sites={"train": ["*"], "val": ["c"], "test": ["d"]})
    return SceneData(MemorySource(scenes), split, patches=PATCHES, **options)


def test_batches_have_what_the_task_needs():
    batches = list(data(augmentation=AugmentationStrength()).train_dataloader())
    assert len(batches) == 2
    for batch in batches:
        assert {name: (tuple(batch[name].shape), batch[name].dtype) for name in ("image", "mask", "teacher")} == {
            "image": ((4, 4, 32, 32), torch.float32),
            "mask": ((4, 32, 32), torch.int64),
            "teacher": ((4, 7, 32, 32), torch.float32),
        }
        assert set(batch["site"]) <= {"a", "b"}


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_do_not_depend_on_the_number_of_loader_processes(workers):
    plain = list(data(augmentation=AugmentationStrength(), seed=3).train_dataloader())
    module = data(augmentation=AugmentationStrength(), seed=3)
    module.patches = PatchChoice(size=32, eval_size=64, batch_size=4, per_epoch=8, num_workers=workers)
    for one, other in zip(plain, module.train_dataloader(), strict=True):
        assert torch.equal(one["image"], other["image"])


def test_every_pixel_of_a_held_out_scene_comes_once():
    module = data()
    for loader, name in ((module.val_dataloader(), "c"), (module.test_dataloader(), "d")):
        batches = list(loader)
        assert {site for batch in batches for site in batch["site"]} == {name}
        assert sum(int((batch["mask"] != 255).sum()) for batch in batches) == 70 * 90


def test_class_pixels_are_those_of_the_training_scenes():
    module = data()
    wanted = sum(
        np.bincount(scene.read(scene.info.extent)["mask"].numpy().ravel(), minlength=7)
        for scene in module.scenes("train")
    )
    assert module.class_pixels() == wanted.tolist()
    assert sorted(module.class_pixels_by_site()) == list(NAMES)


def test_a_split_the_data_set_gives():
    scenes = [
        memory_scene(name, split=split) for name, split in zip(NAMES, ("train", "train", "val", "test"), strict=True)
    ]
    module = data(scenes=scenes, split=SplitChoice(given=True))
    assert [scene.info.name for scene in module.scenes("train")] == ["a", "b"]
    with pytest.raises(SplitError, match="needs train, val or test"):
        data(split=SplitChoice(given=True)).scenes("train")


def test_scenes_for_training_only_are_never_scored():
    extra = [memory_scene(f"{name}~reversed", name) for name in NAMES]
    for scene in extra:
        scene.info = replace(scene.info, training_only=True)
    module = data(scenes=[*(memory_scene(name) for name in NAMES), *extra])
    names = {split: [scene.info.name for scene in scenes] for split, scenes in module.all_scenes().items()}
    assert names == {"train": ["a", "b", "a~reversed", "b~reversed"], "val": ["c"], "test": ["d"]}


def test_nothing_may_be_chosen_by_scenes_that_are_tested_or_trained_on(tmp_path):
    (tmp_path / "folds.yaml").write_text("folds: [[a, b], [c], [d]]")
    assert data().may_choose
    for fold in (0, "none"):
        assert not data(split=SplitChoice(folds=str(tmp_path / "folds.yaml"), fold=fold)).may_choose


def test_bad_scenes_may_be_left_out():
    scenes = [memory_scene(name, seed=number) for number, name in enumerate(NAMES)]
    scenes[0].read(scenes[0].info.extent)["mask"].fill_(99)
    assert [scene.info.name for scene in data(scenes=scenes).scenes("train")] == ["a", "b"]
    assert [scene.info.name for scene in data(scenes=scenes, skip_bad=1).scenes("train")] == ["b"]


def test_an_empty_split_is_one_clear_sentence():
    scenes = [memory_scene(name, split="train") for name in NAMES]
    with pytest.raises(SplitError, match="'val' has no scene"):
        data(scenes=scenes, split=SplitChoice(given=True)).setup("fit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of"),
        ({"given": True, "fractions": {"train": 1.0, "val": 0, "test": 0}}, "got fractions, given"),
        ({"folds": "a.yaml"}, "needs both"),
        ({"given": True, "fold": 1}, "needs both"),
    ],
)
def test_a_split_is_given_in_one_way(options, message):
    with pytest.raises(SplitError, match=message):
        SplitChoice(**options)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"train": 0.5, "val": 0.2, "test": 0.2}, "together 1"),
        ({"train": 1.2, "val": -0.2, "test": 0.0}, "0 or more"),
        ({"train": 1.0}, "need train, val, test"),
        ({"train": 0.998, "val": 0.001, "test": 0.001}, "too few or too unequal"),
    ],
)
def test_shares_that_cannot_be_are_refused(shares, message):
    with pytest.raises(SplitError, match=message):
        data(scenes=[memory_scene(name) for name in "ab"], split=SplitChoice(fractions=shares)).scenes("train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "multiple of 32"),
        ({"eval_size": 0}, "multiple of 32"),
        ({"per_epoch": 3, "batch_size": 4}, "at least one full batch"),
        ({"focus": 1.5}, "from 0 to 1"),
    ],
)
def test_impossible_patches_do_not_exist(options, message):
    with pytest.raises(ConfigError, match=message):
        PatchChoice(**options)


def test_data_of_a_configuration(repository, data_root, monkeypatch):
    monkeypatch.setenv("STEPPE_DATA", str(data_root))
    module = data_from_config(repository / "configs/train/smoke.yaml")
    assert module.scenes("val")
    assert module.facts.product_id == "sentinel-2-l1c"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainer: {}", "has no `data`"),
        ("data: {init_args: {split: {given: true}}}", "no training configuration"),
        (
            "data: {init_args: {source: {class_path: nowhere.Source}, split: {given: true}}}",
            "no training configuration",
        ),
        ("- 1", "holds list"),
        ("a: [", "is not YAML"),
    ],
)
def test_configurations_that_are_none_are_one_clear_sentence(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        data_from_config(path)


def test_another_fold_needs_folds(repository):
    with pytest.raises(ConfigError, match="not split by folds"):
        data_from_config(repository / "configs/train/smoke.yaml", fold=2)
