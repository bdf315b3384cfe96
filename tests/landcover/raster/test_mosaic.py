"""Several scenes as one, compared with pasting whole arrays."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from landcover.errors import (
    BandMapping,
    DtypeMismatch,
    GridMismatch,
    LevelMismatch,
    RadiometryMismatch,
    RasterTooLarge,
)
from landcover.grid import Grid, Window
from landcover.raster.mosaic import Mosaic, MosaicRule, common_grid
from landcover.raster.scene import open_scene
from landcover.raster.strips import StripCache
from landcover.raster.target import target_grid
from landcover.raster.warped import ShiftedScene, WarpedScene
from landcover.scaling import harmonise
from landcover.sensors import Radiometry
from tests.rasters import BANDS, numbers, write_tiff
from tests.scenes import ArrayScene, utm_grid

PLAIN, BASELINE_0400 = Radiometry(1e-4, 0.0), Radiometry(1e-4, -0.1)


def cut_of(row, col, height, width):
    """A cut of an endless UTM grid."""
    return Grid(utm_grid(1, 1).crs, utm_grid(1, 1).transform @ Affine.translation(col, row), height, width)


def random_scene(grid, seed, **keywords):
    valid = np.random.default_rng(seed).random((grid.height, grid.width)) > 0.3
    data = numbers(4, grid.height, grid.width, seed=seed)
    data[:, ~valid] = 0
    return ArrayScene(data, valid=valid, grid=grid, **keywords)


def pasted(scenes, rule, grid):
    """Whole arrays pasted one over the other."""
    data, valid = np.zeros((4, grid.height, grid.width), np.uint16), np.zeros((grid.height, grid.width), bool)
    for scene in scenes if rule == "last" else scenes[::-1]:
        col, row = (round(value) for value in ~grid.transform @ (scene.grid.transform.c, scene.grid.transform.f))
        place = slice(row, row + scene.grid.height), slice(col, col + scene.grid.width)
        block = scene.read(scene.grid.extent)
        data[(slice(None), *place)][:, block.valid] = block.data[:, block.valid]
        valid[place] |= block.valid
    return data, valid


cuts = st.tuples(st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 30), st.integers(1, 30))


@settings(max_examples=60, deadline=None)
@given(places=st.lists(cuts, min_size=1, max_size=4), rule=st.sampled_from(list(MosaicRule)), data=st.data())
def test_pixels_are_those_of_pasting(places, rule, data):
    scenes = [random_scene(cut_of(*place), seed) for seed, place in enumerate(places)]
    mosaic = Mosaic(common_grid(scenes), rule, radiometry=PLAIN)
    top, left = min(place[0] for place in places), min(place[1] for place in places)
    bottom, right = max(row + height for row, _, height, _ in places), max(col + width for _, col, _, width in places)
    assert mosaic.grid.aligned_with(cut_of(top, left, bottom - top, right - left))
    expected, valid = pasted(scenes, rule, mosaic.grid)
    row, col = data.draw(st.integers(0, bottom - top - 1)), data.draw(st.integers(0, right - left - 1))
    window = Window(row, col, bottom - top - row, data.draw(st.integers(1, right - left - col)))
    block = mosaic.read(window)
    np.testing.assert_array_equal(block.valid, valid[window.rows, window.cols])
    np.testing.assert_array_equal(block.data, expected[:, window.rows, window.cols])


def test_gaps_of_a_file_are_filled_in_a_copy(tmp_path):
    """A block of a file may be a part of what its scene holds."""
    under, over = numbers(len(BANDS), 40, 50, seed=1), numbers(len(BANDS), 40, 50, seed=2)
    over[:, 10:20, 5:30] = 0
    paths = [write_tiff(tmp_path / f"{name}.tif", dn, names=BANDS) for name, dn in (("under", under), ("over", over))]
    with Mosaic([open_scene(path, bands_wanted=BANDS) for path in paths], MosaicRule.LAST, radiometry=PLAIN) as mosaic:
        for _ in range(2):
            np.testing.assert_array_equal(mosaic.read(mosaic.grid.extent).data, np.where(over == 0, under, over))
        gap = mosaic._seen[0].read(mosaic.grid.extent)
    assert not gap.valid[10:20, 5:30].any()


def test_what_is_covered_is_not_read():
    under, over = random_scene(utm_grid(40, 50), 0), ArrayScene(numbers(4, 40, 50, seed=1))
    Mosaic([under, over], MosaicRule.LAST, radiometry=PLAIN).read(Window(0, 0, 40, 50))
    assert not under.reads


def held(scene):
    """Decoded pixels that an opened file holds."""
    return sum(strip.dn_BRC.size for cache, _ in scene._plans(scene.grid.extent) for strip in cache._strips.values())


def write_column(folder, kind, *, scenes=5, height=1024, width=64):
    """Files one below the other that overlap by half; of the older ones nothing is seen below the middle."""
    made = []
    for number in range(scenes):
        top = utm_grid(1, 1).transform @ Affine.translation(0, number * height // 2)
        dn = numbers(len(BANDS), height, width, seed=number)
        where = {"transform": top, "tiled": True, "blockxsize": 64, "blockysize": 64}
        if kind == "folder":
            place = folder / f"{number}"
            place.mkdir()
            for name, band in zip(BANDS, dn, strict=True):
                write_tiff(place / f"{name}.tif", band[None], **where)
            made.append(place)
        else:
            mask = np.ones((height, width), bool) if kind == "mask" else None
            made.append(write_tiff(folder / f"{number}.tif", dn, names=BANDS, mask=mask, **where))
    return made


@pytest.mark.parametrize("rule", list(MosaicRule))
@pytest.mark.parametrize("kind", ["file", "mask", "folder"])
@pytest.mark.parametrize("view", ["shifted", "warped", "averaged"])
def test_scenes_whose_part_has_passed_hold_nothing(tmp_path, rule, kind, view):
    files = [open_scene(path, bands_wanted=BANDS) for path in write_column(tmp_path, kind)]
    pixel = {"shifted": None, "warped": 9.5, "averaged": 20.0}[view]
    grid = pixel and target_grid([file.grid for file in files], files[0].grid.crs, pixel)
    with Mosaic(common_grid(files, grid), rule, radiometry=PLAIN) as mosaic:
        strip = 256 * 64 * (len(BANDS) + (kind == "mask"))
        most, grid = 0, mosaic.grid
        for row in range(0, grid.height, 32):
            mosaic.read(Window(row, 0, min(32, grid.height - row), grid.width))
            most = max(most, sum(map(held, files)))
        assert [held(file) for file in files[:-1]] == [0] * (len(files) - 1)
        assert strip <= most <= 4 * strip


def test_a_scene_that_comes_back_keeps_what_it_decoded(tmp_path, monkeypatch):
    """Gaps in the upper scene, every other piece: the lower one is decoded once."""
    decoded, job = [], StripCache._job

    def noted(cache, strip, top, cols):
        decoded.extend((top, col) for col in cols)
        return job(cache, strip, top, cols)

    monkeypatch.setattr(StripCache, "_job", noted)
    dn = numbers(len(BANDS), 512, 64)
    under = open_scene(write_tiff(tmp_path / "under.tif", dn, names=BANDS), bands_wanted=BANDS)
    valid = np.arange(512)[:, None] // 32 % 2 * np.ones((1, 64), int) > 0
    over = ArrayScene(dn, valid=valid, grid=under.grid)
    with Mosaic([under, over], MosaicRule.LAST, radiometry=PLAIN) as mosaic:
        for row in range(0, 512, 32):
            np.testing.assert_array_equal(mosaic.read(Window(row, 0, 32, 64)).data, dn[:, row : row + 32])
    assert sorted(decoded) == [(top, col) for top in (0, 256) for col in range(64)]


@pytest.mark.parametrize("rule", list(MosaicRule))
def test_processing_baselines_are_brought_to_one(rule):
    """The same land before and after the offset of baseline 04.00: numbers 1000 higher for the same reflectance."""
    left, right = random_scene(cut_of(0, 0, 20, 30), 0), random_scene(cut_of(0, 10, 20, 30), 1)
    newer = ArrayScene(
        np.where(right._valid, right._data + 1000, 0).astype(np.uint16),
        valid=right._valid,
        grid=right.grid,
        radiometry=BASELINE_0400,
    )
    left.radiometry = PLAIN
    mosaic = Mosaic(common_grid([left, newer]), rule, radiometry=PLAIN)
    assert mosaic.radiometry == PLAIN
    expected, valid = pasted([left, right], rule, mosaic.grid)
    block = mosaic.read(mosaic.grid.extent)
    np.testing.assert_array_equal(block.data, expected)
    np.testing.assert_array_equal(block.valid, valid)


def test_numbers_of_one_radiometry_stay_as_they_are():
    scenes = [random_scene(cut_of(0, col, 9, 9), col, radiometry=BASELINE_0400) for col in (0, 5)]
    mosaic = Mosaic(common_grid(scenes), MosaicRule.FIRST, radiometry=PLAIN)
    assert mosaic.radiometry == BASELINE_0400
    expected, _ = pasted(scenes, "first", mosaic.grid)
    np.testing.assert_array_equal(mosaic.read(mosaic.grid.extent).data, expected)


def test_other_zones_are_warped_onto_the_first_grid():
    first = random_scene(utm_grid(40, 50), 0)
    transform = Affine(10, 0, 72_000, 0, -10, 5_513_000)
    other = ArrayScene(numbers(4, 60, 60), grid=Grid(CRS.from_epsg(32634), transform, 60, 60), radiometry=PLAIN)
    scenes = common_grid([first, other])
    assert isinstance(scenes[0], ShiftedScene)
    assert isinstance(scenes[1], WarpedScene)
    assert scenes[0].grid == scenes[1].grid
    assert scenes[1].read(scenes[1].grid.extent).valid.sum() == pytest.approx(60 * 60, rel=0.05)
    asked = common_grid([first, other], utm_grid(10, 10))
    assert [scene.grid for scene in asked] == [utm_grid(10, 10)] * 2


def test_rotated_pixels_are_continued():
    turned = Grid(utm_grid(1, 1).crs, Affine(8, 6, 5e5, 6, -8, 5.5e6), 20, 30)
    neighbour = Grid(turned.crs, turned.transform @ Affine.translation(-7, 12), 20, 30)
    scenes = [random_scene(turned, 0), random_scene(neighbour, 1)]
    mosaic = Mosaic(common_grid(scenes), MosaicRule.LAST, radiometry=PLAIN)
    assert (mosaic.grid.height, mosaic.grid.width) == (32, 37)
    expected, _ = pasted(scenes, "last", mosaic.grid)
    np.testing.assert_array_equal(mosaic.read(mosaic.grid.extent).data, expected)


def test_both_sides_of_the_date_line_are_neighbours():
    def side(west):
        return Grid(CRS.from_epsg(4326), Affine(1e-3, 0, west, 0, -1e-3, -16.5), 9, 10)

    scenes = [random_scene(side(179.99), 0), random_scene(side(-180.0), 1)]
    mosaic = Mosaic(common_grid(scenes), MosaicRule.LAST, radiometry=PLAIN)
    assert (mosaic.grid.height, mosaic.grid.width) == (9, 20)
    expected = np.concatenate([scene.read(scene.grid.extent).data for scene in scenes], axis=2)
    np.testing.assert_array_equal(mosaic.read(mosaic.grid.extent).data, expected)


def test_what_is_said_of_all():
    scenes = [random_scene(utm_grid(5, 5), seed) for seed in range(3)]
    for scene, date in zip(scenes, ("2020-06-01", "2020-06-01", "2021-06-01"), strict=True):
        scene.datetime, scene.identifier = date, f"scene-{date}"
    three = Mosaic(scenes, MosaicRule.LAST, radiometry=PLAIN)
    assert (three.level, three.radiometry, three.datetime) == ("L1C", None, None)
    assert three.identifier == "scene-2020-06-01 and 2 more"
    assert three.input_digest() == hashlib.sha256((("0" * 64) + "\n").encode() * 3).hexdigest()
    assert Mosaic(scenes[:2], MosaicRule.LAST, radiometry=PLAIN).datetime == "2020-06-01"
    assert Mosaic(scenes[1:], MosaicRule.LAST, radiometry=PLAIN).identifier == "scene-2020-06-01 and scene-2021-06-01"
    scenes[1].level = None
    assert Mosaic(scenes, MosaicRule.LAST, radiometry=PLAIN).level is None


def test_all_scenes_are_closed_even_when_one_cannot_be():
    closed = []

    def scene(number):
        one = random_scene(utm_grid(5, 5), number)

        def close():
            closed.append(number)
            if number == 1:
                raise OSError

        one.close = close
        return one

    with pytest.raises(OSError), Mosaic([scene(n) for n in range(3)], MosaicRule.LAST, radiometry=PLAIN):  # noqa: PT011
        pass
    assert sorted(closed) == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"bands": ("B02",)}, BandMapping, "different bands"),
        ({"dtype": np.dtype("uint8")}, DtypeMismatch, "uint16 and uint8"),
        ({"grid": utm_grid(6, 5)}, GridMismatch, "different grids"),
        ({"level": "L2A"}, LevelMismatch, "is L1C and 'array' is L2A"),
        ({"radiometry": PLAIN}, RadiometryMismatch, "does not"),
    ],
)
def test_scenes_that_are_not_alike(change, error, says):
    one, other = (random_scene(utm_grid(5, 5), seed) for seed in range(2))
    for name, value in change.items():
        setattr(other, name, value)
    with pytest.raises(error, match=says):
        Mosaic([one, other], MosaicRule.LAST, radiometry=PLAIN)


def test_scenes_at_two_ends_of_the_world():
    with pytest.raises(RasterTooLarge, match="far apart"):
        common_grid([random_scene(cut_of(0, 0, 5, 5), 0), random_scene(cut_of(800_000, 60_000, 5, 5), 0)])


def test_harmonised_like_whole_scenes():
    """Through the mosaic or before it: the same numbers."""
    scene = random_scene(utm_grid(9, 9), 0, radiometry=BASELINE_0400)
    other = random_scene(utm_grid(9, 9), 1, radiometry=PLAIN)
    block = Mosaic([scene, other], MosaicRule.FIRST, radiometry=PLAIN).read(Window(0, 0, 9, 9))
    expected = harmonise(scene.read(Window(0, 0, 9, 9)).data, BASELINE_0400, PLAIN)
    np.testing.assert_array_equal(block.data[:, scene._valid], expected[:, scene._valid])
