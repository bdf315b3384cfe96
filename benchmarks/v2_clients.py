"""Light clients for benchmarks of the service: one process, connections that are kept, requests that are made once.

Of answers only status and length are read; their bytes are received and dropped.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

BUFFER = 1 << 20
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def v2_request(url: str, model: str, dn_NBHW: NDArray[np.uint16]) -> bytes:
    """A binary request for the probabilities of some windows."""
    tensor = {"name": "dn", "shape": dn_NBHW.shape, "datatype": "UINT16"}
    header = json.dumps(
        {
            "inputs": [{**tensor, "parameters": {"binary_data_size": dn_NBHW.nbytes}}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    fields = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(header)),
    }
    return post(url, f"/v2/models/{model}/infer", header + dn_NBHW.tobytes(), fields)


def post(url: str, path: str, body: bytes, fields: dict[str, str]) -> bytes:
    """A request that keeps its connection."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection(asyncio.BufferedProtocol):
    """One kept connection; takes one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER)
        self._head = b""
        self._left = 0
        self._status = b""
        self._answered: asyncio.Future[bool] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not say so

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        """Where bytes go; those of a body are not looked at."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Count what came."""
        if not self._left:
            self._head += self._buffer[:nbytes]
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = LENGTH.search(self._head, 0, end)
            self._status = self._head[9:12]
            self._left = end + 4 + (int(length[1]) if length else 0)
            self._head, nbytes = b"", len(self._head)
        self._left -= nbytes
        if self._left == 0 and self._answered is not None:
            self._answered.set_result(self._status == b"200")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let whoever waits know."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionError("the server closed a connection"))

    async def ask(self, request: bytes) -> bool:
        """Send a request and wait for the whole answer; whether it was 200."""
        if self._transport is None:
            raise ConnectionError("the connection was not made")
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()


@dataclass(slots=True)
class Load:
    """What some seconds of load showed: requests answered and refused, seconds they took, and seconds of each."""

    answered: int = 0
    refused: int = 0
    seconds: float = 0.0
    each_s: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.answered / self.seconds

    def quantile_ms(self, share: float) -> float:
        """The latency that a share of the requests stays below."""
        return 1000 * float(np.quantile(self.each_s, share))

    @property
    def median_ms(self) -> float:
        """The middle latency."""
        return 1000 * statistics.median(self.each_s)


async def connect(url: str, count: int) -> list[Connection]:
    """So many connections."""
    address, loop = urlsplit(url), asyncio.get_running_loop()
    made = [await loop.create_connection(Connection, address.hostname, address.port) for _ in range(count)]
    return [connection for _, connection in made]


async def closed_loop(url: str, request: bytes, *, clients: int, seconds: float) -> Load:
    """Clients that each send their next request when the last one is answered; a fifth of the time to get going."""
    connections, load = await connect(url, clients), Load()
    started = time.perf_counter() + seconds / 5
    end = started + seconds

    async def client(connection: Connection) -> None:
        while (asked := time.perf_counter()) < end:
            if not await connection.ask(request):
                load.refused += 1
            elif started <= (now := time.perf_counter()) <= end:
                load.answered += 1
                load.each_s.append(now - asked)

    await asyncio.gather(*map(client, connections))
    load.seconds = seconds
    for connection in connections:
        connection.close()
    return load


async def open_loop(url: str, request: bytes, *, rate: float, seconds: float, seed: int = 0) -> Load:
    """Requests that come when they come, so many per second on average, whatever becomes of the others (Poisson)."""
    gaps = np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds) + 1)
    times, load = np.cumsum(gaps), Load(seconds=seconds)
    free = await connect(url, 8)
    begin = time.perf_counter()

    async def one(due: float) -> None:
        while free and not free[-1].is_open:  # the server closes those that it has not heard of for some seconds
            free.pop()
        connection = free.pop() if free else (await connect(url, 1))[0]
        if await connection.ask(request):
            load.each_s.append(time.perf_counter() - due)  # of when it was due: a late sender must not hide a queue
        else:
            load.refused += 1
        free.append(connection)

    tasks = []
    for moment in times:
        if (pause := begin + moment - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        tasks.append(asyncio.create_task(one(begin + moment)))
    await asyncio.gather(*tasks)
    load.answered = len(load.each_s)
    for connection in free:
        connection.close()
    return load


async def warm(url: str, requests: Sequence[bytes]) -> None:
    """Have everything loaded that requests need."""
    for request in requests:
        (connection,) = await connect(url, 1)
        if not await connection.ask(request):
            raise RuntimeError("the first request is refused")
        connection.close()
