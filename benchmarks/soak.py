"""A mix of everything for a while, and whether a process of the service grows meanwhile.

    python -m benchmarks.soak --minutes 30
    python -m benchmarks.soak --minutes 30 --leak        # must fail: the server leaks on purpose

Starts `steppe serve` with a tiny model, two workers and a folder of sources. Clients ask for inference, jobs, tiles and
points, send uploads, and send what cannot be used. Once a second the resident memory of every process is read from
/proc. The growth of a process over the second half is the difference of the medians of the last and of the first fifth
of that half; of readers, which live for one input, of the least that all took together. Prints JSON; the exit code is 1
when anything grew by more than 50 MB, or a request was answered otherwise than expected.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from benchmarks.server import STEPPE, Running, steppe
from tests.bundles import tiny_bundle
from tests.service import scene_numbers, write_scene

LIMIT_MB: Final = 50.0
SAMPLE_S: Final = 1.0
CLIENTS: Final = 3
PAUSE_S: Final = 0.05
TILES: Final = "tiles/WebMercatorQuad"
JSON: Final = {"Content-Type": "application/json"}
TIFF: Final = {"Content-Type": "image/tiff"}
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
MB: Final = 1024 * 1024

type Memory = dict[str, float]
"""Megabytes by process; all readers are one."""


def service(folder: Path, *, leak: float) -> AbstractContextManager[Running]:
    """A running service. ``leak`` is in MB per second."""
    settings = {
        "STEPPE_REGISTRY": str(folder / "registry"),
        "STEPPE_MODEL": "tiny",
        "STEPPE_PROVIDER": "cpu",
        "STEPPE_WORKERS": "2",
        "STEPPE_DATA_FOLDER": str(folder / "data"),
        "STEPPE_KEEP_JOBS_S": "60",
        "STEPPE_UPLOAD_KEEP_S": "60",
        "STEPPE_LOG_LEVEL": "warning",
    }
    module = ("benchmarks.soak_leak", str(leak)) if leak else STEPPE
    return steppe(folder / "state", module=module, **settings)


def memory(server: int) -> Memory:
    """Resident megabytes of the server, its workers and all readers."""
    found: Memory = {"server": _resident(server)}
    parents, names = _processes()
    for pid, parent in parents.items():
        line = [parent]
        while line[-1] in parents:
            line.append(parents[line[-1]])
        if server not in line:
            continue
        if "serving.work" in names[pid]:
            found[f"worker {pid}"] = _resident(pid)
        else:
            found["readers"] = found.get("readers", 0.0) + _resident(pid)
    return found


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / MB
    except (OSError, IndexError):  # it has ended
        return 0.0


def _processes() -> tuple[dict[int, int], dict[int, str]]:
    parents, names = {}, {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            names[int(place.name)] = (place / "cmdline").read_text()
        except (OSError, ValueError):
            parents.pop(int(place.name), None)
    return parents, names


class _NotAnswered(Exception):
    """The service was busy, or did what it should not."""


@dataclass
class Mix:
    """What clients ask, and what they were answered.

    Attributes:
        url: the service.
        scene: bytes of a good scene.
        answers: how often which kind of request was answered how.
        surprises: answers that were not expected.
    """

    url: str
    scene: bytes
    answers: Counter[str] = field(default_factory=Counter)
    surprises: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, until: float, seed: int) -> None:
        """Ask for one thing after the other."""
        chance = random.Random(seed)  # noqa: S311 - an order of requests
        kinds: list[Callable[[random.Random], None]] = [self.infer, self.job, self.tile, self.upload, self.bad]
        while time.monotonic() < until:
            try:
                chance.choice(kinds)(chance)
            except _NotAnswered:
                time.sleep(1.0)
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.surprises[type(error).__name__] += 1
            time.sleep(PAUSE_S)

    def infer(self, chance: random.Random) -> None:
        """Windows of several shapes."""
        count, side = chance.randint(1, 4), 32 * chance.randint(1, 4)
        shape = [count, 4, side, side]
        data = [chance.randint(1, 5000)] * (count * 4 * side * side)
        body = {"inputs": [{"name": "dn", "datatype": "UINT16", "shape": shape, "data": data}]}
        self._ask("infer", 200, "POST", "/v2/models/tiny/infer", json.dumps(body).encode(), JSON)

    def upload(self, _chance: random.Random) -> bytes:
        """A scene for later."""
        return self._ask("upload", 201, "POST", "/uploads", self.scene, TIFF)

    def job(self, chance: random.Random) -> None:
        """A map of an upload, waited for; or of a file that is sent."""
        if chance.random() < 0.5:  # noqa: PLR2004 - half of them
            self._ask("classify", 200, "POST", "/classify", self.scene, TIFF)
            return
        href = json.loads(self.upload(chance))["href"]
        body = {"inputs": {"scene": {"href": href}}, "outputs": {"areas": {}, "map": {"transmissionMode": "reference"}}}
        self._ask("job", 200, "POST", "/processes/classify/execution", json.dumps(body).encode(), JSON)

    def tile(self, chance: random.Random) -> None:
        """A tile of a source."""
        zoom = chance.randint(12, 14)
        document = json.loads(self._ask("tilejson", 200, "GET", f"/sources/scene.tif/{TILES}/tilejson.json"))
        west, south, east, north = document["bounds"]
        # Not to the very edge: the corners of a box in degrees lie outside a scene in metres.
        lon = west + (east - west) * chance.uniform(0.05, 0.95)
        lat = south + (north - south) * chance.uniform(0.05, 0.95)
        self._ask("point", 200, "GET", f"/sources/scene.tif/point/{lon},{lat}")
        x, y = _tile_of(lon, lat, zoom)
        self._ask("tile", 200, "GET", f"/sources/scene.tif/{TILES}/{zoom}/{x}/{y}.png")

    def bad(self, chance: random.Random) -> None:
        """What cannot be used."""
        whole = bytearray(self.scene)
        damaged = bytes(whole[: chance.randint(9, len(whole) - 1)])
        self._ask("bad: cut off", 4, "POST", "/classify", damaged, TIFF)
        for _ in range(20):
            whole[chance.randrange(len(whole))] = chance.randrange(256)
        self._ask("bad: damaged", None, "POST", "/classify", bytes(whole), TIFF)
        self._ask("bad: no JSON", 4, "POST", "/processes/classify/execution", b"{" * 50, JSON)
        self._ask("bad: no window", 4, "POST", "/v2/models/tiny/infer", b'{"inputs": []}', JSON)
        self._ask("bad: no page", 404, "GET", f"/jobs/{chance.randint(0, 9999)}")

    def _ask(self, kind: str, expected: int | None, *request: str | bytes | dict[str, str]) -> bytes:
        """One request; ``expected`` is a status, or the first digit of one, or None for anything but 5xx.

        Raises:
            _NotAnswered: when it was answered otherwise.
        """
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=120)) as line:
            line.request(*request)  # type: ignore[arg-type]
            answer = line.getresponse()
            content = answer.read()
        fine = answer.status < 500 if expected is None else expected in {answer.status, answer.status // 100}  # noqa: PLR2004
        busy = answer.status in {429, 503}
        with self._lock:
            self.answers[f"{kind}: {answer.status}"] += 1
            if not fine and not busy:
                self.surprises[f"{kind}: {answer.status} {content[:200]!r}"] += 1
        if not fine:
            raise _NotAnswered
        return content


def _tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    import morecantile  # noqa: PLC0415 - the grid of tiles, only for clients

    tile = morecantile.tms.get("WebMercatorQuad").tile(lon, lat, zoom)
    return tile.x, tile.y


def growth(samples: list[Memory]) -> dict[str, dict[str, float]]:
    """Of each process that lived through the second half: megabytes at its beginning and end, and the growth."""
    half = samples[len(samples) // 2 :]
    fifth = max(1, len(half) // 5)
    grown = {}
    for name in sorted({name for sample in half for name in sample}):
        first = [sample.get(name, 0.0) for sample in half[:fifth]]
        last = [sample.get(name, 0.0) for sample in half[-fifth:]]
        if name == "readers" or (min(first) and min(last)):
            level = min if name == "readers" else statistics.median  # how many there are just then says nothing
            begin, end = level(first), level(last)
            grown[name] = {"begin_mb": round(begin, 1), "end_mb": round(end, 1), "growth_mb": round(end - begin, 1)}
    return grown


def soak(folder: Path, minutes: float, *, leak: float) -> dict[str, object]:
    """Run the mix, and look at memory meanwhile."""
    samples: list[Memory] = []
    with service(folder, leak=leak) as running:
        mix = Mix(running.url, (folder / "small.tif").read_bytes())
        until = time.monotonic() + 60 * minutes
        threads = [threading.Thread(target=mix.run, args=(until, seed)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        while time.monotonic() < until:
            samples.append(memory(running.pid))
            time.sleep(SAMPLE_S)
        for thread in threads:
            thread.join()
    return {
        "minutes": minutes,
        "requests": mix.answers.total(),
        "answers": dict(sorted(mix.answers.items())),
        "surprises": dict(mix.surprises),
        "second_half": growth(samples),
    }


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--leak", action="store_true", help="leak twice the limit in the second half, to see it found")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        tiny_bundle(folder / "registry")
        write_scene(folder / "small.tif", scene_numbers(180, 200), compress="deflate")
        write_scene(folder / "data" / "scene.tif", scene_numbers(900, 1000), compress="deflate")
        leak = 2 * LIMIT_MB / (30 * options.minutes * 0.8) if options.leak else 0.0
        found = soak(folder, options.minutes, leak=leak)
    print(json.dumps(found, indent=2))
    half = cast("dict[str, dict[str, float]]", found["second_half"])
    return 1 if found["surprises"] or any(grown["growth_mb"] > LIMIT_MB for grown in half.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
