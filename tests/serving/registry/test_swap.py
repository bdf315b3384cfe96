"""Versions are exchanged, rolled back, dropped in and broken while requests come: none fails, and each says the truth.

Every answer is compared with what the version it names computes by ONNX's own implementation, and the digest it names
with that of the manifest on the disk.
"""

import hashlib
import io
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rasterio

from tests.crew import service
from tests.serving.registry.versions import (
    PROBE,
    aliases_of,
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

    def add_broken(self, version):
        """Drop in a version that cannot be loaded."""
        path = write_version(self.folder / "aside", version).path
        (path / "model.onnx").write_bytes(b"garbage")
        path.rename(self.folder / "own" / "tiny" / version)


def exchange(folder, versions, current):
    """Everything that happens to models in the life of a service, each step waited for."""
    promote(folder, "1")
    until(lambda: current() == "1")
    for number in (3, 4):
        promote(folder, "2")
        until(lambda: current() == "2")
        versions.add(str(number))
        versions.add_broken(f"{number}.1")
        promote(folder, str(number))
        until(lambda number=number: current() == str(number))
        promote(folder, f"{number}.1")  # does not run: the one before goes on
        time.sleep(0.05)
        assert current() == str(number)
        there = list(versions.answers)
        for champion in (str(number), "2", "1"):
            aliases_of(folder).change("tiny", lambda said, there=there: said.rolled_back(there))
            until(lambda champion=champion: current() == champion)
    aliases_of(folder).change("tiny", lambda said: said.promoted("2").with_retired("1"))
    until(lambda: current() == "2")


def send_all_along(ask, act):
    """Ask on several threads while something is done; the answers by version."""
    stop, counts = threading.Event(), Counter()

    def send():
        own = Counter()
        while not stop.is_set():
            own[ask()] += 1
        return own

    with ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(send) for _ in range(SENDERS)]
        try:
            act()
        finally:
            stop.set()
        for sender in senders:
            counts += sender.result(60)
    return counts


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

        counts = send_all_along(ask, lambda: exchange(tmp_path, versions, lambda: live.resolve("tiny").version))
    assert {"1", "2", "3", "4"} <= set(counts), counts


def test_models_are_exchanged_under_requests(tmp_path, body, readers):
    versions = Versions(tmp_path, "1", "2")
    settings = live_settings(tmp_path, max_waiting=SENDERS)
    maps = {}
    with service(settings, readers) as client:
        models = client.app.state.models

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

        counts = send_all_along(ask, lambda: exchange(tmp_path, versions, lambda: models.resolve("tiny").version))
    assert len(set(maps.values())) == len(maps) >= 3, counts
