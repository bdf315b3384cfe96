"""``POST .../infer``: from the bytes of a request to those of its answer.

An application of its own (ASGI) instead of a function of FastAPI: windows are megabytes, so the body is read into place
and the answer is sent from where the model wrote it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
from anyio.to_thread import run_sync
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from serving.access.limits import PixelLimiter
from serving.access.principal import Scope as AccessScope
from serving.api.access import who_asks
from serving.api.inference import answer, body, models, tensors
from serving.api.inference.answer import Answer
from serving.api.inference.body import Declared
from serving.api.inference.contract import OVERVIEW, WINDOWS, Contract, contract_of
from serving.api.inference.failures import failure
from serving.api.inference.memory import Hold, Memory
from serving.api.inference.message import Message, parse
from serving.api.inference.models import Models
from serving.api.inference.presence import Watched
from serving.batching.pool import Batchers
from serving.settings import Settings

SENT_AT_ONCE: Final = 262_144
"""Bytes handed to the server before it is asked whether the client takes them; what is shorter is sent in one piece."""

LIGHT_JSON: Final = 65_536
"""Bytes of JSON that are read without a thread."""

RUN: Final = AccessScope.RUN
"""What a key must be good for."""

REMEMBERED_JSON: Final = 1024
"""Bytes of the longest JSON that is kept, for when it comes again."""

type Arrays = dict[str, NDArray[np.generic]]


class Inference:
    """What answers inference requests; one per application.

    Args:
        settings: limits.
        models: where engines come from.
        batchers: what runs them.
        pixels: counts pixels of keys.
    """

    def __init__(self, settings: Settings, models: Models, batchers: Batchers, pixels: PixelLimiter) -> None:
        self._settings, self.models, self._batchers, self._pixels = settings, models, batchers, pixels
        self._memory = Memory(settings.v2_memory_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        with Hold(self._memory) as hold:
            try:
                result = await self._answer(scope, receive, hold)
            except Exception as error:  # noqa: BLE001 - every error is an answer
                await failure(error)(scope, receive, send)
            else:
                await self._send(result, send)

    async def _answer(self, scope: Scope, receive: Receive, hold: Hold) -> Answer:
        who = await who_asks(Request(scope), RUN)
        owner = who.id
        expected = body.declared(scope, self._settings)
        engine = await self.models.get(models.reference(**scope["path_params"]))
        self._batchers.get(engine).check_room(owner)
        content = await body.read(receive, expected, self._settings, hold)
        contract = contract_of(engine)
        message, arrays = await self._read(content, expected, contract)
        shape = arrays[WINDOWS].shape
        pixels = shape[0] * shape[2] * shape[3]
        hold.add(answer.expected_bytes(message, contract, shape))
        # Last of all, and nothing is waited for from here to the queue: what is refused costs its key nothing.
        self._batchers.get(engine).check_room(owner, pixels)
        self._pixels.spend(who, pixels)
        with Watched(receive):
            probabilities_NKHW = await self._batchers.get(engine).submit(
                arrays[WINDOWS],
                owner=owner,
                deadline=time.monotonic() + min(self._settings.v2_timeout_s, message.timeout_s or float("inf")),
                overview_1BHW=arrays.get(OVERVIEW),
            )
        written = message, contract, arrays[WINDOWS], probabilities_NKHW
        return answer.write(*written) if answer.is_light(message) else await run_sync(answer.write, *written)

    async def _read(self, content: memoryview, expected: Declared, contract: Contract) -> tuple[Message, Arrays]:
        length = len(content) if expected.json is None else expected.json
        work = content, length, contract, self._settings.v2_max_pixels
        return _understand(*work) if length <= LIGHT_JSON else await run_sync(_understand, *work)

    async def _send(self, result: Answer, send: Send) -> None:
        headers = [(b"content-length", str(result.length).encode())]
        if result.header is None:
            headers.append((b"content-type", b"application/json"))
        else:
            headers.append((b"content-type", b"application/octet-stream"))
            headers.append((b"inference-header-content-length", str(result.header).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if result.length <= SENT_AT_ONCE:
            await send({"type": "http.response.body", "body": b"".join(result.pieces)})
            return
        settings = self._settings
        # A client that takes nothing would hold the memory of its answer: without an end of the answer, the server
        # closes the connection.
        async with asyncio.timeout(settings.upload_grace_s + result.length / settings.upload_min_rate):
            for piece, more in _cut(result):
                await send({"type": "http.response.body", "body": piece, "more_body": more})


def _understand(content: memoryview, length: int, contract: Contract, most_pixels: int) -> tuple[Message, Arrays]:
    text = content[:length]
    check = _checked_again if length <= REMEMBERED_JSON and length < len(content) else _checked
    message = check(bytes(text), contract, most_pixels)
    return message, tensors.read_arrays(message, contract, content[length:])


def _checked(text: bytes, contract: Contract, most_pixels: int) -> Message:
    message = parse(text)
    tensors.check_message(message, contract, most_pixels)
    return message


_checked_again = lru_cache(256)(_checked)
"""Clients send the same JSON with every window, and to check it takes longer than all else of a small request."""


def _cut(result: Answer) -> Iterator[tuple[bytes | memoryview, bool]]:
    """Pieces to send, and whether there are more."""
    last = len(result.pieces) - 1
    for index, piece in enumerate(result.pieces):
        for start in range(0, len(piece), SENT_AT_ONCE):
            end = start + SENT_AT_ONCE
            yield piece[start:end], index < last or end < len(piece)
