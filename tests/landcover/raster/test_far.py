"""Files whose bytes lie elsewhere: one name each for GDAL, gone with their block, and never silently half read."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np
import pytest
import rasterio

from landcover.errors import DataError, RasterUnreadable
from landcover.raster.digest import IDENTITY, digest_of, file_digest, files_digest, named
from landcover.raster.far import adopt, check_far, far, far_files
from landcover.raster.gdal_far import _OneFile
from landcover.raster.header import check_header
from landcover.raster.mosaic import joint_digest
from landcover.raster.opening import open_raster
from landcover.raster.protocol import DEFAULT_POLICY
from landcover.raster.scene import open_scene
from tests.rasters import BANDS, numbers, write_tiff

KNOWN = "ab" * 32


class Bytes:
    """A far file in memory, of which pieces beyond a place do not come."""

    def __init__(self, content, *, until=None):
        self._content, self._until = content, until
        self.size, self.identity, self.failed = len(content), KNOWN, False

    def read(self, offset, length):
        if self._until is not None and offset + length > self._until:
            self.failed = True
            raise OSError(5, "gone")
        return self._content[offset : offset + length]


@pytest.fixture
def path(tmp_path):
    return write_tiff(tmp_path / "near.tif", numbers(4, 300, 200), names=BANDS, compress="deflate")


@pytest.fixture
def hole(tmp_path):
    (tmp_path / "far.tif").touch()
    return tmp_path / "far.tif"


def test_a_place_holder_stands_for_bytes_within_the_block_alone(path, hole):
    with far_files({hole: Bytes(path.read_bytes())}):
        assert far(hole) is not None
        assert far(path) is None
        assert check_header(hole).bands == 4
    assert far(hole) is None
    with pytest.raises(DataError, match="empty"):
        check_header(hole)


def test_pixels_are_those_of_the_file(path, hole):
    with (
        far_files({hole: Bytes(path.read_bytes())}),
        open_scene(hole, bands_wanted=BANDS) as one,
        open_scene(path, bands_wanted=BANDS) as other,
    ):
        np.testing.assert_array_equal(one.read(other.grid.extent).data, other.read(other.grid.extent).data)
        assert one.input_digest() == IDENTITY + KNOWN


def test_a_piece_that_does_not_come_is_an_error_and_stays_one(path, hole):
    file = Bytes(path.read_bytes(), until=path.stat().st_size - 1000)
    with far_files({hole: file}), open_scene(hole, bands_wanted=BANDS) as scene:
        with pytest.raises(RasterUnreadable, match="did not come"):
            scene.read(scene.grid.extent)
        file._until = None
        with pytest.raises(RasterUnreadable, match="did not come"):
            scene.read(scene.grid.extent)
        with pytest.raises(RasterUnreadable, match="did not come"):
            check_far(hole)


def test_a_header_that_does_not_come_is_an_error(path, hole):
    with far_files({hole: Bytes(path.read_bytes(), until=4)}), pytest.raises(RasterUnreadable, match="cannot be read"):
        open_raster(hole, DEFAULT_POLICY)


def test_threads_see_it_when_they_adopt_the_context(hole):
    with far_files({hole: Bytes(b"")}):
        context = copy_context()
        with ThreadPoolExecutor(1) as strange, ThreadPoolExecutor(1, initializer=adopt, initargs=(context,)) as pool:
            assert strange.submit(far, hole).result() is None
            assert pool.submit(far, hole).result() is not None


def test_gdal_finds_one_name_and_writes_nothing(path, hole):
    files = _OneFile(str(hole), Bytes(path.read_bytes()))
    assert files.isfile(str(hole))
    for other in (f"{hole}.ovr", f"{hole}.aux.xml", str(hole.parent), "test/test"):
        assert not files.isfile(other)
        assert not files.isdir(other)
        for ask in (files.size, files.mtime, files.open):
            with pytest.raises(FileNotFoundError):
                ask(other)
    assert files.ls(str(hole.parent)) == []
    for mode in ("w", "r+", "rb+", "a"):
        with pytest.raises(PermissionError):
            files.open(str(hole), mode)
    with pytest.raises(PermissionError):
        files.rm(str(hole))
    with rasterio.open(str(hole), driver="GTiff", opener=files) as dataset:
        assert dataset.count == 4


def test_a_cursor_reads_no_more_than_was_asked_for():
    class Generous(Bytes):
        def read(self, offset, length):
            return super().read(offset, length + 100)

    with _OneFile("a", Generous(bytes(range(200)))).open("a") as cursor:
        assert cursor.read(3) == b"\0\1\2"
        assert cursor.tell() == 3
        assert cursor.seek(-2, 2) == 198
        assert cursor.read(10) == bytes([198, 199])
        assert cursor.read(10) == b""
        assert cursor.seek(-300, 1) == 0


def test_digests_say_of_what_they_are(path, hole):
    true = hashlib.sha256(path.read_bytes()).hexdigest()
    with far_files({hole: Bytes(b"")}):
        assert file_digest(path) == true
        assert file_digest(hole) == IDENTITY + KNOWN
        mixed = files_digest([path, hole])
    lines = f"{IDENTITY}{KNOWN}  far.tif\n{true}  near.tif\n"
    assert mixed == IDENTITY + hashlib.sha256(lines.encode()).hexdigest()
    assert joint_digest([true, true]) == hashlib.sha256(f"{true}\n{true}\n".encode()).hexdigest()
    assert joint_digest([true, IDENTITY + KNOWN]).startswith(IDENTITY)
    assert not digest_of([true], [true]).startswith(IDENTITY)
    assert named("steppe_input_", true) == {"steppe_input_sha256": true}
    assert named("", IDENTITY + KNOWN) == {"identity_sha256": KNOWN}
