"""Who wants to know what happens to models: metrics, batching, logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from serving.registry.words import Resolved

_log = logging.getLogger(__name__)


class Observer(Protocol):
    """Told on whichever thread it happens; it must be quick, and safe to share between threads."""

    def loaded(self, model: Resolved, seconds: float) -> None:
        """An engine was loaded and has reproduced its golden sample."""

    def dropped(self, model: Resolved) -> None:
        """An engine is not kept any more; requests that have it go on."""

    def failed(self, identifier: str, problem: str) -> None:
        """A version ``name@version`` cannot be loaded, or its folder is not what it was."""

    def switched(self, name: str, before: Resolved | None, after: Resolved | None) -> None:
        """From now on another version answers to a plain name; None = none does."""


class Observers:
    """Passes everything on to all that were added, and writes it to the log; an observer that fails harms nothing.

    Args:
        aside: whether another process looks at the same folders and says what it sees there; then this one's lines
            about them are for debugging.
    """

    def __init__(self, *, aside: bool = False) -> None:
        self._all: list[Observer] = []
        self._said: dict[str, Resolved | None] = {}
        self._levels = (logging.DEBUG, logging.DEBUG) if aside else (logging.INFO, logging.WARNING)

    def add(self, observer: Observer) -> None:
        """Tell one more from now on."""
        self._all.append(observer)

    def loaded(self, model: Resolved, seconds: float) -> None:
        """See ``Observer``."""
        _log.info("%s was loaded in %.1f s", model.identifier, seconds)
        for observer in self._all:
            with survived("telling of a loaded model"):
                observer.loaded(model, seconds)

    def dropped(self, model: Resolved) -> None:
        """See ``Observer``."""
        _log.info("%s is not kept in memory any more", model.identifier)
        for observer in self._all:
            with survived("telling of a dropped model"):
                observer.dropped(model)

    def failed(self, identifier: str, problem: str) -> None:
        """See ``Observer``."""
        _log.log(self._levels[1], "%s", problem if identifier in problem else f"{identifier}: {problem}")
        for observer in self._all:
            with survived("telling of a broken model"):
                observer.failed(identifier, problem)

    def switched(self, name: str, before: Resolved | None, after: Resolved | None) -> None:
        """See ``Observer``."""
        for observer in self._all:
            with survived("telling of an exchanged model"):
                observer.switched(name, before, after)

    def answering(self, name: str, model: Resolved | None) -> None:
        """Write to the log which version answers to a plain name, once; None = none can.

        A version that will answer when it is loaded and tested does not yet, whatever the table expects.
        """
        if name not in self._said or self._said[name] != model:
            self._said[name] = model
            _log.log(self._levels[0], "%s is answered by %s", name, model.identifier if model else "nothing")


@contextmanager
def survived(what: str) -> Iterator[None]:
    """Let a thread that has to live on do so whatever happens."""
    try:
        yield
    except Exception:  # noqa: BLE001 - that is what this is for; the log has it
        _log.exception("%s failed", what)
