"""Run the windows of concurrent requests together.

Threads take what waits as soon as they are free, so a request that comes alone runs at once and requests that come
while all are busy form the next calls. Where small windows come from many clients, a thread waits a little for a fuller
call: only while fewer requests are there than were lately, because then those that have just been answered are likely
to come back, and no longer than half of what an answer takes anyway.

Where most of a call is the same for one window more (weights to read), a second call beside the first would cost as
much again: it waits for that to end, and takes what has come meanwhile.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.batching.cost import Costs, Shape
from serving.batching.errors import DeadlinePassed, Draining, QueueFull
from serving.batching.jobs import Answer, Call, Job, Share
from serving.batching.protocol import Limits, Observer, Runner
from serving.batching.queue import FairQueue
from serving.batching.rate import Rate
from serving.priority import step_back

USUAL_DECAY: Final = 0.97
"""How fast the usual number of requests falls to the present one, at each new request."""

ENOUGH: Final = 0.75
"""Share of the usual requests that is not waited for any longer: some are always being sent or read."""

MOSTLY_FIXED: Final = 0.5
"""Share of a call that one more window would not add to, from which on calls wait for each other."""

type Result = tuple[Job, BaseException | None]


class Batcher:
    """One model, called by as many threads as it is meant to be; :meth:`close` ends them.

    Args:
        runner: what answers.
        limits: how much is joined and how much may wait.
        observer: is told what happens.
        clock: seconds; deadlines are on it.
    """

    def __init__(
        self,
        runner: Runner,
        limits: Limits | None = None,
        *,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner, self._limits, self._clock = runner, limits or Limits(), clock
        self._observer = observer or Observer()
        self._queue, self._rate, self._costs = FairQueue(self._limits), Rate(), Costs()
        self._running: Counter[Shape] = Counter()
        self._changed = threading.Condition()
        self._putting = threading.Lock()
        self._closing = False
        self._pausing = False
        self._idle = self._inside = 0
        self._usual = self._turnaround_s = 0.0
        self._announcing: asyncio.AbstractEventLoop | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"steppe-batch-{index}", daemon=True)
            for index in range(runner.parallel)
        ]
        for thread in self._threads:
            thread.start()

    async def submit(
        self,
        dn_NBHW: NDArray[np.generic],
        *,
        owner: str = "",
        deadline: float = math.inf,
        overview_1BHW: NDArray[np.generic] | None = None,
    ) -> Answer:
        """Answers of some windows, the same as if they ran alone.

        Cancelling the task that waits takes the request out of the queue.

        Args:
            dn_NBHW: digital numbers (batch, band, row, col), at least one window; must not change meanwhile.
            owner: for whom; owners share the model evenly.
            deadline: when the answer is too late, on the batcher's clock.
            overview_1BHW: overview of the windows' scene, for a model that takes one.

        Raises:
            QueueFull: too much waits.
            DeadlinePassed: it was not ready in time.
            Draining: the batcher is being closed.
        """
        loop = asyncio.get_running_loop()
        job = Job(dn_NBHW, owner, loop.create_future(), deadline, self._clock(), overview_1BHW)
        self._enter(job)
        timer = loop.call_later(deadline - job.since, _expire, job) if deadline < math.inf else None
        try:
            return await job.future
        finally:
            if timer is not None:
                timer.cancel()
            self._leave(job)

    def check_room(self, owner: str = "", pixels: int = 1) -> None:
        """Refuse a request before its windows are there.

        Raises:
            QueueFull: too much waits.
            Draining: the batcher is being closed.
        """
        with self._changed:
            self._admit(owner, pixels)

    def close(self) -> None:
        """Take no more, answer all that waits, and end the threads."""
        self.drain()
        for thread in self._threads:
            thread.join()

    def drain(self) -> None:
        """Take no more; the threads end by themselves when all that waits is answered."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _admit(self, owner: str, pixels: int) -> None:
        if self._closing:
            self._observer.refused(Draining.slug)
            raise Draining("the model is being replaced; send the request again")
        if not self._queue.has_room(owner, pixels):
            self._observer.refused(QueueFull.slug)
            seconds = self._rate.retry_after_s(self._queue.pixels + pixels, self._runner.parallel)
            raise QueueFull(
                f"{self._queue.requests} requests with {self._queue.pixels:,} pixels wait for the model, which leaves "
                f"no room for yours; send it again in {seconds} s",
                seconds,
            )

    def _enter(self, job: Job) -> None:
        with self._changed:
            self._admit(job.owner, len(job.dn_NBHW) * job.window_pixels)
            self._queue.add(job)
            self._inside += 1
            self._usual = max(self._inside, self._usual * USUAL_DECAY)
            self._observer.waiting(self._queue.requests, self._queue.pixels)
        loop = job.future.get_loop()
        if self._announcing is not loop:  # whatever else the loop has to submit now is to be in the same call
            self._announcing = loop
            loop.call_soon(self._announce)

    def _announce(self) -> None:
        """Wake a thread, unless one waits for more than there is."""
        self._announcing = None
        with self._changed:
            if not self._pausing or self._is_enough():
                self._changed.notify()

    def _is_enough(self) -> bool:
        """Whether it is not worth to wait for more requests."""
        return self._closing or self._inside >= ENOUGH * self._usual

    def _leave(self, job: Job) -> None:
        with self._changed:
            self._inside -= 1
            self._queue.drop(job)
            self._turnaround_s += (self._clock() - job.since - self._turnaround_s) / 16
        if job.future.cancelled():
            self._observer.refused("cancelled")
        elif isinstance(job.future.exception(), DeadlinePassed):
            self._observer.refused(DeadlinePassed.slug)

    def _work(self) -> None:
        step_back()
        while (call := self._next()) is not None:
            started = self._clock()
            results = self._results(call)
            seconds = self._clock() - started
            with self._changed:
                self._rate.add(call.pixels, seconds)
                self._costs.add(call.shape, call.size, seconds)
                self._running -= Counter({call.shape: 1})
                self._changed.notify()
            _deliver(results)
            self._observer.ran(call.windows, call.size - call.windows, call.pixels, seconds)

    def _next(self) -> Call | None:
        """Wait for the next call; None when there will be no more."""
        with self._changed:
            while True:
                first = self._queue.first()
                if first is None:
                    if self._closing:
                        return None
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
                elif self._is_worth_running(first) and (call := self._compose(first)) is not None:
                    return call

    def _is_worth_running(self, job: Job) -> bool:
        """Whether a job is still wanted; one that is not is taken out."""
        if job.wanted(self._clock()):
            return True
        self._queue.drop(job)
        _deliver([(job, _too_late())])
        return False

    def _compose(self, first: Job) -> Call | None:
        """The call that runs now; None after a wait for more."""
        now, limits, pixels = self._clock(), self._limits, first.window_pixels
        most = limits.most_windows(pixels)
        fellows = [job for job in self._queue.fellows(first, most) if job.wanted(now)]
        windows = min(most, sum(job.waiting for job in fellows))
        if windows < most and (pause := self._pause(first, now)) > 0:
            self._pausing = True
            self._changed.wait(pause)
            self._pausing = False
            return None
        together = most > 1 and self._costs.fixed_share(first.shape, windows) > MOSTLY_FIXED
        if together and self._running[first.shape]:
            self._changed.wait()
            return None
        size = limits.size_for(windows if together else math.ceil(windows / (1 + self._idle)), pixels)
        return self._begin(fellows, size, now)

    def _pause(self, first: Job, now: float) -> float:
        """Seconds to wait for a fuller call."""
        if self._pausing or self._is_enough():
            return 0.0
        return first.since + min(self._limits.wait_s, self._turnaround_s / 2) - now

    def _begin(self, fellows: Sequence[Job], size: int, now: float) -> Call:
        shares: list[Share] = []
        room = size
        for job in fellows:
            if not room:
                break
            if not job.taken:
                self._observer.waited(now - job.since)
            shares.append(self._queue.take(job, min(room, job.waiting)))
            room -= len(shares[-1])
        self._observer.waiting(self._queue.requests, self._queue.pixels)
        if self._queue.requests:
            self._changed.notify()
        call = Call(tuple(shares), size)
        self._running[call.shape] += 1
        return call

    def _results(self, call: Call) -> list[Result]:
        """Run a call; a window that the model refuses fails its own request only."""
        try:
            answer_NKHW = self._runner.run(call.joined(), call.shares[0].job.overview_1BHW)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            if len(call.shares) == 1:
                return [(call.shares[0].job, error)]
            alone = (Call((share,), len(share)) for share in call.shares)
            return [result for call in alone for result in self._results(call)]
        return self._sorted_out(call, answer_NKHW)

    def _sorted_out(self, call: Call, answer_NKHW: Answer) -> list[Result]:
        done: list[Result] = []
        first = 0
        for share in call.shares:
            job, part_NKHW = share.job, answer_NKHW[first : first + len(share)]
            first += len(share)
            with self._putting:
                job.put(share.start, part_NKHW)
                if not job.left:
                    done.append((job, None))
        return done


def _too_late() -> DeadlinePassed:
    return DeadlinePassed("the answer was not ready in time; send the request again later, or allow more time")


def _expire(job: Job) -> None:
    """Runs in the loop of the one who waits."""
    if not job.future.done():
        job.future.set_exception(_too_late())


def _deliver(results: Sequence[Result]) -> None:
    """Tell each loop once what has become of its requests."""
    loops: dict[asyncio.AbstractEventLoop, list[Result]] = defaultdict(list)
    for job, error in results:
        loops[job.future.get_loop()].append((job, error))
    for loop, ended in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, ended)
        except RuntimeError:  # the loop is closed: nobody waits
            continue


def _settle(results: Sequence[Result]) -> None:
    for job, error in results:
        if job.future.done():
            continue
        if error is not None:
            job.future.set_exception(error)
        elif job.answer_NKHW is not None:
            job.future.set_result(job.answer_NKHW)
