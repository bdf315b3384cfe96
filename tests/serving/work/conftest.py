"""A shop to work in, and jobs in its table."""

from __future__ import annotations

import threading
import uuid
from types import SimpleNamespace

import pytest

from serving.jobs.record import NewJob
from serving.processes.orders import (
    Answering,
    ClassifyOrder,
    DegradationOrder,
    Image,
    Making,
    Place,
    Request,
    UploadSource,
    UrlSource,
)
from serving.work.worker import Worker
from tests.crew import open_test_shop
from tests.service import left_in

MAKING = Making(outputs=("map", "confidence", "item"), max_pixels=10**7)


class Yard:
    """A shop, its folders and its table, and what a worker said.

    Attributes:
        shop: what workers work with.
        reports: what workers have said of jobs.
        hard: set when work was to be ended hard.
    """

    def __init__(self, shop, body):
        self.shop, self.store, self._body = shop, shop.store, body
        self.reports, self.hard, self._workers = [], threading.Event(), []

    def worker(self, name="one", **changes):
        base = {"report": self.reports.append, "overdue": self.hard.set}
        self._workers.append(Worker(name, self.shop, **(base | changes)))
        return self._workers[-1]

    def stop(self):
        """Let all workers end, also those of a test that has failed."""
        for worker in self._workers:
            worker.stop()

    def upload(self, body=None):
        part = self.shop.uploads.begin("anonymous")
        part.write_bytes(self._body if body is None else body)
        return self.shop.uploads.keep(part)

    def accept(self, *, outputs=("map", "areas"), source=None, model=None, sha256=None, body=None, **changes):
        """A job that maps the scene."""
        resolved = self.shop.models.resolve()
        order = ClassifyOrder(
            images=(Image(source=source or UploadSource(file=self.upload(body))),),
            making=Making(outputs=tuple(outputs), max_pixels=self.shop.settings.max_pixels),
        )
        request = Request(order=order, answering=Answering(modes=dict.fromkeys(outputs)))
        new = NewJob(
            owner="anonymous",
            process="classify",
            request=request.model_dump(mode="json"),
            model=model or resolved.identifier,
            model_sha256=sha256 or resolved.sha256,
            **({"idempotency_key": str(uuid.uuid4()), "body_digest": ""} | changes),
        )
        return self.store.accept(new)[0]

    def get(self, job):
        return self.store.get(job.id, None)

    def results(self):
        """Names in the folder of results."""
        root = self.shop.results.root
        return sorted(path.name for path in root.iterdir()) if root.exists() else []

    def scratch(self):
        return left_in(self.shop.scratch)


@pytest.fixture
def yard(settings, readers, scene):
    with open_test_shop(settings, readers) as shop:
        made = Yard(shop, scene.read_bytes())
        yield made
        made.stop()


@pytest.fixture
def held(monkeypatch):
    """Work that begins, says how far it is, and does not end before the test says so."""
    began, go_on = threading.Event(), threading.Event()

    def hold(*_args, progress, **_keywords):
        began.set()
        while not go_on.wait(0.01):
            progress(1, 4)
        raise ZeroDivisionError

    monkeypatch.setattr("serving.work.performing.classify_scene", hold)
    yield SimpleNamespace(began=began, go_on=go_on)
    go_on.set()


@pytest.fixture
def quick_heart(monkeypatch):
    """A heart that beats often."""
    monkeypatch.setattr("serving.work.heart.BEAT_S", 0.05)
    monkeypatch.setattr("serving.work.heart.GRACE_S", 0.3)


def classify(*sources, place=None, **members):
    """The job of mapping images."""
    images = tuple(Image(source=source) for source in sources)
    order = ClassifyOrder(images=images, place=place or Place(), making=MAKING, **members)
    return _job("classify", order)


def compare(before, after):
    images = Image(source=before, date="2019-06-01"), Image(source=after, date="2021-06-01")
    return _job("degradation", DegradationOrder(before=images[0], after=images[1], making=MAKING))


def at(site, path):
    return UrlSource(href=site.url(path))


def _job(process, order):
    request = Request(order=order, answering=Answering(modes={}))
    return NewJob(owner="anonymous", process=process, request=request.model_dump(mode="json"))
