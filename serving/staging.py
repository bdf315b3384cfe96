"""Make result files under temporary names and show them when all of them are done and on the disk."""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from landcover.errors import WrongUse
from landcover.raster.staging import check_target
from landcover.staging import StagingFolder, flush, os_errors, publish, sweep
from serving.hrefs import landing
from serving.signals import held_off


def write_file(path: Path, content: bytes) -> None:
    """Write a small file that :meth:`Staging.publish` flushes and names.

    Raises:
        DiskFull: when there is no space.
        OutputNotWritable: when it cannot be written.
    """
    with os_errors(path):
        path.write_bytes(content)


class Staging:
    """Temporary names beside the final ones; :meth:`publish` renames them in the order they were asked for.

    Leaving the context removes whatever was staged and not published. What killed processes left beside the final names
    is removed, too.

    Args:
        owner: a folder that one process at a time holds, if there is one: the temporary names then follow from it, and
            what a killed process staged for the same owner is removed.
    """

    def __init__(self, owner: Path | None = None) -> None:
        self._owner = owner
        self._moves: dict[Path, Path] = {}
        self._swept: set[Path] = set()
        self._published = False
        self._folders = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folders.close()
        if isinstance(error, KeyboardInterrupt) and not self._published:
            error.add_note("nothing was published")

    def path_for(self, final: Path) -> Path:
        """Where to write the file that will be called ``final``.

        The temporary file has the final one's name, in a hidden folder beside it, so that formats which look at the
        name or extension see the right one and the last step is a rename within one file system.

        Raises:
            WrongUse: when two outputs have the same name.
            OutputNotWritable: when the folder does not exist or cannot be written.
            DiskFull: when there is no room for a folder.
        """
        final = landing(final)
        if final in self._moves:
            raise WrongUse(f"two outputs have the same name {final.name!r}; give each its own")
        check_target(final, needed_bytes=0)
        if final.parent not in self._swept:
            self._swept.add(final.parent)
            sweep(final.parent)
        self._moves[final] = self._folders.enter_context(StagingFolder(final, label=self._label(final))) / final.name
        return self._moves[final]

    def _label(self, final: Path) -> str | None:
        if self._owner is None:
            return None
        return hashlib.sha256(b"\0".join(map(os.fsencode, (self._owner.absolute(), final)))).hexdigest()[:16]

    def publish(self) -> None:
        """Flush all files, then give them their final names, replacing older ones, in the order they were staged.

        A full disk shows while they are flushed, before the first has its name. The renames after that are one by one:
        if a name is taken meanwhile, those before it stay. Ctrl-C and its like wait for the last of them.

        Raises:
            DiskFull: when flushing finds no room.
            OutputNotWritable: when a name cannot be taken.
        """
        for final, temporary in self._moves.items():
            with os_errors(final):
                flush(temporary)
        with held_off():
            for final, temporary in self._moves.items():
                publish(temporary, final)
            self._published = True
