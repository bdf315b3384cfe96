"""Standard streams that are closed or full: the work is done all the same, and files hold what belongs into them."""

import subprocess
import sys

import pytest
import rasterio

from tests.bundles import tiny_bundle
from tests.rasters import BANDS, numbers, write_tiff

COMMAND = f"{sys.executable} -m serving"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("STEPPE_REGISTRY", str(tmp_path))
    tiny_bundle(tmp_path, version="1.0.0")
    write_tiff(tmp_path / "scene.tif", numbers(4, 40, 40, seed=0), names=BANDS, tags={"processing_level": "L2A"})

    def run(streams, *options):
        words = f"{COMMAND} classify scene.tif -o map.tif --model tiny --provider cpu {' '.join(options)} {streams}"
        return subprocess.run(["bash", "-c", words], cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("streams", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("options", [(), ("--json",)], ids=str)
def test_closed_streams_harm_nothing(run, tmp_path, streams, options):
    done = run(streams, *options)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.shape == (40, 40)
        assert set(dataset.read(1).ravel()) <= {*range(1, 8), 255}


def test_an_answer_without_room_is_one_sentence(run, tmp_path):
    done = run("> /dev/full")
    assert done.returncode == 6
    assert "cannot be written to standard output: No space left on device; the work itself is done" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "map.tif").exists()
