"""Metrics as Prometheus reads them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fastapi import APIRouter
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from landcover.errors import DiskFull
from serving.api.app import create_app
from serving.classify import classify_scene
from serving.database.protocol import StoreUnavailable
from serving.drift.judgement import judge
from serving.engine import Engine
from serving.jobs.record import State
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from serving.telemetry.metrics import LoadedModel, Metrics
from serving.telemetry.report import LONGEST, ImageReport, ReportInvalid, WorkerReport
from serving.version import VERSION
from tests.serving.telemetry.asgi import ask, scope_of


def read(metrics):
    """Values by name and labels, as a scrape sees them."""
    text = metrics.text().decode() if isinstance(metrics, Metrics) else metrics
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture
def client(app):
    return TestClient(app, raise_server_exceptions=False)


def requests_of(found):
    return {
        tuple(dict(labels)[name] for name in ("method", "route", "status")): value
        for (name, *labels), value in found.items()
        if name == "steppe_http_requests_total"
    }


def test_requests_by_route_method_and_status(client):
    client.get("/models")
    client.get("/models/one")
    client.get("/models/two")
    client.post("/models")
    client.get("/nothing/at/all")
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = read(answer.text)
    assert requests_of(found) == {
        ("GET", "/models", "200"): 1,
        ("GET", "/models/{name}", "404"): 2,
        ("POST", "/models", "405"): 1,
        ("GET", "unmatched", "404"): 1,
    }
    assert found["steppe_http_requests_in_flight",] == 1  # the scrape itself
    labels = ("method", "GET"), ("route", "/models/{name}")
    assert found["steppe_http_request_duration_seconds_count", *labels] == 2
    assert found["steppe_refusals_total", ("slug", "model-not-found")] == 2
    assert found["steppe_refusals_total", ("slug", "method-not-allowed")] == 1
    assert found["steppe_refusals_total", ("slug", "not-found")] == 1


def test_a_router_with_a_prefix_keeps_it(app, client):
    inner, outer = APIRouter(prefix="/inner"), APIRouter()
    inner.add_api_route("/{name}", lambda name: name)
    outer.include_router(inner)
    app.include_router(outer, prefix="/outer")
    assert client.get("/outer/inner/one").status_code == 200
    assert ("GET", "/outer/inner/{name}", "200") in requests_of(read(app.state.metrics))


def test_clients_make_no_series(app, client):
    for number in range(20):
        client.get(f"/nothing/{number}")
        ask(app, scope_of("/models", method=f"M{number}"))
    assert set(requests_of(read(app.state.metrics))) == {("GET", "unmatched", "404"), ("other", "unmatched", "405")}


def test_a_request_that_fails_is_counted(app, client):
    @app.get("/broken")
    async def broken():
        raise RuntimeError

    client.get("/broken")
    found = read(app.state.metrics)
    assert requests_of(found) == {("GET", "/broken", "500"): 1}
    assert found["steppe_refusals_total", ("slug", "internal")] == 1
    assert found["steppe_http_requests_in_flight",] == 0


def test_each_application_counts_for_itself(settings):
    ours = {name for collector in REGISTRY._collector_to_names.values() for name in collector if "steppe" in name}
    assert ours == set()
    one, other = create_app(settings), create_app(settings)
    TestClient(one).get("/livez")
    assert requests_of(read(one.state.metrics))
    assert requests_of(read(other.state.metrics)) == {}


def test_a_map_is_counted(settings, scene, out):
    engine = Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)
    outcome = classify_scene(Inputs(source=scene), Outputs(map=out / "map.tif"), engine, settings)
    metrics = Metrics()
    metrics.add(WorkerReport.from_line(WorkerReport.of("classify", outcome).to_line()))
    found = read(metrics)
    model = ("model", "tiny@0.1.0")
    assert found["steppe_pixels_total", model, ("process", "classify")] == outcome.pixels == 6300
    assert found["steppe_map_duration_seconds_count", ("process", "classify")] == 1
    assert found["steppe_drift_images_total", ("flagged", "false"), model] == 1
    outside = outcome.drift[0].outside_percent / 100
    assert found["steppe_drift_outside_ratio_sum", model] == pytest.approx(outside)


def test_build_and_process():
    found = read(Metrics())
    assert any(name == "steppe_build_info" and dict(labels)["version"] == VERSION for name, *labels in found)
    assert found["process_resident_memory_bytes",] > 0


def test_what_others_keep_is_asked_when_it_is_read():
    metrics = Metrics()
    counts = dict.fromkeys(State, 0)
    metrics.watch_jobs(lambda: counts)
    metrics.watch_queue(lambda: {"tiny@0.1.0": 3})
    metrics.watch_workers(lambda: 2)
    metrics.watch_models(lambda: [LoadedModel("tiny", "0.1.0", "ab" * 32, "cpu", "fp32")])
    counts[State.RUNNING] = 5
    found = read(metrics)
    assert found["steppe_jobs", ("state", "running")] == 5
    assert found["steppe_jobs", ("state", "failed")] == 0
    assert found["steppe_queue_length", ("queue", "tiny@0.1.0")] == 3
    assert found["steppe_workers",] == 2
    labels = {"model": "tiny", "version": "0.1.0", "sha256": "ab" * 32, "provider": "cpu", "precision": "fp32"}
    assert found["steppe_model_info", *sorted(labels.items())] == 1


def test_what_cannot_be_had_is_left_out_and_counted():
    metrics = Metrics()

    def locked():
        raise StoreUnavailable("the database is locked; try again")

    metrics.watch_jobs(locked)
    assert not any(name == "steppe_jobs" for name, *_ in read(metrics))
    found = read(metrics)
    assert found["steppe_scrape_errors_total", ("metric", "steppe_jobs")] >= 1
    assert found["steppe_http_requests_in_flight",] == 0


def test_label_values_are_escaped():
    metrics = Metrics()
    hostile = 'a"b\\c\nsteppe_forged 1'
    metrics.watch_queue(lambda: {hostile: 1})
    assert read(metrics)["steppe_queue_length", ("queue", hostile)] == 1


def test_batches_and_readers():
    metrics = Metrics()
    for size in (1, 3, 8):
        metrics.batch("tiny@0.1.0", size)
    metrics.reader_died("memory")
    found = read(metrics)
    model = ("model", "tiny@0.1.0")
    assert found["steppe_batch_size_bucket", ("le", "4.0"), model] == 2
    assert found["steppe_batch_size_sum", model] == 12
    assert found["steppe_reader_deaths_total", ("cause", "memory")] == 1


REPORT = WorkerReport(
    process="degradation",
    model="pair@1.0.0",
    pixels=123,
    seconds=4.5,
    images=(
        ImageReport(flagged=False, outside=0.02),
        ImageReport(flagged=True, outside=0.4),
        ImageReport(flagged=False),
    ),
    reader_deaths=("memory", "time"),
)


def test_a_workers_report_crosses_a_pipe():
    line = REPORT.to_line()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert WorkerReport.from_line(line) == REPORT
    metrics = Metrics()
    metrics.add(WorkerReport.from_line(line))
    metrics.add(WorkerReport.of_failure("classify", DiskFull("no room")))
    found = read(metrics)
    model = ("model", "pair@1.0.0")
    assert found["steppe_pixels_total", model, ("process", "degradation")] == 123
    assert found["steppe_map_duration_seconds_sum", ("process", "degradation")] == 4.5
    assert found["steppe_drift_images_total", ("flagged", "true"), model] == 1
    assert found["steppe_drift_images_total", ("flagged", "false"), model] == 2
    assert found["steppe_drift_outside_ratio_count", model] == 2
    assert found["steppe_reader_deaths_total", ("cause", "time")] == 1
    assert found["steppe_job_failures_total", ("process", "classify"), ("slug", DiskFull.slug)] == 1
    assert ("steppe_map_duration_seconds_count", ("process", "classify")) not in found


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"Traceback (most recent call last):\n",
        b"[]",
        b'{"process": 1}',
        b'{"process": "classify", "pixels": "many"}',
        b"\xff\xfe",
        json.dumps({"process": "x" * LONGEST}).encode(),
        b"{" * 1000,
    ],
)
def test_what_is_no_report_is_refused(line):
    with pytest.raises(ReportInvalid):
        WorkerReport.from_line(line)


def test_a_report_of_a_map():
    class Map:
        model, pixels, seconds = "tiny@0.1.0", 10, 0.5
        drift = (judge(np.empty((0, 0), np.uint16), {}, image="x"),)

    report = WorkerReport.of("classify", Map())
    assert report == WorkerReport(
        process="classify", model="tiny@0.1.0", pixels=10, seconds=0.5, images=(ImageReport(flagged=False),)
    )
