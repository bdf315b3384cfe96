"""Whether the disk keeps what it is given."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager

from landcover.errors import DiskFailed

_log = logging.getLogger(__name__)


class Disk:
    """Remembers that the disk failed, until the process ends.

    After a failed flush the system may drop what it could not write and call the next flush good, so a process that
    has seen one promises nothing more. One that is started anew finds what is really there.
    """

    def __init__(self) -> None:
        self._failed = threading.Event()

    @contextmanager
    def promising(self) -> Generator[None]:
        """Do something whose success is a promise to somebody.

        Raises:
            DiskFailed: the disk has failed now, or before.
        """
        self.check()
        try:
            yield
        except DiskFailed:
            self._failed.set()
            _log.critical("the disk has an error: nothing more is accepted until the service is started anew")
            raise

    def check(self) -> str:
        """A sentence for who asks whether the service is ready.

        Raises:
            DiskFailed: the disk has failed before.
        """
        if self._failed.is_set():
            raise DiskFailed("the disk has failed, so nothing more is accepted; see to it, then start the service anew")
        return "keeps what it is given"
