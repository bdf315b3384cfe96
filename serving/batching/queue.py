"""Requests that wait, and whose turn it is.

Deficit round robin over owners (M. Shreedhar, G. Varghese, 1995, https://doi.org/10.1145/217391.217453), in pixels: in
each round every owner may have a quantum of pixels run, whatever it waits for. A call that an owner cannot fill is
filled up by the next ones with windows of the same shape; what they get ahead of their turn they owe.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from serving.batching.jobs import Job, Share
from serving.batching.protocol import Limits


@dataclass(slots=True)
class Owner:
    """Jobs of one owner in the order they came, pixels that wait, and pixels it may still have run this round."""

    jobs: deque[Job] = field(default_factory=deque)
    pixels: int = 0
    credit: int = 0


class FairQueue:
    """The waiting jobs. Knows neither threads nor clocks: whoever shares it holds a lock.

    Attributes:
        pixels: pixels that wait.
        requests: requests that wait.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._owners: OrderedDict[str, Owner] = OrderedDict()
        self._debts: dict[str, int] = {}
        self._served = 0
        self.pixels = 0
        self.requests = 0

    def has_room(self, owner: str, pixels: int) -> bool:
        """Whether a request of so many pixels may wait.

        An owner may hold as much as it leaves free: one alone gets half of the room, two a third each, and there is
        always some for whoever comes next.
        """
        limits, held = self._limits, self._owners.get(owner)
        free_pixels, free_requests = limits.queue_pixels - self.pixels, limits.queue_requests - self.requests
        if held is None:
            return pixels <= free_pixels and free_requests > 0
        return held.pixels + pixels <= free_pixels and len(held.jobs) < free_requests

    def add(self, job: Job) -> None:
        """Let a job wait."""
        owner = self._owners.get(job.owner)
        if owner is None:
            owner = self._owners[job.owner] = Owner(credit=min(0, self._served - self._debts.pop(job.owner, 0)))
        pixels = job.waiting * job.window_pixels
        owner.jobs.append(job)
        owner.pixels += pixels
        self.pixels += pixels
        self.requests += 1

    def first(self) -> Job | None:
        """The job whose turn it is; the turn of an owner without credit goes to the next one."""
        while self._owners:
            name, owner = next(iter(self._owners.items()))
            if owner.credit > 0:
                return owner.jobs[0]
            owner.credit += self._limits.call_pixels
            if owner.credit <= 0 or len(self._owners) > 1:
                self._owners.move_to_end(name)
        return None

    def fellows(self, first: Job, most: int) -> list[Job]:
        """The first job and those that can run with it, owner by owner as their turns come, up to so many windows."""
        found, windows = [], 0
        for job in self:
            if windows >= most:
                break
            if job.joins(first):
                found.append(job)
                windows += job.waiting
        return found

    def take(self, job: Job, windows: int) -> Share:
        """So many of the windows that wait of a job."""
        owner, share = self._owners[job.owner], Share(job, job.taken, job.taken + windows)
        pixels = windows * job.window_pixels
        owner.credit -= pixels
        self._served += pixels
        self._forget(owner, pixels)
        job.taken += windows
        if not job.waiting:
            self._remove(owner, job)
        return share

    def drop(self, job: Job) -> None:
        """Forget what is left of a job, if there is anything."""
        owner = self._owners.get(job.owner)
        if owner is not None and job in owner.jobs:
            self._forget(owner, job.waiting * job.window_pixels)
            self._remove(owner, job)

    def __iter__(self) -> Iterator[Job]:
        """All that wait, owner by owner as their turns come."""
        for owner in self._owners.values():
            yield from owner.jobs

    def _forget(self, owner: Owner, pixels: int) -> None:
        owner.pixels -= pixels
        self.pixels -= pixels

    def _remove(self, owner: Owner, job: Job) -> None:
        owner.jobs.remove(job)
        self.requests -= 1
        if not owner.jobs:
            del self._owners[job.owner]
            self._remember_debt(job.owner, owner.credit)

    def _remember_debt(self, name: str, credit: int) -> None:
        """Whoever goes with a debt still has it when it comes back, less what has been run since."""
        if credit < 0:
            self._debts[name] = self._served - credit
        if len(self._debts) > self._limits.queue_requests:
            self._debts = {name: repaid for name, repaid in self._debts.items() if repaid > self._served}
