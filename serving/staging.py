"""Make result files under temporary names and show them all at once, or none."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from landcover.errors import ConfigError, DiskFull, OutputNotWritable, SteppeError


def as_output_error(error: OSError, what: str) -> SteppeError:
    """The domain's word for an operating system error while writing ``what``."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return DiskFull(f"no space left while writing {what}; nothing was kept, free some space and run again")
    return OutputNotWritable(f"cannot write {what} ({error.strerror}); choose a folder that exists and is writable")


def write_file(path: Path, content: bytes) -> None:
    """Write a small file and flush it to the disk.

    Raises:
        DiskFull: when there is no space.
        OutputNotWritable: when it cannot be written.
    """
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise as_output_error(error, repr(path.name)) from error


class Staging:
    """Temporary names beside the final ones; :meth:`publish` renames them in the order they were asked for.

    Leaving the context without publishing removes everything that was staged.
    """

    def __init__(self) -> None:
        self._moves: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for temporary in self._moves.values():
            temporary.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                temporary.parent.rmdir()

    def path_for(self, final: Path) -> Path:
        """Where to write the file that will be called ``final``.

        The temporary file has the final one's name, in a hidden folder beside it, so that formats which look at the
        name or extension see the right one and the last step is a rename within one file system.

        Raises:
            ConfigError: when two outputs have the same name.
            OutputNotWritable: when the folder does not exist or cannot be written.
        """
        final = Path(os.path.abspath(final))  # noqa: PTH100 - resolve() would follow a link that is to be replaced
        if final in self._moves:
            raise ConfigError(f"two outputs have the same name {final.name!r}; give each its own")
        if final.is_dir():
            raise OutputNotWritable(f"cannot write {final.name!r}: a folder of that name exists")
        try:
            folder = Path(tempfile.mkdtemp(prefix=".steppe-", dir=final.parent))
        except OSError as error:
            raise as_output_error(error, repr(final.name)) from error
        self._moves[final] = folder / final.name
        return self._moves[final]

    def publish(self) -> None:
        """Give all files their final names, replacing older ones, in the order they were staged.

        Raises:
            OutputNotWritable: when a name cannot be taken.
        """
        for final, temporary in self._moves.items():
            try:
                temporary.replace(final)
            except OSError as error:
                raise as_output_error(error, repr(final.name)) from error
