"""The keys that are known at this moment; checking one costs microseconds, and one that is taken back ends soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Final, Protocol

from landcover.errors import SteppeError
from serving.access.keys import Key, digest, key_id
from serving.access.principal import Principal

LIFETIME_S: Final = 1.0
"""How long a copy of the table counts; a revoked key ends within twice this."""

USE_STEP: Final = timedelta(minutes=10)
"""How exactly the last use of a key is kept: a write for every request would cost more than the check."""

_NOTHING: Final = "0" * 64


class KeySource(Protocol):
    """Where keys are kept."""

    def load(self) -> Sequence[Key]:
        """All keys, those that are over included.

        Raises:
            StoreUnavailable: when they cannot be read.
        """

    def note(self, used: Collection[str]) -> None:
        """Keep that keys of these ids, as far as they are here, were seen just now.

        Raises:
            SteppeError: when that cannot be written.
        """


class KeyRing:
    """A copy of all keys that is renewed every second while somebody asks.

    Args:
        sources: where keys are kept.
        clock: seconds that never go back.
        now: the time of day, UTC.
    """

    def __init__(
        self,
        sources: Sequence[KeySource],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._now = now
        self._keys: Mapping[str, Key] = {}
        self._used: set[str] = set()
        self._failure: SteppeError | None = None
        self._good_until = float("-inf")
        self._renewing, self._noting = threading.Lock(), threading.Lock()

    @property
    def fresh(self) -> bool:
        """Whether the copy still counts; if not, ``refresh`` comes first."""
        return self._clock() < self._good_until

    def refresh(self) -> None:
        """Renew the copy where it is old. Reads files and the database, so it has no place on an event loop.

        Without its sources the ring opens nothing, and asks them again after a second.
        """
        with self._renewing:
            if self.fresh:
                return
            try:
                self._keys = {key.id: key for source in self._sources for key in source.load()}
                self._failure = None
            except SteppeError as error:
                self._failure = error
            self._good_until = self._clock() + LIFETIME_S

    def note_use(self) -> None:
        """Keep which keys were used. Waits for whoever writes to the database, so no request may wait for it.

        Raises:
            SteppeError: when that cannot be written; it is kept the next time.
        """
        with self._noting:
            used, self._used = self._used, set()
        if not used:
            return
        try:
            for source in self._sources:
                source.note(used)
        except SteppeError:
            with self._noting:
                self._used |= used
            raise

    @property
    def any(self) -> bool:
        """Whether a key was ever made; one that is over counts, or taking back the last one would open the service.

        Raises:
            StoreUnavailable: when that cannot be known.
        """
        self.check()
        return bool(self._keys)

    @property
    def any_usable(self) -> bool:
        """Whether somebody can come in with a key.

        Raises:
            StoreUnavailable: when that cannot be known.
        """
        self.check()
        now = self._now()
        return any(key.usable(now) for key in self._keys.values())

    def find(self, text: str) -> Principal | None:
        """Who comes with this key; None when it is wrong, over or unknown.

        Raises:
            StoreUnavailable: when that cannot be known.
        """
        self.check()
        key = self._keys.get(key_id(text) or "")
        right = compare_digest(digest(text), key.sha256 if key else _NOTHING)
        now = self._now()
        if key is None or not right or not key.usable(now):
            return None
        if key.last_used is None or now - key.last_used > USE_STEP:
            with self._noting:
                self._used.add(key.id)
        return key.principal

    def check(self) -> None:
        """Raise what kept the copy from being renewed."""
        if self._failure is not None:
            raise self._failure
