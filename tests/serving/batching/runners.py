"""Models for tests of batching: they answer at once, or when they are told to, and remember what they were asked."""

from __future__ import annotations

import threading

import numpy as np


def windows(count=1, *, side=32, bands=2, value=0):
    """Windows whose numbers say which they are."""
    values = np.arange(value, value + count, dtype=np.uint16)
    return np.broadcast_to(values[:, None, None, None], (count, bands, side, side)).copy()


class Runner:
    """Answers one class: the first band. Windows of 666 are refused."""

    def __init__(self, parallel=1):
        self.parallel = parallel
        self.calls = []

    def run(self, dn_NBHW, overview_1BHW=None):
        self.calls.append(dn_NBHW[:, 0, 0, 0].tolist())
        if (dn_NBHW == 666).any():
            raise ValueError("666 is refused")
        return dn_NBHW[:, :1].astype(np.float32) + (0 if overview_1BHW is None else overview_1BHW.sum())


class Gated(Runner):
    """Answers when the gate is open; says when a call has come to it."""

    def __init__(self, parallel=1):
        super().__init__(parallel)
        self.gate = threading.Event()
        self.arrived = threading.Semaphore(0)

    def run(self, dn_NBHW, overview_1BHW=None):
        self.arrived.release()
        assert self.gate.wait(60)
        return super().run(dn_NBHW, overview_1BHW)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Costly(Gated):
    """Takes some seconds of a clock for each call, and some more for each window."""

    def __init__(self, clock, *, call_s, window_s, parallel):
        super().__init__(parallel)
        self._clock, self._call_s, self._window_s = clock, call_s, window_s

    def run(self, dn_NBHW, overview_1BHW=None):
        answer = super().run(dn_NBHW, overview_1BHW)
        self._clock.now += self._call_s + self._window_s * len(dn_NBHW)
        return answer
