"""Who is told how far the work of a service is."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Is told what goes on; see ``serving.commands`` for the one with a progress bar."""

    def transfer(self, verb: str, name: str, done: int, total: int) -> None:
        """A file is on its way: ``sending`` or ``fetching``, its name, bytes done and in all."""

    def job(self, percent: int, message: str) -> None:
        """The job is so far."""

    def pause(self, why: str, seconds: float) -> None:
        """Something has to be tried again."""


class Quiet:
    """A watcher that says nothing."""

    def transfer(self, verb: str, name: str, done: int, total: int) -> None:
        """See ``Watcher``."""

    def job(self, percent: int, message: str) -> None:
        """See ``Watcher``."""

    def pause(self, why: str, seconds: float) -> None:
        """See ``Watcher``."""
