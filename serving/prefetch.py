"""Run an iterator ahead in a thread, with a bounded number of finished items."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Final

_POLL_S: Final = 0.1
"""How often a blocked producer looks whether its consumer has gone."""


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


class _Done:
    """Marks the end of the items."""


_DONE: Final = _Done()


class _Producer[Item](threading.Thread):
    """Moves items into a bounded queue until they end, fail, or nobody wants them any more."""

    def __init__(self, items: Iterable[Item], depth: int) -> None:
        super().__init__(name="steppe-prefetch", daemon=True)
        self._items = items
        self._gone = threading.Event()
        # Taken before an item is made, so that a large item counts from its first byte.
        self._places = threading.Semaphore(depth)
        self._ready: queue.Queue[Item | _Failed | _Done] = queue.Queue()

    def run(self) -> None:
        """Make items until they end, one fails, or nobody wants them."""
        try:
            items = iter(self._items)
            while self._has_place():
                self._ready.put(next(items, _DONE))
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it
            self._ready.put(_Failed(error))
        finally:
            if isinstance(self._items, Generator):
                self._items.close()

    def take(self) -> Item | _Failed | _Done:
        """The next item; waits for it, and makes room for another."""
        item = self._ready.get()
        self._places.release()
        return item

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._gone.set()
        self.join()

    def _has_place(self) -> bool:
        while not self._gone.is_set():
            if self._places.acquire(timeout=_POLL_S):
                return True
        return False


def prefetch[Item](items: Iterable[Item], *, depth: int) -> Generator[Item]:
    """Yield the items of ``items``, computed in a thread at most ``depth`` items ahead.

    An error of the producer is raised at the consumer, after the items that came before it. When the consumer stops
    early (close the generator: ``contextlib.closing``), the thread ends and is waited for.

    Args:
        items: iterated in the thread; a generator is closed there.
        depth: items that may be waiting or in the making, at least 1.
    """
    producer = _Producer(items, depth)
    producer.start()
    try:
        while not isinstance(item := producer.take(), _Done):
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        producer.stop()
