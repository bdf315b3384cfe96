"""Hotspots and brightspots, compared with sums over all pixels."""

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS, Transformer
from scipy import ndimage

from indicators.areas import PixelAreas
from indicators.codes import NODATA
from indicators.spots import BRIGHTSPOT, HOTSPOT, find_spots, processes_of, spot_query
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError, UnmappedCodes
from landcover.grid import Grid
from landcover.raster import patches

UTM = Grid(CRS.from_epsg(32648), Affine(1000, 0, 300_000, 0, -1000, 4_400_000), 50, 60)
DEGREES = Grid(CRS.from_epsg(4326), Affine(0.01, 0, 100, 0, -0.01, 40), 50, 60)


@pytest.fixture(scope="module")
def scene():
    """Land cover before and after in large random patches, some no data, and what it means."""
    rng = np.random.default_rng(6)
    before, after = (np.kron(rng.integers(1, 8, (10, 12)), np.ones((5, 5), int)).astype(np.int16) for _ in range(2))
    after[rng.random(after.shape) < 0.02] = NODATA
    transitions = UNCCD7_TRANSITIONS.transitions(before, after)
    layer = UNCCD7_TRANSITIONS.degradation(before, after)
    layer[(layer == 0) & (rng.random(layer.shape) < 0.3)] = -1  # degraded by another sub-indicator
    return before, after, transitions, layer


def rows_of(codes):
    return lambda start, stop: codes[start:stop]


@pytest.mark.parametrize("grid", [UTM, DEGREES], ids=["utm", "degrees"])
@pytest.mark.parametrize("kind", [HOTSPOT, BRIGHTSPOT])
def test_spots_have_the_area_and_processes_of_their_pixels(monkeypatch, scene, grid, kind):
    before, after, transitions, layer = scene
    sign = -1 if kind == HOTSPOT else 1
    monkeypatch.setattr(patches, "STRIP_PIXELS", 400)
    processes = processes_of(rows_of(transitions), UNCCD7_TRANSITIONS, kind)
    query = spot_query(kind, min_km2=20.0, most=5)
    found = find_spots(kind, rows_of(layer), grid, query, processes=processes)
    km2 = PixelAreas(grid).rows(0, 50)
    km2 = np.broadcast_to(km2[:, None], layer.shape) if km2.ndim == 1 else km2
    labels, count = ndimage.label(layer == sign)
    areas = ndimage.sum_labels(km2, labels, range(1, count + 1))
    order = np.argsort(-areas)
    assert len(found.spots) == 5
    assert found.left_out.patches == np.count_nonzero(areas >= 20) - 5
    assert found.small.patches == np.count_nonzero(areas < 20)
    for spot, label in zip(found.spots, order[:5] + 1, strict=True):
        mine = labels == label
        assert spot.area_km2 == pytest.approx(km2[mine].sum(), rel=1e-12)
        assert (spot.rank, spot.pixels) == (found.spots.index(spot) + 1, np.count_nonzero(mine))
        expected = {}
        for row, col in np.argwhere(mine):
            pair = int(before[row, col]), int(after[row, col])
            if NODATA not in pair and UNCCD7_TRANSITIONS.sign(*pair) == sign:
                name = UNCCD7_TRANSITIONS.process(*pair)
                expected[name] = expected.get(name, 0.0) + km2[row, col]
        assert {share.process: share.km2 for share in spot.processes} == pytest.approx(expected, rel=1e-9)
        assert spot.unexplained_km2 == pytest.approx(spot.area_km2 - sum(expected.values()), rel=1e-6, abs=1e-9)
        largest = max(expected, key=expected.get)
        assert spot.process == (largest if expected[largest] >= spot.area_km2 / 2 else None)
        percents = [share.percent for share in spot.processes]
        assert percents == sorted(percents, reverse=True)
        assert sum(percents) == pytest.approx(100 * (1 - spot.unexplained_km2 / spot.area_km2))
        corners = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform(
            *(grid.transform @ (spot.window.col, spot.window.row))
        )
        west, south, east, north = spot.bbox
        assert west - 1e-9 <= corners[0] <= east + 1e-9
        assert south - 1e-9 <= corners[1] <= north + 1e-9


def test_transition_maps_tell_what_stayed_by_its_rank(scene):
    *_, transitions, layer = scene
    drawn = np.where(transitions % 11 == 0, transitions // 11, transitions)
    drawn[transitions == NODATA] = NODATA
    query = spot_query(HOTSPOT, min_km2=0)
    answers = [
        find_spots(
            HOTSPOT, rows_of(layer), DEGREES, query, processes=processes_of(rows_of(codes), UNCCD7_TRANSITIONS, HOTSPOT)
        )
        for codes in (transitions, drawn)
    ]
    assert [spot.processes for spot in answers[0].spots] == [spot.processes for spot in answers[1].spots]


def test_without_transitions_nothing_is_explained(scene):
    *_, layer = scene
    spot = find_spots(HOTSPOT, rows_of(layer), DEGREES, spot_query(HOTSPOT, min_km2=1)).spots[0]
    assert (spot.process, spot.processes, spot.unexplained_km2) == (None, (), spot.area_km2)


def test_extents_run_across_the_antimeridian():
    grid = Grid(CRS.from_epsg(4326), Affine(0.5, 0, 178, 0, -0.5, 10), 4, 10)
    layer = np.full((4, 10), -1, np.int16)
    spot = find_spots(HOTSPOT, rows_of(layer), grid, spot_query(HOTSPOT, min_km2=0)).spots[0]
    assert spot.bbox == pytest.approx((178, 8, -177, 10))


def test_what_is_refused(scene):
    *_, layer = scene
    for call in (lambda: spot_query("hot", min_km2=1), lambda: processes_of(rows_of(layer), UNCCD7_TRANSITIONS, "hot")):
        with pytest.raises(ConfigError, match="choose one of hotspot, brightspot"):
            call()
    strange = processes_of(rows_of(np.full(layer.shape, 88, np.int16)), UNCCD7_TRANSITIONS, HOTSPOT)
    with pytest.raises(UnmappedCodes, match="88"):
        find_spots(HOTSPOT, rows_of(layer), DEGREES, spot_query(HOTSPOT, min_km2=1), processes=strange)
