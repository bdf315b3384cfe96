"""Patches, compared with a flood fill of scipy on random maps, whatever the strips."""

import numpy as np
import pytest
import shapely
from scipy import ndimage

from landcover.errors import ConfigError, RasterChanged, WindowError
from landcover.grid import Window
from landcover.raster import outlines, patches
from landcover.raster.outlines import Outliner
from landcover.raster.patches import PatchQuery, expanded, find_patches, patch_runs

EIGHT_NEIGHBOURS = np.ones((3, 3))


def random_map(rng, density):
    height, width = rng.integers(1, 40, 2)
    others = rng.choice(np.array([0, 1, -32768], np.int16), (height, width))
    return np.where(rng.random((height, width)) < density, np.int16(-1), others)


def random_areas(rng, shape, *, by_row):
    areas = rng.uniform(0.5, 1.5, shape)
    return np.broadcast_to(areas[:, :1], shape) if by_row else areas


def row_areas(areas, *, by_row):
    return lambda start, stop: areas[start:stop, 0] if by_row else areas[start:stop]


def rows_of(codes):
    return lambda start, stop: codes[start:stop]


def flooded(codes, areas, query):
    """Labels from 1 in the order that patches are listed in, pixels, km2 of each, and how many are too small."""
    structure = EIGHT_NEIGHBOURS if query.connectivity == 8 else None
    labels, count = ndimage.label(np.isin(codes, query.codes), structure)
    pixels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    km2 = np.bincount(labels.ravel(), areas.ravel(), count + 1)[1:]
    large = np.flatnonzero(km2 >= query.min_km2)
    order = large[np.argsort(-np.round(km2[large], 9), kind="stable")]
    ranks = np.zeros(count + 1, np.int64)
    ranks[order[: query.most] + 1] = np.arange(1, len(order[: query.most]) + 1)
    return ranks[labels], pixels[order], km2[order], (count - len(large), pixels.sum() - pixels[large].sum())


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("by_row", [False, True])
@pytest.mark.parametrize("density", [0.2, 0.45, 0.6, 0.9])
def test_patches_are_those_of_a_flood_fill(monkeypatch, connectivity, by_row, density):
    rng = np.random.default_rng(int(density * 100) + connectivity)
    for _ in range(12):
        codes = random_map(rng, density)
        areas = random_areas(rng, codes.shape, by_row=by_row)
        monkeypatch.setattr(patches, "STRIP_PIXELS", int(rng.integers(1, codes.size + 5)))
        query = PatchQuery(
            (-1, 1)[: rng.integers(1, 3)], float(rng.choice([0, 2])), int(rng.choice([3, 999])), connectivity
        )
        found = find_patches(rows_of(codes), *codes.shape, query, areas=row_areas(areas, by_row=by_row))
        ranks, pixels, km2, small = flooded(codes, areas, query)
        most = query.most
        assert [patch.pixels for patch in found.patches] == pixels[:most].tolist()
        np.testing.assert_allclose([patch.area_km2 for patch in found.patches], km2[:most], rtol=1e-12)
        assert (found.left_out.patches, found.left_out.pixels) == (len(pixels[most:]), pixels[most:].sum())
        assert found.left_out.area_km2 == pytest.approx(km2[most:].sum(), rel=1e-12)
        assert (found.small.patches, found.small.pixels) == small
        for i, patch in enumerate(found.patches, start=1):
            rows, cols = np.nonzero(ranks == i)
            assert patch.first == (rows[0], cols[0])
            around = rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1
            assert patch.window == Window(*map(int, around))
        np.testing.assert_array_equal(second_pass(found, codes), ranks)


def second_pass(found, codes):
    """Positions of patches from 1, pixel by pixel, from the runs of the second pass."""
    ranks = np.zeros(codes.shape, np.int64)
    for runs in patch_runs(found, rows_of(codes)):
        patch, place = expanded(runs, codes.shape[1])
        ranks[runs.row_start : runs.row_stop].reshape(-1)[place] = patch + 1
    return ranks


def test_strips_change_nothing(monkeypatch):
    rng = np.random.default_rng(8)
    codes = np.where(rng.random((60, 50)) < 0.55, -1, 0).astype(np.int16)
    areas = rng.uniform(0.5, 1.5, codes.shape)
    answers = []
    for strip in (1, 50, 170, 999, 10**6):
        monkeypatch.setattr(patches, "STRIP_PIXELS", strip)
        found = find_patches(rows_of(codes), 60, 50, PatchQuery((-1,), most=20), areas=rows_of(areas))
        answers.append([(patch.pixels, round(patch.area_km2, 9), patch.first, patch.window) for patch in found.patches])
        assert set(second_pass(found, codes)[codes == 0].tolist()) == {0}
    assert all(answer == answers[0] for answer in answers)


def spiral(side):
    """One long winding patch, which meets itself late."""
    marked = np.zeros((side, side), bool)
    marked[::2] = True
    for i, row in enumerate(range(1, side, 2)):
        marked[row, -1 if i % 2 else 0] = True
    return marked


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("strip", [1, 41 * 3, 10**6])
def test_winding_patches_are_one(monkeypatch, turned, strip):
    monkeypatch.setattr(patches, "STRIP_PIXELS", strip)
    marked = np.rot90(spiral(41), turned)
    for wound in (marked, np.flipud(marked), np.kron(marked, np.ones((1, 2), bool))):
        codes = wound.astype(np.uint8)
        found = find_patches(
            rows_of(codes), *codes.shape, PatchQuery((1,)), areas=lambda start, stop: np.ones(stop - start)
        )
        assert [patch.pixels for patch in found.patches] == [codes.sum()]


def test_there_may_be_none():
    codes = np.zeros((5, 4), np.int16)
    found = find_patches(rows_of(codes), 5, 4, PatchQuery((-1,)), areas=lambda start, stop: np.ones(stop - start))
    assert found.patches == ()
    assert (found.left_out.patches, found.small.patches) == (0, 0)
    assert list(patch_runs(found, rows_of(codes))) == []


def test_a_map_that_changes_between_the_passes_is_refused(monkeypatch):
    monkeypatch.setattr(patches, "STRIP_PIXELS", 10)
    codes = np.zeros((10, 10), np.int16)
    codes[2:5, 2:5] = -1
    found = find_patches(rows_of(codes), 10, 10, PatchQuery((-1,)), areas=lambda start, stop: np.ones(stop - start))
    for row, col in ((4, 5), (3, 9), (2, 2)):
        changed = codes.copy()
        changed[row, col] = -1 - changed[row, col]
        if (row, col) == (3, 9):
            changed[:5, ::2] = -1
        with pytest.raises(RasterChanged, match="run again"):
            list(patch_runs(found, rows_of(changed)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"codes": ()}, "no class"),
        ({"codes": (1,), "min_km2": -1}, "-1 km2"),
        ({"codes": (1,), "min_km2": float("nan")}, "nan km2"),
        ({"codes": (1,), "most": 0}, "at most 0"),
        ({"codes": (1,), "connectivity": 6}, "connectivity of 6"),
    ],
)
def test_queries_that_cannot_be(arguments, message):
    with pytest.raises(ConfigError, match=message):
        PatchQuery(**arguments)


def test_rows_of_another_width_are_refused():
    with pytest.raises(WindowError, match=r"\(3, 5\): expected \(3, 4\)"):
        find_patches(rows_of(np.zeros((3, 5), np.int16)), 3, 4, PatchQuery((1,)), areas=np.ones)


def outlined(codes, query):
    found = find_patches(rows_of(codes), *codes.shape, query, areas=lambda start, stop: np.ones(stop - start))
    outliner, drawn = Outliner(found), {}
    for runs in patch_runs(found, rows_of(codes)):
        drawn |= outliner.add(runs)
    assert sorted(drawn) == list(range(len(found.patches)))
    assert outliner._counts == {}
    return [(patch, drawn[i], multipolygon(drawn[i])) for i, patch in enumerate(found.patches)]


def multipolygon(outline):
    return shapely.MultiPolygon([shapely.Polygon(rings[0], rings[1:]) for rings in outline.polygons])


@pytest.mark.parametrize("connectivity", [4, 8])
def test_outlines_follow_the_sides_of_pixels(monkeypatch, connectivity):
    rng = np.random.default_rng(connectivity)
    for _ in range(12):
        codes = random_map(rng, 0.6)
        monkeypatch.setattr(patches, "STRIP_PIXELS", int(rng.integers(1, codes.size + 5)))
        labels, count = ndimage.label(codes == -1, EIGHT_NEIGHBOURS if connectivity == 8 else None)
        found = outlined(codes, PatchQuery((-1,), most=999, connectivity=connectivity))
        assert len(found) == count
        for patch, outline, polygon in found:
            window = patch.window
            assert polygon.is_valid
            assert (outline.square, polygon.area) == (1, patch.pixels)
            assert polygon.bounds == (window.col, window.row, window.col_stop, window.row_stop)
            assert len(outline.polygons) == 1 or connectivity == 8
            mine = labels == labels[patch.first]
            cols, rows = np.meshgrid(np.arange(codes.shape[1]) + 0.5, np.arange(codes.shape[0]) + 0.5)
            np.testing.assert_array_equal(shapely.contains_xy(polygon, cols, rows), mine)


def test_large_or_ragged_patches_are_drawn_on_squares(monkeypatch):
    rng = np.random.default_rng(2)
    rows, cols = np.ogrid[:90, :121]
    away = np.hypot(rows - 45, (cols - 60) / 1.2)  # a disc whose edge frays
    codes = np.where(away + rng.uniform(0, 12, (90, 121)) < 44, -1, 0).astype(np.int16)
    monkeypatch.setattr(patches, "STRIP_PIXELS", 700)
    ((patch, outline, polygon),) = outlined(codes, PatchQuery((-1,), most=1))
    assert outline.square == 1
    monkeypatch.setattr(outlines, "MOST_SIDES", 300)
    monkeypatch.setattr(outlines, "LEAST_SIDES", 300)
    ((_, ragged, on_squares),) = outlined(codes, PatchQuery((-1,), most=1))
    monkeypatch.setattr(outlines, "MASK_CELLS", 900)
    monkeypatch.setattr(outlines, "LEAST_CELLS", 100)
    ((_, large, coarse),) = outlined(codes, PatchQuery((-1,), most=1))
    assert ragged.square in {2, 4, 8, 16}
    assert large.square == 3
    for drawn in (on_squares, coarse):
        assert drawn.is_valid
        assert drawn.area == pytest.approx(polygon.area, rel=0.1)
        assert shapely.box(0, 0, 121, 90).contains(drawn)
        assert drawn.intersection(polygon).area > 0.9 * patch.pixels


def test_thin_patches_do_not_vanish(monkeypatch):
    monkeypatch.setattr(outlines, "MASK_CELLS", 16)
    monkeypatch.setattr(outlines, "LEAST_CELLS", 16)
    codes = np.zeros((64, 64), np.int16)
    codes[:, 30] = -1
    codes[32] = -1
    ((patch, outline, polygon),) = outlined(codes, PatchQuery((-1,)))
    assert (patch.pixels, outline.square) == (127, 16)
    assert polygon.is_valid
    assert polygon.area > 0
