"""A reader that was taken over can say anything: nothing of it is believed, and nobody waits for ever."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from dataclasses import asdict, replace

import numpy as np
import pytest

from landcover import errors
from landcover.errors import RasterChanged
from landcover.grid import Window
from landcover.raster.protocol import SceneRequest
from serving.reader.answers import KNOWN_ERRORS
from serving.reader.errors import ReaderEnded, ReadingLimit
from serving.reader.process import Reader
from serving.reader.remote import RemoteMask, RemoteScene
from serving.reader.wire import MAX_MESSAGE, pair, receive_question
from tests.bundles import BANDS
from tests.scenes import utm_grid
from tests.serving.reader.conftest import TERMS

pytestmark = pytest.mark.usefixtures("nothing_left")

REQUEST = SceneRequest(bands_wanted=BANDS, dtype=np.dtype(np.uint16))
GRID = utm_grid(70, 90)
HEADER = {
    "crs": GRID.crs.to_wkt(),
    "transform": list(GRID.transform)[:6],
    "height": 70,
    "width": 90,
    "level": "L1C",
    "radiometry": [0.0001, 0.0],
    "datetime": "2020-06-01",
    "identifier": "scene",
}


@pytest.fixture
def fake(monkeypatch):
    """A reader of which a test says what it answers: a process that sleeps, and a thread that speaks for it."""
    monkeypatch.setattr("serving.reader.process._END_S", 0.1)
    process = subprocess.Popen(["sleep", "60"])
    (front, theirs), (aside, also_theirs) = pair(), pair()
    reader = Reader(process, front, aside, replace(TERMS, call_s=10))
    threads = []

    def answers(*contents, channel=theirs, then=lambda: None):
        def speak():
            for content in contents:
                for descriptor in receive_question(channel)[1]:
                    os.close(descriptor)
                channel.send(content if isinstance(content, bytes) else b"+" + json.dumps(content).encode())
            then()

        threads.append(threading.Thread(target=speak))
        threads[-1].start()
        return reader

    answers.aside, answers.process, answers.channel = also_theirs, process, theirs
    yield answers
    reader.close()
    for thread in threads:
        thread.join()
    for end in (theirs, also_theirs):
        end.close()


def open_scene(reader, tmp_path):
    return RemoteScene.open(reader, tmp_path / "scene.tif", REQUEST)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"+",
        b"-",
        b"?{}",
        b"garbage",
        b"\x80\x04\x95",
        b"+{" * 1000,
        b"+" + b"[" * 50_000,
        b'+{"crs": "cut',
        b'-{"slug": "no-such-error", "message": "x"}',
        b'-{"slug": "config", "message": "not about data"}',
        b'-{"slug": "dtype"}',
        b'-{"slug": 3, "message": "x"}',
        b"+" + b" " * (MAX_MESSAGE + 10),
        b"+null",
        b"+[]",
        HEADER | {"more": 1},
        {key: value for key, value in HEADER.items() if key != "height"},
        *(
            HEADER | {key: value}
            for key, value in [
                ("crs", ""),
                ("crs", "EPSG:32633"),
                ("crs", "+init=/etc/passwd:1"),
                ("crs", 'LOCAL_CS["nowhere"]'),
                ("crs", None),
                ("transform", [10, 0, 0, 0, -10]),
                ("transform", [0, 0, 0, 0, 0, 0]),
                ("transform", [float("nan"), 0, 0, 0, -10, 0]),
                ("transform", ["10", 0, 0, 0, -10, 0]),
                ("height", 0),
                ("height", -1),
                ("height", 1.5),
                ("height", "70"),
                ("height", True),
                ("height", 10**30),
                ("height", 2**31 - 1),
                ("width", 2**40),
                ("level", "L" * 65),
                ("level", 1),
                ("radiometry", [0, 0]),
                ("radiometry", [-1, 0]),
                ("radiometry", [1, float("inf")]),
                ("radiometry", [1]),
                ("datetime", "yesterday"),
                ("datetime", "2020-13-01"),
                ("identifier", "../../up"),
                ("identifier", "a" * 256),
                ("identifier", None),
            ]
        ),
    ],
    ids=lambda _: None,
)
def test_headers_that_cannot_be_end_the_reader(fake, tmp_path, answer):
    with pytest.raises(ReaderEnded, match="made the process fail"):
        open_scene(fake(answer), tmp_path)
    assert fake.process.returncode == -signal.SIGKILL


def test_a_believable_header_is_the_scenes(fake, tmp_path):
    with open_scene(fake(HEADER), tmp_path) as scene:
        assert scene.grid == GRID
        assert (scene.bands, scene.dtype) == (REQUEST.bands_wanted, REQUEST.dtype), "as asked for, whatever is said"


def test_pixels_that_were_not_written_are_zeros_and_validity_is_true_or_false(fake, tmp_path):
    """The reader says it is done; sizes come from the window and not from what it says."""
    with open_scene(fake(HEADER, {}), tmp_path) as scene:
        block = scene.read(Window(0, 0, 3, 5))
    assert block.data.shape == (len(BANDS), 3, 5)
    assert not block.data.any()
    assert not block.valid.any()


def test_the_memory_cannot_be_cut_and_holds_no_more_than_was_asked_for(fake, tmp_path):
    """A reader that could shrink it would end this process by SIGBUS."""
    seen = {}

    def take():
        _, [descriptor] = receive_question(fake.channel)
        for change in (0, 2**21):
            with pytest.raises(PermissionError):
                os.ftruncate(descriptor, change)
        seen["size"] = os.fstat(descriptor).st_size
        os.pwrite(descriptor, b"\xff" * seen["size"], 0)
        os.close(descriptor)
        fake.channel.send(b"+{}")

    with open_scene(fake(HEADER, then=take), tmp_path) as scene:
        block = scene.read(Window(0, 0, 70, 90))
    assert seen["size"] == 2**20
    assert (block.data == 0xFFFF).all()
    assert set(block.valid.view(np.uint8).ravel()) == {1}, "any number but 0 is True, which is 1"


@pytest.mark.parametrize("answer", [{"pixels": [1, 2]}, b"+", b"", b"-{}"])
def test_answers_to_a_read_say_nothing_but_that_it_is_done(fake, tmp_path, answer):
    with open_scene(fake(HEADER, answer), tmp_path) as scene, pytest.raises(ReaderEnded):
        scene.read(Window(0, 0, 3, 5))


def test_descriptors_from_a_reader_are_not_taken(fake, tmp_path):
    def send_descriptor():
        receive_question(fake.channel)
        socket.send_fds(fake.channel, [b"+" + json.dumps(HEADER).encode()], [0])

    with pytest.raises(ReaderEnded):
        open_scene(fake(then=send_descriptor), tmp_path)


@pytest.mark.parametrize("answer", [{"sha256": "A" * 64}, {"sha256": "0" * 63}, {"sha256": "0" * 64 + "\n"}, {}])
def test_digests_that_are_none_are_refused(fake, tmp_path, answer):
    with open_scene(fake(HEADER), tmp_path) as scene:
        fake(answer, channel=fake.aside)
        with pytest.raises(ReaderEnded):
            scene.input_digest()


@pytest.mark.parametrize(
    "answer",
    [{"mask": "SCL", "name": "a/b"}, {"mask": "other", "name": "a"}, {"mask": 3, "name": "a"}, {"mask": "SCL"}],
)
def test_masks_that_cannot_be_are_refused(fake, tmp_path, answer):
    with pytest.raises(ReaderEnded):
        RemoteMask.open(fake(answer), tmp_path, GRID, None)


def test_quality_codes_that_there_are_not_are_refused(fake, tmp_path):
    """All zeros here, which is no code; whoever used them as an index would trip."""
    reader = fake({"mask": "SCL", "name": "SCL.tif"}, {})
    with RemoteMask.open(reader, tmp_path, GRID, None) as mask, pytest.raises(ReaderEnded):
        mask.rows(0, 5)


def test_silence_ends_in_time(fake, tmp_path):
    started, reader = time.monotonic(), fake()
    reader._terms = replace(TERMS, call_s=0.3)
    with pytest.raises(ReadingLimit, match=r"0\.3 seconds"):
        open_scene(reader, tmp_path)
    assert time.monotonic() - started < 5
    assert fake.process.returncode == -signal.SIGKILL


def test_every_error_about_data_comes_back_as_itself(fake, tmp_path):
    fault = b"-" + json.dumps({"slug": "raster-changed", "message": "two\nlines\x1b[31m"}).encode()
    with pytest.raises(RasterChanged, match=r"^two lines \[31m$"):
        open_scene(fake(fault), tmp_path)
    assert fake.process.poll() is None, "a raster that cannot be used is no fault of the reader"
    assert {errors.RasterUnreadable, errors.RasterTruncated, errors.NoCrs, ReadingLimit} <= set(KNOWN_ERRORS.values())
    assert all(issubclass(error, errors.DataError) for error in KNOWN_ERRORS.values())
    assert asdict(TERMS)["call_s"] == 20
