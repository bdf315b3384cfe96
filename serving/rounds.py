"""What is done again and again beside everything else: looking for what to tell, tidying up, writing things down."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from landcover.errors import SteppeError
from serving.sentence import sentence

_log = logging.getLogger(__name__)


class Rounds(ABC):
    """Makes rounds on a thread of its own while its context lasts; one that fails is logged, and the next one comes.

    Args:
        name: of the thread.
        every_s: seconds between two rounds.
        trouble: what is the matter when a round fails, for the log.
        at_once: the first one comes at the start, not after ``every_s``.
        last: one more comes at the end.
    """

    def __init__(self, name: str, *, every_s: float, trouble: str, at_once: bool = False, last: bool = False) -> None:
        self._every_s, self._trouble, self._at_once, self._last = every_s, trouble, at_once, last
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def round(self) -> object:
        """Do what is to be done now."""

    def attempt(self) -> None:
        """A round, whatever becomes of it."""
        try:
            self.round()
        except SteppeError as error:
            _log.warning("%s: %s", self._trouble, sentence(error))
        except Exception:  # noqa: BLE001 - the next round may do better
            _log.exception("%s", self._trouble)

    def _run(self) -> None:
        if self._at_once:
            self.attempt()
        while not self._stopping.wait(self._every_s):
            self.attempt()
        if self._last:
            self.attempt()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
