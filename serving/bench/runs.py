"""Run one measurement in a process of its own, so that its peak memory and its warm-up are its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from landcover.errors import SteppeError

type Word = str | Path
"""Part of a command; a path is shown by its name alone."""

GRACE_S: Final = 8.0
"""Seconds in which a command that is ended may remove what is half done."""

_PREFIX: Final = "steppe: "


class RunFailed(SteppeError):
    """A measurement ended in an error."""

    slug = "bench-run"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a measurement printed.

    Attributes:
        figures: its JSON object; empty when it prints none.
        seconds: of the whole process on the wall.
    """

    figures: dict[str, Any]
    seconds: float


type Runner = Callable[[Sequence[Word], Path], Answer]
"""Runs a command of ``steppe``, whose scratch files go to a folder, and answers what it printed.

Raises RunFailed with one sentence when it ends in an error."""


def shown(words: Sequence[Word]) -> str:
    """The command as people type it."""
    return shlex.join(["steppe", *(word.name if isinstance(word, Path) else word for word in words)])


def run_command(words: Sequence[Word], scratch: Path) -> Answer:
    """Run ``steppe WORDS`` with this interpreter.

    Args:
        words: the command.
        scratch: folder for what it makes on the way; whatever ends it, its files are there and nowhere else.

    Raises:
        RunFailed: with the last line that it said.
    """
    started = time.perf_counter()
    code, said, errors = run_process([sys.executable, "-m", "serving", *map(str, words)], scratch)
    seconds = time.perf_counter() - started
    if code:
        raise RunFailed(f"{shown(words)!r} ended with exit code {code}: {_last_line(errors)}")
    return Answer(parse_figures(said, words), seconds)


def run_process(command: Sequence[str], scratch: Path) -> tuple[int, str, str]:
    """Exit code, output and error output of a command; when this process is interrupted, it is ended in good order."""
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"STEPPE_SCRATCH": str(scratch)},
    ) as process:
        try:
            said, errors = process.communicate()
        except BaseException:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            process.kill()
            raise
    return process.returncode, said, errors


def parse_figures(text: str, words: Sequence[Word]) -> dict[str, Any]:
    """The JSON object that a command printed; empty when it printed nothing.

    Raises:
        RunFailed: when it is something else.
    """
    if not text.strip():
        return {}
    try:
        figures = json.loads(text)
    except ValueError as error:
        raise RunFailed(f"{shown(words)!r} printed no JSON: {text.strip()[:80]!r}") from error
    if not isinstance(figures, dict):
        raise RunFailed(f"{shown(words)!r} printed no JSON object: {text.strip()[:80]!r}")
    return figures


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].removeprefix(_PREFIX) if lines else "it said nothing"
