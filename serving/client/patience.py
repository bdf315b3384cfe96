"""Try again what may pass: a lost connection, a busy service."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from landcover.errors import SteppeError
from serving.client.watching import Watcher
from serving.sentence import sentence

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0

FIRST_CONTACT_S: Final = 10.0
"""Seconds of patience with a service that has never answered: its address may be wrong."""


class Passing(Exception):
    """Something failed that may go well in a while.

    Args:
        error: what it is when it does not.
        after_s: seconds that the service asks to wait, if it says so.
    """

    def __init__(self, error: SteppeError, after_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.after_s = error, after_s


@dataclass(frozen=True, slots=True)
class Clock:
    """What passes time; tests bring their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Patience:
    """Counts the time without a sign of life.

    Args:
        seconds: how long without one.
        watcher: is told of pauses.
        clock: passes the time.
    """

    def __init__(self, seconds: float, watcher: Watcher, clock: Clock) -> None:
        self._seconds, self._watcher, self._clock = seconds, watcher, clock
        self._met = False
        self._alive = clock.now()
        self._pause = FIRST_PAUSE_S

    def sign_of_life(self) -> None:
        """The service did something that was asked of it."""
        self._met = True
        self._alive, self._pause = self._clock.now(), FIRST_PAUSE_S

    def met(self) -> None:
        """The service is there, whatever it says."""
        self._met = True

    def trying[Answer](self, step: Callable[[], Answer]) -> Answer:
        """Take a step, again and again where it fails in passing.

        Raises:
            SteppeError: what the step raises, and what a failure is that did not pass in time.
        """
        self._alive, self._pause = self._clock.now(), FIRST_PAUSE_S
        while True:
            try:
                return step()
            except Passing as passing:
                self._wait(passing)

    def _wait(self, passing: Passing) -> None:
        allowed_s = self._seconds if self._met else min(self._seconds, FIRST_CONTACT_S)
        pause = max(self._pause, passing.after_s)
        if self._clock.now() + pause - self._alive > allowed_s:
            raise passing.error
        self._watcher.pause(sentence(passing.error), pause)
        self._clock.sleep(pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
