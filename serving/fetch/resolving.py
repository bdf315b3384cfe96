"""Names to addresses, in bounded time: the system's resolver takes no time limit of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import Final

from serving.fetch.addresses import Address

type Resolve = Callable[[str, float], tuple[Address, ...]]
"""Addresses of a name, given the seconds it may take. Raises ``TimeoutError``, or ``OSError`` when there are none."""

AT_ONCE: Final = 16
"""Names looked up at the same time; a look-up that hangs keeps its place until the system gives up."""


class SystemResolver:
    """The system's resolver, which is asked in a thread of its own and left behind when it takes too long."""

    def __init__(self) -> None:
        self._places = BoundedSemaphore(AT_ONCE)

    def __call__(self, host: str, seconds: float) -> tuple[Address, ...]:
        """All addresses of a name.

        Raises:
            TimeoutError: when it takes longer.
            OSError: when the name is not known.
        """
        until = monotonic() + seconds
        if not self._places.acquire(timeout=seconds):
            raise TimeoutError
        answer: SimpleQueue[tuple[Address, ...] | OSError] = SimpleQueue()
        # A daemon: a look-up that hangs must not keep the process from ending.
        Thread(target=self._look_up, args=(host, answer), name="resolver", daemon=True).start()
        try:
            found = answer.get(timeout=max(until - monotonic(), 0.0))
        except Empty:
            raise TimeoutError from None
        if isinstance(found, OSError):
            raise found
        return found

    def _look_up(self, host: str, answer: SimpleQueue[tuple[Address, ...] | OSError]) -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answer.put(tuple(dict.fromkeys(ip_address(place[0]) for *_, place in found)))
        except OSError as error:
            answer.put(error)
        except ValueError:  # an address family without such addresses, or a name that cannot be encoded
            answer.put(OSError("no address"))
        finally:
            self._places.release()
