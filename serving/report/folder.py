"""The folder of a report or of a comparison: private while it is made, under its name when it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landcover.errors import OutputNotWritable, WrongUse
from landcover.staging import StagingFolder, flush, os_errors, sweep
from serving.report import files
from serving.signals import held_off


@contextmanager
def report_folder(
    target: Path, *, replace: bool = False, mark: str = files.ACCOUNT, what: str = "report"
) -> Iterator[Path]:
    """A private folder beside ``target`` that takes its name when the context ends well; nothing is left otherwise.

    Args:
        target: the folder to be; its parent must exist.
        replace: whether an earlier one may lie there, which then goes.
        mark: the file by which an earlier one is known.
        what: what the folder is of, for messages.

    Raises:
        WrongUse: when something is there that may not be replaced; found before anything is computed.
        OutputNotWritable: when the folder cannot be made.
        DiskFull: when there is no room.
    """
    target = Path(target).absolute()
    _check(target, replace=replace, mark=mark, what=what)
    sweep(target.parent)
    with StagingFolder(target) as private:
        work = private / "report"
        with os_errors(target):
            work.mkdir()
        yield work
        with os_errors(target):
            for path in work.rglob("*"):
                flush(path)
        with held_off(), os_errors(target):
            if target.exists():
                target.rename(private / "old")
            work.chmod(0o755)
            work.rename(target)
            flush(target.parent)


def _check(target: Path, *, replace: bool, mark: str, what: str) -> None:
    if not target.parent.is_dir():
        raise OutputNotWritable(f"{target.name!r} cannot be written: the folder it is to lie in is not there")
    if not target.exists():
        return
    if not target.is_dir():
        raise WrongUse(f"{target.name!r} is a file; name a folder for the {what}")
    with os_errors(target):
        empty = not any(target.iterdir())
    if empty:
        return
    if not (target / mark).is_file():
        raise WrongUse(f"{target.name!r} holds other files than those of a {what}; name another folder")
    if not replace:
        raise WrongUse(f"{target.name!r} holds a {what} already; name another folder, or say --replace")
