"""A request to a batcher, and the part of it that runs in one call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

type Answer = NDArray[np.float32]
"""Probabilities (batch, class, row, col)."""


@dataclass(slots=True, eq=False)
class Job:
    """One request.

    Attributes:
        dn_NBHW: its windows, digital numbers.
        owner: who has it, for fairness.
        future: the answer to come; done before that when nobody waits for it any more.
        deadline: when it is too late, on the batcher's clock.
        since: when it came, on the same clock.
        overview_1BHW: overview of its scene, for a model that takes one; then it shares no call with others.
        taken: windows that run or have run.
        left: windows without an answer yet.
        answer_NKHW: the answers so far, where it takes several calls.
    """

    dn_NBHW: NDArray[np.generic]
    owner: str
    future: asyncio.Future[Answer]
    deadline: float
    since: float
    overview_1BHW: NDArray[np.generic] | None = None
    taken: int = 0
    left: int = field(init=False)
    answer_NKHW: Answer | None = None

    def __post_init__(self) -> None:
        """Nothing is answered yet."""
        self.left = len(self.dn_NBHW)

    @property
    def window_pixels(self) -> int:
        """Pixels of one window."""
        height, width = self.dn_NBHW.shape[2:]
        return int(height * width)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one window: (band, row, col)."""
        return self.dn_NBHW.shape[1:]

    @property
    def waiting(self) -> int:
        """Windows that have not been taken."""
        return len(self.dn_NBHW) - self.taken

    def wanted(self, now: float) -> bool:
        """Whether somebody still waits for the answer, and it is not too late for it."""
        return now < self.deadline and not self.future.done()

    def joins(self, other: Job) -> bool:
        """Whether both can share a call."""
        if self is other:
            return True
        alone = self.overview_1BHW is not None or other.overview_1BHW is not None
        return not alone and self.shape == other.shape

    def put(self, start: int, answer_NKHW: Answer) -> None:
        """Keep the answers of some windows; not to be called by two threads at a time."""
        if len(answer_NKHW) == len(self.dn_NBHW):
            self.answer_NKHW = answer_NKHW
        else:
            if self.answer_NKHW is None:
                self.answer_NKHW = np.empty((len(self.dn_NBHW), *answer_NKHW.shape[1:]), np.float32)
            self.answer_NKHW[start : start + len(answer_NKHW)] = answer_NKHW
        self.left -= len(answer_NKHW)


@dataclass(frozen=True, slots=True)
class Share:
    """Windows ``start`` to ``stop`` of a job, in one call."""

    job: Job
    start: int
    stop: int

    def __len__(self) -> int:
        """Windows."""
        return self.stop - self.start

    def windows(self) -> NDArray[np.generic]:
        """Digital numbers of the windows; a view."""
        return self.job.dn_NBHW[self.start : self.stop]


@dataclass(frozen=True, slots=True)
class Call:
    """What is run at once.

    Attributes:
        shares: of one job or of several.
        size: windows of the call, at least those of the shares.
    """

    shares: tuple[Share, ...]
    size: int

    @property
    def windows(self) -> int:
        """Windows that somebody asked for."""
        return sum(map(len, self.shares))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one window: (band, row, col)."""
        return self.shares[0].job.shape

    @property
    def pixels(self) -> int:
        """Their pixels."""
        return self.windows * self.shares[0].job.window_pixels

    def joined(self) -> NDArray[np.generic]:
        """The windows in one array; those of one share alone are not copied."""
        first, windows = self.shares[0].windows(), self.windows
        if len(self.shares) == 1 and windows == self.size:
            return first
        joined_NBHW = np.empty((self.size, *first.shape[1:]), first.dtype)
        np.concatenate([share.windows() for share in self.shares], out=joined_NBHW[:windows])
        joined_NBHW[windows:] = joined_NBHW[windows - 1]
        return joined_NBHW
