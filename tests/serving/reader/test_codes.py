"""Maps of codes that readers have open are those that this process has open, and what cannot be is refused alike."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import numpy as np
import pytest

from landcover.errors import BandCount, DtypeMismatch, RasterCorrupt, RasterTooLarge, RasterTruncated, RasterUnreadable
from landcover.grid import Window
from landcover.legends import get_legend
from landcover.raster.categorical import CODES, open_codes
from landcover.raster.protocol import DEFAULT_POLICY, ReadPolicy
from landcover.raster.stated_legend import legend_text
from serving.reader.codes import open_remote_codes
from serving.reader.errors import ReaderEnded, ReadingLimit
from serving.reader.pool import ReaderPool
from serving.reader.wire import MAX_LEGEND
from serving.sandbox.limits import Limits
from tests.rasters import write_tiff
from tests.serving.reader.conftest import TERMS
from tests.serving.reader.hosted import hosted
from tests.serving.reader.test_hostile import GRID, HEADER, fake  # noqa: F401 - a fixture
from tests.serving.reader.test_life import bomb
from tests.serving.report.classmaps import write_map

LEGEND = {"id": "own", "version": "1", "title": "Own", "classes": [{"code": 1, "name": "a", "title": "A"}]}


def codes(dtype, *, height=60, width=80):
    edges = np.iinfo(dtype)
    return np.random.default_rng(3).choice(np.array([0, 1, 7, edges.min, edges.max], dtype), (1, height, width))


def same(one, other):
    """Two maps, pixel for pixel; returns what one of them has read."""
    assert (one.grid, one.nodata, one.legend) == (other.grid, other.nodata, other.legend)
    assert (one.scene.dtype, one.scene.bands) == (other.scene.dtype, (CODES,))
    assert (one.scene.identifier, one.scene.input_digest()) == (other.scene.identifier, other.scene.input_digest())
    for window in (one.grid.extent, Window(10, 3, 7, 50)):
        blocks = [each.scene.read(window) for each in (one, other)]
        np.testing.assert_array_equal(blocks[0].data, blocks[1].data)
        np.testing.assert_array_equal(blocks[0].valid, blocks[1].valid)
    return blocks[0]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "int64"])
def test_any_whole_numbers(pool, tmp_path, dtype):
    path = write_tiff(tmp_path / "map.tif", codes(dtype))
    with pool.codes(path) as far, open_codes(path) as near:
        block = same(far, near)
        assert (far.nodata, far.legend, block.valid.all()) == (None, None, True)


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 0), ("int16", -32768)])
def test_only_the_files_own_nodata_is_none(pool, tmp_path, dtype, nodata):
    path = write_tiff(tmp_path / "map.tif", codes(dtype), nodata=nodata)
    with pool.codes(path) as far, open_codes(path) as near:
        block = same(far, near)
        assert far.nodata == nodata
        np.testing.assert_array_equal(block.valid, block.data[0] != nodata)


@pytest.mark.parametrize("scaling", [(1.0, 0.0), (0.1, 0.0), (1.0, 5.0)])
def test_a_scale_is_told_and_not_applied(pool, tmp_path, scaling):
    path = write_tiff(tmp_path / "map.tif", codes("int16"), scaling=[scaling])
    with pool.codes(path) as far, open_codes(path) as near:
        assert far.scaled is near.scaled is (scaling != (1.0, 0.0))
        same(far, near)


def test_a_mask_beside_the_codes(pool, tmp_path):
    mask = np.random.default_rng(4).random((60, 80)) > 0.5
    path = write_tiff(tmp_path / "map.tif", codes("uint8"), mask=mask)
    with pool.codes(path) as far, open_codes(path) as near:
        same(far, near)
        np.testing.assert_array_equal(far.scene.read(far.grid.extent).valid, mask)


def test_the_legend_that_a_map_states(pool, tmp_path):
    with pool.codes(write_map(tmp_path / "map.tif")) as far:
        assert far.legend is get_legend("unccd7")
    tag = json.dumps({**LEGEND, "classes": [{**LEGEND["classes"][0], "color": "#AABBCC"}]})
    path = write_tiff(tmp_path / "own.tif", codes("uint8"), tags={"legend": tag})
    with pool.codes(path) as far, open_codes(path) as near:
        assert (far.legend, far.legend.id) == (near.legend, "own")


@pytest.mark.parametrize("tag", ["{}", json.dumps({**LEGEND, "title": "x" * MAX_LEGEND})])
def test_a_legend_that_is_none(pool, tmp_path, tag):
    path = write_tiff(tmp_path / "map.tif", codes("uint8"), tags={"legend": tag})
    with pool.codes(path) as far:
        assert far.legend is None


def test_another_grid(pool, tmp_path):
    path = write_tiff(tmp_path / "map.tif", codes("int16"), nodata=0)
    part = GRID.crop(Window(20, 30, 40, 60))
    with pool.codes(path) as far, open_codes(path) as near:
        same(far.on(part), near.on(part))


def floats(path):
    write_tiff(path, np.ones((1, 8, 8), np.float32))


def several(path):
    write_tiff(path, np.ones((2, 8, 8), np.uint8))


def text(path):
    path.write_text("no raster")


def cut_off(path):
    path.write_bytes(write_tiff(path, codes("uint32")).read_bytes()[:100])


@pytest.mark.parametrize(
    ("make", "error"),
    [(floats, DtypeMismatch), (several, BandCount), (text, RasterUnreadable), (cut_off, RasterTruncated)],
)
def test_what_is_no_map_of_codes_is_refused_in_the_same_words(pool, tmp_path, make, error):
    make(tmp_path / "map.tif")
    with pytest.raises(error) as near:
        open_codes(tmp_path / "map.tif")
    with pytest.raises(error) as far:
        pool.codes(tmp_path / "map.tif")
    assert (type(far.value), str(far.value)) == (type(near.value), str(near.value))
    assert str(tmp_path) not in str(far.value)


def test_pixels_that_are_missing(pool, tmp_path):
    """The header is whole; a tile behind it is not."""
    path = write_tiff(tmp_path / "map.tif", codes("uint8", height=512, width=512), compress="deflate", tiled=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)
    with pool.codes(path) as far, pytest.raises(RasterCorrupt):
        far.scene.read(far.grid.extent)


def test_limits_are_those_of_all_readers(tmp_path):
    path = bomb(tmp_path / "bomb.tif", 16_384)
    terms = replace(TERMS, limits=Limits(700_000_000, 60))
    with (
        ReaderPool(terms, spare=0) as pool,
        pool.codes(path) as far,
        pytest.raises(ReadingLimit, match="700 MB"),
    ):
        far.scene.read(Window(0, 0, 1, 16_384))


def test_the_policy_holds(pool, tmp_path):
    path = write_tiff(tmp_path / "map.tif", codes("uint8"))
    with pytest.raises(RasterTooLarge, match="60 x 80"):
        pool.codes(path, policy=ReadPolicy(max_pixels=4799))


def test_bytes_on_another_host(pool, world, tmp_path):
    path = write_map(tmp_path / "map.tif")
    with (
        hosted(world, path, tmp_path) as there,
        pool.with_files(there.sources).codes(there.place) as far,
        open_codes(path) as near,
    ):
        assert (far.grid, far.nodata, far.legend) == (near.grid, near.nodata, near.legend)
        np.testing.assert_array_equal(*(each.scene.read(near.grid.extent).data for each in (far, near)))
        assert far.scene.input_digest().startswith("identity:")


SAID = {key: value for key, value in HEADER.items() if key not in {"level", "radiometry"}} | {
    "dtype": "uint8",
    "nodata": 255,
    "legend": "",
    "scaled": False,
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dtype", "float32"),
        ("dtype", "complex64"),
        ("dtype", "object"),
        ("dtype", "S10000"),
        ("dtype", None),
        ("nodata", 256),
        ("nodata", -1),
        ("nodata", 1.5),
        ("nodata", True),
        ("nodata", "0"),
        ("legend", "x" * (MAX_LEGEND + 1)),
        ("legend", None),
        ("scaled", 1),
        ("scaled", None),
        ("height", 0),
        ("width", 2**31),
        ("crs", ""),
        ("transform", [0, 0, 0, 0, 0, 0]),
        ("identifier", "../up"),
        ("more", 1),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_headers_that_cannot_be_end_the_reader(fake, tmp_path, key, value):  # noqa: F811 - the fixture
    with pytest.raises(ReaderEnded, match="made the process fail"):
        open_remote_codes(fake(SAID | {key: value}), tmp_path / "map.tif", DEFAULT_POLICY)
    assert fake.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "legend",
    [
        "no JSON",
        "[" * 20_000,
        '{"id": 1}',
        '{"id": "x", "version": "1", "title": "", "classes": [{"code": Infinity, "name": "a", "title": "", '
        '"color": "#AABBCC"}]}',
        legend_text(get_legend("unccd7")).replace('"unccd7"', '"../../etc"'),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_a_legend_is_only_text(fake, tmp_path, legend):  # noqa: F811 - the fixture
    with open_remote_codes(fake(SAID | {"legend": legend}), tmp_path / "map.tif", DEFAULT_POLICY) as far:
        assert far.legend is None or far.legend.id == "../../etc"
        assert (far.grid, far.nodata, far.scene.dtype) == (GRID, 255, np.uint8)
