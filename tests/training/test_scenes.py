"""A part of a scene is that part of its pixels and of its grid."""

import pytest
import torch
from affine import Affine
from pyproj import CRS

from landcover.errors import WindowError
from landcover.grid import Grid, Window
from tests.training.memory import memory_scene
from training.scenes import MemoryScene, PartScene, SceneInfo, SourceFacts


def test_windows_of_a_scene_in_memory():
    sample = memory_scene("a").read(Window(3, 5, 4, 6))
    assert sample["image"][0, :, 0].tolist() == [4, 5, 6, 7]
    assert sample["image"][1, 0].tolist() == [6, 7, 8, 9, 10, 11]
    assert sample["mask"].shape == (4, 6)


def test_a_part_knows_where_it_lies():
    grid = Grid(CRS.from_epsg(32631), Affine(10, 0, 500000, 0, -10, 4000000), 70, 90)
    whole = MemoryScene(
        SceneInfo("a", "site", 70, 90, grid, split="val"), {"image": torch.arange(6300).view(1, 70, 90)}
    )
    part = PartScene(PartScene(whole, Window(10, 20, 40, 50), site="s/0"), Window(1, 2, 5, 6), site="s/1")
    assert (part.info.height, part.info.width, part.info.offset) == (5, 6, (11, 22))
    assert (part.info.site, part.info.split) == ("s/1", "val")
    assert part.info.grid.transform @ (0, 0) == (500220, 3999890)
    assert torch.equal(part.read(Window(1, 1, 2, 2))["image"], whole.read(Window(12, 23, 2, 2))["image"])


def test_a_part_beyond_the_scene_does_not_exist():
    with pytest.raises(WindowError, match="reaches beyond a"):
        PartScene(memory_scene("a"), Window(60, 0, 20, 20), site="b")


def test_facts_look_up_product_and_legend():
    facts = SourceFacts(("B02",), "sentinel-2-l1c", "unccd7")
    assert facts.product.level == "L1C"
    assert len(facts.legend) == 7
