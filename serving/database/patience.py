"""A connection that does not wait for ever for a server that is connected but says nothing.

libpq has a limit for connecting and, by the system's means, for a network that is gone. A server whose machine or disk
hangs still acknowledges what it is sent: for an answer libpq waits without an end, and so would every thread of the
service that asks it.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg.rows import DictRow


class Silence(psycopg.OperationalError):
    """The server did not answer in time; nobody knows whether it did what it was told."""


class PatientConnection(psycopg.Connection[DictRow]):
    """A connection that is over when an answer takes too long; there is no other way to end a question.

    Attributes:
        silence_s: seconds that an answer may take; None = for ever.
        silent: whether one took longer.
    """

    silence_s: float | None = None
    silent = False

    def wait(self, gen: Generator[Any, Any, Any], *given: Any, **named: Any) -> Any:
        """See ``psycopg.Connection``, which gets every answer by this method."""
        if self.silence_s is None:
            return super().wait(gen, *given, **named)
        return super().wait(self._limited(gen, time.monotonic() + self.silence_s), *given, **named)

    def _limited(self, gen: Generator[Any, Any, Any], until: float) -> Generator[Any, Any, Any]:
        """The same steps; psycopg takes one with nothing (0) several times a second while the socket is still."""
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > until:
                    self.silent = True
                    raise Silence(f"the server did not answer within {self.silence_s:g} seconds")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value
        finally:
            gen.close()
