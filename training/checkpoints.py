"""Checkpoints on disk: written whole or not at all, the one before kept, read without running code."""

from __future__ import annotations

import errno
import io
import os
import shutil
import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import TorchCheckpointIO

from landcover.errors import DiskFull, OutputNotWritable
from training.inference import CheckpointUnreadable

LAST: Final = "last.ckpt"
PREVIOUS: Final = "previous.ckpt"
BEST: Final = "best.ckpt"
INTERRUPTED: Final = "interrupted.ckpt"
"""Weights as a SIGTERM found them, in the middle of an epoch: to look at, not to resume from."""

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

UNREADABLE: Final = (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError, UnpicklingError)
"""What torch.load raises at bytes that are no checkpoint."""


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place, flushes it to disk and renames it, so that the old one stays until then.

    Lightning's own writer goes through the system's temporary folder; from there to another file system a rename is a
    copy, and a full disk or a kill in the middle of it leaves half a file where the last good checkpoint was.
    The checkpoint that ``last.ckpt`` replaces is kept as ``previous.ckpt``.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: ARG002
        """Write a checkpoint.

        Raises:
            DiskFull: There is no room; what was there is untouched.
            OutputNotWritable: The folder cannot be written to.
        """
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 (Lightning's signature)
        """Read a checkpoint, never code.

        Raises:
            CheckpointUnreadable: It is not there, damaged or holds more than weights and plain values.
        """
        return read_checkpoint(Path(path))


class LastCheckpoint(ModelCheckpoint):
    """Writes the end of every epoch to ``last.ckpt``, and at SIGTERM the weights of the moment to ``interrupted.ckpt``.

    Args:
        folder: Where checkpoints lie.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            dirpath=folder,
            filename=Path(LAST).stem,
            enable_version_counter=False,
            save_on_train_epoch_end=True,
        )

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002
        """Save what there is when the process is asked to end."""
        if isinstance(exception, SystemExit) and trainer.received_sigterm and trainer.state.fn == "fit":
            trainer.save_checkpoint(Path(str(self.dirpath)) / INTERRUPTED)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Everything in a checkpoint of Lightning, on the CPU.

    Args:
        path: The file.

    Raises:
        CheckpointUnreadable: It is not there, damaged, or holds more than weights and plain values.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of foreign pickles; what is wrong with them is said below
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointUnreadable(f"there is no checkpoint {path.name}; look below the run folder") from error
    except UNREADABLE as error:
        raise CheckpointUnreadable(f"{path.name} cannot be read as a checkpoint: {_reason(error)}") from error
    if not isinstance(stored, dict) or "state_dict" not in stored or "loops" not in stored:
        raise CheckpointUnreadable(f"{path.name} is not a checkpoint of `steppe train`; it has no weights and progress")
    return stored


def write_checkpoint(checkpoint: dict[str, Any], target: Path) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        checkpoint: Weights and plain values.
        target: The file; its folder is made.

    Raises:
        DiskFull: There is no room; what was there is untouched.
        OutputNotWritable: The folder cannot be written to.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(checkpoint, target)
    except OSError as error:
        raise writing_error(error, target) from error


def writing_error(error: OSError, target: Path) -> DiskFull | OutputNotWritable:
    """The noun for a file that could not be written.

    Args:
        error: What the system said.
        target: The file.
    """
    if error.errno in NO_SPACE:
        return DiskFull(f"no space left for {target.name}; the checkpoint before it is intact, free some and go on")
    return OutputNotWritable(
        f"cannot write {target.name}: {error.strerror}; choose another folder (trainer.default_root_dir, or -o)"
    )


def _write_whole(checkpoint: dict[str, Any], target: Path) -> None:
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    beside = target.with_name(f".{target.name}.writing")
    try:
        with beside.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        if target.name == LAST and target.exists():
            _keep(target, target.with_name(PREVIOUS))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _keep(current: Path, kept: Path) -> None:
    """Give the file a second name; at no moment is the first one gone."""
    name = kept.with_name(f".{kept.name}.linking")
    name.unlink(missing_ok=True)
    try:
        name.hardlink_to(current)
    except OSError:  # a file system without hard links
        shutil.copyfile(current, name)
    name.replace(kept)


def _reason(error: Exception) -> str:
    """The first words of what torch says, without its page of advice about pickles."""
    if "weights_only" in str(error) or "Weights only" in str(error):
        return "it holds something other than weights and plain values, and is not loaded"
    return (str(error) or type(error).__name__).splitlines()[0][:160]
