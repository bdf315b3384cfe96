"""Far files in a reader: bytes that come piece by piece from the process that it works for.

Headers are read in steps of a few bytes, by several handles: blocks that came are kept for all of them.
"""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, Final

from landcover.raster.far import FarFile
from serving.reader.lanes import MAX_PIECE, ask

BLOCK: Final = 64 * 1024
_KEPT: Final = 32
"""Blocks of a file that are kept: two megabytes, more than the directories of a scene take."""


class Lanes:
    """Channels to whoever has the bytes. Threads may share them.

    Args:
        channels: at least one.
    """

    def __init__(self, channels: Sequence[socket.socket]) -> None:
        self._idle: SimpleQueue[socket.socket] = SimpleQueue()
        for channel in channels:
            self._idle.put(channel)

    def ask(self, number: int, offset: int, length: int) -> bytes:
        """A piece of a file.

        Raises:
            OSError: when it does not come.
        """
        channel = self._idle.get()
        try:
            return ask(channel, number, offset, length)
        finally:
            self._idle.put(channel)


class PiecedFile:
    """One far file. See ``landcover.raster.far.FarFile``.

    Args:
        lanes: where its bytes come from.
        number: what it is called there.
        size: its bytes.
        identity: what names its content.
    """

    def __init__(self, lanes: Lanes, number: int, *, size: int, identity: str) -> None:
        self.size, self.identity, self.failed = size, identity, False
        self._lanes, self._number = lanes, number
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = Lock()

    def read(self, offset: int, length: int) -> bytes:
        """See ``FarFile.read``: of little the blocks around it are fetched and kept, of more exactly what is wanted.

        Raises:
            OSError: when it does not come.
        """
        stop = min(offset + length, self.size)
        if offset >= stop:
            return b""
        if stop - offset >= BLOCK:
            starts = range(offset, stop, MAX_PIECE)
            return b"".join(self._fetch(start, min(start + MAX_PIECE, stop)) for start in starts)
        first, last = offset // BLOCK, (stop - 1) // BLOCK
        content = b"".join(map(self._block, range(first, last + 1)))
        return content[offset - first * BLOCK : stop - first * BLOCK]

    def _block(self, index: int) -> bytes:
        with self._lock:
            kept = self._blocks.get(index)
            if kept is not None:
                self._blocks.move_to_end(index)
                return kept
        content = self._fetch(index * BLOCK, min((index + 1) * BLOCK, self.size))
        with self._lock:
            self._blocks[index] = content
            while len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        return content

    def _fetch(self, start: int, stop: int) -> bytes:
        if self.failed:
            raise OSError("a piece did not come")
        try:
            return self._lanes.ask(self._number, start, stop - start)
        except OSError:
            self.failed = True
            raise


def files_of(said: Sequence[Mapping[str, Any]], descriptors: Sequence[int]) -> dict[Path, FarFile]:
    """The far files that a question speaks of, by their place holders.

    Args:
        said: path, size and identity of each, in the order of their numbers.
        descriptors: of the channels.
    """
    lanes = Lanes([socket.socket(fileno=descriptor) for descriptor in descriptors])
    return {
        Path(file["path"]): PiecedFile(lanes, number, size=file["size"], identity=file["identity"])
        for number, file in enumerate(said)
    }
