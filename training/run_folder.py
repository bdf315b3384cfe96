"""Where a training keeps its things, who may write there, and what it was started with.

::

    <trainer.default_root_dir>/
        .lock                  held while a `steppe train fit` runs
        version_0/             one training; a resumed one stays in its folder
            run.json           configuration, fingerprints of the data, whether it is finished
            config.yaml        the configuration as Lightning completed it
            metrics.csv        every logged figure; TensorBoard's events beside it
            checkpoints/       best.ckpt, last.ckpt, previous.ckpt (the `last` before)
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from landcover.errors import ConfigError, OutputNotWritable
from training.scenes import Scene

RECORD: Final = "run.json"
LOCK: Final = ".lock"
VERSION: Final = "version_"

SAMPLE_BYTES: Final = 1 << 16
"""Read from the beginning, the middle and the end of each file; reading collections of 100 GB whole takes minutes."""


class RunBusy(ConfigError):
    """Another training is writing to the same folder."""

    slug = "run-busy"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a training was started with.

    Attributes:
        config: What shapes the result, as dotted keys and JSON values.
        data: Scene name to fingerprint of its files, with the split in front: ``train/NAME``.
        finished: Whether it came to its end.
        epochs: How long it is to last, where that shapes nothing but its end; else None, and the configuration says it.
    """

    config: dict[str, Any]
    data: dict[str, str] = field(default_factory=dict)
    finished: bool = False
    epochs: int | None = None

    @property
    def identity(self) -> str:
        """Digest of configuration and data; checkpoints carry it."""
        text = json.dumps([self.config, self.data], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def goes_beyond(self, other: RunRecord) -> bool:
        """Whether this is the same training as the other, only longer."""
        if self.identity != other.identity or self.epochs is None or other.epochs is None:
            return False
        return other.epochs >= 0 and not 0 <= self.epochs <= other.epochs  # -1 is without end

    def config_differences(self, other: RunRecord) -> list[str]:
        """What the other's configuration says otherwise, ``key: mine -> theirs``."""
        return _differences(self.config, other.config)

    def data_differences(self, other: RunRecord) -> list[str]:
        """Scenes that are new, gone or changed in the other."""
        return [text.split(":")[0] for text in _differences(self.data, other.data)]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one training.

    Attributes:
        root: ``trainer.default_root_dir``.
        version: Number of the training below it.
    """

    root: Path
    version: int

    @property
    def folder(self) -> Path:
        """Folder of this training."""
        return self.root / f"{VERSION}{self.version}"

    @property
    def has_record(self) -> bool:
        """Whether a training was started here."""
        return (self.folder / RECORD).is_file()

    @property
    def checkpoints(self) -> Path:
        """Folder of its checkpoints."""
        return self.folder / "checkpoints"

    def read_record(self) -> RunRecord:
        """What it was started with.

        Raises:
            ConfigError: The record is damaged.
        """
        path = self.folder / RECORD
        try:
            return RunRecord(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"{self.folder.name}/{RECORD} is not a record of `steppe train`; give --resume none to train anew"
            ) from error

    def write_record(self, record: RunRecord) -> None:
        """Write the record, whole or not at all.

        Raises:
            OutputNotWritable: The folder cannot be written to.
        """
        path = self.folder / RECORD
        beside = path.with_name(f".{RECORD}.writing")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(asdict(record), indent=1, sort_keys=True) + "\n", encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            raise OutputNotWritable(f"cannot write {path.name} to {self.folder}: {error.strerror}") from error

    def finish(self) -> None:
        """Note that the training came to its end."""
        self.write_record(replace(self.read_record(), finished=True))


def find_runs(root: Path) -> list[RunFolder]:
    """Trainings below a folder that have a record, oldest first.

    Args:
        root: ``trainer.default_root_dir``.
    """
    return [RunFolder(root, version) for version in _versions(root) if RunFolder(root, version).has_record]


def next_run(root: Path) -> RunFolder:
    """A folder that nobody has used.

    Args:
        root: ``trainer.default_root_dir``.
    """
    return RunFolder(root, max(_versions(root), default=-1) + 1)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the folder of trainings, so that no second one writes to it.

    The lock is the kernel's: it ends with the process, however that ends.

    Args:
        root: ``trainer.default_root_dir``; made where it is missing.

    Raises:
        RunBusy: Another process holds it.
        OutputNotWritable: It cannot be made or written to.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OutputNotWritable(
            f"cannot write to the run folder {root}: {error.strerror}; give another one by trainer.default_root_dir"
        ) from error
    try:
        _lock(handle, root)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, root: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RunBusy(
            f"another `steppe train fit` is writing to {root}; wait for it or give another trainer.default_root_dir"
        ) from error


def data_fingerprints(scenes: Mapping[str, Sequence[Scene]]) -> dict[str, str]:
    """A short digest of every scene's files, ``split/name`` to hexadecimal digits.

    Names, sizes and three samples of each file are hashed, not the time stamps: a copy of the data is the same data.

    Args:
        scenes: Split name to its scenes.
    """
    return {
        f"{split}/{scene.info.name}": _files_digest(scene.info.files)
        for split, members in scenes.items()
        for scene in members
    }


def _files_digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            for start in (0, size // 2, max(0, size - SAMPLE_BYTES)):
                file.seek(start)
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()[:16]


def _versions(root: Path) -> list[int]:
    if not root.is_dir():
        return []
    names = [path.name.removeprefix(VERSION) for path in root.iterdir() if path.name.startswith(VERSION)]
    return sorted(int(name) for name in names if name.isdecimal())


def _differences(mine: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    missing = "nothing"
    return [
        f"{key}: {mine.get(key, missing)} -> {other.get(key, missing)}"
        for key in sorted(mine.keys() | other.keys())
        if mine.get(key, missing) != other.get(key, missing)
    ]
