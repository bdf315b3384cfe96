"""Requests that come all the time while versions are exchanged, rolled back, dropped in and broken."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.serving.registry.versions import aliases_of, drop_in_broken, expected, promote, until, write_version

SENDERS = 3


class Versions:
    """What each version answers, its digest and that of its graph; known here before a version is dropped in."""

    def __init__(self, folder, *versions):
        self.folder, self.answers, self.digests, self.graphs = folder, {}, {}, {}
        for version in versions:
            self.add(version)

    def add(self, version):
        """Drop a version in, whole."""
        aside = write_version(self.folder / "aside", version)
        self.answers[version] = expected(version)
        self.graphs[version] = aside.manifest.files["model.onnx"].sha256
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
