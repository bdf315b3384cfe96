"""Messages between a reader and the process it works for: one datagram each, over a pair of sockets.

A question is JSON, and may carry the descriptor of a shared memory; the first one those of channels
that bytes come through (``lanes``). An answer is JSON behind one byte, ``+`` or ``-``.
The sockets keep the borders of messages, so that none can be joined, cut or announced longer than it is.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final

MAX_MESSAGE: Final = 64 * 1024
"""Bytes; coordinate reference systems, the longest things said, have some thousands."""

MAX_LEGEND: Final = MAX_MESSAGE // 2
"""Bytes of what a map says of its legend, as JSON; a longer one counts as none. The longest that Steppe knows has some
thousands."""

GOOD: Final = b"+"
BAD: Final = b"-"


class Malformed(Exception):
    """What came is no message."""


class Ended(Exception):
    """The other end is gone."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that keep the borders of messages.

    Raises:
        OSError: when there are no more descriptors.
    """
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send_question(channel: socket.socket, question: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a question.

    Raises:
        OSError: when the other end is gone, or does not take it in time.
    """
    socket.send_fds(channel, [json.dumps(question).encode()], descriptors)


def receive_question(channel: socket.socket, most: int = 1) -> tuple[dict[str, Any], list[int]]:
    """The next question, and the descriptors that came with it.

    Args:
        channel: where it comes from.
        most: how many descriptors may come.

    Raises:
        Ended: when there will be none.
    """
    content, descriptors, _, _ = socket.recv_fds(channel, MAX_MESSAGE, most)
    if not content:
        raise Ended
    question: dict[str, Any] = json.loads(content)
    return question, descriptors


def send_answer(channel: socket.socket, kind: bytes, answer: Mapping[str, Any]) -> None:
    """Send an answer.

    Raises:
        OSError: when the other end is gone.
    """
    channel.sendall(kind + json.dumps(answer).encode())


def receive_answer(channel: socket.socket) -> tuple[bytes, bytes]:
    """Kind and content of the next answer. Descriptors that come with it are not taken.

    Raises:
        Ended: when there will be none.
        Malformed: when it is too long, of no kind, or came with a descriptor.
        TimeoutError: when it does not come in time.
    """
    try:
        content, _, flags, _ = channel.recvmsg(MAX_MESSAGE)
    except ConnectionError as error:
        raise Ended from error
    if not content:
        raise Ended
    kind = content[:1]
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC) or kind not in (GOOD, BAD):
        raise Malformed
    return kind, content[1:]
