"""Results of earlier jobs as inputs of new ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landcover.errors import ConfigError, DataError
from serving.jobs.record import State
from serving.jobs.store import JobGone, JobNotFound, JobStore
from serving.report import files
from serving.results import Results

REPORT_PROCESS: Final = "report"
_TAKEN: Final = (files.ACCOUNT, files.INDICATOR, files.TRANSITIONS)


class BaselineNotFound(DataError):
    """There is no such report of the baseline: it never was, failed, was removed, or is somebody else's."""

    slug = "no-such-baseline"


@dataclass(frozen=True, slots=True)
class EarlierReports:
    """Reports that somebody has made.

    Attributes:
        store: the job table.
        results: where their files are.
        owner: whose they have to be.
    """

    store: JobStore
    results: Results
    owner: str

    def baseline(self, job: str) -> tuple[Path, Path, Path]:
        """The account, the indicator and the transitions of land cover of a report.

        Args:
            job: its id.

        Raises:
            BaselineNotFound: when this owner has no report of that id that was made.
            ConfigError: when it was made without the indicator.
            StoreUnavailable: when the job table cannot be asked.
        """
        try:
            found = self.store.get(job, self.owner)
        except (JobNotFound, JobGone) as error:
            raise _absent() from error
        if found.new.process != REPORT_PROCESS or found.state is not State.SUCCESSFUL or found.result is None:
            raise _absent()
        folder = self.results.root / found.result
        account, indicator, transitions = (folder / name for name in _TAKEN)
        if not (account.is_file() and transitions.is_file()):  # removed in this moment
            raise _absent()
        if not indicator.is_file():
            raise ConfigError(
                "the input baseline is a report without the indicator; make it with land productivity and soil carbon "
                "first"
            )
        return account, indicator, transitions


def _absent() -> BaselineNotFound:
    return BaselineNotFound(
        "there is no such report to take for the baseline; give the id of a job of yours that made one, GET /jobs "
        "lists them"
    )
