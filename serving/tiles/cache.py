"""Keep what was used last, up to so many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock


class ByteCache[Key: Hashable, Value]:
    """The values used last; threads may share it.

    Args:
        limit: bytes of all values together; 0 keeps nothing.
        size_of: bytes of a value.
    """

    def __init__(self, limit: int, size_of: Callable[[Value], int]) -> None:
        self._limit, self._size_of = limit, size_of
        self._held: OrderedDict[Key, Value] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0

    def get(self, key: Key) -> Value | None:
        """The value, if it is still there."""
        with self._lock:
            value = self._held.get(key)
            if value is not None:
                self._held.move_to_end(key)
            return value

    def put(self, key: Key, value: Value) -> None:
        """Keep a value, at the cost of those that nobody has asked for longest."""
        with self._lock:
            if key in self._held:
                self.bytes -= self._size_of(self._held.pop(key))
            self._held[key] = value
            self.bytes += self._size_of(value)
            while self.bytes > self._limit:
                _, dropped = self._held.popitem(last=False)
                self.bytes -= self._size_of(dropped)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
            self.bytes = 0

    def __len__(self) -> int:
        """Values that are kept."""
        return len(self._held)
