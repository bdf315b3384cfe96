"""Remove what nobody needs any more: old jobs with their results, old uploads, and what killed workers left."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from landcover.errors import SteppeError
from serving.folders import StateFolders
from serving.jobs.store import JobStore
from serving.sentence import sentence

ROUND_S: Final = 30.0
"""Seconds between rounds."""

SCRATCH_KEPT_S: Final = 86400.0
"""Seconds after the last change for which the scratch folder of a job stays: its worker may be on another host."""

_log = logging.getLogger(__name__)


class Janitor:
    """Makes rounds on a thread of its own.

    Args:
        store: the job table.
        folders: where files are.
        keep_s: seconds that ended jobs are kept.
    """

    def __init__(self, store: JobStore, folders: StateFolders, keep_s: float) -> None:
        self._store, self._folders, self._keep_s = store, folders, keep_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steppe-janitor", daemon=True)

    def round(self) -> None:
        """Remove everything that is due now.

        Raises:
            StoreUnavailable: when the job table cannot be reached.
        """
        results = self._folders.results
        self._store.expire()
        for name in self._store.forget(self._keep_s):
            results.remove(name)
        found = results.found()  # before the table is asked: what begins in between is not among them
        results.drop(found, self._store.results())
        self._folders.uploads.sweep()
        self._sweep_scratch()

    def _sweep_scratch(self) -> None:
        oldest = time.time() - SCRATCH_KEPT_S
        for path in self._folders.scratch.glob("job-*"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    shutil.rmtree(path, ignore_errors=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.round()
            except SteppeError as error:
                _log.warning("old files are not removed: %s", sentence(error))
            self._stopping.wait(ROUND_S)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
