"""Keep the finished rows of a map on disk, so that a run that was killed goes on where it stopped.

The work folder holds ``steppe-job.json``, which says what the rows depend on, and one file for each piece of rows that
the model finished. Such a file is written under another name, flushed to the disk and renamed, so whatever has its name
is whole, after a power cut, too; there is no list of them that could disagree with them. Each ends with a digest of all
its bytes, which is checked before one of them is believed.

Rows are kept as the model gave them: before the map is masked, merged, counted and drawn. A run that goes on sends them
through all of that again, in the same pieces and the same order, so that every sum is rounded alike and every file has
the same bytes. That is also why masks, patches and the choice of files may change between two runs.

The store knows arrays and a dictionary of facts; of scenes, models and command lines it knows nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import math
import os
from collections.abc import Buffer, Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from landcover.errors import ConfigError, DataError, OutputNotWritable
from landcover.raster.staging import check_room
from landcover.seams import SeamScore
from landcover.staging import flush, os_errors, publish
from serving.predict import MapRows

JOB: Final = "steppe-job.json"
ROWS: Final = "steppe-rows-*.bin"
LOCK: Final = "steppe.lock"

FORMAT: Final = 2
"""Of the files of rows. Whoever keeps rows has it among the facts of the job, so that other files are not misread."""

_HALF: Final = "steppe-half.part"
_LONGEST: Final = 60
"""Characters of a fact that a message repeats."""

_LENGTH: Final = 4
_DIGEST: Final = hashlib.sha256().digest_size

_log = logging.getLogger(__name__)

type Facts = Mapping[str, str | int]
"""What rows depend on, by a name that people understand."""

type Predict = Callable[[int], Generator[MapRows]]
"""The rows of the map from a given row on."""


class WorkFolderBusy(ConfigError):
    """Another process is working in the folder."""

    slug = "work-folder-busy"


class OtherJob(ConfigError):
    """The folder holds rows of a job with another input, model or option."""

    slug = "other-job"


@dataclass(frozen=True, slots=True)
class Job:
    """What the rows are of.

    Attributes:
        facts: everything that the rows depend on.
        needed_bytes: what all rows take.
    """

    facts: Facts
    needed_bytes: int


class Keeper(Protocol):
    """Stands between the model and the rasters; a run that keeps nothing has one, too."""

    @property
    def folder(self) -> Path | None:
        """Where rows are kept, for this process alone; None = nowhere."""

    @property
    def kept(self) -> int:
        """Rows of the map that an earlier run left."""

    def rows(self, job: Callable[[], Job], predict: Predict) -> Generator[MapRows]:
        """All rows of the map: kept ones, then those that are still to be made."""

    def forget(self) -> None:
        """The map is published; its rows are not needed any more."""

    def __enter__(self) -> Self:
        """The keeper itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the folder back."""


def keeper(folder: Path | None) -> Keeper:
    """Who keeps the rows of a run in a folder; None = nobody."""
    return _Nobody() if folder is None else RowStore(folder)


def work_folder(result: Path) -> Path:
    """Where the rows of a map are kept when nobody says where: hidden, beside the map."""
    return result.parent / f".steppe-resume-{result.name}"


class _Nobody:
    """Keeps nothing."""

    folder, kept = None, 0

    def rows(self, job: Callable[[], Job], predict: Predict) -> Generator[MapRows]:  # noqa: ARG002 - see Keeper
        return predict(0)

    def forget(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class RowStore:
    """Keeps the rows of one map in a folder. Use as a context manager, which holds the folder for this process.

    The lock is the kernel's: it ends with the process, however that ends.

    Args:
        folder: made where it is missing, in a folder that exists. Files of others in it are left alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder.absolute()
        self._stack = ExitStack()
        self._complete = False
        self.kept = 0

    def __enter__(self) -> Self:
        """Hold the folder.

        Raises:
            WorkFolderBusy: when another process holds it.
            OutputNotWritable: when it cannot be made or written to.
            DiskFull: when there is no room for it.
        """
        if not self.folder.parent.is_dir():
            raise OutputNotWritable(f"{self.folder.name!r} cannot be made: its folder does not exist; make it first")
        with self._stack, os_errors(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._stack.callback(os.close, handle)
            if not self._lock(handle):
                raise WorkFolderBusy(
                    f"another process is working in {self.folder.name!r}; wait for it, or give another work folder"
                )
            self._stack = self._stack.pop_all()
        return self

    def _lock(self, handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it before may have removed the folder just now.
            return os.path.samestat(os.fstat(handle), (self.folder / LOCK).stat())
        except (BlockingIOError, FileNotFoundError):
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the folder back; rows that are in it stay, unless they can become no map. A folder without rows goes.

        An input that turns out to be of no use when all its rows are there, because none has data, fails alike whenever
        it is tried again. Before the last row it may be a file that is read through a network, and after it there may
        be a full disk: then a later run goes on.
        """
        with self._stack:
            useless = self._complete and isinstance(error, DataError)
            if useless or not any(self.folder.glob(ROWS)):
                self.forget()
            elif isinstance(error, KeyboardInterrupt):
                error.add_note("finished rows are kept: the same command goes on from them")

    def rows(self, job: Callable[[], Job], predict: Predict) -> Generator[MapRows]:
        """All rows of the map: those that an earlier run kept, then those that are still to be made, which are kept.

        The receiver must not write into their arrays. When a piece is handed out, all those before it are on the disk.

        Args:
            job: what the rows are of; asked when the first row is.
            predict: makes them, from a row on; it is asked for the first one that is not kept.

        Raises:
            OtherJob: when the folder holds rows of something else.
            DiskFull: when there is no room for the rows; those before stay.
            OutputNotWritable: when they cannot be written otherwise.
        """
        self._claim(job())
        seams = SeamScore()
        for part in self._stored():
            self.kept = part.row + len(part.codes_HW)
            seams = part.seams
            yield part
            del part  # the next rows take as much memory
        with closing(predict(self.kept)) as made:
            yield from self._keeping(made, seams)
        self._complete = True

    def _keeping(self, made: Iterable[MapRows], above: SeamScore) -> Iterator[MapRows]:
        """Hand rows on while a thread writes them: a slow disk holds nobody up before the next piece is there."""
        last: Future[None] | None = None
        with ThreadPoolExecutor(1, "steppe-keep") as pool:
            for part in made:
                whole = replace(part, seams=above + part.seams)
                del part
                if last is not None:
                    last.result()
                last = pool.submit(self._keep, whole)
                yield whole
                del whole
            if last is not None:
                last.result()

    def forget(self) -> None:
        """Remove the rows, and the folder if nothing else is in it; what cannot be removed stays."""
        with suppress(OSError):
            self._remove(JOB, ROWS, _HALF, LOCK)
            self.folder.rmdir()

    def _claim(self, job: Job) -> None:
        """See that the folder holds rows of this job, or none."""
        wanted, found = dict(job.facts), self._found()
        if found is not None and found != wanted:
            raise OtherJob(
                f"{self.folder.name!r} holds rows of another job ({_difference(found, wanted)}); run it as it was "
                "begun, or remove that folder to begin anew"
            )
        with os_errors(self.folder):
            self._remove(*((JOB, ROWS) if found is None else ()), _HALF)
            stored = sum(path.stat().st_size for path in self.folder.glob(ROWS))
        if found is None:
            self._publish(JOB, json.dumps(wanted, indent=2).encode())
            with os_errors(self.folder):
                flush(self.folder.parent)  # the name of the folder itself
        check_room(self.folder / self.folder.name, needed_bytes=max(job.needed_bytes - stored, 0))

    def _found(self) -> dict[str, Any] | None:
        """What the folder says its rows are of; None when it holds no rows, or does not say."""
        try:
            found = json.loads((self.folder / JOB).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            found = None
        if isinstance(found, dict):
            return found
        _log.warning("%s in %r is damaged: the rows in that folder are made anew", JOB, self.folder.name)
        return None

    def _stored(self) -> Iterator[MapRows]:
        """Kept rows from the top, as far as they follow each other and are whole; others are removed."""
        row = 0
        while (path := self._place(row)).exists():
            try:
                part = _load(path)
            except (OSError, _Damaged):
                _log.warning("%r in %r is damaged: the rows from %d on are made anew", path.name, self.folder.name, row)
                break
            row += len(part.codes_HW)
            yield part
            del part
        with os_errors(self.folder):
            for path in self.folder.glob(ROWS):
                if path >= self._place(row):
                    path.unlink()

    def _keep(self, part: MapRows) -> None:
        half = self.folder / _HALF
        with os_errors(self.folder), half.open("wb") as file:
            _save(file, part)
        publish(half, self._place(part.row))

    def _publish(self, name: str, content: bytes) -> None:
        half = self.folder / _HALF
        with os_errors(self.folder):
            half.write_bytes(content)
        publish(half, self.folder / name)

    def _place(self, row: int) -> Path:
        return self.folder / ROWS.replace("*", f"{row:09d}")

    def _remove(self, *patterns: str) -> None:
        for pattern in patterns:
            for path in self.folder.glob(pattern):
                path.rmdir() if path.is_dir() else path.unlink()


class _Damaged(Exception):
    """A file does not hold what was written to it."""


def _save(file: BinaryIO, part: MapRows) -> None:
    """Length of the head (4 bytes), head (JSON), the arrays as they lie in memory, SHA-256 of all of that."""
    layers = {name: np.ascontiguousarray(layer_BHW) for name, layer_BHW in part.layers_BHW.items()}
    facts = {
        "row": part.row,
        "seams": [part.seams.pixels, part.seams.different],
        "shape": part.codes_HW.shape,
        "dtype": part.codes_HW.dtype.str,
        "bands": {name: len(layer_BHW) for name, layer_BHW in layers.items()},
    }
    head, digest = json.dumps(facts).encode(), hashlib.sha256()
    codes_HW = np.ascontiguousarray(part.codes_HW)
    pieces: list[Buffer] = [len(head).to_bytes(_LENGTH), head, codes_HW, *layers.values()]
    for piece in pieces:
        digest.update(piece)
        file.write(piece)
    file.write(digest.digest())


def _load(path: Path) -> MapRows:
    """Rows as they were kept.

    Raises:
        _Damaged: when a byte differs, or is missing.
        OSError: when it cannot be read.
    """
    content = np.fromfile(path, np.uint8)
    body, seal = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(body).digest() != seal.tobytes():
        raise _Damaged
    start = _LENGTH + int.from_bytes(body[:_LENGTH].tobytes())
    facts = json.loads(body[_LENGTH:start].tobytes())
    rows, cols = facts["shape"]
    codes_HW, start = _array(body, start, np.dtype(facts["dtype"]), (rows, cols))
    layers_BHW = {}
    for name, bands in facts["bands"].items():
        layers_BHW[name], start = _array(body, start, np.dtype(np.uint8), (bands, rows, cols))
    return MapRows(
        row=facts["row"],
        codes_HW=codes_HW,
        layers_BHW=layers_BHW,
        seams=SeamScore(*facts["seams"]),
    )


def _array(
    body: NDArray[np.uint8], start: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> tuple[NDArray[Any], int]:
    """An array that begins at a byte, and the byte after it."""
    stop = start + math.prod(shape) * dtype.itemsize
    return np.frombuffer(body[start:stop], dtype).reshape(shape), stop


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The facts that differ, for people; digests are not repeated."""
    texts = []
    for name in sorted(found.keys() | wanted.keys()):
        then, now = str(found.get(name, "unknown")), str(wanted.get(name, "unknown"))
        if then != now:
            short = max(len(then), len(now)) <= _LONGEST
            texts.append(f"{name} was {then}, is {now}" if short else f"another {name}")
    return "; ".join(texts)
