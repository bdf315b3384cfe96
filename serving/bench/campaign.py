"""Run all measurements, keep what they answered, and make and remove their scenes on the way."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from landcover.errors import DiskFull
from landcover.staging import os_errors
from serving.bench.plan import Extent, Key, Step, Task, plan_steps, room_needed
from serving.bench.runs import RunFailed, Runner
from serving.settings import Settings

GIGA: Final = 1e9


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the report is.

    Attributes:
        label: what runs now.
        number: of this measurement, from 1.
        count: of all measurements.
        share: of the work that is done, 0 to 1, as was expected.
        left_s: seconds it may still take, by the pace so far.
    """

    label: str
    number: int
    count: int
    share: float
    left_s: float


type Told = Callable[[Moment], None]
"""Called before every measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of one measurement.

    Attributes:
        key: its name.
        commands: what makes it alone.
        seconds: of the whole process.
        figures: what it printed; empty when it failed.
        problem: why it failed, or None.
    """

    key: Key
    commands: tuple[str, ...]
    seconds: float
    figures: dict[str, Any]
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For report.json."""
        return {
            "key": list(self.key),
            "commands": list(self.commands),
            "seconds": round(self.seconds, 3),
            "figures": self.figures,
            "problem": self.problem,
        }


def run_campaign(task: Task, settings: Settings, run: Runner, told: Told) -> list[Record]:
    """Measure everything; one that fails is noted, and the others go on.

    Raises:
        DiskFull: when the scratch folder has no room for the scenes; before anything is made.
        OutputNotWritable: when there is no such folder.
        RunFailed: when a scene cannot be made, or no measurement works.
    """
    with os_errors(Path("scenes")):
        scratch = tempfile.TemporaryDirectory(prefix="steppe-bench-", dir=settings.scratch)
    with scratch as name:
        folder = Path(name)
        steps = plan_steps(task, folder)
        _refuse_small_disk(folder, room_needed(steps))
        records = _Campaign(steps, folder, run, told).records()
    if not any(record.figures for record in records):
        raise RunFailed(f"no measurement worked; the first one: {records[0].problem}")
    return records


def _refuse_small_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(
            f"the scenes of this report need {needed / GIGA:.1f} GB of disk, {free / GIGA:.1f} GB are free in the "
            "scratch folder; make room, name another folder with STEPPE_SCRATCH, or use --quick"
        )


class _Campaign:
    """The measurements in their order.

    Args:
        steps: all of them.
        folder: where scenes are made.
        run: runs a command.
        told: hears of each.
    """

    def __init__(self, steps: Sequence[Step], folder: Path, run: Runner, told: Told) -> None:
        self._steps, self._folder, self._run, self._told = steps, folder, run, told
        self._started = time.perf_counter()

    def records(self) -> list[Record]:
        """Run them all."""
        records = []
        for index, step in enumerate(self._steps):
            self._told(self._moment(index))
            if step.scene:
                self._make(step.scene)
            records.append(self._measure(step))
            if step.scene and not any(later.scene == step.scene for later in self._steps[index + 1 :]):
                (self._folder / step.scene.file_name).unlink()
        return records

    def _moment(self, index: int) -> Moment:
        done, whole = (sum(step.seconds for step in part) for part in (self._steps[:index], self._steps))
        pace = (time.perf_counter() - self._started) / done if done else 1.0
        return Moment(self._steps[index].label, index + 1, len(self._steps), done / whole, (whole - done) * pace)

    def _make(self, scene: Extent) -> None:
        if not (self._folder / scene.file_name).exists():
            self._run(scene.making(self._folder), self._folder)

    def _measure(self, step: Step) -> Record:
        commands = step.recipe(self._folder)
        try:
            answer = self._run(step.words, self._folder)
        except RunFailed as error:
            return Record(key=step.key, commands=commands, seconds=0.0, figures={}, problem=str(error))
        return Record(key=step.key, commands=commands, seconds=answer.seconds, figures=answer.figures)
