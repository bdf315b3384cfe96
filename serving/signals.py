"""Signals that end a command: all as Ctrl-C does, and none of them between the names of two files."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from landcover.errors import SteppeError

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells use it: 128 + SIGINT."""

STOPPING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Interrupted(SteppeError):
    """The user, or whoever ends processes, ended the work."""

    slug = "interrupted"
    exit_code = INTERRUPTED


def end_at_once() -> None:
    """Let Ctrl-C and its like end the process in one line, without unwinding: for as long as nothing is half done.

    A signal that this process was started to ignore stays ignored.
    """
    for number in _heard():
        signal.signal(number, _end)


def end_as_usual() -> None:
    """Take that back, for work that has its own way with signals: servers and training."""
    for number in _heard():
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _heard() -> list[signal.Signals]:
    """Signals that end work and are not ignored: ``nohup`` and shells start processes that ignore some."""
    return [number for number in STOPPING if signal.getsignal(number) not in {signal.SIG_IGN, None}]


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    os.write(2, b"steppe: interrupted\n")
    os._exit(INTERRUPTED)


@contextmanager
def stop_like_interrupt(*, publishes: bool = False) -> Generator[None]:
    """Let SIGTERM and SIGHUP end the work as Ctrl-C does in Python, so that whatever is half done is removed.

    A signal that this process was started to ignore stays ignored: ``nohup`` and shells do that.

    Args:
        publishes: whether the work is there to publish files; then it is said where none was.

    Raises:
        Interrupted: when one of them came.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _heard()}
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(", ".join(["interrupted", *(getattr(stop, "__notes__", ()) if publishes else ())])) from stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended_by_sigterm() -> Generator[None]:
    """Let SIGTERM end a server without skipping what is to be closed around it: whoever stops a service gets code 0.

    The server's own handler comes first: it ends requests, then it sends the signal once more to the one before it.

    Raises:
        SystemExit: when the signal came.
    """

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def held_off() -> Generator[None]:
    """Let signals that end the work wait until a short piece of it is done; on other threads they never come."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    held = {number: signal.getsignal(number) for number in _heard()}
    try:
        for number in held:
            signal.signal(number, lambda which, _frame: came.append(which))
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
