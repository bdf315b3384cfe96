"""The reader's side: close oneself in, open one input, and answer until nobody asks any more."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from serving.reader.lanes import LANES
from serving.reader.wire import GOOD, Ended, receive_question, send_answer
from serving.sandbox import landlock, seccomp
from serving.sandbox.limits import Limits, apply_limits, end_with


def main(arguments: Sequence[str]) -> None:
    """Read one input for another process, and end with it.

    What the interpreter and the libraries need is loaded before the input is known; from then on nothing else but the
    input and the folders of these libraries can be read.

    Args:
        arguments: numbers of the two sockets, memory in bytes, processor time in seconds, number of the other process.
    """
    front, aside, memory_bytes, cpu_s, parent = map(int, arguments)
    limits = Limits(memory_bytes, cpu_s)
    end_with(parent)
    apply_limits(limits)
    filtered = _filter_calls()
    from serving.reader.desk import Desk, warm_up  # noqa: PLC0415 - loads GDAL, which is already watched then
    from serving.reader.places import runtime_places  # noqa: PLC0415

    warm_up()

    with _adopt(front) as channel, _adopt(aside) as second, open(os.devnull, "wb") as nowhere, suppress(Ended):  # noqa: PTH123
        send_answer(channel, GOOD, {"landlock": landlock.abi(), "filtered": filtered})
        question, lanes = receive_question(channel, LANES)
        landlock.restrict([*runtime_places(), *map(Path, question["readable"])])
        # Libraries report foreign bytes to the standard error stream, in words that are nobody's.
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
        with suppress(OSError):  # of the channels: who asked has gone
            Desk(limits).serve(channel, second, question, lanes)
    os._exit(0)  # threads may still decode for somebody who has gone


def _filter_calls() -> bool:
    """Some containers have kernels that take no filter; who started the reader is told."""
    try:
        return seccomp.restrict()
    except OSError:
        return False


def _adopt(number: int) -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=number)
