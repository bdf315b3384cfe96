"""Random patches reach every pixel and repeat themselves; gridded patches cover every scene once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from landcover.grid import Window
from landcover.overview import overview_lines
from tests.training.memory import memory_scene
from training.sampling import GriddedPatches, PatchIndex, RandomPatches, ScenePatches, find_spots, read_patch
from training.scenes import IGNORE, MemoryScene, PartScene


@pytest.fixture(scope="module")
def scenes():
    return (
        memory_scene("paris_1", "paris", shape=(70, 91), seed=1),
        memory_scene("paris_2", "paris", shape=(70, 91), seed=2),
        memory_scene("pisa", shape=(64, 97), seed=3),
        memory_scene("chip", shape=(30, 33), seed=4),
    )


def of_scene(drawn, number):
    return [index for index in drawn if index.scene == number]


def test_random_patches_reach_the_edges(scenes):
    drawn = list(RandomPatches(scenes, size=64, length=3000))
    assert len(drawn) == 3000
    assert {index.row for index in of_scene(drawn, 0)} == set(range(70 - 64 + 1))
    assert {index.col for index in of_scene(drawn, 0)} == set(range(91 - 64 + 1))


def test_sites_are_drawn_by_the_root_of_their_area_and_dates_alike(scenes):
    drawn = list(RandomPatches(scenes, size=64, length=4000))
    counts = torch.tensor([float(len(of_scene(drawn, number))) for number in range(4)])
    roots = torch.tensor([(70 * 91) ** 0.5, (64 * 97) ** 0.5, (30 * 33) ** 0.5])
    sites = torch.stack([counts[0] + counts[1], counts[2], counts[3]])
    torch.testing.assert_close(sites / 4000, roots / roots.sum(), atol=0.03, rtol=0)
    assert counts[0] / (counts[0] + counts[1]) == pytest.approx(0.5, abs=0.05)


def test_small_scene_lies_anywhere_inside_the_patch(scenes):
    rows = {index.row for index in of_scene(RandomPatches(scenes, size=64, length=1500), 3)}
    assert min(rows) < -20
    assert max(rows) <= 0


def test_an_epoch_repeats_itself_and_another_does_not(scenes):
    first, again, other = (
        list(RandomPatches(scenes, size=32, length=9, seed=5, epoch=lambda e=e: e)) for e in (2, 2, 3)
    )
    assert first == again
    assert {index.seed for index in first}.isdisjoint(index.seed for index in other)
    assert [index[:3] for index in first] != [index[:3] for index in other]


def test_large_seeds_are_taken(scenes):
    assert len(list(RandomPatches(scenes, size=32, length=3, seed=20260101, epoch=lambda: 999))) == 3


def test_focused_patches_hold_the_rare_class():
    rare = memory_scene("a", shape=(200, 300), seed=1)
    mask = rare.read(rare.info.extent)["mask"]
    mask.fill_(0)
    mask[150, 20] = 3
    scenes = (rare, memory_scene("b", shape=(200, 300), classes=1, seed=2))
    patches = ScenePatches(scenes, size=32, mirror=True)
    drawn = list(RandomPatches(scenes, size=32, length=400, focus=1.0))
    holding = np.mean([bool((patches[index]["mask"] == 3).any()) for index in drawn])
    assert holding == pytest.approx(0.5, abs=0.08)  # two classes, each drawn alike
    plain = list(RandomPatches(scenes, size=32, length=400))
    assert np.mean([bool((patches[index]["mask"] == 3).any()) for index in plain]) < 0.1


def test_spots_are_pixels_of_their_class(scenes):
    spots = find_spots(scenes, seed=0)
    assert list(spots) == list(range(7))
    for label, pairs in spots.items():
        for number, spots_P2 in pairs:
            mask = scenes[number].read(scenes[number].info.extent)["mask"]
            assert (mask[spots_P2[:, 0], spots_P2[:, 1]] == label).all()


@pytest.mark.parametrize(("row", "col"), [(0, 0), (6, 27), (-8, -5), (60, 80), (-100, 300)])
def test_patch_equals_numpys_symmetric_padding(scenes, row, col):
    far = 400
    padded = np.pad(
        scenes[0].read(scenes[0].info.extent)["image"].numpy(), ((0, 0), (far, far), (far, far)), "symmetric"
    )
    patch = read_patch(scenes[0], row, col, 32, mirror=True)
    np.testing.assert_array_equal(patch["image"], padded[:, far + row : far + row + 32, far + col : far + col + 32])
    assert {name: raster.dtype for name, raster in patch.items()} == {
        "image": torch.float32,
        "mask": torch.int64,
        "teacher": torch.float32,
    }


def test_patch_over_the_edge_is_empty_without_mirror(scenes):
    patch = read_patch(scenes[0], -8, -8, 16, mirror=False)
    inside = read_patch(scenes[0], 0, 0, 8, mirror=False)
    assert (patch["mask"][:8] == IGNORE).all()
    assert (patch["image"][:, :, :8] == 0).all()
    assert torch.equal(patch["image"][:, 8:, 8:], inside["image"])


def test_a_patch_may_be_changed_without_changing_the_scene(scenes):
    before = scenes[0].read(scenes[0].info.extent)["image"].clone()
    patch = read_patch(scenes[0], 0, 0, 32, mirror=True)
    for raster in patch.values():
        raster.zero_()
    assert torch.equal(scenes[0].read(scenes[0].info.extent)["image"], before)


def test_augmentation_follows_the_seed_of_the_patch(scenes):
    def noise(sample, generator):
        return {**sample, "image": torch.randn(sample["image"].shape, generator=generator)}

    patches = ScenePatches(scenes, size=16, mirror=True, transform=noise)
    one, same, other = (patches[PatchIndex(0, 0, 0, seed)]["image"] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_gridded_patches_count_every_pixel_once(scenes, size):
    sampler = GriddedPatches(scenes, size=size)
    patches = ScenePatches(scenes, size=size, mirror=False)
    seen = {scene.info.name: 0 for scene in scenes}
    for index in sampler:
        sample = patches[index]
        assert sample["image"].shape == (4, size, size)
        seen[sample["scene"]] += int((sample["mask"] != IGNORE).sum())
    assert seen == {scene.info.name: scene.info.height * scene.info.width for scene in scenes}
    assert len(list(sampler)) == len(sampler)


def test_patches_of_two_dates_carry_the_overview_of_their_scene(scenes):
    single = scenes[0]
    pair = MemoryScene(replace(single.info, dates=2), single.read(single.info.extent))
    patches = ScenePatches([single, pair], size=16, mirror=True)
    assert "overview" not in patches[PatchIndex(0, 0, 0)]
    first, second = patches[PatchIndex(1, 0, 0)], patches[PatchIndex(1, 20, 30)]
    image = single.read(single.info.extent)["image"]
    rows, cols = (torch.from_numpy(overview_lines(length)) for length in image.shape[1:])
    assert torch.equal(first["overview"], image[:, rows][:, :, cols].float())
    first["overview"].zero_()  # a patch may be changed without changing the next one
    assert torch.equal(second["overview"], patches[PatchIndex(1, 0, 0)]["overview"])


def test_a_part_of_a_scene_has_the_overview_of_the_whole(scenes):
    part = PartScene(scenes[0], Window(10, 20, 30, 40), site="part")
    assert torch.equal(part.overview(), scenes[0].overview())
