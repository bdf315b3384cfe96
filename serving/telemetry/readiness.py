"""Whether the service can do its work: named questions, each with a time limit, that its parts add."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landcover.errors import DiskFull, SteppeError

LIMIT_S: Final = 2.0
"""Seconds that a question may take; who asks for readiness often waits no longer than a few."""

_log = logging.getLogger(__name__)


class PartNotReady(SteppeError):
    """A part of the service cannot do its work."""

    slug = "part-not-ready"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a part answered.

    Attributes:
        ready: whether it can do its work.
        detail: one sentence.
    """

    ready: bool
    detail: str


@dataclass(frozen=True, slots=True)
class _Check:
    ask: Callable[[], str]
    limit_s: float


class Readiness:
    """The questions of one application; asked all at the same time, in threads.

    A question that is not answered in time stays asked: the next caller waits for the same answer, so a part that hangs
    holds one thread, however often it is asked for.
    """

    def __init__(self) -> None:
        self._checks: dict[str, _Check] = {}
        self._asked: dict[str, asyncio.Future[str]] = {}

    def add(self, name: str, ask: Callable[[], str], *, limit_s: float = LIMIT_S) -> None:
        """Add a question, or put another one in its place.

        Args:
            name: of the part, for example ``database``; clients see it.
            ask: answers one sentence about a part that is ready, and raises SteppeError where it is not. Called in a
                thread.
            limit_s: seconds it may take.
        """
        self._checks[name] = _Check(ask, limit_s)

    async def replies(self) -> Mapping[str, Reply]:
        """Ask all; takes as long as the slowest answer, at most the longest limit."""
        names = list(self._checks)
        replies = await asyncio.gather(*(self._reply(name) for name in names))
        return dict(zip(names, replies, strict=True))

    async def _reply(self, name: str) -> Reply:
        check = self._checks[name]
        asked = self._asked.get(name)
        if asked is None:
            asked = _ask(name, check.ask)
            self._asked[name] = asked
            asked.add_done_callback(lambda done: self._forget(name, done))
        await asyncio.wait({asked}, timeout=check.limit_s)
        return _read(name, asked, check.limit_s)

    def _forget(self, name: str, asked: asyncio.Future[str]) -> None:
        self._asked.pop(name, None)
        if not asked.cancelled():
            asked.exception()  # looked at, so that nobody complains when all who asked have gone


def _ask(name: str, ask: Callable[[], str]) -> asyncio.Future[str]:
    """Ask in a thread of its own, which holds up neither other work nor the end of the process."""
    answer: Future[str] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except Exception as error:  # noqa: BLE001 - whatever it is, the part is not ready
            answer.set_exception(error)

    threading.Thread(target=work, name=f"steppe-ready-{name}", daemon=True).start()
    return asyncio.wrap_future(answer)


def _read(name: str, asked: asyncio.Future[str], limit_s: float) -> Reply:
    if not asked.done() or asked.cancelled():
        return Reply(ready=False, detail=f"no answer within {limit_s:g} s")
    error = asked.exception()
    if error is None:
        return Reply(ready=True, detail=asked.result())
    if isinstance(error, SteppeError):
        return Reply(ready=False, detail=str(error))
    _log.error("the check of %s failed", name, exc_info=error)
    return Reply(ready=False, detail="the check itself failed; the service's log has the details")


def disk_check(folder: Path, least_bytes: int) -> Callable[[], str]:
    """A question for free space.

    Args:
        folder: where the service writes.
        least_bytes: that must be free.
    """

    def ask() -> str:
        if folder.exists() and not os.access(folder, os.W_OK):
            raise PartNotReady(
                "the folder the service writes to is closed to it, or its file system read-only; open it"
            )
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise PartNotReady("the folder the service writes to cannot be reached; see that it is there") from error
        if free < least_bytes:
            raise DiskFull(f"less than {least_bytes:,} bytes are free; make room")
        return "has room"

    return ask


def store_check(counts: Callable[[], Mapping[str, int]]) -> Callable[[], str]:
    """A question for the database, by the cheapest query of the job table; ``JobStore.counts`` is such a function."""

    def ask() -> str:
        counts()
        return "answers"

    return ask


def workers_check(alive: Callable[[], int]) -> Callable[[], str]:
    """A question for the worker processes: one of them must be alive."""

    def ask() -> str:
        if not alive():
            raise PartNotReady("no worker process is alive; they are being started again, try again later")
        return "alive"

    return ask
