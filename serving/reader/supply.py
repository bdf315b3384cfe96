"""Bytes for a reader that may not fetch them itself: threads here answer what it asks for, and no more than that.

The reader decodes foreign bytes and may ask for anything: a piece that does not lie in one of its files ends it. What
goes wrong with a host is kept here, because the reader's word for it would not be believed.
"""

from __future__ import annotations

import copy
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Final

from landcover.errors import SteppeError
from serving.fetch.errors import Upstream
from serving.fetch.sources import ByteSource
from serving.fetch.watch import Watch
from serving.reader.lanes import LANES, MAX_PIECE, answer, lane, next_question

_PATIENCE_S: Final = 2.0
"""Seconds that closing waits for threads that wait for hosts; they end by themselves when fetching is stopped."""


class Supply:
    """Hands out bytes of sources to one reader. Close it; the sources stay open.

    Args:
        files: the sources, by the absolute paths of their place holders; the reader knows them by their numbers.
        nonsense: called when the reader asks for what it cannot want.
    """

    def __init__(self, files: Mapping[Path, ByteSource], nonsense: Callable[[], object]) -> None:
        self._sources, self._nonsense = tuple(files.values()), nonsense
        self._lock = Lock()
        self._failure: SteppeError | None = None
        self._watch = Watch()
        with ExitStack() as stack:
            ends = [tuple(map(stack.enter_context, lane())) for _ in range(LANES)]
            stack.pop_all()
        self._channels = [mine for mine, _ in ends]
        self.theirs = [other for _, other in ends]
        self._threads = [
            Thread(target=self._serve, args=(channel,), name="steppe-bytes", daemon=True) for channel in self._channels
        ]
        for thread in self._threads:
            thread.start()

    @property
    def failure(self) -> SteppeError | None:
        """Why the first piece did not come that did not: an error of its own for everybody who asks."""
        return copy.copy(self._failure)

    def waited(self) -> float:
        """Seconds in which a host was waited for, so far."""
        return self._watch.seconds

    def sent(self) -> None:
        """Close the reader's ends of the channels here: it has got them."""
        for channel in self.theirs:
            channel.close()

    def close(self) -> None:
        """End the threads; call it when the reader has ended."""
        self.sent()
        for channel in self._channels:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
        until = monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(until - monotonic(), 0.0))

    def _serve(self, channel: socket.socket) -> None:
        with channel, suppress(OSError):
            while question := next_question(channel):
                if not self._is_in_a_file(*question):
                    self._nonsense()
                    return
                answer(channel, self._piece(*question))

    def _is_in_a_file(self, number: int, offset: int, length: int) -> bool:
        return number < len(self._sources) and 0 < length <= MAX_PIECE and offset + length <= self._sources[number].size

    def _piece(self, number: int, offset: int, length: int) -> bytes | None:
        """Bytes of a source; nothing comes any more when one piece did not."""
        if self._failure is not None:
            return None
        try:
            with self._watch.running():
                return self._sources[number].read(offset, length)
        except SteppeError as error:
            self._fail(error)
        except (ValueError, OSError):  # closed, or fetched whole and out of reach
            self._fail(Upstream("a piece of the input cannot be read any more; try again"))
        return None

    def _fail(self, error: SteppeError) -> None:
        with self._lock:
            if self._failure is None:
                self._failure = error
