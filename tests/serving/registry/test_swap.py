"""Versions are exchanged, rolled back, dropped in and broken while requests come: none fails, and each says the truth.

Every answer is compared with what the version it names computes by ONNX's own implementation, and the digest it names
with that of the manifest on the disk.
"""

import hashlib
import io
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rasterio
from starlette.testclient import TestClient

from serving.api.app import create_app
from tests.serving.registry.versions import (
    PROBE,
    aliases_of,
    drop_in_broken,
    expected,
    live_models,
    live_settings,
    promote,
    until,
    write_version,
)

SENDERS = 3


class Versions:
    """What each version answers, and its digest; new versions are known here before they are dropped in."""

    def __init__(self, folder, *versions):
        self.folder, self.answers, self.digests = folder, {}, {}
        for version in versions:
            self.add(version)

    def add(self, version):
        """Drop a version in, whole."""
        aside = write_version(self.folder / "aside", version)
        self.answers[version] = expected(version)
        self.digests[version] = hashlib.sha256((aside.path / "manifest.json").read_bytes()).hexdigest()
        target = self.folder / "own" / "tiny"
        target.mkdir(parents=True, exist_ok=True)
        aside.path.rename(target / version)


def exchange(folder, versions, traffic, live, *newer):
    """Everything that happens to models in the life of a service; each step waits for an answer of the new version."""
    promote(folder, "1")
    traffic.hears("1")
    for number in newer:
        promote(folder, "2")
        traffic.hears("2")
        versions.add(number)
        drop_in_broken(folder, f"{number}.1")
        promote(folder, number)
        traffic.hears(number)
        promote(folder, f"{number}.1")  # does not run: the one before goes on
        until(lambda number=number: f"tiny@{number}.1" in live.problems())
        assert live.resolve("tiny").version == number
        there = list(versions.answers)
        for champion in (number, "2", "1"):
            aliases_of(folder).change("tiny", lambda said, there=there: said.rolled_back(there))
            until(lambda champion=champion: live.resolve("tiny").version == champion)
            traffic.hears(champion)
    aliases_of(folder).change("tiny", lambda said: said.promoted("2").with_retired("1"))
    traffic.hears("2")


class Traffic:
    """Asks on several threads while something is done."""

    def __init__(self, ask):
        self._ask, self._stop, self.latest, self.counts = ask, threading.Event(), None, Counter()

    def hears(self, version):
        """Wait until a version answers."""
        until(lambda: self.latest == version or self._stop.is_set())

    def _send(self):
        try:
            while not self._stop.is_set():
                self.latest = self._ask()
                self.counts[self.latest] += 1
        finally:
            self._stop.set()  # one that fails ends all

    def during(self, act):
        """Send until it is done."""
        with ThreadPoolExecutor(SENDERS) as pool:
            senders = [pool.submit(self._send) for _ in range(SENDERS)]
            try:
                act()
            finally:
                self._stop.set()
                for sender in senders:
                    sender.result(60)


def test_models_are_exchanged_under_traffic(tmp_path):
    versions = Versions(tmp_path, "1", "2")
    with live_models(tmp_path) as live:

        def ask():
            with live.lease("tiny") as engine:
                answer = engine.run(PROBE)
            version = engine.bundle.manifest.version
            np.testing.assert_allclose(answer, versions.answers[version], atol=1e-5)
            assert engine.bundle.digest == versions.digests[version]
            return version

        traffic = Traffic(ask)
        traffic.during(lambda: exchange(tmp_path, versions, traffic, live, "3", "4"))
    assert set(traffic.counts) == {"1", "2", "3", "4"}


def test_models_are_exchanged_under_requests(tmp_path, body):
    versions = Versions(tmp_path, "1", "2")
    settings = live_settings(tmp_path, max_concurrent=2, max_waiting=SENDERS)
    maps = {}
    with TestClient(create_app(settings)) as client:

        def ask():
            response = client.post("/classify", content=body)
            assert response.status_code == 200, response.text
            version = response.headers["steppe-model"].partition("@")[2]
            assert response.headers["steppe-model-sha256"] == versions.digests[version]
            with rasterio.open(io.BytesIO(response.content)) as dataset:
                codes = dataset.read(1).tobytes()
                assert dataset.tags()["steppe_model"] == f"tiny@{version}"
            assert maps.setdefault(version, codes) == codes
            return version

        traffic = Traffic(ask)
        traffic.during(lambda: exchange(tmp_path, versions, traffic, client.app.state.models, "3"))
    assert set(traffic.counts) == {"1", "2", "3"}
    assert len(set(maps.values())) == 3
