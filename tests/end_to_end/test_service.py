"""``steppe serve`` as a user starts it: the server, a worker and its readers as processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.faults.kills import Server, ask
from tests.service import scene_numbers, valid_of, write_scene

pytestmark = pytest.mark.slow  # starts a server

AREAS = {"outputs": {"areas": {}, "map": {}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("service"), workers=1)
    made.start()
    made.wait()
    yield made
    if made.process.poll() is None:
        made.stop()


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif").read_bytes()


def execute(server, scene, headers=None):
    words = json.dumps({"inputs": {"scene": {"href": scene}}, **AREAS})
    return ask(
        server.port,
        "POST",
        "/processes/classify/execution",
        words,
        {"Content-Type": "application/json", **(headers or {})},
    )


def ended(server, job):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = json.loads(ask(server.port, "GET", job)[2])
        if status["status"] in {"successful", "failed"}:
            return status
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def path_of(address):
    return f"/{address.partition('://')[2].partition('/')[2]}"


def test_from_upload_to_map(server, body, tmp_path):
    status, _, answer = ask(server.port, "POST", "/uploads", body, {"Content-Type": "image/tiff"})
    assert status == 201, answer
    href = json.loads(answer)["href"]
    status, headers, answer = execute(server, href, {"Prefer": "respond-async"})
    assert status == 201, answer
    job = path_of(headers["location"])
    found = ended(server, job)
    assert found["status"] == "successful", found
    (tmp_path / "map.tif").write_bytes(ask(server.port, "GET", f"{job}/results/map")[2])
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1) != 255, valid_of(scene_numbers()))
    assert ask(server.port, "DELETE", job)[0] == 200
    assert ask(server.port, "GET", job)[0] == 410
    assert ask(server.port, "DELETE", path_of(href))[0] == 204


def test_a_file_at_once(server, body):
    status, headers, answer = ask(server.port, "POST", "/classify", body, {"Accept": "application/json"})
    assert (status, headers["steppe-model"]) == (200, "tiny@0.1.0")
    assert json.loads(answer)["total"]["pixels"] == 6300
    deadline = time.monotonic() + 10
    while any(path.is_file() for name in ("uploads", "results") for path in (server.state / name).rglob("*")):
        assert time.monotonic() < deadline  # it goes when the answer has been sent
        time.sleep(0.02)


def test_a_worker_that_dies_is_replaced(server, body):
    """Fault F1: the job that it had is done by the next one."""
    (worker,) = server.workers()
    os.kill(worker, signal.SIGKILL)
    assert ask(server.port, "POST", "/classify", body)[0] == 200
    (other,) = server.workers()
    assert other != worker


def test_it_ends_with_sigterm_and_leaves_no_process(server):
    """Fault F23; the last test of this server."""
    workers = server.workers()
    assert len(workers) == 1
    began = time.monotonic()
    server.stop()
    assert server.process.returncode == 0
    assert time.monotonic() - began < 15
    assert server.workers() == []
    assert not Path(f"/proc/{workers[0]}").exists()
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(server.port, "GET", "/livez")
