"""Idempotency keys of requests that are being answered: a second one with the same key has come too early."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from serving.api.refusals import KeyInUse


class KeysInUse:
    """Keys of requests under way in this process; used from its event loop only.

    It is the job table that makes one job of one key, whatever the number of processes.
    """

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def using(self, owner: str, key: str | None) -> Iterator[None]:
        """Hold a key while its request is answered; None is no key.

        Raises:
            KeyInUse: when another request of the same owner holds it.
        """
        held = (owner, key or "")
        if key is None:
            yield
            return
        if held in self._keys:
            raise KeyInUse(
                "a request with this Idempotency-Key is being answered; wait for its answer, or send it again later"
            )
        self._keys.add(held)
        try:
            yield
        finally:
            self._keys.discard(held)
