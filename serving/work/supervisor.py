"""Keep worker processes running."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Final, Self

from serving.telemetry.report import LONGEST, ReportInvalid, WorkerReport

LOOK_S: Final = 0.25
"""Seconds between looks at the workers."""

SLOWEST_S: Final = 30.0
"""Most seconds before a worker that dies again and again is started anew."""

STEADY_S: Final = 60.0
"""Seconds of life after which a worker is not one that dies again and again."""

STOP_S: Final = 10.0
"""Seconds that workers have to give their jobs back before they are killed; the table copes with either."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Post:
    """One place for a worker.

    Attributes:
        name: of whoever works there.
        process: who works there now, or None.
        began: when it was started, monotonic.
        deaths: in a row.
        next_start: when the place may be taken again, monotonic.
    """

    name: str
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    deaths: int = 0
    next_start: float = field(default_factory=time.monotonic)


class Supervisor:
    """Starts workers, starts those anew that die, and stops them all.

    A worker holds the other end of a pipe. It ends when this process does, however that ends, because the pipe closes.

    Args:
        count: how many workers.
        environment: of workers; default: this process's.
        report: is told what a worker says of a job; called from several threads.
        command: what a worker is; its name is appended.
    """

    def __init__(
        self,
        count: int,
        environment: Mapping[str, str] | None = None,
        *,
        report: Callable[[WorkerReport], None],
        command: Sequence[str] = (sys.executable, "-m", "serving.work"),
    ) -> None:
        self._command, self._environment, self._report = tuple(command), environment, report
        host = f"{os.uname().nodename}-{os.getpid()}"
        self._posts = [_Post(f"{host}-{number}") for number in range(1, count + 1)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="steppe-supervisor", daemon=True)

    @property
    def alive(self) -> int:
        """Workers that run."""
        processes = [post.process for post in self._posts]  # the other thread may take one away at any moment
        return sum(process is not None and process.poll() is None for process in processes)

    @property
    def count(self) -> int:
        """Workers that should run."""
        return len(self._posts)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            for post in self._posts:
                self._look(post)
            self._stopping.wait(LOOK_S)

    def _look(self, post: _Post) -> None:
        """Start a worker where there is none, after a while when it died soon."""
        now = time.monotonic()
        if post.process is not None and post.process.poll() is not None:
            _log.warning("worker %s ended with exit code %d", post.name, post.process.returncode)
            self._bury(post)
            post.deaths = 0 if now - post.began > STEADY_S else post.deaths + 1
            # At once after the first death: one bad job must not cost others their worker.
            post.next_start = now + min(SLOWEST_S, 0.1 * 2 ** max(0, post.deaths - 1))
        if post.process is None and now >= post.next_start:
            try:
                self._start(post)
            except OSError as error:  # no memory or no process numbers left: there may be some later
                _log.warning("worker %s cannot be started: %s", post.name, error.strerror)
                post.next_start = now + SLOWEST_S

    def _start(self, post: _Post) -> None:
        post.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*self._command, post.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment
        )
        post.began = time.monotonic()
        said = post.process.stdout
        threading.Thread(target=self._listen, args=(said,), name=f"steppe-hear-{post.name}", daemon=True).start()

    def _listen(self, said: IO[bytes]) -> None:
        """Hand on what a worker says, until it ends."""
        with said:
            while line := said.readline(LONGEST + 1):
                try:
                    self._report(WorkerReport.from_line(line))
                except ReportInvalid as error:
                    _log.warning("%s", error)
                except Exception:  # noqa: BLE001 - a worker that nobody hears would wait for ever
                    _log.exception("a report of a worker is lost")

    @staticmethod
    def _bury(post: _Post) -> None:
        if post.process is not None and post.process.stdin is not None:
            post.process.stdin.close()
        post.process = None

    def stop(self) -> None:
        """Let all workers give their jobs back and end; those that do not are killed."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        running = [post for post in self._posts if post.process is not None]
        for post in running:
            assert post.process is not None  # noqa: S101 - chosen above
            if post.process.stdin is not None:
                post.process.stdin.close()
        deadline = time.monotonic() + STOP_S
        for post in running:
            self._end(post, deadline)

    @staticmethod
    def _end(post: _Post, deadline: float) -> None:
        assert post.process is not None  # noqa: S101 - chosen by the caller
        try:
            post.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            post.process.kill()
            post.process.wait()
        post.process = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
