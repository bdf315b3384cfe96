"""The pass over the maps: from files to tables and rasters, against arrays, and nothing left after an error."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
from affine import Affine
from rio_cogeo import cog_validate

from indicators.areas import PixelAreas
from indicators.cover.account import CoverAccount
from indicators.cover.joint_areas import WholePart
from indicators.cover.positions import ClassPositions
from indicators.joint import Axis
from indicators.transitions import UNCCD7_TRANSITIONS
from indicators.zones.placed import ZonesOnGrid
from indicators.zones.zone import Zone, Zones
from landcover.crosswalks import get_crosswalk
from landcover.errors import NoValidData, RasterTruncated, UnmappedCodes
from landcover.grid import Window
from landcover.legends import get_legend
from landcover.raster.geojson import Area
from serving.report import streaming
from serving.report.pairing import open_pairing
from serving.report.rasters import (
    CONDITION_LEGEND,
    ReportRaster,
    Years,
    degradation_raster,
    transitions_raster,
)
from serving.report.streaming import AccountPlan, AccountRows, Extension, block_rows, run_account
from tests.rasters import cut, north_up, write_tiff
from tests.scenes import utm_grid

HEIGHT, WIDTH = 90, 70
CODES = np.array([50, 130, 10, 160, 190, 200, 210, 0], np.uint8)
YEARS = Years(2000, 2015)
REVERSED = UNCCD7_TRANSITIONS.edited({(1, 2): 1, (2, 1): -1}, matrix_id="reversed", version="1")


@pytest.fixture(autouse=True)
def low_blocks(monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_ROWS", 32)


def places(seed):
    """Positions of classes, 7 without data."""
    return np.random.default_rng(seed).integers(0, 8, (HEIGHT, WIDTH))


def write_maps(folder, *, before=None, after=None, **options):
    before = CODES[places(1)] if before is None else before
    after = CODES[places(2)] if after is None else after
    options = {"nodata": 0, "tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate"} | options
    (folder / "maps").mkdir(exist_ok=True)
    return [
        write_tiff(folder / "maps" / f"{name}.tif", codes[None], **options)
        for name, codes in (("b", before), ("a", after))
    ]


def account_of(pairing, matrices=(UNCCD7_TRANSITIONS,), source="esa-cci"):
    crosswalk = get_crosswalk(source)
    initial, final = (ClassPositions(crosswalk, nodata=code_map.nodata) for code_map in pairing.maps)
    return CoverAccount(initial, final, matrices)


def expected_of(pairing, share=None):
    km2 = PixelAreas(pairing.grid).rows(0, HEIGHT)
    km2 = np.broadcast_to(km2[:, None] if km2.ndim == 1 else km2, (HEIGHT, WIDTH)) * (1 if share is None else share)
    pair = (8 * places(1) + places(2)).ravel()
    inside = np.ones(pair.size) if share is None else (share > 0).ravel()
    pixels, areas = (np.bincount(pair, weights=weights, minlength=64) for weights in (inside, km2.ravel()))
    return pixels.reshape(8, 8), areas.reshape(8, 8)


def degradation():
    codes = np.array([*get_legend("unccd7").codes, 255])
    return UNCCD7_TRANSITIONS.degradation(codes[places(1)], codes[places(2)])


@pytest.mark.parametrize(
    ("crs", "transform"),
    [("EPSG:32633", north_up()), ("EPSG:4326", Affine(0.001, 0, 10, 0, 0.001, 20))],
    ids=["UTM", "degrees, south up"],
)
def test_from_files_to_tables_and_rasters(tmp_path, crs, transform):
    told = []
    out = {name: tmp_path / f"{name}.tif" for name in ("degradation", "transitions")}
    with open_pairing(write_maps(tmp_path, crs=crs, transform=transform)) as pairing:
        account = account_of(pairing)
        rasters = {
            "degradation": degradation_raster(out["degradation"], account, YEARS),
            "transitions": transitions_raster(out["transitions"], account, YEARS),
        }
        (table,) = run_account(
            pairing, AccountPlan(account=account, rasters=rasters), progress=lambda *n: told.append(n)
        )
        pixels, km2 = expected_of(pairing)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert table.names == ("initial", "final")
    np.testing.assert_array_equal(table.pixels, pixels)
    np.testing.assert_allclose(table.km2, km2, rtol=1e-12)
    codes = np.array([*get_legend("unccd7").codes, 255])
    map_codes = UNCCD7_TRANSITIONS.map_codes(codes[places(1)], codes[places(2)])
    for name, values in (("degradation", degradation()), ("transitions", map_codes)):
        assert cog_validate(out[name], strict=True) == (True, [], [])
        with rasterio.open(out[name]) as dataset:
            np.testing.assert_array_equal(dataset.read(1), values)
            assert (dataset.dtypes, dataset.nodata, dataset.transform) == (("int16",), -32768, transform)
            tags = dataset.tags()
        assert (tags["year_initial"], tags["year_final"]) == ("2000", "2015")
        assert tags["transition_matrix"] == UNCCD7_TRANSITIONS.identity
        assert tags["crosswalk_initial"] == tags["crosswalk_final"] == get_crosswalk("esa-cci").identity
    with rasterio.open(out["degradation"]) as dataset:
        colours = [item["color"] for item in json.loads(dataset.tags()["legend"])["classes"]]
    assert colours == ["#9B2779", "#FFFFE0", "#006500"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["degradation.tif", "maps", "transitions.tif"]


@pytest.mark.parametrize("rows", [1, 7, 512])
def test_the_size_of_blocks_changes_nothing(tmp_path, rows, monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_ROWS", rows)
    with open_pairing(write_maps(tmp_path)) as pairing:
        raster = degradation_raster(tmp_path / "d.tif", account := account_of(pairing), YEARS)
        (table,) = run_account(pairing, AccountPlan(account=account, rasters={"degradation": raster}))
        pixels, km2 = expected_of(pairing)
    np.testing.assert_array_equal(table.pixels, pixels)
    np.testing.assert_allclose(table.km2, km2, rtol=1e-12)
    with rasterio.open(tmp_path / "d.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), degradation())


@dataclass
class Part:
    zone: int
    window: Window
    share: np.ndarray | None


SHARE = np.clip(np.random.default_rng(9).random((HEIGHT, WIDTH)) * 3 - 1, 0, 1)


class TwoZones:
    def parts(self, window):
        yield Part(1, window, SHARE[window.rows])
        if window.row == 32:
            yield WholePart(0, Window(40, 10, 5, 20))


def test_zones(tmp_path):
    first = np.zeros((HEIGHT, WIDTH))
    first[40:45, 10:30] = 1
    with open_pairing(write_maps(tmp_path)) as pairing:
        tables = run_account(pairing, AccountPlan(account=account_of(pairing), zones=TwoZones(), zone_count=2))
        for table, share in zip(tables, (first, SHARE), strict=True):
            pixels, km2 = expected_of(pairing, share)
            np.testing.assert_array_equal(table.pixels, pixels)
            np.testing.assert_allclose(table.km2, km2, rtol=1e-12, atol=1e-15)


def test_drawn_zones(tmp_path):
    with open_pairing(write_maps(tmp_path)) as pairing:
        outlines = ([(3.3, 2.1), (60.7, 8.2), (40.1, 80.9)], [(60.7, 8.2), (69.5, 89.9), (40.1, 80.9)])
        points = (np.array([pairing.grid.transform @ corner for corner in outline]) for outline in outlines)
        areas = (Area(pairing.grid.crs, ((ring,),), "drawn") for ring in points)
        zones = Zones("drawn", tuple(Zone(str(number), area) for number, area in enumerate(areas)))
        placed = ZonesOnGrid(zones, pairing.grid)
        tables = run_account(pairing, AccountPlan(account=account_of(pairing), zones=placed, zone_count=2))
        for number, table in enumerate(tables):
            pixels, km2 = expected_of(pairing, placed.shares(number, pairing.grid.extent))
            np.testing.assert_array_equal(table.pixels, pixels)
            np.testing.assert_allclose(table.km2, km2, rtol=1e-12, atol=1e-15)
            assert table.km2.sum() == pytest.approx(zones.zones[number].km2, rel=1e-4)


class LayerAxis:
    axes = (Axis("layer", (0, 1, 2, 3)),)

    def of(self, rows):
        assert isinstance(rows, AccountRows)
        layer = rows.layers["layer"].data[0]
        worst = np.where(layer == 3, np.int16(-1), rows.cover.degradation)
        return Extension((layer,), {"worst": worst})


def test_further_axes_rasters_and_regions(tmp_path):
    layer = np.random.default_rng(3).integers(0, 4, (1, HEIGHT, WIDTH)).astype(np.uint8)
    path = write_tiff(tmp_path / "layer.tif", layer)
    worst = ReportRaster(path=tmp_path / "worst.tif", description="worst", legend=get_legend(CONDITION_LEGEND))

    def regions(start, stop):
        return np.broadcast_to((np.arange(start, stop) % 2).astype(np.uint8)[:, None], (stop - start, WIDTH))

    with open_pairing(write_maps(tmp_path), {"layer": path}) as pairing:
        account = account_of(pairing, [UNCCD7_TRANSITIONS, REVERSED])
        plan = AccountPlan(account=account, regions=regions, extend=LayerAxis(), rasters={"worst": worst})
        (table,) = run_account(pairing, plan)
        pixels, _ = expected_of(pairing)
    assert table.names == ("initial", "final", "region", "layer")
    np.testing.assert_array_equal(table.over(("initial", "final")).pixels, pixels)
    np.testing.assert_array_equal(table.over(("layer",)).pixels, np.bincount(layer.ravel(), minlength=4))
    codes = np.array([*get_legend("unccd7").codes, 255])
    signs = [matrix.degradation(codes[places(1)], codes[places(2)]) for matrix in account.matrices]
    region = regions(0, HEIGHT)
    with rasterio.open(tmp_path / "worst.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), np.where(layer[0] == 3, -1, np.choose(region, signs)))
        assert json.loads(dataset.tags().get("transition_matrix", "null")) is None


def test_regional_matrices_are_tagged(tmp_path):
    with open_pairing(write_maps(tmp_path)) as pairing:
        account = account_of(pairing, [UNCCD7_TRANSITIONS, REVERSED])
    tags = degradation_raster(tmp_path / "d.tif", account, YEARS).tags
    assert json.loads(tags["transition_matrix"]) == [UNCCD7_TRANSITIONS.identity, REVERSED.identity]


def test_a_mask_instead_of_nodata(tmp_path):
    mask = places(5) > 1
    with open_pairing(write_maps(tmp_path, nodata=None, mask=mask)) as pairing:
        (table,) = run_account(pairing, AccountPlan(account=account_of(pairing)))
    initial = np.where(mask, places(1), 7)
    np.testing.assert_array_equal(table.over(("initial",)).pixels, np.bincount(initial.ravel(), minlength=8))


def plan_of(pairing, folder, **options):
    account = account_of(pairing, **options)
    rasters = {
        "degradation": degradation_raster(folder / "d.tif", account, YEARS),
        "transitions": transitions_raster(folder / "t.tif", account, YEARS),
    }
    return AccountPlan(account=account, rasters=rasters)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_strange_codes_of_the_whole_map_are_told(tmp_path):
    before = CODES[places(1)]
    before[3, 4] = before[80, :6] = 99
    before[50, 50] = 7
    found = pytest.raises(UnmappedCodes, match=r"\(code: pixels\): 7: 1, 99: 7; add them")
    with open_pairing(write_maps(tmp_path, before=before)) as pairing, found:
        run_account(pairing, plan_of(pairing, tmp_path))
    assert left_in(tmp_path) == ["maps"]


def test_maps_without_data_are_refused(tmp_path):
    paths = write_maps(tmp_path, before=np.zeros((HEIGHT, WIDTH), np.uint8))
    with open_pairing(paths) as pairing, pytest.raises(NoValidData, match="has a class in both maps"):
        run_account(pairing, plan_of(pairing, tmp_path))
    assert left_in(tmp_path) == ["maps"]


class Stop(Exception):
    pass


@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_pass_that_is_stopped_leaves_nothing(tmp_path, when):
    def stop(done, _total):
        if done == when:
            raise Stop

    with open_pairing(write_maps(tmp_path)) as pairing, pytest.raises(Stop):
        run_account(pairing, plan_of(pairing, tmp_path), progress=stop)
    assert left_in(tmp_path) == ["maps"]


def test_a_damaged_map_leaves_nothing(tmp_path):
    random = np.random.default_rng(0).choice(CODES, (HEIGHT, WIDTH))
    paths = write_maps(tmp_path, after=random)
    cut(paths[1], 0.6)
    with open_pairing(paths) as pairing, pytest.raises(RasterTruncated):
        run_account(pairing, plan_of(pairing, tmp_path))
    assert left_in(tmp_path) == ["maps"]


def test_a_failing_writer_ends_the_pass(tmp_path, monkeypatch):
    def fail(*_args):
        raise Stop

    monkeypatch.setattr("landcover.raster.cog.MapWriter.write_rows", fail)
    with open_pairing(write_maps(tmp_path)) as pairing, pytest.raises(Stop):
        run_account(pairing, plan_of(pairing, tmp_path))
    assert left_in(tmp_path) == ["maps"]


def test_wide_maps_have_lower_blocks(monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_ROWS", 512)
    assert block_rows(utm_grid(40_000, 40_000)) == 512
    assert block_rows(utm_grid(40_000, 80_000)) == 256
