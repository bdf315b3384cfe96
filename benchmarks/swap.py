"""Exchange models under traffic, over HTTP, and compare every answer with what the version it names computes.

A server is started as an operator would. Clients send a small scene to ``POST /classify`` without a pause, while every
few seconds something happens to the model: a version is copied into the registry folder, file by file, or one that is
broken; a version is promoted, rolled back, retired and brought back, by the command line. Each version answers another
map. An answer counts as right when the map is, pixel for pixel, the one that its version made beforehand in this
process, and the digest in its header is that of the version's graph.

    python -m benchmarks.swap --seconds 60
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import rasterio

from benchmarks.server import steppe
from serving.classify import classify_scene
from serving.engine import Engine
from serving.request import Inputs, Outputs
from serving.settings import Settings
from tests.bundles import tiny_bundle, tiny_graph, tiny_sample
from tests.service import write_scene

NAME: Final = "tiny"
SWITCH_LIMIT_S: Final = 30.0
OK: Final = 200


@dataclass
class Record:
    """What clients saw; shared between threads.

    Attributes:
        maps: right answer of each version.
        digests: digest of each version's graph.
        answers: right answers by version.
        faults: what went wrong, by kind.
        seconds: time of each request.
        last: version of the latest answer.
        waits: seconds from an action to the first answer by the version it calls for.
    """

    maps: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    last: str = ""
    waits: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, status: int, headers: dict[str, str], content: bytes, seconds: float) -> None:
        """Judge one answer."""
        version = headers.get("steppe-model", "").partition("@")[2]
        fault = self._fault(status, version, headers, content)
        with self.lock:
            self.seconds.append(seconds)
            if fault:
                self.faults[fault] += 1
            else:
                self.answers[version] += 1
                self.last = version

    def _fault(self, status: int, version: str, headers: dict[str, str], content: bytes) -> str | None:
        if status != OK:
            return f"status {status}: {content[:200].decode(errors='replace')}"
        if headers.get("steppe-model-sha256") != self.digests.get(version):
            return "the digest is not that of the version"
        with rasterio.open(BytesIO(content)) as dataset:
            return None if dataset.read(1).tobytes() == self.maps[version] else "the map is another version's"


class Shop:
    """Makes versions and does things to them.

    Args:
        folder: working folder.
        record: told what each version answers, before it is dropped in.
    """

    def __init__(self, folder: Path, record: Record) -> None:
        self.own, self.aside, self.record = folder / "own", folder / "aside", record
        self.scene = write_scene(folder / "scene.tif")
        self.settings = {
            "STEPPE_REGISTRY": str(self.own),
            "STEPPE_ZOO": str(folder / "zoo"),
            "STEPPE_MODEL": NAME,
            "STEPPE_PROVIDER": "cpu",
            "STEPPE_THREADS": "1",
        }
        self.numbers = itertools.count(1)
        (folder / "zoo").mkdir()
        (self.own / NAME).mkdir(parents=True)

    def make(self) -> str:
        """A new version, beside the registry; what it answers is computed here."""
        version = f"1.{next(self.numbers)}.0"
        graph = tiny_graph(seed=1000 + len(self.record.maps))
        bundle = tiny_bundle(self.aside, version=version, graph=graph, sample=tiny_sample(graph))
        settings, out = Settings(provider="cpu", threads=1), self.aside / f"{version}.tif"
        classify_scene(Inputs(source=self.scene), Outputs(map=out), Engine(bundle, provider="cpu", threads=1), settings)
        with rasterio.open(out) as dataset:
            self.record.maps[version] = dataset.read(1).tobytes()
        self.record.digests[version] = hashlib.sha256((bundle.path / "model.onnx").read_bytes()).hexdigest()
        return version

    def copy_in(self, version: str, *, pause_s: float = 0.05) -> None:
        """Copy a version into the registry as slowly as over a network: half files are seen."""
        target = self.own / NAME / version
        target.mkdir()
        for path in sorted((self.aside / NAME / version).iterdir()):
            content = path.read_bytes()
            with (target / path.name).open("wb", buffering=0) as file:
                for part in (content[: len(content) // 2], content[len(content) // 2 :]):
                    file.write(part)
                    time.sleep(pause_s)

    def copy_in_broken(self) -> str:
        """Copy in a new version with one bit of its graph changed."""
        version = self.make()
        path = self.aside / NAME / version / "model.onnx"
        content = bytearray(path.read_bytes())
        content[-40] ^= 1
        path.write_bytes(content)
        self.copy_in(version)
        return version

    def say(self, *words: str) -> None:
        """Run ``steppe models ...``."""
        command = [sys.executable, "-m", "serving", "models", *words]
        subprocess.run(command, env={**os.environ, **self.settings}, check=True, stdout=subprocess.DEVNULL)


def story(shop: Shop, expect: Callable[[str], None]) -> Iterator[str]:
    """What happens, one step at a time, for as long as it is asked for.

    Args:
        shop: does it.
        expect: waits until the version answers.
    """
    newest = "1.1.0"
    while True:
        before, newest = newest, shop.make()
        shop.copy_in(newest)
        expect(newest)
        yield "new version"
        broken = shop.copy_in_broken()
        time.sleep(1.0)
        yield "broken version"
        shop.say("promote", f"{NAME}@{before}")
        expect(before)
        yield "promotion"
        shop.say("promote", f"{NAME}@{newest}")
        expect(newest)
        yield "promotion"
        shop.say("rollback", NAME)
        expect(before)
        yield "rollback"
        shop.say("rollback", NAME)
        expect(newest)
        yield "rollback"
        shop.say("retire", f"{NAME}@{before}")
        shutil.rmtree(shop.own / NAME / broken)
        yield "retirement, removal"
        shop.say("restore", f"{NAME}@{before}")
        yield "restoration"


def send(url: str, body: bytes, record: Record, stop: threading.Event) -> None:
    """Send the scene again and again."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    while not stop.is_set():
        started = time.perf_counter()
        try:
            connection.request("POST", "/classify", body, {"Content-Type": "image/tiff"})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            record.take(answer.status, headers, answer.read(), time.perf_counter() - started)
        except (OSError, http.client.HTTPException) as error:
            record.take(0, {}, type(error).__name__.encode(), time.perf_counter() - started)
            connection.close()
    connection.close()


def main() -> None:
    """Run and print; the exit code is 1 when anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--senders", type=int, default=3)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two steps")
    options = parser.parse_args()
    record = Record()
    with tempfile.TemporaryDirectory() as name:
        shop = Shop(Path(name), record)
        shop.copy_in(shop.make(), pause_s=0)
        with steppe(Path(name) / "state", **shop.settings) as running:
            steps = _run(shop, running.url, record, options)
    figures = _figures(record, steps, options.seconds)
    print(json.dumps(figures, indent=2))
    sys.exit(1 if record.faults else 0)


def _run(shop: Shop, url: str, record: Record, options: argparse.Namespace) -> Counter[str]:
    stop, steps = threading.Event(), Counter[str]()
    body = shop.scene.read_bytes()
    threads = [threading.Thread(target=send, args=(url, body, record, stop)) for _ in range(options.senders)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + options.seconds
    try:
        for step in story(shop, lambda version: _expect(record, version)):
            steps[step] += 1
            time.sleep(options.pause)
            if time.monotonic() > end:
                return steps
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return steps


def _expect(record: Record, version: str) -> None:
    """Wait until the version answers."""
    started = time.monotonic()
    _until(lambda: record.last == version)
    record.waits.append(time.monotonic() - started)


def _until[T](look: Callable[[], T]) -> T:
    """Look until there is something.

    Raises:
        TimeoutError: when nothing comes.
    """
    deadline = time.monotonic() + SWITCH_LIMIT_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise TimeoutError("it did not come true")


def _figures(record: Record, steps: Counter[str], seconds: float) -> dict[str, Any]:
    times = sorted(record.seconds)
    return {
        "seconds": seconds,
        "requests": len(times),
        "right": record.answers.total(),
        "wrong or failed": dict(record.faults),
        "versions that answered": len(record.answers),
        "steps": dict(steps),
        "switch_s": {"median": round(statistics.median(record.waits), 2), "most": round(max(record.waits), 2)},
        "request_ms": {
            "median": round(1000 * statistics.median(times)),
            "p99": round(1000 * times[int(len(times) * 0.99)]),
            "most": round(1000 * times[-1]),
        },
    }


if __name__ == "__main__":
    main()
