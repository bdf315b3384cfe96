"""The progress bar of work that a service does."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from serving.client.watching import Quiet, Watcher
from serving.sentence import sentence

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_MEGABYTE: Final = 1e6


class BarWatcher:
    """Shows one thing at a time: a file on its way, or the job.

    Args:
        bar: where.
        task: the only one of the bar.
        what: what the job does.
    """

    def __init__(self, bar: Progress, task: TaskID, what: str) -> None:
        self._bar, self._task, self._what = bar, task, what
        self._phase = ""

    def transfer(self, verb: str, name: str, done: int, total: int) -> None:
        """See ``client.watching.Watcher``."""
        detail = f"{done / _MEGABYTE:.1f} of {total / _MEGABYTE:.1f} MB"
        self._show(f"{verb} {name}", done, total, detail)

    def job(self, percent: int, message: str) -> None:
        """See ``client.watching.Watcher``."""
        self._show(self._what, percent, 100 if percent else None, sentence(message))

    def pause(self, why: str, seconds: float) -> None:
        """See ``client.watching.Watcher``."""
        self._bar.update(self._task, detail=f"trying again in {seconds:.0f} s: {why}")

    def _show(self, phase: str, done: int, total: int | None, detail: str) -> None:
        if phase != self._phase:  # so that the time left is that of this phase
            self._bar.reset(self._task, description=phase)
            self._phase = phase
        self._bar.update(self._task, completed=done, total=total, detail=detail)


@contextmanager
def service_bar(what: str, *, shown: bool) -> Generator[Watcher]:
    """A bar on standard error for what a service does; nothing when not shown."""
    if not shown:
        yield Quiet()
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    whole, cut = Column(no_wrap=True, overflow="ellipsis", max_width=40), Column(no_wrap=True, overflow="ellipsis")
    columns = (
        TextColumn("{task.description}", markup=False, table_column=whole),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("left"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[detail]}", markup=False, table_column=cut),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield BarWatcher(bar, bar.add_task(what, total=None, detail=""), what)
