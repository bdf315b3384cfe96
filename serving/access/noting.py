"""Keep the last use of keys, beside the requests: those must not wait for whoever writes to the database."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Final, Self

from landcover.errors import SteppeError
from serving.access.authenticator import Authenticator

EVERY_S: Final = 2.0
"""Seconds between two notes."""

_log = logging.getLogger(__name__)


class UseNotes:
    """A thread that writes down which keys were used.

    Args:
        authenticator: knows them.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steppe-key-use", daemon=True)

    def note(self) -> None:
        """Write it down now; what cannot be written keeps nobody out."""
        try:
            self._authenticator.note_use()
        except SteppeError as error:
            _log.warning("the last use of keys is not noted: %s", error)

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self.note()
        self.note()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
