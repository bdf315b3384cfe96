"""Prometheus metrics of one application, in a registry of its own."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from serving.telemetry.asked import Asked, Row
from serving.telemetry.report import WorkerReport
from serving.version import VERSION

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

LATENCY_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
MAP_S: Final = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
BATCH: Final = (1, 2, 4, 8, 16, 32, 64)
OUTSIDE: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1)


class LoadedModel(NamedTuple):
    """A model that answers: its name and version, SHA-256 of its graph, what runs it, and in which precision."""

    model: str
    version: str
    sha256: str
    provider: str
    precision: str


class Metrics:
    """What is counted; made once for each application, shared by its threads.

    Attributes:
        registry: holds all of them; more can be added.
        in_flight: requests that are being answered.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("steppe_build", "Version of the service.", registry=self.registry)
        build.info({"version": VERSION, "python": platform.python_version()})
        self._init_requests()
        self._init_work()

    def _init_requests(self) -> None:
        self._requests = self._counter("steppe_http_requests", "Requests.", "method", "route", "status")
        self._latency = self._histogram(
            "steppe_http_request_duration_seconds",
            "From request to the end of its answer.",
            LATENCY_S,
            "method",
            "route",
        )
        self.in_flight = Gauge(
            "steppe_http_requests_in_flight", "Requests that are being answered.", registry=self.registry
        )
        self._refusals = self._counter("steppe_refusals", "Requests answered with a problem, by its type.", "slug")
        self._unanswered = self._counter("steppe_scrape_errors", "Metrics that could not be had.", "metric")

    def _init_work(self) -> None:
        self._batches = self._histogram("steppe_batch_size", "Windows in an engine call.", BATCH, "model")
        self._pixels = self._counter("steppe_pixels", "Pixels of the maps made.", "process", "model")
        self._maps = self._histogram("steppe_map_duration_seconds", "From opening to the last file.", MAP_S, "process")
        self._failures = self._counter("steppe_job_failures", "Jobs that failed, by problem.", "process", "slug")
        self._images = self._counter("steppe_drift_images", "Images beside the model's training.", "model", "flagged")
        self._outside = self._histogram(
            "steppe_drift_outside_ratio", "Share outside the training's 1st and 99th percentile.", OUTSIDE, "model"
        )
        self._readers = self._counter("steppe_reader_deaths", "Reader processes that ended early.", "cause")

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, meaning, labels, buckets=buckets, registry=self.registry)

    def answered(self, method: str, route: str, status: int, *, seconds: float, slug: str | None) -> None:
        """A request has been answered; ``slug`` is the type of the problem, if it was one."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(method, route).observe(seconds)
        if slug is not None:
            self._refusals.labels(slug).inc()

    def batch(self, model: str, size: int) -> None:
        """An engine of ``name@version`` has run so many windows at once."""
        self._batches.labels(model).observe(size)

    def reader_died(self, cause: str) -> None:
        """A reader process ended before it had answered; ``cause`` is one of a few words, such as ``memory``."""
        self._readers.labels(cause).inc()

    def add(self, report: WorkerReport) -> None:
        """What a worker did."""
        model = report.model or "unknown"
        if report.failed is not None:
            self._failures.labels(report.process, report.failed).inc()
        else:
            self._maps.labels(report.process).observe(report.seconds)
            self._pixels.labels(report.process, model).inc(report.pixels)
        for image in report.images:
            self._images.labels(model, str(image.flagged).lower()).inc()
            if image.outside is not None:
                self._outside.labels(model).observe(image.outside)
        for cause in report.reader_deaths:
            self.reader_died(cause)

    def watch_queue(self, lengths: Callable[[], Mapping[str, int]]) -> None:
        """Ask for the lengths of queues, by name, whenever the metrics are read."""
        self._watch("steppe_queue_length", "Entries that wait.", ("queue",), lambda: _rows(lengths()))

    def watch_jobs(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Ask for the number of jobs in each state; ``JobStore.counts`` is such a function."""
        self._watch("steppe_jobs", "Jobs by state.", ("state",), lambda: _rows(counts()))

    def watch_workers(self, alive: Callable[[], int]) -> None:
        """Ask for the number of worker processes that are alive."""
        self._watch("steppe_workers", "Worker processes that are alive.", (), lambda: [((), alive())])

    def watch_models(self, models: Callable[[], Iterable[LoadedModel]]) -> None:
        """Ask for the models that are loaded."""
        self._watch(
            "steppe_model_info",
            "Models that are loaded.",
            LoadedModel._fields,
            lambda: [(tuple(m), 1) for m in models()],
        )

    def _watch(self, name: str, meaning: str, labels: tuple[str, ...], ask: Callable[[], Iterable[Row]]) -> None:
        self.registry.register(Asked(name, meaning, labels, ask=ask, failed=self._unanswered.labels(name).inc))

    def text(self) -> bytes:
        """All of them in Prometheus' text format; asks whatever is watched, which may take the time of a query."""
        return generate_latest(self.registry)


def _rows(values: Mapping[str, int]) -> list[Row]:
    return [((str(label),), value) for label, value in values.items()]
