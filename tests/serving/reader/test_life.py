"""Readers begin, end and are ended: by their limits, by others, and with whoever started them; nothing is left."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from landcover.errors import RasterTooLarge
from landcover.grid import Window
from landcover.raster.digest import DigestStopped
from landcover.raster.scene import open_scene
from serving.reader.deaths import Deaths
from serving.reader.errors import ReaderEnded, ReaderUnavailable, ReadingLimit
from serving.reader.pool import ReaderPool
from serving.reader.process import Reader
from serving.reader.terms import Terms
from serving.sandbox.limits import Limits
from serving.settings import Settings
from tests.architecture.tree import ROOT
from tests.bundles import BANDS
from tests.rasters import numbers, write_tiff
from tests.service import write_scene
from tests.serving.reader.conftest import TERMS

MEGABYTE = 2**20


def bomb(path, side):
    """A TIFF of one deflate tile of zeros, two bytes a pixel; a few hundred kilobytes on the disk."""
    size, chunk = 2 * side * side, 32 * MEGABYTE
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(chunk)) + packer.flush(zlib.Z_FULL_FLUSH)
    check = struct.pack(">I", (size % 65521) << 16 | 1)
    tile = b"\x78\xda" + piece * (size // chunk) + b"\x03\x00" + check
    scale, tie = struct.pack("<3d", 10, 10, 0), struct.pack("<6d", 0, 0, 0, 5e5, 5.5e6, 0)
    keys = struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
    entries, values = [], 8 + 2 + 12 * 14 + 4
    for tag, kind, count, value in [
        (256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 16), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1),
        (284, 3, 1, 1), (322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, values + 104), (325, 4, 1, len(tile)),
        (33550, 12, 3, values), (33922, 12, 6, values + 24), (34735, 3, 16, values + 72),
    ]:  # fmt: skip
        entries.append(struct.pack("<HHII", tag, kind, count, value))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4)
    path.write_bytes(head + scale + tie + keys + tile)
    return path


@pytest.mark.usefixtures("nothing_left")
def test_a_bomb_within_the_limits_of_pixels_ends_at_the_limit_of_memory(tmp_path):
    path = bomb(tmp_path / "bomb.tif", 16_384)
    assert path.stat().st_size < MEGABYTE
    terms = replace(TERMS, limits=Limits(700_000_000, 60))
    started = time.monotonic()
    with ReaderPool(terms, spare=0) as pool, pool.scene(path, bands_wanted=("B04",), bands=("B04",)) as scene:
        with pytest.raises(ReadingLimit, match="700 MB"):
            scene.read(Window(0, 0, 1, 16_384))
        peak = _status(scene.reader.pid, "VmHWM")
    assert peak < 700_000
    assert time.monotonic() - started < 5


def kill(process, number):
    """A process that is stopped hears of most signals when it goes on."""
    os.kill(process, number)
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def test_a_larger_bomb_is_refused_before_it_is_read(pool, tmp_path):
    with pytest.raises(RasterTooLarge, match="32768 x 32768"):
        pool.scene(bomb(tmp_path / "bomb.tif", 32_768), bands_wanted=("B04",), bands=("B04",))


@pytest.mark.usefixtures("nothing_left")
def test_processor_time_ends_a_reader(tmp_path):
    """A quarter of a second of it is spent by starting; opened again and again the rest goes, too."""
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 1500, 1500), names=BANDS, compress="deflate")
    terms = replace(TERMS, limits=Limits(1_500_000_000, 2))

    def read_for_ever(scene):
        while True:
            scene.read(scene.grid.extent)
            scene.pass_over(None)

    with (
        ReaderPool(terms, spare=0) as pool,
        pool.scene(path, bands_wanted=BANDS) as scene,
        pytest.raises(ReadingLimit, match="2 seconds of processor time"),
    ):
        read_for_ever(scene)


@pytest.mark.usefixtures("nothing_left")
def test_too_slow_an_answer_ends_a_reader(tmp_path):
    path = write_scene(tmp_path / "scene.tif")
    deaths = Deaths()
    with ReaderPool(TERMS, spare=0, died=deaths.add) as pool, pool.scene(path, bands_wanted=BANDS) as scene:
        scene.reader._terms = replace(TERMS, call_s=0.5)
        os.kill(scene.reader.pid, signal.SIGSTOP)
        with pytest.raises(ReadingLimit, match=r"0\.5 seconds"):
            scene.read(scene.grid.extent)
        with pytest.raises(ReadingLimit, match=r"0\.5 seconds"):
            scene.input_digest()
    assert deaths.take() == ("time",)
    assert deaths.take() == ()


@pytest.mark.parametrize(
    ("number", "words", "cause"),
    [(signal.SIGKILL, "was killed", "killed"), (signal.SIGSEGV, "made the process fail", "failed")],
)
def test_a_reader_that_dies_while_it_reads_is_an_error_at_once(tmp_path, number, words, cause):
    path, deaths = write_scene(tmp_path / "scene.tif"), Deaths()
    with ReaderPool(TERMS, spare=0, died=deaths.add) as pool, pool.scene(path, bands_wanted=BANDS) as scene:
        os.kill(scene.reader.pid, signal.SIGSTOP)
        killer = threading.Timer(0.1, kill, (scene.reader.pid, number))
        killer.start()
        started = time.monotonic()
        with pytest.raises(ReaderEnded, match=words):
            scene.read(scene.grid.extent)
        assert time.monotonic() - started < 3
        killer.join()
        with pytest.raises(ReaderEnded, match=words):
            scene.pass_over(None)
    assert deaths.take() == (cause,)


def test_readers_are_gone_through_while_others_are_taken(tmp_path):
    """The heart ends readers on a thread of its own: a set that grows meanwhile would keep it from that."""

    class Watched:
        def __iter__(self):
            assert pool._lock.locked()
            return iter(())

        def add(self, _reader):
            assert pool._lock.locked()

    with ReaderPool(TERMS, spare=0) as pool:
        pool._busy = Watched()
        with pool.scene(write_scene(tmp_path / "scene.tif"), bands_wanted=BANDS):
            pool.stop_reading()


def test_closing_a_scene_ends_a_digest_in_the_making(pool, tmp_path):
    path = write_scene(tmp_path / "scene.tif")
    with ThreadPoolExecutor(1) as threads:
        with pool.scene(path, bands_wanted=BANDS) as scene:
            os.kill(scene.reader.pid, signal.SIGSTOP)
            digest = threads.submit(scene.input_digest)
            time.sleep(0.1)
        assert isinstance(digest.exception(timeout=5), DigestStopped)


@pytest.mark.usefixtures("nothing_left")
def test_stopping_all_reading_ends_those_who_wait_and_leaves_the_pool(tmp_path):
    path, deaths = write_scene(tmp_path / "scene.tif"), Deaths()
    with ReaderPool(TERMS, died=deaths.add) as pool, ThreadPoolExecutor(1) as threads:
        with pool.scene(path, bands_wanted=BANDS) as scene:
            os.kill(scene.reader.pid, signal.SIGSTOP)
            block = threads.submit(scene.read, scene.grid.extent)
            time.sleep(0.1)
            pool.stop_reading()
            assert isinstance(block.exception(timeout=5), ReaderEnded)
        with pool.scene(path, bands_wanted=BANDS) as scene:
            assert scene.read(scene.grid.extent).valid.any()
    assert deaths.take() == ()


@pytest.mark.usefixtures("nothing_left")
def test_scenes_leave_nothing(tmp_path):
    path = write_scene(tmp_path / "scene.tif")
    with ReaderPool(TERMS) as pool:
        for _ in range(2):
            with pool.scene(path, bands_wanted=BANDS) as scene:
                scene.read(scene.grid.extent)
                scene.read(Window(0, 0, 1, 1))
                scene.input_digest()
            assert pool.mask(path, scene.grid) is None


@pytest.mark.usefixtures("nothing_left")
def test_a_pool_that_closes_takes_open_scenes_along(tmp_path):
    path = write_scene(tmp_path / "scene.tif")
    with ReaderPool(TERMS) as pool:
        scene = pool.scene(path, bands_wanted=BANDS)
    with pytest.raises(ReaderEnded):
        scene.read(scene.grid.extent)
    scene.close()
    with pytest.raises(ReaderUnavailable):
        pool.scene(path, bands_wanted=BANDS)


@pytest.mark.usefixtures("nothing_left")
def test_a_spare_that_died_is_replaced(tmp_path):
    path = write_scene(tmp_path / "scene.tif")
    with ReaderPool(TERMS) as pool:
        spare = pool._ready[0].result()
        os.kill(spare.pid, signal.SIGKILL)
        spare._process.wait()
        with pool.scene(path, bands_wanted=BANDS) as scene:
            assert scene.reader is not spare


def test_threads_read_scenes_of_their_own_at_once(pool, tmp_path):
    paths = [write_scene(tmp_path / f"{seed}.tif", numbers(4, 64, 64, seed=seed)) for seed in range(4)]

    def read(path):
        with pool.scene(path, bands_wanted=BANDS) as scene:
            return np.concatenate([scene.read(Window(row, 0, 16, 64)).data for row in range(0, 64, 16)], axis=1)

    with ThreadPoolExecutor(4) as threads:
        for path, found in zip(paths, threads.map(read, paths), strict=True):
            with open_scene(path, bands_wanted=BANDS) as scene:
                np.testing.assert_array_equal(found, scene.read(scene.grid.extent).data)


def test_the_readers_thread_ends_later_than_the_thread_that_opens(pool, tmp_path):
    """The system ends a process with the thread that started it."""
    path, scenes = write_scene(tmp_path / "scene.tif"), []
    thread = threading.Thread(target=lambda: scenes.append(pool.scene(path, bands_wanted=BANDS)))
    thread.start()
    thread.join()
    with scenes[0] as scene:
        assert scene.read(scene.grid.extent).valid.any()


def test_readers_end_with_the_process_they_work_for():
    code = (
        "import os, sys\n"
        "from serving.reader.process import Reader\n"
        "from serving.reader.terms import Terms\n"
        "from serving.sandbox.limits import Limits\n"
        "print(Reader.start(Terms(Limits(1_500_000_000, 9))).pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, check=False
    )
    reader, deadline = Path(f"/proc/{int(run.stdout)}"), time.monotonic() + 10
    while _lives(reader) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _lives(reader)


def test_a_reader_inherits_its_channels_and_nothing_else(tmp_path):
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)  # noqa: FBT003 - by position only
        reader = Reader.start(TERMS)
        try:
            links = {str(path.readlink()) for path in Path(f"/proc/{reader.pid}/fd").iterdir()}
            environment = Path(f"/proc/{reader.pid}/environ").read_bytes()
        except PermissionError:  # it cannot be looked into by its own user
            links, environment = set(), b""
        finally:
            reader.close()
    assert str(tmp_path / "secret") not in links
    assert b"\0PATH=" not in environment


@pytest.mark.usefixtures("nothing_left")
def test_a_reader_that_does_not_start_is_said(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ReaderUnavailable, match="does not start"):
        Reader.start(TERMS)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with ReaderPool(TERMS) as pool, pytest.raises(ReaderUnavailable, match="No such file"):
        pool.take()


def test_terms_are_the_settings():
    settings = Settings(reader_memory_bytes=2**30, reader_cpu_s=7, reader_timeout_s=3, require_landlock=True)
    assert Terms.of(settings) == Terms(Limits(2**30, 7), 3, require_landlock=True)


def _status(process, name):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _lives(entry):
    try:
        return "\nState:\tZ" not in (entry / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
