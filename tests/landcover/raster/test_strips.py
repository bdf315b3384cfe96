"""Strips: every block is decoded once, few strips are held, an error leaves nothing behind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.grid import Window
from landcover.raster.bands import load_bands
from landcover.raster.handles import HandlePool
from landcover.raster.opening import open_raster
from landcover.raster.protocol import ReadPolicy
from landcover.raster.strips import MAX_STRIP_BYTES, Layout, StripCache, run_jobs
from tests.rasters import numbers, write_tiff

HEIGHT, WIDTH = 1100, 130


@pytest.fixture
def dn():
    return numbers(2, HEIGHT, WIDTH)


def open_pool(folder, dn):
    path = write_tiff(folder / "x.tif", dn, tiled=True, blockxsize=32, blockysize=256, compress="deflate")
    return HandlePool(*open_raster(path, ReadPolicy()))


@pytest.fixture
def pool(tmp_path, dn):
    pool = open_pool(tmp_path, dn)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def any_pool(tmp_path_factory):
    dn = numbers(2, HEIGHT, WIDTH)
    pool = open_pool(tmp_path_factory.mktemp("any"), dn)
    yield dn, pool
    pool.close()


def make_cache(pool, *, parts=2, fail_from=None):
    """A cache that notes what it loads, and fails from a row on."""
    loaded = []

    def load(dataset, window, out_BRC):
        if fail_from is not None and window.row_off >= fail_from:
            raise OSError("broken")
        loaded.append((window.row_off, window.col_off, window.width))
        load_bands([2, 1])(dataset, window, out_BRC)

    with pool.borrow() as dataset:
        layout = Layout.of(dataset, bands=2, dtype=np.dtype(np.uint16))
    return StripCache(pool, layout, load, parts=parts), loaded


def read(cache, window):
    with ThreadPoolExecutor(2) as executor:
        run_jobs(executor, cache.plan(window))
    return cache.take(window)


def test_overlapping_windows_decode_every_block_once(pool, dn):
    cache, loaded = make_cache(pool)
    for row in range(0, HEIGHT - 300, 200):
        window = Window(row=row, col=0, height=300, width=WIDTH)
        np.testing.assert_array_equal(read(cache, window), dn[[1, 0], row : row + 300])
        assert len(cache._strips) <= 3
    assert len(loaded) == len(set(loaded)) == 2 * 4  # two column parts of four rows of blocks


def test_what_lies_in_one_strip_is_not_copied(pool, dn):
    cache, _ = make_cache(pool)
    one, two = Window(row=10, col=40, height=5, width=50), Window(row=250, col=40, height=20, width=50)
    for window, copied in ((one, False), (two, True)):
        part = read(cache, window)
        np.testing.assert_array_equal(part, dn[[1, 0], window.rows, window.cols])
        assert part.flags.writeable is copied
        assert any(np.shares_memory(part, strip.dn_BRC) for strip in cache._strips.values()) is not copied
        cache.clear()
        np.testing.assert_array_equal(part, dn[[1, 0], window.rows, window.cols])


def test_small_windows_load_only_their_blocks(pool, dn):
    cache, loaded = make_cache(pool)
    np.testing.assert_array_equal(read(cache, Window(row=10, col=40, height=5, width=5)), dn[[1, 0], 10:15, 40:45])
    assert loaded == [(0, 32, 32)]
    read(cache, Window(row=200, col=33, height=20, width=31))
    assert len(loaded) == 1
    np.testing.assert_array_equal(read(cache, Window(row=0, col=60, height=9, width=70)), dn[[1, 0], :9, 60:130])
    assert sorted(loaded[1:]) == [(0, 64, 64), (0, 128, 2)]  # what is held of the first blocks stays


@pytest.mark.parametrize("step", [20, -20])
def test_windows_that_move_aside_decode_every_block_once(pool, dn, step):
    """As those of a scene that is turned against the map."""
    cache, loaded = make_cache(pool)
    for number in range(6):
        col = (100 if step < 0 else 0) + number * step
        window = Window(row=240 + number * 2, col=col, height=30, width=30)
        np.testing.assert_array_equal(read(cache, window), dn[[1, 0], window.rows, window.cols])
        assert all(strip.dn_BRC.shape[2] <= 64 for strip in cache._strips.values())
    blocks = [(row, col) for row, first, width in loaded for col in range(first, first + width, 32)]
    assert len(blocks) == len(set(blocks)) == 2 * 5


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_windows_in_any_order(any_pool, data):
    any_dn, pool = any_pool
    cache, _ = make_cache(pool, parts=data.draw(st.integers(1, 4)))
    for _ in range(6):
        row, col = data.draw(st.integers(0, HEIGHT - 1)), data.draw(st.integers(0, WIDTH - 1))
        high, wide = data.draw(st.integers(1, min(HEIGHT - row, 600))), data.draw(st.integers(1, WIDTH - col))
        window = Window(row, col, high, wide)
        np.testing.assert_array_equal(read(cache, window), any_dn[[1, 0], window.rows, window.cols])


@pytest.mark.parametrize("parts", [1, 3, 50])
def test_parts_cover_all_columns(pool, dn, parts):
    cache, loaded = make_cache(pool, parts=parts)
    np.testing.assert_array_equal(read(cache, Window(row=0, col=0, height=1, width=WIDTH)), dn[[1, 0], :1])
    assert len(loaded) == min(parts, 5)


def test_failed_load_is_raised_after_all_jobs_ended(pool):
    cache, _ = make_cache(pool, fail_from=256)
    with pytest.raises(OSError, match=r"broken"):
        read(cache, Window(row=200, col=0, height=300, width=WIDTH))


def test_files_stored_in_rows_are_read_in_larger_pieces():
    rows = Layout(10980, 10980, 1, 10980, 10, np.dtype(np.uint16))
    assert rows.strip_rows == 256
    huge = Layout(10980, 10980, 10980, 10980, 10, np.dtype(np.uint16))
    assert huge.strip_rows * 10980 * 10 * 2 <= MAX_STRIP_BYTES
