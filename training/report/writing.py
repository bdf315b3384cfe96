"""Write result files; a full disk and a folder that cannot be written are said in a sentence."""

from __future__ import annotations

import errno
from pathlib import Path

from landcover.errors import DiskFull, OutputNotWritable


def write_file(path: Path, content: bytes) -> None:
    """Write a file, and its folder where that is missing.

    Args:
        path: the file; an existing one is replaced.
        content: its bytes.

    Raises:
        OutputNotWritable: when it cannot be written.
        DiskFull: when there is no room.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(f"no space left for {path.name}; free some and run it again") from error
        raise OutputNotWritable(
            f"cannot write {path.name} into {path.parent.name!r}: {error.strerror}; give another folder with -o"
        ) from error
