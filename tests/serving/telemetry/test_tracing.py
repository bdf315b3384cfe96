"""Spans of requests and of the work, where OpenTelemetry is installed; and a process without it."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import serving
from landcover.errors import ConfigError, DiskFull
from serving import spans
from serving.api.app import create_app
from serving.classify import classify_scene
from serving.engine import Engine
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from serving.telemetry.tracing import TracingMissing, open_tracer

ROOT = Path(serving.__file__).parents[1]
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ENDPOINT = "http://127.0.0.1:9"

traced_only = pytest.mark.needs("opentelemetry", "opentelemetry.sdk")


@pytest.fixture
def exporter():
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter):
    tracer = open_tracer(ENDPOINT, "steppe-test", exporter=exporter)
    yield tracer
    tracer.close()


def finished(tracer, exporter):
    tracer._provider.force_flush()
    return exporter.get_finished_spans()


@traced_only
def test_a_request_is_a_span_of_its_callers_trace(settings, tracer, exporter):
    app = create_app(settings)
    app.state.tracer = tracer
    seen = []

    @app.get("/things/{name}")
    async def thing(name: str, access_token: str):
        seen.append(spans.traceparent())
        return name, access_token

    client = TestClient(app, raise_server_exceptions=False)
    client.get("/things/SECRET?access_token=SECRET", headers={"traceparent": PARENT, "X-Request-Id": "abc"})
    (span,) = finished(tracer, exporter)
    assert span.name == "GET /things/{name}"
    assert span.kind.name == "SERVER"
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/things/{name}",
        "http.response.status_code": 200,
        "steppe.request_id": "abc",
    }
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]
    assert seen == [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"]
    assert span.resource.attributes["service.name"] == "steppe-test"


@traced_only
@pytest.mark.parametrize("parent", ["", "garbage", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", PARENT.upper()])
def test_a_caller_without_a_trace_gets_a_new_one(settings, tracer, exporter, parent):
    app = create_app(settings)
    app.state.tracer = tracer
    TestClient(app).get("/livez", headers={"traceparent": parent})
    (span,) = finished(tracer, exporter)
    assert span.parent is None


@traced_only
def test_a_job_is_a_span_with_its_parts_below(settings, out, scene, tracer, exporter):
    engine = Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)
    with spans.traced(tracer), spans.span("job", parent=PARENT):
        classify_scene(Inputs(source=scene), Outputs(map=out / "map.tif"), engine, settings)
    found = {span.name: span for span in finished(tracer, exporter)}
    assert list(found) == ["open", "predict", "publish", "job"]
    job = found.pop("job")
    assert f"{job.context.trace_id:032x}" == PARENT.split("-")[1]
    assert all(span.parent.span_id == job.context.span_id for span in found.values())
    assert dict(found["predict"].attributes) == {"steppe.model": "tiny@0.1.0", "steppe.pixels": 6300}


@traced_only
@pytest.mark.parametrize(("error", "kind"), [(DiskFull("SECRET"), DiskFull.slug), (KeyError("SECRET"), "KeyError")])
def test_a_span_that_fails_says_what_failed_and_no_message(tracer, exporter, error, kind):
    with pytest.raises(type(error)), spans.traced(tracer), spans.span("job"):
        raise error
    (span,) = finished(tracer, exporter)
    assert span.status.status_code.name == "ERROR"
    assert span.status.description is None
    assert span.events == ()
    assert dict(span.attributes) == {"error.type": kind}


@traced_only
def test_log_lines_name_the_trace(settings, tracer, logged):
    app = create_app(settings)
    app.state.tracer = tracer

    @app.get("/said")
    async def said():
        logging.getLogger("serving.test").warning("said")

    TestClient(app).get("/said", headers={"traceparent": PARENT})
    assert logged.lines[0]["trace_id"] == PARENT.split("-")[1]


@traced_only
def test_a_dead_collector_holds_nobody_up(settings):
    app = create_app(settings.model_copy(update={"otlp_endpoint": ENDPOINT}))
    with TestClient(app) as client:
        assert client.get("/livez").status_code == 200
        started = time.monotonic()
    assert time.monotonic() - started < 6


def test_without_a_tracer_spans_are_silent():
    with spans.span("job") as span:
        span.say({"a": 1})
        span.rename("b")
    assert spans.traceparent() is None


def test_no_endpoint_no_tracer():
    assert open_tracer(None, "steppe") is None


@pytest.mark.parametrize("endpoint", ["", "localhost:4318", "grpc://x:4317", "http://", "http://x/?token=SECRET"])
def test_an_endpoint_that_is_no_address(endpoint):
    with pytest.raises(ConfigError, match="STEPPE_OTLP_ENDPOINT") as error:
        open_tracer(endpoint, "steppe")
    assert "SECRET" not in str(error.value)


def test_an_endpoint_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TracingMissing, match=r"install steppe\[telemetry\]"):
        open_tracer(ENDPOINT, "steppe")


LOADED = """
import sys
from serving.api.app import create_app
create_app()
print(sorted(name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))))
"""


def test_nothing_of_the_sdk_is_loaded_when_nobody_traces():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
