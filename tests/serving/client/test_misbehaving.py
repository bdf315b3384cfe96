"""Against a service that drops connections, is busy, lies or answers nonsense: right files or one sentence."""

import hashlib
import json
import re
import socket
from dataclasses import replace

import pytest
from pydantic import SecretStr

from serving.client.errand import Errand, quote, run_errand
from serving.client.errors import AnswerNotUnderstood, ServiceRefused, ServiceUnreachable, TransferDamaged
from serving.client.line import Line
from serving.client.patience import Clock
from serving.client.scenes import LocalScene
from serving.client.server import server_at
from serving.client.watching import Quiet
from serving.request import Outputs
from tests.service import left_in
from tests.serving.client.fakeservice import (
    FILES,
    JOB,
    MAP,
    RECORD,
    UPLOAD,
    drop,
    fake_service,
    page,
    problem,
    truncated,
)

EXECUTION = "/processes/classify/execution"
RESULT = f"/jobs/{JOB}/results/map"


class Passed:
    """A clock that only passes when somebody sleeps."""

    def __init__(self):
        self.seconds, self.naps = 0.0, []

    def sleep(self, seconds):
        self.naps.append(seconds)
        self.seconds += seconds

    def clock(self):
        return Clock(now=lambda: self.seconds, sleep=self.sleep)


class Noting(Quiet):
    """A watcher that keeps what it was told."""

    def __init__(self):
        self.jobs, self.pauses, self.transfers = [], [], []

    def transfer(self, verb, name, done, total):
        self.transfers.append((verb, name, done, total))

    def job(self, percent, message):
        self.jobs.append((percent, message))

    def pause(self, why, seconds):
        self.pauses.append((why, seconds))


@pytest.fixture
def service():
    with fake_service() as running:
        yield running


@pytest.fixture
def fake(service):
    return service.fake


@pytest.fixture
def time():
    return Passed()


@pytest.fixture
def watcher():
    return Noting()


@pytest.fixture
def line(service, time, watcher):
    with Line(server_at(service.url, SecretStr("stp_key")), 60, watcher, clock=time.clock()) as opened:
        yield opened


@pytest.fixture
def errand(scene):
    return Errand(process="classify", scenes={"scene": [LocalScene(scene)]}, inputs={})


@pytest.fixture
def outputs(out):
    return Outputs(map=out / "map.tif", stac=out / "item.json")


def right(out):
    """Whether all files are there, and nothing else."""
    assert left_in(out) == ["item.json", "map.qml", "map.tif"]
    assert (out / "map.tif").read_bytes() == MAP
    item = json.loads((out / "item.json").read_text())
    assert (item["assets"], item["links"]) == ({"map": {"href": "map.tif"}}, [])


def test_all_is_well(errand, outputs, line, fake, out, scene, watcher):
    outcome = run_errand(errand, outputs, line)
    right(out)
    assert outcome.warnings == ("be careful",)
    assert fake.asked[:2] == [("POST", "/uploads"), ("POST", EXECUTION)]
    assert fake.bodies[0] == scene.read_bytes()
    body = json.loads(fake.bodies[1])
    assert body["inputs"]["scene"] == {"href": f"/uploads/{UPLOAD}", "title": "scene.tif"}
    assert sorted(body["outputs"]) == ["areas", "item", "map", "style"]
    assert fake.asked[-2:] == [("DELETE", f"/jobs/{JOB}"), ("DELETE", f"/uploads/{UPLOAD}")]
    assert {headers["Authorization"] for headers in fake.headers} == {"Bearer stp_key"}
    assert watcher.jobs[0] == (50, "mapping")
    size = scene.stat().st_size
    assert [entry for entry in watcher.transfers if entry[0] == "sending"][-1] == ("sending", "scene.tif", size, size)
    assert ("fetching", "map", len(MAP), len(MAP)) in watcher.transfers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/uploads"),
        ("POST", EXECUTION),
        ("GET", f"/jobs/{JOB}"),
        ("GET", f"/jobs/{JOB}/outcome"),
        ("GET", RESULT),
    ],
)
@pytest.mark.parametrize("fault", ["drop", "busy", "gateway"])
def test_it_passes(errand, outputs, line, fake, fault, method, path):
    faults = {"drop": drop, "busy": problem("busy", 503, Retry_After="7"), "gateway": page(502)}
    fake.fault(method, path, faults[fault], faults[fault])
    run_errand(errand, outputs, line)
    right(outputs.map.parent)
    assert list(fake.jobs.values()) == [1]


def test_a_job_that_was_made_when_the_answer_was_lost(errand, outputs, line, fake, out):
    def made_and_lost(handler):
        fake.jobs[handler.headers["Idempotency-Key"]] = 1
        drop(handler)

    fake.fault("POST", EXECUTION, made_and_lost)
    run_errand(errand, outputs, line)
    right(out)
    assert list(fake.jobs.values()) == [2]  # asked twice, with one key


def test_waits_as_long_as_it_is_told(errand, outputs, line, fake, time, watcher):
    fake.fault("POST", EXECUTION, problem("quota", 429, "too many pixels", Retry_After="33"))
    run_errand(errand, outputs, line)
    assert 33 in time.naps
    assert watcher.pauses == [("too many pixels", 33)]


def test_pauses_grow_until_patience_ends(errand, outputs, line, fake, time, out):
    fake.fault("POST", EXECUTION, *[problem("busy", 503, "all places are taken")] * 50)
    with pytest.raises(ServiceRefused, match="all places are taken"):
        run_errand(errand, outputs, line)
    assert time.naps == [0.5, 1, 2, 4, 8, 15, 15]
    assert left_in(out) == []
    assert ("DELETE", f"/uploads/{UPLOAD}") in fake.asked


def test_nobody_there(errand, outputs, time):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with (
        Line(server_at(url, None), 300, clock=time.clock()) as line,
        pytest.raises(ServiceUnreachable, match="cannot be reached; correct --server"),
    ):
        run_errand(errand, outputs, line)
    assert sum(time.naps) <= 10  # an address that never answered is perhaps a wrong one


def test_a_download_goes_on_where_it_was(errand, outputs, line, fake, out):
    fake.fault("GET", RESULT, truncated(MAP, 300_000), truncated(MAP, 0))
    run_errand(errand, outputs, line)
    right(out)
    ranges = [
        headers.get("Range") for headers, asked in zip(fake.headers, fake.asked, strict=True) if asked[1] == RESULT
    ]
    assert ranges[0] is None
    assert re.fullmatch(r"bytes=[1-9]\d+-", ranges[1])


def test_a_service_that_begins_anew(errand, outputs, line, fake, out):
    fake.fault("GET", RESULT, truncated(MAP, 300_000), page(200, MAP, "image/tiff"))
    run_errand(errand, outputs, line)
    right(out)


def test_another_file_than_it_says(errand, outputs, line, fake, out):
    fake.fault("GET", RESULT, page(200, MAP[::-1], "image/tiff"))
    run_errand(errand, outputs, line)  # the second time it is right
    right(out)


def test_always_another_file_than_it_says(errand, outputs, line, fake, out):
    fake.fault("GET", RESULT, *[page(200, MAP[::-1], "image/tiff")] * 3)
    with pytest.raises(TransferDamaged, match="map arrives with another SHA-256"):
        run_errand(errand, outputs, line)
    assert left_in(out) == []
    assert ("DELETE", f"/jobs/{JOB}") in fake.asked


@pytest.mark.parametrize(
    ("slug", "status", "code"),
    [
        ("no-valid-data", 422, 3),
        ("model-not-found", 404, 4),
        ("disk-full", 507, 6),
        ("usage", 422, 2),
        ("scope-missing", 403, 1),
        ("never-heard-of", 418, 1),
    ],
)
def test_problems_have_the_exit_code_of_their_class(errand, outputs, line, fake, slug, status, code):
    fake.fault("POST", EXECUTION, problem(slug, status))
    with pytest.raises(ServiceRefused, match=r"^a sentence of the service$") as caught:
        run_errand(errand, outputs, line)
    assert (caught.value.exit_code, caught.value.kind) == (code, slug)
    assert left_in(outputs.map.parent) == []


def test_the_service_knows_the_exit_code_of_what_is_new(errand, outputs, line, fake):
    fake.fault("POST", EXECUTION, problem("brand-new", 422))
    fake.fault("GET", "/problems/brand-new", page(200, b'{"exit_code": 3}', "application/json"))
    with pytest.raises(ServiceRefused) as caught:
        run_errand(errand, outputs, line)
    assert caught.value.exit_code == 3


def test_a_key_that_is_not_known(errand, outputs, line, fake, service):
    fake.fault("POST", "/uploads", problem("unauthorized", 401))
    with pytest.raises(ServiceRefused, match="does not know the API key"):
        run_errand(errand, outputs, line)
    with Line(server_at(service.url, None), 1) as keyless:
        fake.fault("POST", "/uploads", problem("unauthorized", 401))
        with pytest.raises(ServiceRefused, match="wants an API key; give it in STEPPE_API_KEY"):
            run_errand(errand, outputs, keyless)


def test_a_job_that_fails(errand, outputs, line, fake, out):
    fake.steps = [{"status": "running"}, {"status": "failed"}]
    # 503 is what became of the job here, not of the question.
    fake.fault("GET", f"/jobs/{JOB}/results", problem("no-valid-data", 503, "the input level is not stated"))
    with pytest.raises(ServiceRefused, match="--level is not stated") as caught:
        run_errand(errand, outputs, line)
    assert caught.value.exit_code == 3
    assert fake.asked.count(("GET", f"/jobs/{JOB}/results")) == 1
    assert left_in(out) == []
    assert ("DELETE", f"/jobs/{JOB}") in fake.asked


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/uploads", page(200)),
        ("/uploads", page(404)),
        ("/uploads", page(301, Location="https://elsewhere.example.org")),
        ("/uploads", page(201, b"[]", "application/json")),
        ("/uploads", page(201, b"{}", "application/json")),
        (EXECUTION, page(201, b'{"jobID": 7}', "application/json")),
        (EXECUTION, page(201, b'{"jobID": "x", "status": "done"}', "application/json")),
    ],
)
def test_no_steppe_at_all(errand, outputs, line, fake, out, path, answer):
    fake.fault("POST", path, answer)
    with pytest.raises(AnswerNotUnderstood) as caught:
        run_errand(errand, outputs, line)
    assert "\n" not in str(caught.value)
    assert left_in(out) == []


def test_no_item(errand, outputs, line, fake, out, monkeypatch):
    monkeypatch.setitem(FILES, "item", b"[]")
    fake.fault(
        "GET", f"/jobs/{JOB}/outcome", page(200, json.dumps(record_with(item=b"[]")).encode(), "application/json")
    )
    with pytest.raises(AnswerNotUnderstood, match="STAC Item"):
        run_errand(errand, outputs, line)
    assert left_in(out) == []


def record_with(**files):
    changed = {
        name: {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    return RECORD | {"outputs": RECORD["outputs"] | changed}


def test_what_cannot_be_removed_is_said(errand, outputs, line, fake, out):
    fake.fault("DELETE", f"/jobs/{JOB}", problem("busy", 503))
    outcome = run_errand(errand, outputs, line)
    right(out)
    assert outcome.warnings[-1] == f"job {JOB} is still in the service; remove it when it answers again"


def test_an_interrupt_dismisses_the_job(errand, outputs, line, fake, out, monkeypatch):
    def interrupt(_percent, _message):
        raise KeyboardInterrupt

    monkeypatch.setattr(line.watcher, "job", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        run_errand(errand, outputs, line)
    assert caught.value.__notes__ == ["the job was dismissed", "nothing was published"]
    assert ("DELETE", f"/jobs/{JOB}") in fake.asked
    assert left_in(out) == []


def test_an_interrupt_while_the_job_is_made(errand, outputs, line, fake, time, monkeypatch):
    fake.fault("POST", EXECUTION, drop)  # made, but its answer was lost

    def interrupt(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(line.patience, "_clock", Clock(now=time.clock().now, sleep=interrupt))
    with pytest.raises(KeyboardInterrupt):
        run_errand(errand, outputs, line)
    assert ("DELETE", f"/jobs/{JOB}") in fake.asked


def test_an_interrupt_dismisses_what_should_be_kept(errand, outputs, line, fake, monkeypatch):
    def interrupt(_percent, _message):
        raise KeyboardInterrupt

    monkeypatch.setattr(line.watcher, "job", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_errand(replace(errand, keep=True), outputs, line)
    assert ("DELETE", f"/jobs/{JOB}") in fake.asked


def test_a_dry_run_that_is_refused_leaves_nothing(errand, line, fake):
    fake.fault("POST", EXECUTION, problem("raster-too-large", 413))
    with pytest.raises(ServiceRefused) as caught:
        quote(errand, line)
    assert caught.value.exit_code == 3
    assert fake.asked[-1] == ("DELETE", f"/uploads/{UPLOAD}")
