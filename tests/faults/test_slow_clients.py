"""Fault F11: a hundred clients that send a byte now and then, or take nothing. They cost a connection each.

The limits of requests and of scenes in work are far below the number of slow clients, so a slow one that held a place
would keep the others out.
"""

import json
import logging
import selectors
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from serving.api.app import create_app
from serving.api.door.entrance import Door
from serving.api.door.rules import rules_of
from serving.settings import Settings
from tests.crew import crewed
from tests.service import make_settings
from tests.serving.api.live import Answer, live, read_answer, request

TIFF, JSON = "Content-Type: image/tiff", "Content-Type: application/json"
LARGE = "Content-Length: 60000000"
HALF = {
    "heads": b"GET /jobs HTTP/1.1\r\nX: ",
    "uploads": request("POST", "/uploads", TIFF, LARGE),
    "scenes": request("POST", "/classify", TIFF, LARGE),
    "windows": request("POST", "/v2/models/tiny/infer", LARGE, "Inference-Header-Content-Length: 100"),
    "requests": request("POST", "/processes/classify/execution", JSON, "Content-Length: 1000"),
}
"""What each kind of slow client has sent before it begins to drip."""

EACH = 20
EVERY_S = 0.1


class Dripping(threading.Thread):
    """So many clients that send half a request and go on with a byte at a time.

    Those who are told in the rush of the beginning to come again do so.

    Attributes:
        answers: what the others were answered.
    """

    def __init__(self, server, half, count):
        super().__init__()
        self._server, self._half, self._count, self.answers = server, half, count, []
        self._lines, self._ending = ExitStack(), threading.Event()
        self._selector = self._lines.enter_context(selectors.DefaultSelector())

    def _begin(self):
        line = self._lines.enter_context(self._server.connect())
        line.sendall(self._half)
        self._selector.register(line, selectors.EVENT_READ)

    def run(self):
        while not self._ending.wait(EVERY_S):
            for key, _ in self._selector.select(0):
                self._hear(key.fileobj)
            for key in list(self._selector.get_map().values()):
                with suppress(OSError):  # its answer is on the way
                    key.fileobj.sendall(b"x")

    def _hear(self, line):
        answer = Answer(read_answer(line))
        self._selector.unregister(line)
        if answer.status == 503:
            self._begin()
        else:
            self.answers.append(answer)

    def __enter__(self):
        for _ in range(self._count):
            self._begin()
        self.start()
        return self.answers

    def __exit__(self, *_):
        self._ending.set()
        self.join()
        self._lines.close()


def asked(server, *what):
    """An answer and how long it took."""
    began = time.perf_counter()
    answer = server.talk(request(*what[:2], *what[2:-1], body=what[-1]))
    return answer, time.perf_counter() - began


def windows(count=1):
    inputs = [{"name": "dn", "datatype": "UINT16", "shape": [count, 4, 32, 32], "data": [1000] * (count * 4096)}]
    return json.dumps({"inputs": inputs}).encode()


@pytest.fixture(autouse=True)
def quiet(caplog):
    """uvicorn's own log is not what these tests look at."""
    caplog.set_level(logging.CRITICAL, "uvicorn")


@pytest.fixture
def server(tmp_path, folders, readers):
    settings = make_settings(
        tmp_path, *folders, max_requests=8, max_waiting=2, upload_grace_s=3.0, request_patience_s=3.0, threads=1
    )
    settings = settings.model_copy(update={"v2_memory_bytes": 200_000_000})
    with crewed(settings, readers), live(create_app(settings), settings) as server:
        asked(server, "POST", "/v2/models/tiny/infer", JSON, windows())  # the model is in memory
        yield server


def test_others_are_served_as_ever_and_the_slow_ones_refused(server, body):
    others = {
        ("GET", "/livez", b""): 200,
        ("GET", "/jobs", b""): 200,
        ("POST", "/uploads", TIFF, body): 201,
        ("POST", "/v2/models/tiny/infer", JSON, windows()): 200,
        ("POST", "/classify", TIFF, "Accept: application/json", body): 200,
    }
    with ExitStack() as stack:
        slow = {kind: stack.enter_context(Dripping(server, half, EACH)) for kind, half in HALF.items()}
        time.sleep(0.3)
        for what, status in others.items():
            answer, seconds = asked(server, *what)
            assert (answer.status, seconds < 2) == (status, True), (what[:2], answer.body, seconds)
        assert not any(slow.values())  # they were there all the time
        deadline = time.monotonic() + 20
        while sum(map(len, slow.values())) < EACH * len(HALF):
            assert time.monotonic() < deadline, {kind: len(answers) for kind, answers in slow.items()}
            time.sleep(0.05)
    assert {kind: {answer.status for answer in answers} for kind, answers in slow.items()} == {
        kind: {408} for kind in HALF
    }
    assert asked(server, "GET", "/jobs", b"")[0].status == 200


def test_those_who_do_not_read_their_answer_keep_nobody_out():
    settings, app = Settings(max_requests=4), FastAPI()
    app.add_middleware(Door, rules=rules_of(settings))

    @app.get("/large")
    async def large():
        return StreamingResponse(b"x" * 65536 for _ in range(400))

    @app.get("/small")
    async def small():
        return {}

    with live(app, settings) as server, ExitStack() as stack:
        for _ in range(20):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", server.port))
            line.sendall(request("GET", "/large"))
        time.sleep(0.3)
        assert [asked(server, "GET", "/small", b"")[0].status for _ in range(3)] == [200] * 3
