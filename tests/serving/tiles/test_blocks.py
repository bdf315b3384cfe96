"""Blocks of a scene: what a window shows, and that tiles of blocks are the map."""

import asyncio
from contextlib import contextmanager

import numpy as np
import pytest

from landcover.borders import framed, known_pixels, mirror_borders
from landcover.grid import Window
from landcover.postprocess import class_codes
from landcover.raster.protocol import Block
from landcover.sensors import Radiometry
from landcover.tiling import MARGIN as FRAME
from landcover.tiling import mirror
from serving.batching.pool import Batchers
from serving.pipeline import plan_windows
from serving.predict import predict_rows
from serving.registry.live import LiveModels
from serving.sources import TwoDatesWanted
from serving.tiles.blocks import BLOCK, MARGIN, WINDOW, Lattice, harmonised
from serving.tiles.classifying import Client, SourceTiles
from serving.tiles.errors import SourceNotFound, ZoomTooSmall
from serving.tiles.matrix import Tile
from serving.tiles.scenes import OpenScenes
from serving.tiles.sources import SourceFolder
from tests.bundles import pair_bundle, tiny_bundle
from tests.scenes import ArrayScene, smooth_numbers, utm_grid
from tests.service import make_settings
from tests.serving.tiles.grids import tiles_over


class Opener:
    """Opens one array, whatever it is asked for."""

    def __init__(self, **kind):
        self.kind, self.opened = kind, []

    def scene(self, _path, **_wanted):
        self.opened.append(Scene(**self.kind))
        return self.opened[-1]


class Scene(ArrayScene):
    """Remembers that it was closed."""

    closed = False

    def close(self):
        self.closed = True


@contextmanager
def tiles_of(tmp_path, folders, opener, **changes):
    """Tiles of one source called ``scene.tif``."""
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    (folder / "scene.tif").touch()
    settings = make_settings(tmp_path, *folders)
    batchers = Batchers(settings)
    scenes = OpenScenes(opener, limit=2, idle_s=60)
    made = SourceTiles(
        SourceFolder(folder),
        scenes,
        looking=OpenScenes(opener, limit=0, idle_s=0),
        models=LiveModels(settings, eager=False),
        batchers=batchers,
        **{"most_blocks": 64, "block_bytes": 1 << 24} | changes,
    )
    try:
        yield made, settings
    finally:
        scenes.close()
        batchers.close()


def run(work):
    return asyncio.run(work)


def client(spent=None):
    return Client("me", lambda pixels: None if spent is None else spent.append(pixels))


def one_pass(made, scene, settings):
    """Class indices of the scene by one call of the network, and those of the map that a job makes of it."""
    with made._models.lease(made.model(None)) as engine:
        manifest = engine.bundle.manifest
        pixels = harmonised(scene, scene.read(scene.grid.extent), manifest)
        answer_KHW = engine.run(framed(pixels.data)[None])[0]
        rows, cols = (slice(FRAME, FRAME + side) for side in pixels.valid.shape)
        codes_HW = class_codes(np.ascontiguousarray(answer_KHW[:, rows, cols]), pixels.valid, manifest.legend)
        plan, batch = plan_windows(scene, engine, settings)
        map_HW = np.concatenate([rows.codes_HW for rows in predict_rows(scene, engine, plan, batch_size=batch)])
        return manifest.legend.decode(codes_HW), manifest.legend.decode(map_HW)


@pytest.mark.parametrize("size", [(300, 420), (20, 30), (192, 384), (193, 385)])
def test_a_window_is_the_scene_around_a_block_mirrored_at_its_ends(size):
    dn_BHW, lattice = smooth_numbers(*size), Lattice(*size)
    valid_HW = np.ones(size, bool)
    valid_HW[5:9, 3:17] = False
    dn_BHW[:, ~valid_HW] = 0
    numbers = list(range(lattice.count))
    assert lattice.count == -(-size[0] // BLOCK) * lattice.cols
    for number in numbers:
        top, left = number // lattice.cols * BLOCK, number % lattice.cols * BLOCK
        origin = lattice.window([number])
        part = Block(dn_BHW[:, origin.rows, origin.cols], valid_HW[origin.rows, origin.cols])
        rows = mirror(top - MARGIN, top + BLOCK + MARGIN, size[0])
        cols = mirror(left - MARGIN, left + BLOCK + MARGIN, size[1])
        expected_BHW = dn_BHW[:, rows[:, None], cols]
        mirror_borders(expected_BHW, known_pixels(expected_BHW))
        window = lattice.cut(number, part, origin)
        assert window.data.shape == (4, WINDOW, WINDOW)
        assert np.array_equal(window.data, expected_BHW)
        inside = valid_HW[top : top + BLOCK, left : left + BLOCK]
        assert np.array_equal(window.valid[: inside.shape[0], : inside.shape[1]], inside)
        assert window.valid.sum() == inside.sum()


def test_a_block_without_data_is_not_classified():
    lattice = Lattice(300, 300)
    nothing = Block(np.zeros((4, 300, 300), np.uint16), np.zeros((300, 300), bool))
    assert lattice.cut(3, nothing, Window(0, 0, 300, 300)) is None


def test_tiles_show_the_map_of_the_scene(tmp_path, folders):
    """The tiny network sees three pixels around each, so blocks are what one pass over the whole scene is."""
    dn_BHW = smooth_numbers(300, 420)
    dn_BHW[:, 100:140, 50:90] = 0
    valid_HW = dn_BHW.any(axis=0)
    kind = {"data": dn_BHW, "valid": valid_HW, "radiometry": Radiometry(1e-4, -0.1)}
    with tiles_of(tmp_path, folders, Opener(**kind)) as (made, settings):
        expected_HW, map_HW = one_pass(made, Scene(**kind), settings)
        pinned = made.pin("scene.tif", None)
        view = made.view(pinned)

        async def work():
            for zoom in (view.zooms.most + 1, view.zooms.most, view.zooms.most - 1, 8):
                for tile in tiles_over(*view.placing.centre, zoom):
                    row_HW, col_HW, inside_HW = view.placing.pixels(tile)
                    _, index_HW = await made.index(pinned, tile, client())
                    if index_HW is None:
                        assert not inside_HW.any()
                        continue
                    assert np.array_equal(index_HW[inside_HW], expected_HW[row_HW[inside_HW], col_HW[inside_HW]])
                    assert (index_HW[~inside_HW] == 255).all()
                    same = index_HW[inside_HW] == map_HW[row_HW[inside_HW], col_HW[inside_HW]]
                    assert same.mean() > 0.99  # where windows of the map meet, they are blended
            lon, lat = view.placing.centre
            row, col = view.placing.point(lon, lat)
            _, index, percent = await made.at(pinned, lon, lat, client())
            assert index == expected_HW[row, col]
            assert 15 <= percent <= 100

        run(work())


def test_pixels_are_paid_for_once(tmp_path, folders):
    opener, spent = Opener(data=smooth_numbers(300, 300)), []
    with tiles_of(tmp_path, folders, opener) as (made, _):
        pinned = made.pin("scene.tif", None)

        async def work():
            tile = tiles_over(*made.view(pinned).placing.centre, 12, reach=0)[0]
            await asyncio.gather(*(made.index(pinned, tile, client(spent)) for _ in range(5)))
            await made.index(pinned, tile, client(spent))
            return tile

        tile = run(work())
        lattice = made.view(pinned).lattice
        places = made.view(pinned).placing.pixels(tile)
        assert sum(spent) == BLOCK * BLOCK * len(lattice.needed(lattice.numbers(*places[:2]), places[2]))
        assert len(opener.opened) == 1


def test_small_zooms_of_large_scenes_are_refused_with_the_least(tmp_path, folders):
    opener = Opener(data=np.ones((4, 2000, 2000), np.uint16))
    with tiles_of(tmp_path, folders, opener, most_blocks=20) as (made, _):
        pinned = made.pin("scene.tif", None)
        view = made.view(pinned)
        assert (view.zooms.least, view.zooms.most) == (13, 14)
        for zoom in range(13):
            tile = tiles_over(*view.placing.centre, zoom, reach=0)[0]
            with pytest.raises(ZoomTooSmall, match="zoom 13 or more"):
                run(made.index(pinned, tile, client()))
        for tile in tiles_over(*view.placing.centre, 13):
            places = view.placing.pixels(tile)
            assert len(view.lattice.needed(view.lattice.numbers(*places[:2]), places[2])) <= 20


def test_a_small_scene_has_all_zooms(tmp_path, folders):
    with tiles_of(tmp_path, folders, Opener(data=smooth_numbers(300, 300))) as (made, _):
        pinned = made.pin("scene.tif", None)
        assert run(made.index(pinned, Tile(0, 0, 0), client()))[1] is None


def test_a_changed_source_is_opened_again(tmp_path, folders):
    opener = Opener(data=smooth_numbers(200, 200))
    with tiles_of(tmp_path, folders, opener) as (made, _):
        before = made.pin("scene.tif", None)
        place = made.view(before).placing.centre
        run(made.at(before, *place, client()))
        (tmp_path / "data" / "scene.tif").write_text("other")
        after = made.pin("scene.tif", None)
        assert after.source.stamp != before.source.stamp
        made.view(after)
        assert len(opener.opened) == 2


def test_what_cannot_be_used_is_said_and_not_opened_again(tmp_path, folders):
    opener = Opener(data=smooth_numbers(200, 200), grid=utm_grid(200, 200, pixel=30.0))
    with tiles_of(tmp_path, folders, opener) as (made, _):
        pinned = made.pin("scene.tif", None)
        for _ in range(2):
            with pytest.raises(Exception, match="30 x 30 m"):
                made.view(pinned)
        assert len(opener.opened) == 1
        assert opener.opened[0].closed


def test_models_that_need_more_than_a_part_are_refused(tmp_path, folders):
    tiny_bundle(tmp_path / "own")
    pair_bundle(tmp_path / "own")
    with tiles_of(tmp_path, (tmp_path / "own", folders[1]), Opener()) as (made, _):
        with pytest.raises(TwoDatesWanted):
            made.pin("scene.tif", "pair")
        with pytest.raises(SourceNotFound):
            made.pin("other.tif", None)
