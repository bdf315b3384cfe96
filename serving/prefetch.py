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


class _Producer[Item](threading.Thread):
    """Moves items into a bounded queue until they end, fail, or nobody wants them any more."""

    def __init__(self, items: Iterable[Item], depth: int) -> None:
        super().__init__(name="steppe-prefetch", daemon=True)
        self._items = items
        self._gone = threading.Event()
        self.ready: queue.Queue[Item | _Failed | _Done] = queue.Queue(maxsize=depth)

    def run(self) -> None:
        try:
            self._forward()
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it
            self._offer(_Failed(error))
        else:
            self._offer(_Done())
        finally:
            if isinstance(self._items, Generator):
                self._items.close()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._gone.set()
        self.join()

    def _forward(self) -> None:
        for item in self._items:
            if not self._offer(item):
                return

    def _offer(self, item: Item | _Failed | _Done) -> bool:
        while not self._gone.is_set():
            try:
                self.ready.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False


def prefetch[Item](items: Iterable[Item], *, depth: int) -> Generator[Item]:
    """Yield the items of ``items``, computed in a thread at most ``depth`` items ahead.

    An error of the producer is raised at the consumer, after the items that came before it. When the consumer stops
    early (close the generator: ``contextlib.closing``), the thread ends and is waited for.

    Args:
        items: iterated in the thread; a generator is closed there.
        depth: finished items that may wait, at least 1; one more may be in the making.
    """
    producer = _Producer(items, depth)
    producer.start()
    try:
        while not isinstance(item := producer.ready.get(), _Done):
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        producer.stop()
