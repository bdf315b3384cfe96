"""The channels that bytes of far files come through: what is said on them, as bytes and back.

A reader asks for a piece of one of its files in a message of fixed length, and gets a status, a length and the bytes.
Each of a few streams has one question under way, so that as many pieces can be waited for at a time.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

LANES: Final = 8
"""As many as there are connections to a host."""

MAX_PIECE: Final = 4 * 1024**2
"""Bytes of one answer."""

_QUESTION: Final = struct.Struct("<IQI")
_ANSWER: Final = struct.Struct("<?I")


def lane() -> tuple[socket.socket, socket.socket]:
    """Both ends of a channel.

    Raises:
        OSError: when there are no more descriptors.
    """
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def ask(channel: socket.socket, number: int, offset: int, length: int) -> bytes:
    """A piece of a file, of a length that lies within it and is at most ``MAX_PIECE``.

    Raises:
        OSError: when it does not come.
    """
    channel.sendall(_QUESTION.pack(number, offset, length))
    came, size = _ANSWER.unpack(_exactly(channel, _ANSWER.size))
    if not came:
        raise OSError("the piece does not come")
    return _exactly(channel, size)


def next_question(channel: socket.socket) -> tuple[int, int, int] | None:
    """Number of a file, offset and length, whatever they are; None when nobody asks any more."""
    try:
        number, offset, length = _QUESTION.unpack(_exactly(channel, _QUESTION.size))
    except OSError:
        return None
    return number, offset, length


def answer(channel: socket.socket, content: bytes | None) -> None:
    """Hand out a piece; None = it does not come.

    Raises:
        OSError: when nobody takes it any more.
    """
    channel.sendall(_ANSWER.pack(content is not None, len(content or b"")))
    if content:
        channel.sendall(content)


def _exactly(channel: socket.socket, length: int) -> bytes:
    content = bytearray(length)
    view, came = memoryview(content), 0
    while came < length:
        count = channel.recv_into(view[came:])
        if not count:
            raise ConnectionResetError("the other end is gone")
        came += count
    return bytes(content)
