"""Go on from a checkpoint, or start anew: what ``--resume`` means.

- ``auto``: go on with the newest training of the folder if it is unfinished; with a finished one of the same
  configuration there is nothing to do, unless it may last longer now; else start anew.
- ``none``: start anew, beside what is there.
- ``last``: go on from the end of the newest epoch that can be read.
- ``best``: go on from the best epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from landcover.errors import ConfigError
from training.checkpoints import BEST, LAST, PREVIOUS, read_checkpoint
from training.inference import CheckpointUnreadable
from training.run_folder import RunFolder, RunRecord, find_runs, next_run

type Resume = Literal["auto", "none", "last", "best"]

RUN_KEY: Final = "steppe_run"
"""Entry of a checkpoint with the identity of the training that wrote it."""

MOST_DIFFERENCES: Final = 5

NEUTRAL: Final = (
    "data.init_args.patches.num_workers",  # patches are seeded by their number, not by who cuts them
    "trainer.accelerator",
    "trainer.default_root_dir",
    "trainer.enable_model_summary",
    "trainer.enable_progress_bar",
    "trainer.log_every_n_steps",
    "trainer.logger",
    "trainer.num_sanity_val_steps",
    "trainer.profiler",
)
"""Settings that a resumed training may have otherwise: they do not shape the weights."""

DECIDING: Final = ("seed_everything", "model", "data", "trainer")

LENGTH: Final = "trainer.max_epochs"
SCHEDULE: Final = "model.init_args.optimiser.schedule"
OPEN_ENDED: Final = "constant"
"""The schedule under which a training does not know how long it will last, so that it can be made longer afterwards."""


class RunDiffers(ConfigError):
    """A checkpoint was made with another configuration or other data."""

    slug = "run-differs"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fit will do.

    Attributes:
        run: Where it writes.
        checkpoint: What it goes on from, or none.
        said: One line for the user, or nothing.
        step: Optimiser steps that the checkpoint has behind it.
        nothing_to_do: The training is finished.
    """

    run: RunFolder
    checkpoint: Path | None = None
    said: str = ""
    step: int = 0
    nothing_to_do: bool = False


def plan_fit(root: Path, resume: Resume, record: RunRecord) -> Plan:
    """Decide where a fit starts.

    Args:
        root: ``trainer.default_root_dir``.
        resume: What the user asked for.
        record: The configuration and the data of this fit.

    Raises:
        CheckpointUnreadable: There is no checkpoint where one was asked for, or it cannot be read.
        RunDiffers: The unfinished training has another configuration or other data.
    """
    runs = find_runs(root)
    if resume == "none" or not runs:
        return _anew(root, resume)
    run = runs[-1]
    if resume == "auto":
        return _automatic(run, record)
    names = (LAST, PREVIOUS) if resume == "last" else (BEST,)
    return _go_on(run, record, _first_readable(run, names))


def plan_from(checkpoint: Path, root: Path, record: RunRecord) -> Plan:
    """Go on from a checkpoint that the user names, in a new folder.

    Raises:
        CheckpointUnreadable: It cannot be read.
        RunDiffers: It was made with another configuration or other data.
    """
    stored = read_checkpoint(checkpoint)
    _check_identity(stored, checkpoint, record, None)
    return Plan(next_run(root), checkpoint, f"going on from {checkpoint.name}", int(stored["global_step"]))


def run_record(config: dict[str, Any], data: dict[str, str]) -> RunRecord:
    """What shapes the weights of a training.

    Args:
        config: The configuration as LightningCLI dumps it.
        data: Fingerprints of the data, see `training.run_folder.data_fingerprints`.
    """
    flat: dict[str, Any] = {}
    for key in DECIDING:
        _flatten(key, config.get(key), flat)
    flat = {key: value for key, value in flat.items() if not key.startswith(NEUTRAL)}
    epochs = flat.pop(LENGTH, None) if flat.get(SCHEDULE) == OPEN_ENDED else None
    return RunRecord(config=flat, data=data, epochs=epochs)


def _anew(root: Path, resume: Resume) -> Plan:
    if resume in {"last", "best"}:
        raise CheckpointUnreadable(f"--resume {resume}: there is no training in {root}; without it one is started")
    return Plan(next_run(root))


def _automatic(run: RunFolder, record: RunRecord) -> Plan:
    before = run.read_record()
    if before.finished and before.identity == record.identity and not record.goes_beyond(before):
        said = f"{run.folder} is finished, nothing to do; --resume none trains anew"
        return Plan(run, said=said, nothing_to_do=True)
    if before.finished and before.identity != record.identity:
        return _beside(run, "is finished and had other settings or data")
    if not (run.checkpoints / LAST).exists():
        return _beside(run, "ended before its first epoch did")
    try:
        return _go_on(run, record, _first_readable(run, (LAST,)))
    except CheckpointUnreadable as error:
        raise CheckpointUnreadable(f"{error}; {_ways_out(run)}") from error


def _beside(run: RunFolder, why: str) -> Plan:
    fresh = next_run(run.root)
    return Plan(fresh, said=f"{run.folder} {why}; starting {fresh.folder.name}")


def _ways_out(run: RunFolder) -> str:
    ways = [
        f"--resume {name} goes on from {file}"
        for name, file in (("last", PREVIOUS), ("best", BEST))
        if (run.checkpoints / file).exists()
    ]
    return ", ".join([*ways, "--resume none starts anew"])


def _first_readable(run: RunFolder, names: Sequence[str]) -> tuple[Path, dict[str, Any]]:
    """The first of several checkpoints that can be read, and what it holds."""
    failed: CheckpointUnreadable | None = None
    for name in names:
        try:
            return run.checkpoints / name, read_checkpoint(run.checkpoints / name)
        except CheckpointUnreadable as error:
            failed = failed or error
    raise CheckpointUnreadable(f"{run.folder}: {failed}")


def _go_on(run: RunFolder, record: RunRecord, found: tuple[Path, dict[str, Any]]) -> Plan:
    path, stored = found
    _check_identity(stored, path, record, run.read_record())
    said = f"going on with {run.folder} from {path.name}, {int(stored['epoch']) + 1} epochs done"
    return Plan(run, path, said, int(stored["global_step"]))


def _check_identity(stored: dict[str, Any], path: Path, record: RunRecord, before: RunRecord | None) -> None:
    identity = stored.get(RUN_KEY)
    if not isinstance(identity, str):
        raise CheckpointUnreadable(f"{path.name} was not written by `steppe train fit`; it does not say by what run")
    if identity == record.identity:
        return
    raise RunDiffers(
        f"{path.name} was made with {_what_differs(before, record)}; go back to that, or start anew with --resume none"
    )


def _what_differs(before: RunRecord | None, record: RunRecord) -> str:
    if before is None:
        return "another configuration or other data"
    settings, scenes = before.config_differences(record), before.data_differences(record)
    if settings:
        return f"other settings ({_listed(settings)})"
    if scenes:
        return f"other data ({_listed(scenes)})"
    return "another configuration than its folder's record says"


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - MOST_DIFFERENCES} more" if len(items) > MOST_DIFFERENCES else ""
    return "; ".join(items[:MOST_DIFFERENCES]) + more


def _flatten(key: str, value: Any, flat: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            _flatten(f"{key}.{name}", part, flat)
    elif value is not None:
        flat[key] = value
