"""Remove what nobody needs any more: old jobs with their results, old uploads, and what killed workers left."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from serving.folders import StateFolders
from serving.jobs.store import JobStore
from serving.processes.orders import Request
from serving.rounds import Rounds
from serving.work.gathering import SCRATCH

ROUND_S: Final = 30.0
"""Seconds between rounds."""

SCRATCH_KEPT_S: Final = 86400.0
"""Seconds after which any scratch folder is old; a job that has ended well still has the name of its attempt."""

_ATTEMPT: Final = re.compile(rf"{SCRATCH}(?P<name>[0-9a-f-]{{36}}\.\d+)-")


class Janitor(Rounds):
    """Makes rounds through the job table and the folders.

    Args:
        store: the job table.
        folders: where files are.
        keep_s: seconds that ended jobs are kept.
    """

    def __init__(self, store: JobStore, folders: StateFolders, keep_s: float) -> None:
        super().__init__("steppe-janitor", every_s=ROUND_S, trouble="old files are not removed", at_once=True)
        self._store, self._folders, self._keep_s = store, folders, keep_s

    def round(self) -> None:
        """Remove everything that is due now.

        Raises:
            StoreUnavailable: when the job table cannot be reached.
        """
        results = self._folders.results
        self._store.expire()
        for name in self._store.forget(self._keep_s):
            results.remove(name)
        # Before the table is asked: what begins in between is not among what is found.
        found, scratch = results.found(), sorted(self._folders.scratch.glob(f"{SCRATCH}*"))
        needed = self._store.results()
        results.drop(found, needed)
        _drop_scratch(scratch, needed)
        self._drop_uploads()

    def _drop_uploads(self) -> None:
        """Remove uploads whose time is over, but none that a job waits for: it may have waited longer than that."""
        uploads = self._folders.uploads
        if over := uploads.over():
            requests = map(Request.model_validate, self._store.requests())
            uploads.drop(over, {upload.file for request in requests for upload in request.uploads})


def _drop_scratch(found: Iterable[Path], needed: Collection[str]) -> None:
    """Remove scratch folders of attempts that are over: their worker was killed."""
    oldest = time.time() - SCRATCH_KEPT_S
    for path in found:
        match = _ATTEMPT.match(path.name)
        with suppress(OSError):
            if (match and match["name"] not in needed) or path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
