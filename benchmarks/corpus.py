"""Every bad raster of the corpus, over HTTP: is it answered as it should be, how soon, and in how much memory.

    python -m benchmarks.corpus

`steppe serve` with tiny models takes all of `tests/corpus` that can be sent, one after the other, by `POST /classify`:
the way through job table, worker and reader. Ten times a second the memory of readers is read from /proc. Prints JSON;
the exit code is 1 when an answer has another status than the corpus says, a refusal takes two seconds or longer, or
readers need more than 1.5 GB.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import numpy as np

from benchmarks.server import steppe
from benchmarks.soak import memory
from landcover.raster.protocol import DEFAULT_POLICY
from tests.corpus.case import Case
from tests.corpus.cases import CASES, write_models

SOON_S: Final = 2.0
MOST_MB: Final = 1500.0
OK: Final = 200
SAMPLE_S: Final = 0.1


class Memory(threading.Thread):
    """Looks at the memory of readers until it is told to end.

    Attributes:
        most_mb: the most that all readers had together.
    """

    def __init__(self, server: int) -> None:
        super().__init__(daemon=True)
        self._server, self._ending = server, threading.Event()
        self.most_mb = 0.0

    def run(self) -> None:
        """Look, again and again."""
        while not self._ending.wait(SAMPLE_S):
            self.most_mb = max(self.most_mb, memory(self._server).get("readers", 0.0))

    def end(self) -> None:
        """Have it end."""
        self._ending.set()
        self.join()


def main() -> None:
    """Send everything and print what came."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "registry").mkdir()
        write_models(folder / "registry")
        settings = {
            "STEPPE_REGISTRY": str(folder / "registry"),
            "STEPPE_MODEL": "tiny",
            "STEPPE_PROVIDER": "cpu",
            "STEPPE_WORKERS": "1",
            "STEPPE_MAX_PIXELS": str(DEFAULT_POLICY.max_pixels),
        }
        with steppe(folder / "state", **settings) as running:
            watch = Memory(running.pid)
            watch.start()
            told, failed = send_all(running.url, folder)
            watch.end()
    told |= {"readers_most_mb": round(watch.most_mb), "failed": failed}
    print(json.dumps(told, indent=2))
    sys.exit(1 if failed or watch.most_mb > MOST_MB else 0)


def send_all(url: str, folder: Path) -> tuple[dict[str, object], list[str]]:
    """Figures, and the cases that were answered too late or otherwise than they should be."""
    refused: list[float] = []
    mapped: list[float] = []
    failed: list[str] = []
    for case in (case for case in CASES if case.over_http):
        place = folder / "scenes" / str(len(refused) + len(mapped))
        place.mkdir(parents=True)
        status, seconds = send(url, case, case.write(place).read_bytes())
        (mapped if status == OK else refused).append(seconds)
        expected = {known for known, _ in case.answers} or {OK}
        if status not in expected or (status != OK and seconds >= SOON_S):
            failed.append(f"{case}: {status} after {seconds:.2f} s")
    return {"refused": summary(refused), "mapped": summary(mapped)}, failed


def send(url: str, case: Case, body: bytes) -> tuple[int, float]:
    """Status of the answer, and how long it took to come."""
    model = {} if case.model == "tiny" else {"model": case.model}
    query = urlencode({**case.options, **model})
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)) as connection:
        begun = time.perf_counter()
        connection.request("POST", f"/classify?{query}", body, {"Content-Type": "image/tiff"})
        response = connection.getresponse()
        response.read()
        return response.status, time.perf_counter() - begun


def summary(seconds: list[float]) -> dict[str, float]:
    """Number and seconds."""
    p50, p99 = np.quantile(seconds, (0.5, 0.99))
    return {"count": len(seconds), "p50_s": round(p50, 3), "p99_s": round(p99, 3), "most_s": round(max(seconds), 3)}


if __name__ == "__main__":
    main()
