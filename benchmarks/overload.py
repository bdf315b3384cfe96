"""Ten times as many requests as the service can answer: how fast it refuses, and what becomes of those it admits.

    python -m benchmarks.overload --seconds 20

Windows of 256 x 256 of the published model come to /v2 in binary tensors: first from 32 clients that wait for each
answer, which gives the capacity and what is usual; then ten times that many per second, whatever becomes of them. Every
request asks with ``Expect: 100-continue`` (RFC 9110, section 10.1.1), as curl does for large bodies, so that a refused
one does not send its megabyte. Meanwhile /livez is asked 20 times a second. Clients and server share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from benchmarks.v2_clients import v2_request
from benchmarks.v2_throughput import arrays_only, numbers
from serving.registry.folders import open_registry
from serving.settings import ZOO, Settings

TIMES = 10
CLIENTS = 32
PROBE_S = 0.05
GIVE_UP_S = 30.0
CONTINUE = 100


@dataclass(slots=True)
class Answers:
    """Status and seconds of every answer, and what went wrong otherwise."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    broken: Counter[str] = field(default_factory=Counter)

    def add(self, status: int, took: float) -> None:
        """Count one."""
        self.seconds.setdefault(status, []).append(took)

    def told(self) -> dict[str, object]:
        """Counts and quantiles in milliseconds."""
        return {
            **{
                str(status): {
                    "count": len(took),
                    "p50_ms": round(1000 * float(np.quantile(took, 0.5)), 1),
                    "p99_ms": round(1000 * float(np.quantile(took, 0.99)), 1),
                }
                for status, took in sorted(self.seconds.items())
            },
            **({"broken": dict(self.broken)} if self.broken else {}),
        }


class Sender:
    """Sends one request again and again, each on a connection of its own."""

    def __init__(self, url: str, request: bytes, answers: Answers) -> None:
        self._address = urlsplit(url)
        head, _, self._body = request.partition(b"\r\n\r\n")
        self._head = head + b"\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        self._answers = answers

    async def send(self, due: float | None = None) -> None:
        """Send it, and count what comes; the time runs from when it was due."""
        began = time.perf_counter() if due is None else due
        try:
            async with asyncio.timeout(GIVE_UP_S):
                status = await self._exchange()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            self._answers.broken[type(error).__name__] += 1
        else:
            self._answers.add(status, time.perf_counter() - began)

    async def _exchange(self) -> int:
        reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        try:
            writer.write(self._head)
            status = await self._status(reader)
            if status == CONTINUE:
                writer.write(self._body)
                status = await self._status(reader)
            await reader.read()
            return status
        finally:
            writer.close()

    @staticmethod
    async def _status(reader: asyncio.StreamReader) -> int:
        head = await reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1])


async def closed(url: str, request: bytes, seconds: float) -> tuple[float, Answers]:
    """Requests per second of clients that wait for each answer."""
    answers = Answers()
    sender, end = Sender(url, request, answers), time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < end:
            await sender.send()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return len(answers.seconds.get(200, ())) / seconds, answers


async def flood(url: str, request: bytes, *, rate: float, seconds: float) -> Answers:
    """So many requests per second on average (Poisson)."""
    answers, tasks = Answers(), set()
    sender = Sender(url, request, answers)
    begin = time.perf_counter()
    for due in begin + np.cumsum(np.random.default_rng(0).exponential(1 / rate, int(rate * seconds))):
        if (pause := due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        task = asyncio.create_task(sender.send(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return answers


async def probe(url: str, ending: asyncio.Event) -> Answers:
    """Ask whether the service is alive, again and again."""
    answers, address = Answers(), urlsplit(url)
    request = f"GET /livez HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode()
    while not ending.is_set():
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        answers.add(int(answer.split(b" ", 2)[1]), time.perf_counter() - began)
        await asyncio.sleep(PROBE_S)
    return answers


async def measure(url: str, request: bytes, seconds: float) -> dict[str, object]:
    """All of it, in one run."""
    await closed(url, request, 2.0)
    capacity, usual = await closed(url, request, seconds / 2)
    ending = asyncio.Event()
    alive = asyncio.create_task(probe(url, ending))
    answers = await flood(url, request, rate=TIMES * capacity, seconds=seconds)
    ending.set()
    admitted, normal = answers.seconds.get(200, [0.0]), usual.seconds[200]
    return {
        "capacity_per_s": round(capacity, 1),
        "usual": usual.told(),
        "offered_per_s": round(TIMES * capacity, 1),
        "overload": answers.told(),
        "livez": (await alive).told(),
        "admitted_per_s": round(len(admitted) / seconds, 1),
        "admitted_p99_of_usual_p99": round(float(np.quantile(admitted, 0.99) / np.quantile(normal, 0.99)), 2),
    }


def main() -> None:
    """Start a service and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="steppe-s2-landcover")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    bundle = open_registry(Settings(registry=None, zoo=ZOO)).get(options.model)
    with tempfile.TemporaryDirectory() as name, arrays_only(Path(name) / "registry", options.model) as running:
        request = v2_request(running.url, bundle.manifest.name, numbers(bundle, 256))
        print(json.dumps(asyncio.run(measure(running.url, request, options.seconds)), indent=2))


if __name__ == "__main__":
    main()
