"""Scenes and masks that a reader has open, as if this process had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from landcover.errors import RasterTooLarge
from landcover.grid import Grid, Window
from landcover.quality import UNKNOWN, VALID, MaskKind
from landcover.raster.base import HeadedScene, SceneHeader
from landcover.raster.digest import DigestStopped
from landcover.raster.protocol import AnyArray, Block, SceneRequest
from serving.reader.answers import Answer, Digest, MaskOpened, SceneOpened
from serving.reader.errors import ReaderEnded
from serving.reader.memory import Plane, SharedMemory, block_planes, mask_planes, size_of
from serving.reader.places import input_places
from serving.reader.process import NO_FILES, FarFiles, Reader
from serving.reader.questions import grid_to_json, request_to_json, window_to_json
from serving.reader.wire import Malformed


class Held:
    """A reader with an input, the memory that its pixels come in, and the digest of that input.

    Args:
        reader: closed with this.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._memory, self._lock = SharedMemory(), Lock()
        self._digest: str | None = None
        self._closed = False

    def ask(self, **question: Any) -> None:
        """Have something done that has no answer but that it is done.

        Raises:
            DataError: see ``Reader.ask``.
            ValueError: when this is closed.
        """
        self._refuse_closed()
        self.reader.ask(Answer, question)

    def fetch(self, planes: Sequence[Plane], **question: Any) -> list[AnyArray]:
        """Copies of the arrays that the reader makes.

        Raises:
            DataError: see ``Reader.ask``.
            RasterTooLarge: when they have no room in memory.
            ValueError: when this is closed.
        """
        self._refuse_closed()
        with self._lock:
            try:
                self._ask_with_room(planes, question)
                return self._memory.copy(planes)
            except BaseException:
                self._memory.close()  # the reader may not have got it
                raise

    def _ask_with_room(self, planes: Sequence[Plane], question: dict[str, Any]) -> None:
        try:
            descriptor = self._memory.room_for(planes)
        except OSError as error:
            raise RasterTooLarge(f"a piece of {self.reader.name!r} takes {size_of(planes):,} bytes: {error}") from error
        if descriptor is None:
            self.reader.ask(Answer, question)
            return
        with open(descriptor, "rb", buffering=0):  # noqa: PTH123 - closes it
            self.reader.ask(Answer, question, descriptors=[descriptor])

    def digest(self) -> str:
        """SHA-256 of the input, or what stands for it (``landcover.raster.digest``); taken at the first call.

        Raises:
            DataError: see ``Reader.ask``.
            DigestStopped: when this is closed before all of it is read.
        """
        if self._digest is None:
            try:
                self._digest = self.reader.ask(Digest, {"do": "digest"}, aside=True).digest
            except ReaderEnded as error:
                if self._closed:
                    raise DigestStopped(self.reader.name) from error
                raise
        return self._digest

    def close(self) -> None:
        """End the reader."""
        self._closed = True
        self.reader.close()
        with self._lock:
            self._memory.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ValueError(f"the scene {self.reader.name!r} is closed")


class RemoteScene(HeadedScene):
    """A scene that a reader has open; see ``landcover.raster.protocol.Scene``.

    Args:
        desk: the reader.
        header: what it says of the scene.
    """

    def __init__(self, desk: Held, header: SceneHeader) -> None:
        super().__init__(header)
        self._desk = desk

    @classmethod
    def open(cls, reader: Reader, place: Path, request: SceneRequest, files: FarFiles = NO_FILES) -> Self:
        """Have an input opened.

        Args:
            reader: closed with the scene, but not when there is none.
            place: absolute path of the input.
            request: what is wanted and what the caller states.
            files: those of the input whose bytes lie elsewhere.

        Raises:
            DataError: when it cannot be used; see ``Reader.ask``.
            Upstream: when a host fails.
        """
        question = {"do": "scene", "request": request_to_json(request)} | place_to_json(reader, place)
        opened = reader.ask_first(SceneOpened, question, files)
        try:
            header = opened.header(request)
        except Malformed as error:
            raise reader.refuse() from error
        return cls(Held(reader), header)

    @property
    def reader(self) -> Reader:
        """Who reads it."""
        return self._desk.reader

    def input_digest(self) -> str:
        """SHA-256 of the input, hexadecimal; taken at the first call.

        Raises:
            RasterUnreadable: when a file can no longer be read.
            DigestStopped: when the scene is closed before all of it is read.
            RasterChanged: when one is no longer what was opened.
            ReaderEnded: when the reader ends.
        """
        return self._desk.digest()

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
            RasterChanged: when a file is no longer what was opened.
            ReadingLimit: when reading takes more time or memory than allowed.
            ReaderEnded: when the reader ends.
            ValueError: when the scene is closed.
        """
        self.grid.crop(window)
        planes = block_planes(len(self.bands), window.height, window.width, self.dtype)
        data_BRC, valid_RC = self._desk.fetch(planes, do="read", window=window_to_json(window))
        return Block(data_BRC, valid_RC != 0)

    def pass_over(self, window: Window | None) -> None:
        """Forget decoded pixels that a window does not need; None = all of them.

        Raises:
            ReaderEnded: when the reader ends.
        """
        self._desk.ask(do="pass", window=window and window_to_json(window))

    def close(self) -> None:
        """End the reader."""
        self._desk.close()


class RemoteMask:
    """A mask that a reader has open; see ``landcover.raster.protocol.Mask``.

    Args:
        desk: the reader.
        kind: which mask it is.
        name: name of its file.
        width: columns of the scene.
    """

    def __init__(self, desk: Held, kind: MaskKind, name: str, width: int) -> None:
        self._desk, self._kind, self._name, self._width = desk, kind, name, width

    @classmethod
    def open(
        cls, reader: Reader, place: Path, grid: Grid, bands: Sequence[str] | None, files: FarFiles = NO_FILES
    ) -> Self | None:
        """Have the mask opened that came with an input; None when there is none.

        Args:
            reader: closed with the mask, but not when there is none.
            place: absolute path of the input.
            grid: grid of the scene.
            bands: names of the file's bands in file order, where the file does not name them.
            files: those of the input whose bytes lie elsewhere.

        Raises:
            DataError: when it cannot be used; see ``Reader.ask``.
            Upstream: when a host fails.
        """
        question = {"do": "mask", "grid": grid_to_json(grid), "bands": bands and list(bands)}
        opened = reader.ask_first(MaskOpened, question | place_to_json(reader, place), files)
        try:
            kind = opened.kind()
        except Malformed as error:
            raise reader.refuse() from error
        return None if kind is None else cls(Held(reader), kind, opened.name, grid.width)

    @property
    def kind(self) -> MaskKind:
        """Which mask it is."""
        return self._kind

    @property
    def name(self) -> str:
        """Name of the file."""
        return self._name

    def input_digest(self) -> str:
        """SHA-256 of the file, hexadecimal.

        Raises:
            RasterUnreadable: when it can no longer be read.
            ReaderEnded: when the reader ends.
        """
        return self._desk.digest()

    def rows(self, row_start: int, row_stop: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Quality codes of some rows of the scene, uint8 (row, col), and where the mask reaches; unknown elsewhere.

        Raises:
            RasterTruncated: when pixels are missing or damaged.
            DtypeMismatch: when the samples are no mask's.
            RasterChanged: when the file is no longer what was opened.
            ReadingLimit: when reading takes more time or memory than allowed.
            ReaderEnded: when the reader ends.
        """
        planes = mask_planes(row_stop - row_start, self._width)
        codes_RW, inside_RW = self._desk.fetch(planes, do="rows", start=row_start, stop=row_stop)
        if codes_RW.min() < VALID or codes_RW.max() > UNKNOWN:
            raise self._desk.reader.refuse()
        return codes_RW, inside_RW != 0

    def close(self) -> None:
        """End the reader."""
        self._desk.close()

    def __enter__(self) -> Self:
        """The mask itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def place_to_json(reader: Reader, place: Path) -> dict[str, Any]:
    """The part of a first question that names the input; the reader has its name from now on, for messages."""
    reader.name = place.name
    return {"path": str(place), "readable": [str(path) for path in input_places(place)]}
