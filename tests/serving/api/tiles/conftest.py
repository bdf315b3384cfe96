"""A service with a folder of scenes, and a job that mapped one of them; all tests of a module share both."""

import time

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from tests.crew import crewed
from tests.service import make_settings, scene_numbers, write_scene

TMS = "tiles/WebMercatorQuad"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A good scene with a name that addresses must escape, one of another kind, and one that is none."""
    folder = tmp_path_factory.mktemp("data")
    write_scene(folder / "my scene.tif", scene_numbers(300, 420))
    write_scene(folder / "unnamed.tif", names=None)
    (folder / "broken.tif").write_text("no raster")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory, folders, data):
    return make_settings(tmp_path_factory.mktemp("served"), *folders, data_folder=data)


@pytest.fixture(scope="module")
def client(served, readers):
    with crewed(served, readers), TestClient(create_app(served), raise_server_exceptions=False) as client:
        yield client


def map_of(client, headers=None, **outputs):
    """The job of a map of the scene."""
    body = {"inputs": {"scene": {"path": "my scene.tif"}}, "outputs": outputs or {"map": {}, "confidence": {}}}
    made = client.post(
        "/processes/classify/execution", json=body, headers={"Prefer": "respond-async"} | (headers or {})
    )
    job = made.json()["jobID"]
    until = time.monotonic() + 30
    while client.get(f"/jobs/{job}", headers=headers).json()["status"] in {"accepted", "running"}:
        assert time.monotonic() < until
        time.sleep(0.02)
    return job


@pytest.fixture(scope="module")
def job(client):
    """A finished map with confidence."""
    return map_of(client)
