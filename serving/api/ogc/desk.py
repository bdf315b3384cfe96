"""Where requests become jobs: everything the routes of jobs and processes work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from anyio import CapacityLimiter
from fastapi import Request as HttpRequest

from landcover.raster.protocol import ReadPolicy
from serving.access.authenticator import is_every
from serving.access.limits import HELD_AGAINST_S, PixelLimiter, check_jobs
from serving.access.principal import Principal
from serving.api.ogc.forms import Subscriber
from serving.api.ogc.inflight import KeysInUse
from serving.api.refusals import CallbackUnavailable
from serving.disk import Disk
from serving.dismissal import Dismissal
from serving.fetch.fetcher import Fetcher
from serving.jobs.record import Job, NewJob
from serving.jobs.store import JobStore
from serving.processes.earlier import EarlierReports
from serving.processes.images import Finder, Images
from serving.processes.orders import Answering, Request
from serving.processes.process import Plan, Process, ProcessNotFound
from serving.reader.late import LateReaders
from serving.registry.live import LiveModels
from serving.results import Results
from serving.settings import Settings
from serving.uploads import Uploads
from serving.work.rehearsal import rehearse

REHEARSALS: Final = 4
"""Requests that are rehearsed at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a job is to be accepted.

    Attributes:
        answering: how its results are handed out.
        listed: whether it is in the job list.
        subscriber: callback addresses, checked.
        idempotency_key: the client's key, or None.
        body_digest: digest of the body that came with it.
        request_id: for logs.
        deadline_s: seconds until it must have ended.
    """

    answering: Answering
    listed: bool = True
    subscriber: Mapping[str, str] | None = None
    idempotency_key: str | None = None
    body_digest: str | None = None
    request_id: str | None = None
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the routes of jobs and processes share.

    Attributes:
        settings: the service's.
        store: the job table.
        models: names of models.
        uploads: files that came.
        results: files that were made.
        finder: everything on other hosts.
        fetcher: asks hosts that are allowed, and no other.
        opener: opens rasters in a process of their own.
        scratch: folder for what a request needs and leaves nothing of.
        pixels: counts pixels of keys.
        processes: what can be asked for, by id.
        keys: idempotency keys of requests under way.
        rehearsals: how many requests may be rehearsed at a time; each takes a process.
    """

    settings: Settings
    store: JobStore
    models: LiveModels
    uploads: Uploads
    results: Results
    finder: Finder
    fetcher: Fetcher
    opener: LateReaders
    scratch: Path
    pixels: PixelLimiter
    processes: Mapping[str, Process]
    keys: KeysInUse = field(default_factory=KeysInUse)
    rehearsals: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(REHEARSALS))

    def process(self, name: str) -> Process:
        """One process.

        Raises:
            ProcessNotFound: when there is none of that id.
        """
        try:
            return self.processes[name]
        except KeyError:
            raise ProcessNotFound(f"there is no such process; there are {', '.join(self.processes)}") from None

    @property
    def disk(self) -> Disk:
        """Whether what is accepted stays."""
        return self.uploads.disk

    @property
    def policy(self) -> ReadPolicy:
        """Limits of rasters that come."""
        return ReadPolicy(max_pixels=self.settings.max_pixels)

    def images(self, who: Principal, base: str) -> Images:
        """What checks the images of one request.

        Args:
            who: asks.
            base: address of the service as this client sees it.
        """
        return Images(
            owner=who.id,
            base=base,
            uploads=self.uploads,
            folder=self.settings.data_folder,
            policy=self.policy,
            models=self.models,
            finder=self.finder,
            reports=EarlierReports(self.store, self.results, who.id),
        )

    def subscriber(self, given: Subscriber | None) -> Mapping[str, str] | None:
        """Callback addresses that may be called, in their usual spelling.

        Raises:
            DataError: when one may not.
            CallbackUnavailable: when the service does not know the address of what it would tell them of.
        """
        if given is None:
            return None
        if self.settings.public_url is None and is_every(self.settings.host):
            raise CallbackUnavailable(
                "the service does not know at which address its clients see it, so it cannot say in a callback where "
                "results are; leave subscriber out, or set STEPPE_PUBLIC_URL where it runs"
            )
        return {event: self.finder.address(href) for event, href in given.model_dump(exclude_none=True).items()}

    def check_room(self, who: Principal) -> None:
        """Refuse one more job of somebody who has as many as allowed, before anything is done for it.

        Raises:
            TooManyJobs: with the limit.
            StoreUnavailable: when the job table cannot be asked.
        """
        check_jobs(who, self.store.waiting(who.id)[0], self.settings.max_jobs_per_key)

    def accept(self, who: Principal, process: Process, plan: Plan, terms: Terms) -> tuple[Job, bool]:
        """Make a job of a plan.

        Returns:
            The job, and whether it is new.

        Raises:
            TooManyJobs: when so many came at once that there is no room any more.
            QuotaExceeded: when these are too many pixels for now.
            KeyReused: when the idempotency key came with another body.
            StoreUnavailable: when the job table cannot be written.
            DiskFailed: when the disk has failed, now or before.
        """
        limit = self.pixels.limit_of(who)
        plan = replace(plan, order=plan.order.within(limit))
        extras = () if limit is None else self.store.extras(who.id, HELD_AGAINST_S)

        def admit(unfinished: int) -> None:
            check_jobs(who, unfinished, self.settings.max_jobs_per_key)
            self.pixels.spend(who, plan.cost.pixels, extras)  # of new jobs only: a repetition costs nothing

        with self.disk.promising():
            return self.store.accept(
                NewJob(
                    owner=who.id,
                    process=process.id,
                    request=Request(order=plan.order, answering=terms.answering).model_dump(mode="json"),
                    model=plan.model.identifier if plan.model else None,
                    model_sha256=plan.model.sha256 if plan.model else None,
                    pixels=plan.cost.pixels,
                    listed=terms.listed,
                    subscriber=terms.subscriber,
                    idempotency_key=terms.idempotency_key,
                    body_digest=terms.body_digest,
                    request_id=terms.request_id,
                    deadline_s=terms.deadline_s,
                ),
                admit=admit,
            )

    def rehearse(self, who: Principal, plan: Plan) -> None:
        """Refuse a plan for what a worker would refuse it for; see ``serving.work.rehearsal``.

        Raises:
            SteppeError: whatever it would fail for before anything is mapped.
        """
        order = plan.order.within(self.pixels.limit_of(who))
        manifest = None if plan.model is None else self.models.bundle(plan.model).manifest
        rehearse(order, manifest, self)

    def dismiss(self, job: str, owner: str | None) -> Job:
        """Stop a job, or remove one that has ended, with all that is left of it.

        Raises:
            JobNotFound: when there is none, or it is another owner's.
            JobGone: when that had happened before.
        """
        return Dismissal(self.store, self.results, self.uploads).dismiss(job, owner)


def desk_of(request: HttpRequest) -> Desk:
    """The desk of the service that got a request."""
    desk: Desk = request.app.state.desk
    return desk
