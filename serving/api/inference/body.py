"""The body of a request in one piece of memory, taken at a bearable pace.

The memory is asked for once, by the declared length, which a limit has passed before; the system gives it page by page
as bytes come. A client that declares much and sends little costs little, and is counted so. The memory is placed so
that binary numbers lie at an address that runtimes read without a copy.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import numpy as np
from starlette.types import Message, Receive, Scope

from serving.api.inference.memory import Hold
from serving.api.problems import ClientGone, InferenceInvalid, InferenceTooLarge, UnsupportedMediaType, UploadTooSlow
from serving.settings import Settings

ALIGNMENT: Final = 64
UNDECLARED: Final = 64 * 1024
"""Bytes held at first for a body that does not say how long it is."""

TYPES: Final = frozenset(
    {
        "",
        "application/json",
        "application/octet-stream",
        "application/x-www-form-urlencoded",  # what curl --data-binary says when it is not told
    }
)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the headers say.

    Attributes:
        length: bytes of the body; None where they do not say.
        json: bytes of its JSON; None where all of it is JSON.
    """

    length: int | None
    json: int | None


def declared(scope: Scope, settings: Settings) -> Declared:
    """Read the headers, and refuse a body by them before a byte of it is read.

    Raises:
        UnsupportedMediaType: compressed, or of another type.
        InferenceInvalid: lengths that are none.
        InferenceTooLarge: more than is allowed.
    """
    headers = dict(scope["headers"])
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise UnsupportedMediaType("the body is compressed; send it as it is, without Content-Encoding")
    media_type = headers.get(b"content-type", b"").split(b";")[0].strip().lower().decode("latin-1")
    if media_type not in TYPES:
        raise UnsupportedMediaType(
            "the body is declared as another type than application/json or application/octet-stream"
        )
    length = _length(headers.get(b"content-length"), "Content-Length")
    json_length = _length(headers.get(b"inference-header-content-length"), "Inference-Header-Content-Length")
    _check_lengths(length, json_length, settings)
    return Declared(length, json_length)


def _length(value: bytes | None, name: str) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or len(value) > len(str(2**53)):
        raise InferenceInvalid(f"{name} is to be a whole number of bytes")
    return int(value)


def _check_lengths(length: int | None, json_length: int | None, settings: Settings) -> None:
    if length is not None and length > settings.v2_max_bytes:
        raise InferenceTooLarge(
            f"the body has {length:,} bytes, the limit is {settings.v2_max_bytes:,}; send fewer windows"
        )
    if length is not None and json_length is not None and json_length > length:
        raise InferenceInvalid("Inference-Header-Content-Length is more than the body has")
    text = length if json_length is None else json_length
    if text is not None and text > settings.v2_max_json_bytes:
        raise InferenceTooLarge(
            f"the request has {text:,} bytes of JSON, the limit is {settings.v2_max_json_bytes:,}; send binary tensors"
        )


async def read(receive: Receive, expected: Declared, settings: Settings, hold: Hold) -> memoryview:
    """All of the body; what it takes is counted before it is there.

    Raises:
        InferenceTooLarge: as soon as there is more than allowed.
        InferenceInvalid: it has another length than declared.
        UploadTooSlow: it comes too slowly, or stops coming.
        ClientGone: the connection closed before its end.
        QueueFull: other requests hold all memory that requests may have.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with asyncio.timeout(settings.upload_grace_s) as pace:
            message = await _next(receive)
            if not message.get("more_body", False):
                return _whole(message.get("body", b""), _limit(expected, settings), hold)
            buffer = _Buffer(expected, settings, hold)
            while True:
                buffer.add(message.get("body", b""))
                if not message.get("more_body", False):
                    return buffer.content()
                pace.reschedule(started + settings.upload_grace_s + buffer.filled / settings.upload_min_rate)
                message = await _next(receive)
    except TimeoutError as error:
        raise UploadTooSlow(
            f"the body came slower than {settings.upload_min_rate:,.0f} bytes per second; send it again"
        ) from error


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone("the connection closed before the whole body had arrived; send it again")
    return message


def _limit(expected: Declared, settings: Settings) -> int:
    """Bytes that a body may have."""
    return min(settings.v2_max_bytes, settings.v2_max_json_bytes) if expected.json is None else settings.v2_max_bytes


def _too_large(limit: int) -> InferenceTooLarge:
    return InferenceTooLarge(
        f"the body has more than {limit:,} bytes, the limit; send fewer windows, as binary tensors"
    )


def _whole(content: bytes, limit: int, hold: Hold) -> memoryview:
    """A body that came in one piece stays where it is."""
    if len(content) > limit:
        raise _too_large(limit)
    hold.add(len(content))
    return memoryview(content)


class _Buffer:
    """Memory for a body that comes in pieces."""

    def __init__(self, expected: Declared, settings: Settings, hold: Hold) -> None:
        self._shift = -(expected.json or 0) % ALIGNMENT
        self._limit = _limit(expected, settings)
        self._hold, self._fixed = hold, expected.length is not None
        self._memory = self._allocate(expected.length if expected.length is not None else UNDECLARED)
        self.filled = 0
        if self._fixed:
            hold.check(len(self._memory))  # what has no room now is refused before it is sent

    def add(self, piece: bytes) -> None:
        """Take what came."""
        end = self.filled + len(piece)
        if end > self._limit:
            raise _too_large(self._limit)
        if end > len(self._memory):
            if self._fixed:
                raise InferenceInvalid("the body is longer than Content-Length says")
            grown = self._allocate(min(self._limit, 2 * end))
            grown[: self.filled] = self._memory[: self.filled]
            self._memory = grown
        self._hold.add(len(piece))
        self._memory[self.filled : end] = piece
        self.filled = end

    def content(self) -> memoryview:
        """What came."""
        return self._memory[: self.filled]

    def _allocate(self, size: int) -> memoryview:
        memory = np.empty(size + 2 * ALIGNMENT, np.uint8)  # untouched, unlike a bytearray
        start = -memory.ctypes.data % ALIGNMENT + self._shift
        return memory.data[start : start + size]
