"""A reader as the process sees it that it works for: started, asked, and ended whatever it does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, Self

from landcover.errors import SteppeError
from serving.fetch.sources import ByteSource
from serving.reader.answers import Answer, Fault, Ready, parse
from serving.reader.errors import ReaderEnded, ReaderUnavailable, ReadingLimit
from serving.reader.supply import Supply
from serving.reader.terms import Terms
from serving.reader.wire import GOOD, Ended, Malformed, pair, receive_answer, send_question
from serving.sandbox.gdal import closed_environment

_ROOT: Final = Path(__file__).resolve().parents[2]
START_S: Final = 30.0
"""Seconds that an interpreter has to load its libraries, which takes a third of a second on an idle machine."""

_LANDLOCK_ABI: Final = 4
"""The first that closes TCP as well."""

_STOPPED: Final = "stopped"

_END_S: Final = 2.0
"""Seconds between the last word of a process and its end."""

type FarFiles = Mapping[Path, ByteSource]
"""Sources of bytes, by the absolute paths of the place holders that stand for them."""

NO_FILES: Final[FarFiles] = MappingProxyType({})


class _Line:
    """One channel to a reader; one question at a time."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel, self.lock = channel, Lock()

    def exchange(
        self, question: Mapping[str, Any], descriptors: Sequence[int], seconds: float, waited: Callable[[], float]
    ) -> tuple[bytes, bytes]:
        """Ask, and wait for the answer; seconds in which the reader itself waits for hosts do not count."""
        until = monotonic() + seconds - waited()
        self.channel.settimeout(seconds)
        send_question(self.channel, question, descriptors)
        while (left := until + waited() - monotonic()) > 0:
            self.channel.settimeout(left)
            with suppress(TimeoutError):
                return receive_answer(self.channel)
        raise TimeoutError


class Reader:
    """A process that reads one input. ``close`` it; threads may ask at the same time, and others end it.

    Args:
        process: the process.
        front: channel for opening and reading.
        aside: channel for what takes long beside reading.
        terms: its limits.

    Attributes:
        name: name of its input, for messages.
        ready: what it says of itself.
        died: told once, in a word, why it ended before it had answered; not when it was stopped.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], front: socket.socket, aside: socket.socket, terms: Terms
    ) -> None:
        self.name = "the raster"
        self.ready = Ready(landlock=0, filtered=False)
        self.died: Callable[[str], None] | None = None
        self._process, self._terms = process, terms
        self._front, self._aside = _Line(front), _Line(aside)
        self._ending = Lock()
        self._cause: tuple[str, SteppeError] | None = None
        self._mourned = False
        self._supply: Supply | None = None

    @classmethod
    def start(cls, terms: Terms) -> Self:
        """Start a reader and wait until it has closed itself in. It ends with the thread that starts it.

        Raises:
            ReaderUnavailable: when none can be started under these terms.
        """
        try:
            reader = cls(*_spawn(terms), terms)
        except OSError as error:
            raise ReaderUnavailable(f"no process can be started that reads rasters: {error.strerror}") from error
        try:
            reader._greet()
        except BaseException:
            reader.close()
            raise
        return reader

    def _greet(self) -> None:
        try:
            self._front.channel.settimeout(START_S)
            _, content = receive_answer(self._front.channel)
            self.ready = parse(Ready, content)
        except (Ended, Malformed, OSError) as error:
            raise ReaderUnavailable(
                "the process that reads rasters does not start; the standard error stream says why"
            ) from error
        if self._terms.require_landlock and self.ready.landlock < _LANDLOCK_ABI:
            raise ReaderUnavailable(
                f"this kernel's Landlock has ABI {self.ready.landlock} (0 = none), STEPPE_REQUIRE_LANDLOCK asks for "
                f"{_LANDLOCK_ABI}, which came with Linux 6.7; update the kernel, or unset the variable"
            )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def terms(self) -> Terms:
        """Its limits."""
        return self._terms

    def ask[Wanted: Answer](
        self,
        wanted: type[Wanted],
        question: Mapping[str, Any],
        *,
        descriptors: Sequence[int] = (),
        aside: bool = False,
    ) -> Wanted:
        """Ask for something; who asks aside may wait as long as the reader has processor time.

        Raises:
            DataError: what the reader says is wrong with the input.
            ReadingLimit: when it takes more time or memory than allowed.
            ReaderEnded: when the reader ends, or answers nonsense.
            Upstream: when a host failed to send a piece of the input; whatever the reader made of that is not heard.
        """
        try:
            return self._ask(wanted, question, descriptors, aside=aside)
        finally:
            self._refuse_missing()

    def ask_first[Wanted: Answer](self, wanted: type[Wanted], question: Mapping[str, Any], files: FarFiles) -> Wanted:
        """Ask for the first time: say which input it is, and hand out the bytes of it that lie elsewhere from now on.

        Args:
            wanted: the answer.
            question: the question.
            files: where these bytes come from, by the absolute paths of their place holders; closed by the caller, and
                not before the reader.

        Raises:
            DataError: see ``ask``.
            ReaderUnavailable: when there are no more descriptors.
        """
        if not files:
            return self.ask(wanted, question)
        try:
            supply = self._supply = Supply(files, self.refuse)
        except OSError as error:
            raise ReaderUnavailable(f"no channel for the bytes of rasters can be opened: {error.strerror}") from error
        said = [{"path": str(path), "size": source.size, "identity": source.identity} for path, source in files.items()]
        try:
            descriptors = [channel.fileno() for channel in supply.theirs]
            return self.ask(wanted, {**question, "files": said}, descriptors=descriptors)
        finally:
            supply.sent()

    def _refuse_missing(self) -> None:
        failure = self._supply and self._supply.failure
        if failure:
            raise failure

    def _waited(self) -> float:
        return self._supply.waited() if self._supply else 0.0

    def _ask[Wanted: Answer](
        self, wanted: type[Wanted], question: Mapping[str, Any], descriptors: Sequence[int], *, aside: bool
    ) -> Wanted:
        line = self._aside if aside else self._front
        seconds = max(self._terms.call_s, self._terms.limits.cpu_s) if aside else self._terms.call_s
        try:
            with line.lock:
                kind, content = line.exchange(question, descriptors, seconds, self._waited)
            if kind == GOOD:
                return parse(wanted, content)
            error = parse(Fault, content).error()
        except TimeoutError as late:
            self._end(
                "time",
                ReadingLimit(
                    f"reading {self.name!r} takes longer than the {seconds:g} seconds there are for one piece; "
                    "store it with smaller tiles, or cut it into parts"
                ),
            )
            raise self._verdict() from late
        except (Ended, OSError) as gone:
            raise self._verdict() from gone
        except Malformed as nonsense:
            raise self.refuse() from nonsense
        raise error or self.refuse()

    def refuse(self) -> SteppeError:
        """End a reader that said what cannot be; the error that says so."""
        self._end("nonsense", self._failed())
        return self._verdict()

    def end(self) -> None:
        """Kill the process, whatever it does; who waits for an answer gets an error at once."""
        self._end(_STOPPED, ReaderEnded(f"reading {self.name!r} was stopped"))

    def _end(self, word: str, cause: SteppeError) -> None:
        with self._ending:
            if self._process.poll() is None:
                self._cause = self._cause or (word, cause)
                self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End the process and give its channels back."""
        self.end()
        if self._supply:
            self._supply.close()
        for line in (self._front, self._aside):
            with line.lock:
                line.channel.close()

    def _verdict(self) -> SteppeError:
        """Why there is no answer: an error of its own for everybody who waits."""
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._end("failed", self._failed())
        word, cause = self._cause or self._own_end()
        self._mourn(word)
        return type(cause)(str(cause))

    def _mourn(self, word: str) -> None:
        with self._ending:
            first, self._mourned = not self._mourned, True
        if first and word != _STOPPED and self.died is not None:
            self.died(word)

    def _own_end(self) -> tuple[str, SteppeError]:
        """What ended a process that nobody here ended: in a word, and in a sentence."""
        if self._process.returncode == -signal.SIGXCPU:
            return "processor", ReadingLimit(
                f"reading {self.name!r} takes more than the {self._terms.limits.cpu_s} seconds of processor time there "
                "are for it; cut it into parts"
            )
        if self._process.returncode == -signal.SIGKILL:
            return "killed", ReaderEnded(
                f"the process that read {self.name!r} was killed, perhaps for want of memory; cut it into parts, or "
                "try again"
            )
        return "failed", self._failed()

    def _failed(self) -> SteppeError:
        return ReaderEnded(f"{self.name!r} made the process fail that reads it; fetch it again, or store it anew")


def _spawn(terms: Terms) -> tuple[subprocess.Popen[bytes], socket.socket, socket.socket]:
    with ExitStack() as theirs, ExitStack() as ours:
        channels = []
        for _ in range(2):
            mine, other = pair()
            channels.append(ours.enter_context(mine))
            theirs.enter_context(other)
            channels.append(other)
        front, their_front, aside, their_aside = channels
        numbers = their_front.fileno(), their_aside.fileno()
        limits = terms.limits
        words = map(str, (*numbers, limits.memory_bytes, limits.cpu_s, os.getpid()))
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and numbers
            [sys.executable, "-P", "-B", "-m", "serving.reader", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env=closed_environment() | _where_steppe_is(),
            pass_fds=numbers,
            start_new_session=True,
        )
        ours.pop_all()
    return process, front, aside


def _where_steppe_is() -> dict[str, str]:
    """Where Steppe is not installed, the interpreter does not find it by itself."""
    return {} if _ROOT.name in {"site-packages", "dist-packages"} else {"PYTHONPATH": str(_ROOT)}
