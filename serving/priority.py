"""Let long work give way: answers about it, refusals and signs of life need little of a processor, but at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

BEHIND: Final = 10
"""Steps of niceness. On Linux a thread that is 10 steps behind another one gets a tenth of its share where both want a
processor, and all of it where nobody else does."""


def step_back() -> None:
    """Let this thread, and those that it starts from now on, give way to the others of the process.

    Niceness belongs to threads on Linux, and to processes elsewhere; there nothing changes.
    """
    if os.uname().sysname == "Linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND)


def behind[Made](make: Callable[[], Made]) -> Made:
    """Make something on a thread of its own that has stepped back, so that the threads it starts are behind, too.

    Raises:
        Exception: whatever ``make`` raises.
    """
    made: Future[Made] = Future()

    def work() -> None:
        step_back()
        try:
            made.set_result(make())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            made.set_exception(error)

    threading.Thread(target=work, name="steppe-behind").start()
    return made.result()
