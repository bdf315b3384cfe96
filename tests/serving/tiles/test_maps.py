"""Tiles of finished maps, against GDAL's own warping."""

import json

import numpy as np
import pytest

from landcover.legends import get_legend
from serving.results import ResultGone, Results
from serving.tiles.errors import MatrixSetUnknown, PointOutside, TileOutside
from serving.tiles.maps import ResultMap, ResultMaps
from serving.tiles.matrix import MAX_ZOOM, Tile, check_name, zoom_grid
from tests.serving.tiles.grids import GRIDS, LEGEND, by_gdal, codes_on, grid, near_border, tiles_over, write_map


@pytest.fixture
def opened(tmp_path):
    """Opens a map of a grid."""
    made = []

    def open_map(grid, codes_HW=None, **kind):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        write_map(folder / "map.tif", grid, codes_on(grid) if codes_HW is None else codes_HW, **kind)
        made.append(ResultMap(folder, "digest"))
        return made[-1], folder / "map.tif"

    yield open_map
    for one in made:
        one.close()


@pytest.mark.parametrize("name", GRIDS)
def test_a_tile_shows_what_gdal_finds_nearest(opened, name):
    found, path = opened(GRIDS[name])
    lon, lat = found.placing.centre
    seen = 0
    for tile in tiles_over(lon, lat, found.placing.zooms.most):
        expected_HW, index_HW = by_gdal(path, tile), found.index(tile)
        codes_HW = np.full((256, 256), 255) if index_HW is None else LEGEND.encode(index_HW)
        wrong_HW = (codes_HW != expected_HW) & ~near_border(found.placing, tile)
        assert wrong_HW.sum() == 0
        seen += (codes_HW != 255).sum()
    assert seen > 10_000


def test_degrees_beyond_180_are_the_same_place(opened):
    found, path = opened(grid(4326, 179.98, 10, step=1e-4))
    zoom = found.placing.zooms.most
    for tile in tiles_over(-179.999, 9.985, zoom):
        expected_HW = by_gdal(path, tile, shift=-360.0 if tile.x < 1 << (zoom - 1) else None)
        index_HW = found.index(tile)
        codes_HW = np.full((256, 256), 255) if index_HW is None else LEGEND.encode(index_HW)
        assert ((codes_HW != expected_HW) & ~near_border(found.placing, tile)).sum() == 0
    assert found.placing.bbox[0] > found.placing.bbox[2]
    assert found.placing.bounds[::2] == [-180, 180]  # TileJSON must not pass the antimeridian


@pytest.mark.parametrize("below", [1, 2, 3])
def test_small_zooms_read_overviews_by_mode(opened, below):
    where = grid(32633, 500_000, 5_500_000, height=1500, width=2000)
    found, path = opened(where)
    zoom = found.placing.zooms.most - below
    level = {1: None, 2: 0, 3: 1}[below]
    assert len(found.levels) == 3
    for tile in tiles_over(*found.placing.centre, zoom, reach=0):
        col_HW, _ = found.placing.of(tile)
        step = np.median(np.diff(col_HW, axis=1))
        factor = {1: 1, 2: 2, 3: 4}[below]
        assert factor <= 1.2 * step < 2 * factor
        expected_HW, codes_HW = by_gdal(path, tile, overview=level), LEGEND.encode(found.index(tile))
        assert ((codes_HW != expected_HW) & ~near_border(found.placing, tile, factor)).sum() == 0


def test_negative_codes_are_classes(opened):
    legend, where = get_legend("degradation3"), GRIDS["UTM"]
    index_HW = np.arange(where.height * where.width).reshape(where.height, where.width) // 5000 % 3
    codes_HW = legend.encode(index_HW.astype(np.uint8))
    codes_HW[:50] = legend.nodata
    found, path = opened(where, codes_HW, legend=legend, dtype="int16", nodata=legend.nodata)
    tile = tiles_over(*found.placing.centre, found.placing.zooms.most, reach=0)[0]
    expected_HW = by_gdal(path, tile, nodata=legend.nodata)
    wrong_HW = (legend.encode(found.index(tile)) != expected_HW) & ~near_border(found.placing, tile)
    assert wrong_HW.sum() == 0
    assert found.at(0, 0) == (None, None)
    assert found.at(60, 7) == (int(codes_HW[60, 7]), None)


def test_nothing_lies_elsewhere(opened):
    found, _ = opened(GRIDS["UTM"])
    assert found.index(Tile(10, 0, 0)) is None
    assert found.index(Tile(0, 0, 0)) is None  # smaller than a pixel, and none of the centres lies on it
    assert found.index(tiles_over(*found.placing.centre, 9, reach=0)[0]) is not None


def test_neighbouring_tiles_fit_without_a_seam(opened):
    """Each pixel of a map that is larger than a tile's is seen by neighbours from both sides alike."""
    found, _ = opened(GRIDS["UTM"])
    zoom = found.placing.zooms.most + 2
    tile = tiles_over(*found.placing.centre, zoom, reach=0)[0]
    parts = [[found.index(Tile(zoom, tile.x + right, tile.y + down)) for right in (0, 1)] for down in (0, 1)]
    whole_HW = np.block(parts)
    rows = [found.placing.pixels(Tile(zoom, tile.x, tile.y + down))[0] for down in (0, 1)]
    assert 0 <= rows[1][0, 0] - rows[0][-1, 0] <= 1
    assert whole_HW.shape == (512, 512)


@pytest.mark.parametrize("name", GRIDS)
def test_a_point_is_the_pixel_it_lies_in(opened, name):
    found, _ = opened(GRIDS[name])
    codes_HW = codes_on(GRIDS[name])
    row, col = found.placing.point(*found.placing.centre)
    assert (row, col) in {
        (found.placing.grid.height // 2 - up, found.placing.grid.width // 2 - left) for up in (0, 1) for left in (0, 1)
    }
    assert found.at(row, col) == (int(codes_HW[row, col]), None)


def test_a_point_outside_is_refused_with_the_bounds(opened):
    found, _ = opened(GRIDS["UTM"])
    with pytest.raises(PointOutside, match=r"from 15\.0"):
        found.placing.point(0, 0)


def test_maps_are_kept_while_they_are_asked_for(tmp_path):
    results = Results(tmp_path)
    for name in ("a", "b", "c"):
        folder = tmp_path / name
        folder.mkdir()
        write_map(folder / "map.tif", GRIDS["UTM"], codes_on(GRIDS["UTM"]))
        (folder / "outcome.json").write_text(json.dumps({"outputs": {"map": {"sha256": name, "file": "map.tif"}}}))
    maps = ResultMaps(results, kept=2)
    first = maps.get("a")
    assert first.digest == "a"
    assert maps.get("a") is first
    maps.get("b")
    maps.get("a")
    maps.get("c")
    assert maps.get("a") is first
    results.remove("a")
    maps.drop_gone()
    with pytest.raises(ResultGone, match="removed meanwhile"):
        maps.get("a")
    maps.close()


def test_addresses_of_tiles():
    with pytest.raises(TileOutside, match="0 to 3"):
        Tile(2, 4, 0)
    with pytest.raises(TileOutside):
        Tile(0, 0, 1)
    with pytest.raises(MatrixSetUnknown, match="WebMercatorQuad"):
        check_name("WorldCRS84Quad")
    assert zoom_grid(MAX_ZOOM).width == 256 << MAX_ZOOM
    edge = 20037508.342789244
    assert zoom_grid(3).transform.c == pytest.approx(-edge)
    assert zoom_grid(3).transform.f == pytest.approx(edge)
    assert zoom_grid(3).transform.a == pytest.approx(2 * edge / 256 / 8)
