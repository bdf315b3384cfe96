"""A disk that fills up, simulated by the largest size a file may have (RLIMIT_FSIZE) in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

import landcover

ROOT = Path(landcover.__file__).parents[1]
SIDE = 1024
RAW = SIDE * SIDE

PROGRAM = """
import resource, sys
import numpy as np
from affine import Affine
from pyproj import CRS
from landcover.errors import SteppeError
from landcover.grid import Grid
from landcover.raster.cog import MapWriter

path, limit, side = sys.argv[1], int(sys.argv[2]), 1024
grid = Grid(CRS.from_epsg(32633), Affine(10, 0, 5e5, 0, -10, 5.5e6), side, side)
values = np.random.default_rng(0).integers(0, 200, (side, side), dtype=np.uint8)
try:
    writer = MapWriter(path, grid)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with writer:
        for row in range(0, side, 128):
            writer.write_rows(row, values[row:row + 128])
except SteppeError as error:
    print(type(error).__name__, error)
else:
    print("written")
"""


def run(path, limit, program=PROGRAM):
    done = subprocess.run(
        [sys.executable, "-c", program, path, str(limit)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("limit", [1000, RAW // 2, RAW - 1, RAW + 2000], ids=["header", "rows", "close", "cog"])
def test_full_disk_is_noticed_at_every_stage(tmp_path, limit):
    """``close``: GDAL reports nothing at write or close. ``cog``: the rows fit, the map with its overviews does not."""
    assert run(tmp_path / "map.tif", limit) == "DiskFull no room to write 'map.tif'; make room and run again"
    assert list(tmp_path.iterdir()) == []


def test_a_limit_is_noticed_before_anything_is_computed(tmp_path):
    program = PROGRAM.replace(
        "    writer = ", "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)); writer = "
    )
    assert run(tmp_path / "map.tif", RAW - 1, program).startswith("DiskFull no room to write 'map.tif'")


def test_without_the_limit_it_is_written(tmp_path):
    assert run(tmp_path / "map.tif", 100 * RAW) == "written"
    assert [path.name for path in tmp_path.iterdir()] == ["map.tif"]


SIEVE = (
    PROGRAM.replace("from landcover.raster.cog import MapWriter", "from landcover.raster.sieve import PatchSieve")
    .replace("MapWriter(path, grid)", "PatchSieve(Path(path), grid, min_pixels=5)")
    .replace("import resource, sys", "import resource, sys\nfrom pathlib import Path")
    .replace("write_rows(row, values[row:row + 128])", "add(row, values[row:row + 128])\n        list(writer.rows())")
)


@pytest.mark.parametrize("limit", [1000, RAW // 2, RAW - 1, RAW + 100], ids=["header", "rows", "close", "end"])
def test_a_full_disk_is_noticed_while_small_patches_are_merged(tmp_path, limit):
    """The result lies in a mapped file: writing beyond the disk there would kill the process without a word."""
    assert run(tmp_path / "map.tif", limit, SIEVE) == "DiskFull no room to write 'map.tif'; make room and run again"
    assert list(tmp_path.iterdir()) == []


def test_there_is_room_to_merge_small_patches(tmp_path):
    assert run(tmp_path / "map.tif", RAW + 5000, SIEVE) == "written"
    assert list(tmp_path.iterdir()) == []
