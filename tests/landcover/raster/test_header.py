"""The header check: what it says agrees with GDAL, it reads little, and nothing surprises it."""

from __future__ import annotations

import os
import time
from unittest.mock import patch

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.errors import BlockTooLarge, DataError, RasterTruncated, RasterUnreadable, TooManyPages
from landcover.raster.header import check_header
from landcover.raster.lookalikes import JPEG2000, TIFF, looks_like
from landcover.raster.scene import ReadPolicy
from landcover.raster.tiff import blocks
from tests.corpus.mutations import mutations
from tests.corpus.rawtiff import LONG, LONG8, SHORT, image, many_pages, tiff, tiled_image
from tests.rasters import BANDS, cut, numbers, write_jp2, write_tiff

TILED = {"tiled": True, "blockxsize": 64, "blockysize": 48}
PROFILES = {
    "strips": {},
    "one strip": {"blockysize": 150, "compress": "deflate"},
    "rows": {"blockysize": 1},
    "tiles": TILED,
    "planar": TILED | {"interleave": "band", "compress": "lzw"},
    "big": {"BIGTIFF": "YES", "compress": "zstd"},
    "big-endian": {"ENDIANNESS": "BIG"},
    "both": {"BIGTIFF": "YES", "ENDIANNESS": "BIG", **TILED},
    "sparse": {"SPARSE_OK": "YES", **TILED},
    "cog": {"driver": "COG", "blocksize": 128, "compress": "deflate"},
    "jpeg2000": {"driver": "JP2OpenJPEG", "CODEC": "JP2", "blockxsize": 64, "blockysize": 64},
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "complex64"])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_it_agrees_with_gdal(tmp_path, profile, dtype):
    if profile.get("driver") == "JP2OpenJPEG" and dtype not in {"uint8", "uint16", "int16"}:
        pytest.skip("JPEG 2000 has whole numbers")
    path = write_tiff(tmp_path / "scene.tif", numbers(3, 150, 170).astype(dtype), **profile)
    header = check_header(path)
    with rasterio.open(path) as dataset:
        assert (header.height, header.width, header.bands) == (dataset.height, dataset.width, dataset.count)
        assert header.dtype == dataset.dtypes[0]
        assert header.block == dataset.block_shapes[0]
    assert header.bigtiff == ("BIGTIFF" in profile)
    assert header.big_endian == ("ENDIANNESS" in profile or header.form == "JPEG 2000")
    assert (header.size, header.pixels) == (path.stat().st_size, 150 * 170)


def test_overviews_and_masks_are_pages(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(3, 150, 170), mask=np.ones((150, 170), bool), **TILED)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    assert check_header(path).pages == 6


def bytes_read(path):
    """How many bytes the check reads."""
    count, read = 0, os.pread

    def counting(descriptor, wanted, offset):
        nonlocal count
        count += wanted
        return read(descriptor, wanted, offset)

    with patch("os.pread", counting):
        check_header(path)
    return count


def sparse_tile(planar):
    """Images of a Sentinel-2 tile of 13 bands with four overviews, in tiles of 256, none of which is stored."""
    for factor in (1, 2, 4, 8, 16):
        side = -(-10980 // factor)
        blocks = (-(-side // 256)) ** 2 * (13 if planar else 1)
        kind = {"t254": (LONG, (int(factor > 1),)), "t284": (SHORT, (2 if planar else 1,))}
        yield tiled_image(side, side, 256, blocks=blocks, bands=13, **kind)


@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("big", [True, False])
def test_a_whole_tile_of_13_bands(tmp_path, planar, big):
    path = tmp_path / "scene.tif"
    path.write_bytes(tiff(*sparse_tile(planar), big=big))
    seconds = []
    for _ in range(30):
        start = time.thread_time()
        header = check_header(path)
        seconds.append(time.thread_time() - start)
    assert (header.bands, header.pages, header.planar) == (13, 5, planar)
    assert min(seconds) < 0.02  # a hundredth of a second less on a machine that does nothing else
    assert bytes_read(path) <= path.stat().st_size + 2000
    with rasterio.open(path) as dataset:
        assert (dataset.shape, dataset.count, dataset.block_shapes[0]) == ((10980, 10980), 13, (256, 256))
        assert dataset.overviews(1) == [2, 4, 8, 16]


def test_a_file_of_60_000_strips(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(1, 60_000, 3), blockysize=1)
    assert check_header(path).block == (1, 3)
    with pytest.raises(RasterTruncated, match="ends after"):
        check_header(cut(path, 0.999))
    check_header(path, whole=False)


def test_of_very_many_blocks_the_ends_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "_PART", 10)
    size = len(tiff(image(100, 1)))
    for bad, noticed in ((0, True), (99, True), (50, False)):
        places = [8] * 100
        places[bad] = size + 10**6
        page = image(100, 1, t278=(LONG, (1,)), t273=(LONG, places), t279=(LONG, [2] * 100))
        (tmp_path / "scene.tif").write_bytes(tiff(page))
        found = []
        for most in (10, 200):
            monkeypatch.setattr(blocks.BlockCheck.__init__, "__defaults__", (most,))
            try:
                check_header(tmp_path / "scene.tif")
            except RasterTruncated:
                found.append(most)
        assert found == ([10, 200] if noticed else [200])


def test_numbers_that_would_overflow(tmp_path):
    for place, length in ((2**64 - 1, 2), (2**64 - 8, 16), (2**63, 2**20)):
        page = image(9, 9, t273=(LONG8, (place,)), t279=(LONG8, (length,)))
        (tmp_path / "scene.tif").write_bytes(tiff(page, big=True))
        with pytest.raises(RasterTruncated, match="ends after"):
            check_header(tmp_path / "scene.tif")


def test_blocks_left_out_are_no_damage(tmp_path):
    (tmp_path / "scene.tif").write_bytes(tiff(tiled_image(500, 500, 256, blocks=4)))
    assert check_header(tmp_path / "scene.tif").tiled


def test_large_raw_strips_are_read_row_by_row(tmp_path):
    policy = ReadPolicy(max_block_bytes=1000)
    (tmp_path / "scene.tif").write_bytes(tiff(image(500, 500)))
    check_header(tmp_path / "scene.tif", policy)
    (tmp_path / "scene.tif").write_bytes(tiff(image(500, 500, t259=(3, (8,)))))
    with pytest.raises(BlockTooLarge, match="500 x 500 pixels, 500000 bytes each; at most 1000"):
        check_header(tmp_path / "scene.tif", policy)


def test_pages_have_a_limit(tmp_path):
    (tmp_path / "scene.tif").write_bytes(many_pages(40))
    assert check_header(tmp_path / "scene.tif").pages == 40
    with pytest.raises(TooManyPages, match="more than 39 images"):
        check_header(tmp_path / "scene.tif", ReadPolicy(max_pages=39))


def test_a_page_that_nobody_opens_may_be_large(tmp_path):
    """GDAL opens overviews and masks with an image, not what else is in the file."""
    large = tiled_image(10**6, 10**6, 512)
    (tmp_path / "scene.tif").write_bytes(tiff(image(9, 9), large))
    check_header(tmp_path / "scene.tif", whole=False)


def test_one_tile_of_jpeg2000_may_be_large(tmp_path):
    path = write_jp2(tmp_path / "scene.jp2", numbers(1, 200, 200)[0], blockxsize=200, blockysize=200)
    check_header(path, ReadPolicy(max_block_bytes=1000))
    path = write_jp2(tmp_path / "scene.jp2", numbers(1, 200, 200)[0])
    with pytest.raises(BlockTooLarge, match="64 x 64"):
        check_header(path, ReadPolicy(max_block_bytes=1000))


@pytest.mark.parametrize("name", ["none.tif", "x" * 300, "a\0b"])
def test_what_is_not_there(tmp_path, name):
    with pytest.raises(RasterUnreadable, match="cannot be read"):
        check_header(tmp_path / name)


def test_names_for_messages(tmp_path):
    (tmp_path / "scene.tif").write_bytes(b"<html>")
    with pytest.raises(RasterUnreadable, match=r"^'the body' is neither TIFF nor JPEG 2000; it is a web page"):
        check_header(tmp_path / "scene.tif", name="the body")
    assert looks_like(b"nothing known") is None


def test_what_waits_for_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    for path in (tmp_path / "pipe.tif", tmp_path):
        with pytest.raises(RasterUnreadable, match="is not a file"):
            check_header(path)


def test_a_disk_that_fails(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(1, 9, 9))
    with (
        patch("os.pread", side_effect=OSError(5, "Input/output error")),
        pytest.raises(RasterUnreadable, match="output"),
    ):
        check_header(path)


def test_a_file_that_shrinks_meanwhile(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 99, 99), names=BANDS)
    read = os.pread
    with patch("os.pread", lambda *place: read(*place)[:-1]), pytest.raises(RasterTruncated):
        check_header(path)


def test_damaged_headers(tmp_path):
    """A thousand; benchmarks/header_mutations.py tries more."""
    slowest, refused = 0.0, 0
    for _, content in mutations(tmp_path, 1000, seed=7):
        (tmp_path / "changed.tif").write_bytes(content)
        start = time.thread_time()
        try:
            check_header(tmp_path / "changed.tif")
        except DataError as error:
            refused += len(str(error)) < 400
        slowest = max(slowest, time.thread_time() - start)
    assert 300 < refused < 950
    assert slowest < 0.1


@given(magic=st.sampled_from([*TIFF, *JPEG2000]), rest=st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_noise_behind_the_magic(tmp_path_factory, magic, rest):
    path = tmp_path_factory.getbasetemp() / "noise.tif"
    path.write_bytes(magic + rest)
    with pytest.raises(DataError):
        check_header(path)
