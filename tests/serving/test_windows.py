"""Windows cut from a stream of rows, against windows cut from the whole scene with mirrored margins."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.tiling import TilePlan
from serving import windows
from serving.windows import AHEAD, PIECE_ROWS, read_windows
from tests.bundles import tiny_manifest
from tests.scenes import ArrayScene, as_shown, smooth_numbers

MARGIN = 32


class WatchedScene(ArrayScene):
    """Notes every row that is read."""

    rows: list[int]

    def read(self, window):
        self.__dict__.setdefault("rows", []).extend(range(window.row, window.row_stop))
        return super().read(window)


def valid_pixels(height, width):
    return np.random.default_rng(height * 1000 + width).random((height, width)) > 0.2


@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    tile=st.sampled_from([96, 128, 224]),
    overlap=st.sampled_from([0, 32, 64]),
)
def test_windows_are_those_of_the_whole_scene(height, width, tile, overlap):
    valid = valid_pixels(height, width)
    scene = WatchedScene(smooth_numbers(height, width), valid=valid)
    plan = TilePlan(height, width, tile, overlap, MARGIN)
    far = [MARGIN + 32, MARGIN + 32]
    around = [(MARGIN, far[0]), (MARGIN, far[1])]
    padded = np.pad(scene.read(scene.grid.extent).data, [(0, 0), *around], mode="symmetric")
    inside = np.pad(valid, around)
    scene.rows.clear()
    found = list(read_windows(scene, plan, tiny_manifest()))
    assert scene.rows == list(range(height))
    for window, place in zip(found, plan.windows(), strict=True):
        part = slice(place.row, place.row_stop), slice(place.col, place.col_stop)
        assert np.array_equal(window.valid_HW, inside[part])
        if window.dn_BHW is None:
            assert not window.valid_HW.any()
        else:
            assert np.array_equal(window.dn_BHW, as_shown(padded[:, *part]))


def test_rows_held_do_not_grow_with_the_height(monkeypatch):
    held = []
    fill = windows._Shelf.fill

    def watched(self, pieces, row_stop):
        fill(self, pieces, row_stop)
        held.append(sum(column[1].size for piece in self._pieces for column in piece.columns if column is not None))

    monkeypatch.setattr(windows._Shelf, "fill", watched)
    most = {}
    for height in (800, 2000):
        scene = ArrayScene(smooth_numbers(height, 150))
        held.clear()
        for _ in read_windows(scene, TilePlan(height, 150, 96, 32, MARGIN), tiny_manifest()):
            pass
        most[height] = max(held) / (160 + 2 * MARGIN)
    assert most[2000] == pytest.approx(most[800], rel=0.05)
    assert most[2000] <= 96 + 3 * PIECE_ROWS


def test_reading_stays_few_pieces_ahead():
    scene = WatchedScene(smooth_numbers(2000, 200))
    plan = TilePlan(2000, 200, 192, 32, MARGIN)
    for window in read_windows(scene, plan, tiny_manifest()):
        below = plan.rows.origins[min(window.row + 1, len(plan.rows.origins) - 1)] + plan.rows.tile
        assert len(scene.rows) <= below + (AHEAD + 2) * PIECE_ROWS


def test_the_thread_ends_with_the_reader():
    scene = WatchedScene(smooth_numbers(2000, 200))
    reader = read_windows(scene, TilePlan(2000, 200, 96, 32, MARGIN), tiny_manifest())
    next(reader)
    reader.close()
    assert len(scene.rows) < 1000
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("steppe-prefetch")]
