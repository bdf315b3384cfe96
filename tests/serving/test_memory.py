"""Freed arrays leave the process, and a scene's height does not show in its peak."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from serving.bench.scenes import make_scene
from serving.cli import main as steppe
from serving.memory import peak_resident_bytes, return_freed_memory
from tests.bundles import tiny_bundle

_PASS_ON = """
import sys, threading
import numpy as np
from serving.memory import return_freed_memory

assert return_freed_memory() is (sys.argv[1] == "True")

def pages():
    return int(open("/proc/self/statm").read().split()[1])

# The first array that is freed teaches glibc to keep the next ones; small ones above them keep the heap from shrinking.
np.ones(30 << 20, np.uint8)
before, kept = pages(), []

def work():
    arrays = [np.ones(20 << 20, np.uint8) for _ in range(4)]
    kept.append(np.ones(1 << 16, np.uint8))
    del arrays

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print((pages() - before) * 4096 >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
@pytest.mark.parametrize(("variables", "is_set"), [({}, True), ({"MALLOC_MMAP_THRESHOLD_": "33554432"}, False)])
def test_arrays_that_threads_passed_on_are_returned(variables, is_set):
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name} | variables
    command = [sys.executable, "-c", _PASS_ON, str(is_set)]
    megabytes = int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert (megabytes < 20) is is_set


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _name: object())
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert return_freed_memory() is False


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peaks are read from /proc")  # noqa: PTH110

_PEAK = """
import sys
from serving.cli import main
from serving.memory import peak_resident_bytes

code = main(sys.argv[1:])
print(peak_resident_bytes())
raise SystemExit(code)
"""


def peak_of(*argv, **variables):
    """Peak resident bytes of ``steppe ARGV`` in a process of its own."""
    command = [sys.executable, "-c", _PEAK, *map(str, argv)]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


@needs_proc
def test_the_peak_is_that_of_the_process_and_not_of_its_parent():
    """By getrusage(2) a program started by vfork would have had the parent's memory."""
    array = np.ones(400 << 20, np.uint8)
    here = peak_resident_bytes()
    assert here > array.nbytes
    assert peak_of("--version") < 300e6 < here


def test_the_peak_where_the_system_does_not_say(tmp_path):
    status = tmp_path / "status"
    status.write_text("VmPeak:\t  999 kB\nVmHWM:\t    2048 kB\n")
    assert peak_resident_bytes(status) == 2048 * 1024
    assert peak_resident_bytes(tmp_path / "absent") > 10e6


@pytest.mark.slow
@needs_proc
def test_peak_memory_does_not_grow_with_the_height_of_a_scene(tmp_path):
    """The decoded bands alone of the higher scene would take 61 MB more, its probabilities 215 MB.

    GDAL's caches, of bounded size, are not yet full with so few pixels: they are what still grows, by about 30 MB.
    """
    tiny_bundle(tmp_path / "registry")
    variables = {
        "STEPPE_REGISTRY": str(tmp_path / "registry"),
        "STEPPE_MODEL": "tiny",
        "STEPPE_PROVIDER": "cpu",
        "STEPPE_TILE": "256",
        "STEPPE_THREADS": "2",
        "GDAL_CACHEMAX": "4",
    }
    peaks = []
    for height in (1500, 9000):
        scene = tmp_path / f"{height}.tif"
        make_scene(scene, height=height, width=1024)
        peaks.append(peak_of("classify", scene, "-o", tmp_path / "map.tif", **variables))
    low, high = peaks
    assert high < 400e6
    assert high - low < 50e6, f"{low / 1e6:.0f} MB for 1500 rows, {high / 1e6:.0f} MB for 9000"


def test_only_commands_of_the_service_give_memory_back_at_once(monkeypatch, capsys):
    """A step of training frees and takes gigabytes again and again."""
    called = []
    monkeypatch.setattr("serving.cli.return_freed_memory", lambda: called.append(True))
    assert steppe(["--help"]) == 0
    assert not called
    assert steppe(["models", "--help"]) == 0
    assert called == [True]
    steppe(["train", "--help"])  # what it answers depends on what is installed
    assert called == [True]
    capsys.readouterr()
