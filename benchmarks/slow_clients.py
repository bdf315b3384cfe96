"""Hundreds of clients that send a byte a second, and what others notice of them.

    python -m benchmarks.slow_clients --clients 500 --seconds 30

Starts the service with a tiny model. First four usual clients ask in turn for a sign of life, a list, an upload and an
inference, each on a connection of its own; then again, while the slow ones are there: a fifth each with half a head,
half an upload, half a scene, half a window and half a JSON document. They come all at once, from another process, and
come back when they were refused. Prints quantiles of both, and how the slow ones were ended, as JSON; the exit code
is 1 when a usual request was refused, or a slow one was neither told 408 nor, in the rush, 503.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

import numpy as np

from benchmarks.v2_clients import post, v2_request
from benchmarks.v2_throughput import arrays_only
from tests.bundles import tiny_bundle
from tests.service import write_scene

PAUSE_S: Final = 0.02
USUAL: Final = 4
TIFF: Final = {"Content-Type": "image/tiff"}

type Times = dict[str, list[float]]


async def ask(url: str, request: bytes) -> tuple[int, float]:
    """Status of an answer, and seconds to its end."""
    address, began = urlsplit(url), time.perf_counter()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        answer = await reader.read()
    finally:
        writer.close()
    return int(answer.split(b" ", 2)[1]), time.perf_counter() - began


async def usual(url: str, requests: Mapping[str, bytes], seconds: float) -> tuple[Times, Counter[str]]:
    """What usual clients meet."""
    times: Times = defaultdict(list)
    refused: Counter[str] = Counter()
    until = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < until:
            for name, request in requests.items():
                status, took = await ask(url, request)
                times[name].append(took)
                if status not in {200, 201}:
                    refused[f"{name}: {status}"] += 1
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(client() for _ in range(USUAL)))
    return times, refused


async def slow(url: str, half: bytes, ended: Counter[str], ending: asyncio.Event) -> None:
    """Send half a request, then a byte a second; come back when it was refused."""
    address = urlsplit(url)
    while not ending.is_set():
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(half)
        answer = asyncio.create_task(reader.read(64))
        while not answer.done() and not ending.is_set():
            await asyncio.wait({answer}, timeout=1.0)
            if not answer.done():
                writer.write(b"x")
        if answer.done():
            status = answer.exception() or answer.result().split(b" ", 2)[1:2]
            ended[status[0].decode() if isinstance(status, list) and status else "closed"] += 1
        answer.cancel()
        writer.close()


def crowd(url: str, clients: int, seconds: float) -> dict[str, int]:
    """So many slow clients for a while, and how they were ended."""

    async def run() -> Counter[str]:
        ended: Counter[str] = Counter()
        ending, kinds = asyncio.Event(), halves(url)
        tasks = [asyncio.create_task(slow(url, kinds[index % len(kinds)], ended, ending)) for index in range(clients)]
        await asyncio.sleep(seconds)
        ending.set()
        await asyncio.gather(*tasks)
        return ended

    return dict(asyncio.run(run()))


def halves(url: str) -> list[bytes]:
    """What each kind of slow client sends at first."""
    large = 60_000_000
    window = {"Inference-Header-Content-Length": "100"}
    json_type = {"Content-Type": "application/json"}
    started = [
        post(url, "/uploads", b"", TIFF),
        post(url, "/classify", b"", TIFF),
        post(url, "/v2/models/tiny/infer", b"", window),
        post(url, "/processes/classify/execution", b"", json_type),
    ]
    sizes = [large, large, large, 1000]
    return [
        b"GET /jobs HTTP/1.1\r\nX: ",
        *(
            head.replace(b"Content-Length: 0", b"Content-Length: %d" % size)
            for head, size in zip(started, sizes, strict=True)
        ),
    ]


def told(times: Times) -> dict[str, dict[str, float]]:
    """Quantiles in milliseconds."""
    return {
        name: {
            "count": len(took),
            "p50_ms": round(1000 * float(np.quantile(took, 0.5)), 1),
            "p99_ms": round(1000 * float(np.quantile(took, 0.99)), 1),
        }
        for name, took in times.items()
    }


async def measure(url: str, requests: Mapping[str, bytes], clients: int, seconds: float) -> dict[str, object]:
    """Without slow clients, then with them."""
    await usual(url, requests, 1.0)
    before, refused_before = await usual(url, requests, seconds)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        ended = asyncio.get_running_loop().run_in_executor(pool, crowd, url, clients, seconds + 5.0)
        await asyncio.sleep(4.0)  # they have begun
        during, refused = await usual(url, requests, seconds)
        ends = await ended
    return {
        "slow_clients": clients,
        "alone": told(before),
        "beside_them": told(during),
        "refused": dict(refused_before + refused),
        "slow_ones_ended_by": ends,
    }


def main() -> int:
    """Start a service and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny_bundle(folder / "registry")
        scene = write_scene(folder / "scene.tif").read_bytes()
        with arrays_only(folder / "registry", "tiny") as running:
            url = running.url
            host = urlsplit(url).netloc
            window = np.full((1, 4, 64, 64), 1000, np.uint16)
            requests = {
                "livez": f"GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(),
                "jobs": f"GET /jobs HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(),
                "upload": post(url, "/uploads", scene, TIFF),
                "infer": v2_request(url, "tiny", window),
            }
            found = asyncio.run(measure(url, requests, options.clients, options.seconds))
    print(json.dumps(found, indent=2))
    ended = cast("dict[str, int]", found["slow_ones_ended_by"])
    return 1 if found["refused"] or set(ended) - {"408", "503"} else 0


if __name__ == "__main__":
    raise SystemExit(main())
