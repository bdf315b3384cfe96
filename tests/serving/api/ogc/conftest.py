"""A service with models of one date and of two, which the tests of a module share; and one that nobody works for."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from tests.bundles import pair_bundle
from tests.crew import service
from tests.service import left_in, make_registry, make_settings, write_scene
from tests.serving.api.ogc.answers import codes_of
from tests.serving.api.ogc.earth import Earth

PATIENCE_S = 20


class House:
    """A client of a running service, and scenes that it has been sent.

    Attributes:
        client: of the service.
        settings: the service's.
        body: a good scene.
        scene: the scene as an upload, an input of a process.
    """

    def __init__(self, client, settings, body):
        self.client, self.settings, self.body = client, settings, body
        self.scene = self.upload(body)

    def upload(self, body):
        answer = self.client.post("/uploads", content=body, headers={"Content-Type": "image/tiff"})
        assert answer.status_code == 201, answer.text
        return {"href": answer.json()["href"]}

    def ask(self, *, process="classify", inputs=None, prefer=None, headers=None, params=None, **members):
        """Execute a process; the scene is the input where nothing else is."""
        document = {"inputs": {"scene": self.scene} if inputs is None else inputs, **members}
        given = {**({"Prefer": prefer} if prefer else {}), **(headers or {})}
        return self.client.post(f"/processes/{process}/execution", json=document, headers=given, params=params)

    def begin(self, **asked):
        """A job, as its address."""
        answer = self.ask(prefer="respond-async", **({"outputs": {"areas": {}}} | asked))
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    def ended(self, job):
        """The status of a job when it has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status = self.client.get(job).json()
            if status["status"] not in {"accepted", "running"}:
                return status
            time.sleep(0.02)
        raise AssertionError(f"{job} does not end")


def furnish(folder, **changes):
    """Settings with both models below a folder, and a scene."""
    registry, zoo = make_registry(folder)
    pair_bundle(registry)
    settings = make_settings(folder, registry, zoo, degradation_model="pair", **changes)
    return settings, write_scene(folder / "scene.tif").read_bytes()


@pytest.fixture(scope="module")
def house(tmp_path_factory, readers):
    """The service and a worker."""
    settings, body = furnish(tmp_path_factory.mktemp("house"), data_folder=tmp_path_factory.mktemp("scenes"))
    with service(settings, readers) as client:
        yield House(client, settings, body)


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    """The service, and nobody who does its jobs."""
    settings, body = furnish(tmp_path_factory.mktemp("idle"), sync_timeout_s=0.2)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield House(client, settings, body)


@pytest.fixture
def held(monkeypatch):
    """Work that begins and does not end before the test says so."""
    began, go_on = threading.Event(), threading.Event()

    def hold(*_args, progress, **_keywords):
        began.set()
        while not go_on.wait(0.01):
            progress(1, 4)
        raise ZeroDivisionError

    monkeypatch.setattr("serving.work.performing.classify_scene", hold)
    yield SimpleNamespace(began=began, go_on=go_on)
    go_on.set()


@pytest.fixture(scope="module")
def done(house):
    """A job that has ended well."""
    job = house.begin(outputs={"map": {}, "areas": {}})
    assert house.ended(job)["status"] == "successful"
    return job


@pytest.fixture(scope="module")
def failed(house, tmp_path_factory):
    """A job that has failed, because its bands are not named."""
    body = write_scene(tmp_path_factory.mktemp("failed") / "scene.tif", names=None).read_bytes()
    job = house.begin(inputs={"scene": house.upload(body)})
    assert house.ended(job)["status"] == "failed"
    return job


@pytest.fixture(scope="module")
def plain(house):
    """Codes of the map of the plain scene."""
    return codes_of(house.ask(outputs={"map": {}}).content)


@pytest.fixture
def earth(world, tmp_path):
    return Earth(world, tmp_path)


@pytest.fixture
def outside(earth, tmp_path, readers):
    """A service that may ask these hosts."""
    settings, body = furnish(
        tmp_path, stac_api=earth.stac.url("/v1"), stac_collection="sentinel-2-l2a", fetch_idle_s=2.0
    )
    with service(settings, readers, fetcher=earth.world.fetcher()) as client:
        yield House(client, settings, body)
        assert left_in(settings.scratch) == []
