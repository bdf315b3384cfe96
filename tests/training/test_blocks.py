"""Blocks cover a scene but for the buffer between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt

from tests.training.memory import memory_scene
from training.blocks import BlockChoice, cut_blocks
from training.scenes import IGNORE
from training.split_error import SplitError
from training.splits import SplitChoice


def painted(scene, parts):
    """0 where no block is, else the number of the block."""
    picture = np.zeros((scene.info.height, scene.info.width), dtype=int)
    for number, part in enumerate(parts, start=1):
        row, col = part.info.offset
        place = picture[row : row + part.info.height, col : col + part.info.width]
        assert not place.any()
        place[:] = number
    return picture


@settings(deadline=None)  # only correctness counts
@given(height=st.integers(1, 90), width=st.integers(1, 90), size=st.integers(2, 40), buffer=st.integers(0, 12))
def test_blocks_are_disjoint_and_as_far_apart_as_the_buffer(height, width, size, buffer):
    if buffer >= size // 2:  # a last block may be half as large
        return
    scene = memory_scene("a", shape=(height, width), teacher=False)
    parts = list(cut_blocks(scene, BlockChoice(size, buffer)))
    picture = painted(scene, parts)
    if len(parts) == 1:
        assert parts == [scene]
        return
    for number in range(1, len(parts) + 1):
        others = (picture > 0) & (picture != number)
        if others.any():
            distance = distance_transform_cdt(~others, metric="chessboard")
            assert distance[picture == number].min() == buffer + 1
    if buffer == 0:
        assert (picture > 0).all()


def test_blocks_of_two_dates_have_the_same_sites():
    first, second = (
        [part.info.site for part in cut_blocks(memory_scene(name, "paris", shape=(100, 140)), BlockChoice(50, 4))]
        for name in ("paris_1", "paris_2")
    )
    assert first == second == ["paris/0-0", "paris/0-1", "paris/0-2", "paris/1-0", "paris/1-1", "paris/1-2"]


def test_a_split_by_fractions_of_blocks():
    scenes = [memory_scene(f"paris_{date}", "paris", shape=(200, 300)) for date in (1, 2)]
    choice = SplitChoice(fractions={"train": 0.6, "val": 0.2, "test": 0.2}, blocks=BlockChoice(50, 8))
    assigned = choice.assign(scenes)
    pixels = {
        name: sum(int((s.read(s.info.extent)["mask"] != IGNORE).sum()) for s in parts)
        for name, parts in assigned.items()
    }
    shares = {name: count / sum(pixels.values()) for name, count in pixels.items()}
    assert shares == pytest.approx({"train": 0.6, "val": 0.2, "test": 0.2}, abs=0.05)
    sites = {name: {part.info.site for part in parts} for name, parts in assigned.items()}
    assert not sites["train"] & sites["val"] | sites["val"] & sites["test"] | sites["train"] & sites["test"]


@pytest.mark.parametrize(("size", "buffer"), [(32, 32), (32, -1), (0, 0)])
def test_impossible_blocks_do_not_exist(size, buffer):
    with pytest.raises(SplitError, match="the size must be larger"):
        BlockChoice(size, buffer)


def test_scenes_of_a_site_on_different_grids_are_not_cut():
    scenes = [memory_scene("a_1", "a", shape=(200, 300)), memory_scene("a_2", "a", shape=(200, 299))]
    with pytest.raises(SplitError, match="a_1 and a_2 of site 'a' lie on different pixel grids"):
        SplitChoice(fractions={"train": 0.6, "val": 0.2, "test": 0.2}, blocks=BlockChoice(50, 8)).assign(scenes)
