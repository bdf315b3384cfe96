"""A scene whose bytes lie on a host is the scene that they make on this machine, and costs few requests."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
import pytest

from landcover.errors import DataError
from landcover.grid import Window
from landcover.raster.quality import open_mask
from landcover.raster.scene import open_scene
from serving.reader.pool import ReaderPool
from tests.bundles import BANDS
from tests.rasters import north_up, numbers, write_band_folder, write_jp2, write_tiff
from tests.scenes import utm_grid
from tests.service import scene_numbers, write_scene
from tests.serving.reader import test_remote as near
from tests.serving.reader.conftest import TERMS, channels, children
from tests.serving.reader.hosted import hosted, options


def blocks(folder, **profile):
    shape = {"compress": "deflate", "tiled": True, "blockxsize": 64, "blockysize": 64}
    return write_scene(folder / "blocks.tif", scene_numbers(300, 320), **(shape | profile))


def planar(folder):
    return blocks(folder, interleave="band", bigtiff="YES")


def big_endian(folder):
    return blocks(folder, endianness="BIG")


def raw_strips(folder):
    return write_scene(folder / "raw.tif", scene_numbers(301, 200))


def jpeg2000(folder):
    return write_jp2(folder / "all.jp2", numbers(1, 200, 200)[0]), BANDS[:1]


def tiffs_per_band(folder):
    dn_BRC = numbers(4, 72, 96)
    halved = {name: data[::2, ::2] if name == "B08" else data for name, data in zip(BANDS, dn_BRC, strict=True)}
    return write_band_folder(folder / "tiffs", halved, suffix=".tif")


GOOD = [
    *(near.multiband, near.masked, near.in_degrees, near.rotated, near.compressed, near.bare, near.per_band),
    *(near.odd_name, blocks, planar, big_endian, raw_strips, jpeg2000, tiffs_per_band),
]

SERVED_BAD = [make for make in near.BAD if make not in {near.missing, near.empty_folder, near.too_many_pixels}]
"""Without those that have no file, or that only another policy refuses."""


@pytest.mark.parametrize("make", GOOD)
def test_header_and_pixels_are_those_of_the_file(pool, world, tmp_path, make):
    made = make(tmp_path)
    path, bands = made if isinstance(made, tuple) else (made, BANDS)
    stated = {"bands": bands if path.is_file() and path.suffix == ".jp2" else None}
    with hosted(world, path, tmp_path) as there:
        opener = pool.with_files(there.sources)
        with (
            opener.scene(there.place, bands_wanted=bands, **options(**stated)) as far,
            open_scene(path, bands_wanted=bands, **stated) as here,
        ):
            assert far._header == here._header
            height, width = here.grid.height, here.grid.width
            for window in (
                Window(0, 0, height, width),
                Window(3, 5, 1, 1),
                Window(height - 10, width - 10, 10, 10),
                Window(0, 17, 33, 40),
            ):
                one, other = far.read(window), here.read(window)
                assert one.data.tobytes() == other.data.tobytes()
                assert one.valid.tobytes() == other.valid.tobytes()
                far.pass_over(None)


@pytest.mark.parametrize("make", SERVED_BAD)
def test_refusals_are_those_of_the_file(pool, world, tmp_path, make):
    path = make(tmp_path)

    def refusal(opener, place):
        with pytest.raises(DataError) as caught, opener(place, bands_wanted=BANDS, **options()) as scene:
            scene.read(scene.grid.extent)
        return type(caught.value), str(caught.value)

    with hosted(world, path, tmp_path) as there:
        assert refusal(pool.with_files(there.sources).scene, there.place) == refusal(open_scene, path)


def test_masks_beside_far_bands_and_far_masks(pool, world, tmp_path):
    codes = np.random.default_rng(0).integers(0, 12, (40, 40), dtype=np.uint8)
    folder = write_band_folder(tmp_path / "bands", dict(zip(BANDS, numbers(4, 80, 80), strict=True)), suffix=".tif")
    write_tiff(folder / "T33UUU_20170216T102101_SCL.tif", codes[None], transform=north_up(20.0))
    grid = utm_grid(80, 80)
    with hosted(world, folder, tmp_path) as there:
        opener = pool.with_files(there.sources)
        with opener.mask(there.place, grid, bands=None) as far, open_mask(folder, grid) as here:
            assert far.name == here.name
            for one, other in zip(far.rows(0, 80), here.rows(0, 80), strict=True):
                assert one.tobytes() == other.tobytes()
            assert far.input_digest().startswith("identity:")


def test_the_digest_names_what_was_read_and_says_so(pool, world, tmp_path):
    path, folder = write_scene(tmp_path / "scene.tif"), tiffs_per_band(tmp_path)
    found = []
    for place in (path, folder):
        with hosted(world, place, tmp_path) as there:
            opener = pool.with_files(there.sources)
            with opener.scene(there.place, bands_wanted=BANDS, **options()) as far:
                found.append(far.input_digest())
            sources = {hole.name: source.identity for hole, source in there.sources.items()}
            address = f'{there.site.url("/0.tif")}\n{next(iter(there.sources.values())).size}\n"one"\n\n'
            assert hashlib.sha256(address.encode()).hexdigest() == next(iter(sources.values()))
    lines = "".join(f"identity:{identity}  {name}\n" for name, identity in sorted(sources.items()))
    assert found[1] == f"identity:{hashlib.sha256(lines.encode()).hexdigest()}"
    assert found[0] != found[1]


def test_a_small_window_costs_a_few_requests(pool, world, tmp_path):
    """Of 576 blocks of 8 kB those of the window, the directory, and what is read ahead."""
    path = write_scene(
        tmp_path / "large.tif",
        numbers(4, 1536, 1536),
        compress="deflate",
        tiled=True,
        blockxsize=64,
        blockysize=64,
        tags={"processing_level": "L1C", "scale": "0.0001", "offset": "0"},
    )
    with hosted(world, path, tmp_path) as there:
        opener = pool.with_files(there.sources)
        with opener.scene(there.place, bands_wanted=BANDS, **options()) as far:
            opened = there.requests
            far.read(Window(700, 700, 60, 60))
    assert opened <= 12
    assert there.requests - opened <= 24
    assert there.budget.bytes_spent < path.stat().st_size / 10


def test_a_part_of_the_bands_is_a_part_of_the_files(pool, world, tmp_path):
    folder = tiffs_per_band(tmp_path)
    with hosted(world, folder, tmp_path) as there:
        before = there.requests
        with pool.with_files(there.sources).scene(there.place, bands_wanted=BANDS[:1], **options()) as far:
            far.read(far.grid.extent)
        asked = set(there.site.paths()[before:])
    assert asked <= {"/0.tif"}


def test_local_files_beside_far_ones(pool, world, tmp_path):
    """A scene of which a catalogue has one band here and three elsewhere."""
    folder = tiffs_per_band(tmp_path)
    with hosted(world, folder, tmp_path) as there:
        hole = next(iter(there.sources))
        del there.sources[hole]
        hole.write_bytes((folder / hole.name).read_bytes())
        opener = pool.with_files(there.sources)
        with (
            opener.scene(there.place, bands_wanted=BANDS, **options()) as far,
            open_scene(folder, bands_wanted=BANDS) as here,
        ):
            assert far.read(here.grid.extent).data.tobytes() == here.read(here.grid.extent).data.tobytes()
            assert far.input_digest().startswith("identity:")


def test_other_inputs_of_the_same_opener_are_read_here(pool, world, tmp_path):
    path = near.multiband(tmp_path)
    with hosted(world, blocks(tmp_path), tmp_path) as there:
        opener = pool.with_files(there.sources)
        with opener.scene(path, bands_wanted=BANDS, **options()) as scene:
            assert scene.input_digest() == hashlib.sha256(path.read_bytes()).hexdigest()
            assert scene.reader._supply is None


def test_reading_leaves_nothing(world, tmp_path):
    folder = tiffs_per_band(tmp_path)
    with hosted(world, folder, tmp_path) as there:
        before = children(), channels(), threading.active_count()
        with ReaderPool(TERMS) as pool:
            opener = pool.with_files(there.sources)
            for _ in range(2):
                with opener.scene(there.place, bands_wanted=BANDS, **options()) as far:
                    far.read(far.grid.extent)
                    far.input_digest()
                assert opener.mask(there.place, far.grid, bands=None) is None
        assert (children(), channels(), threading.active_count()) == before
