"""``/uploads``: files that jobs refer to, seen by their owner only, for a while."""

from __future__ import annotations

import base64
import os
import time

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from tests.crew import crewed
from tests.service import left_in, make_settings
from tests.serving.api.check import check_problem

TIFF = {"Content-Type": "image/tiff"}
AREAS = {"outputs": {"areas": {}}}


@pytest.fixture
def client(app, settings, crew):  # noqa: ARG001 - does the jobs
    """A client whose uploads and results may stay."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    assert list((settings.state / "uploads").rglob("*.part")) == []


def send(client, body):
    answer = client.post("/uploads", content=body, headers=TIFF)
    assert answer.status_code == 201, answer.text
    return answer


def execute(client, href):
    return client.post("/processes/classify/execution", json={"inputs": {"scene": {"href": href}}, **AREAS})


def kept(settings):
    return [path for path in left_in(settings.state / "uploads") if (settings.state / "uploads" / path).is_file()]


def test_what_is_said_of_an_upload(client, settings, body):
    answer = send(client, body)
    told = answer.json()
    assert answer.headers["location"] == told["href"] == f"http://testserver/uploads/{told['id']}"
    assert {"bytes": len(body), "width": 90, "height": 70, "bands": 4, "keep_s": settings.upload_keep_s}.items() <= (
        told.items()
    )
    (file,) = kept(settings)
    assert (settings.state / "uploads" / file).read_bytes() == body
    assert (settings.state / "uploads" / file).parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("form", ["{href}", "/uploads/{id}", "http://other.example.org/uploads/{id}"])
def test_an_upload_is_used_again_and_again(client, body, form):
    told = send(client, body).json()
    for _ in range(2):
        answer = execute(client, form.format(**told))
        assert (answer.status_code, answer.json()["total"]["pixels"]) == (200, 6300)


def test_the_same_name_on_another_host_is_no_upload(client, body):
    told = send(client, body).json()
    check_problem(execute(client, f"https://other.example.org/uploads/{told['id']}"), 422, "url-blocked")


def test_removed(client, settings, body):
    href = send(client, body).json()["href"]
    assert client.delete(href).status_code == 204
    assert kept(settings) == []
    check_problem(client.delete(href), 404, "no-such-upload")
    check_problem(execute(client, href), 404, "no-such-upload")


def test_expired(client, settings, body):
    href = send(client, body).json()["href"]
    (file,) = kept(settings)
    old = time.time() - settings.upload_keep_s - 1
    os.utime(settings.state / "uploads" / file, (old, old))
    uploads = client.app.state.desk.uploads
    uploads.drop(uploads.over(), ())
    check_problem(execute(client, href), 404, "no-such-upload")


NO_NAMES = ["x", "00000000-0000-4000-8000-000000000000", "..%2F..%2Fsteppe.db", "%00", "x" * 3000]


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_are_none(client, name):
    answer = client.delete(f"/uploads/{name}")
    assert answer.status_code == 404
    check_problem(answer, 404, answer.json()["type"].rpartition("/")[2])
    answer = execute(client, f"/uploads/{name}")
    assert answer.status_code in {404, 422}


@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b"", 422, "raster-empty"),
        (b"II*\0", 422, "raster-truncated"),
        (b"<html>", 415, "raster-unreadable"),
        (b"PK\x03\x04" + b"\0" * 100, 415, "raster-unreadable"),
    ],
)
def test_what_is_no_scene_is_not_kept(client, settings, content, status, slug):
    answer = client.post("/uploads", content=content, headers=TIFF)
    assert answer.status_code == status
    detail = check_problem(answer, status, answer.json()["type"].rpartition("/")[2], ".part")
    assert slug.partition("-")[0] in answer.json()["type"]
    assert detail
    assert kept(settings) == []


def test_cut_off(client, settings, body):
    check_problem(client.post("/uploads", content=body[:-100], headers=TIFF), 422, "raster-truncated", ".part")
    assert kept(settings) == []


def test_types_and_codings(client, settings, body):
    check_problem(client.post("/uploads", content=body, headers={"Content-Type": "text/html"}), 415, "media-type")
    answer = client.post("/uploads", content=body, headers={**TIFF, "Content-Encoding": "gzip"})
    check_problem(answer, 415, "media-type")
    assert kept(settings) == []


def test_disk_full(client, settings, body, monkeypatch):
    def full(_uploads, _owner, _expected=0):
        part = settings.state / "full.part"
        part.symlink_to("/dev/full")
        return part

    with monkeypatch.context() as patch:
        patch.setattr("serving.uploads.Uploads.begin", full)
        check_problem(client.post("/uploads", content=body * 20, headers=TIFF), 507, "disk-full", ".part", "STEPPE")
    assert left_in(settings.state / "uploads") == []
    assert send(client, body)


def test_an_fsync_that_fails_is_no_201(client, settings, body, monkeypatch):
    """Fault F8: what is not on the disk is not promised."""

    def failing(_path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("serving.uploads.flush", failing)
    check_problem(client.post("/uploads", content=body, headers=TIFF), 503, "disk-failed")
    assert kept(settings) == []


def test_an_upload_that_is_removed_while_its_job_waits(app, settings, readers, body):
    """The job fails with a clear sentence."""
    with TestClient(app) as client:
        told = send(client, body).json()
        asked = {"inputs": {"scene": {"href": told["href"]}}, **AREAS}
        answer = client.post("/processes/classify/execution", json=asked, headers={"Prefer": "respond-async"})
        assert client.delete(told["href"]).status_code == 204
        job, deadline = answer.headers["location"], time.monotonic() + 10
        with crewed(settings, readers):
            while client.get(job).json()["status"] in {"accepted", "running"}:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        assert "send it and the request again" in check_problem(client.get(f"{job}/results"), 404, "no-such-upload")


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [({"upload_bytes_per_key": 90_000}, 429, "uploads-full"), ({"min_free_bytes": 2**60}, 507, "disk-full")],
)
def test_what_is_stored_is_bounded(tmp_path, folders, body, changes, status, slug):
    settings = make_settings(tmp_path, *folders, **changes)
    assert 45_000 < len(body) < 90_000
    with TestClient(create_app(settings)) as client:
        if status == 429:
            send(client, body)
        answer = client.post("/uploads", content=body, headers=TIFF)
        check_problem(answer, status, slug)
        coded = {"inputs": {"scene": base64.b64encode(body).decode()}, **AREAS}
        check_problem(client.post("/processes/classify/execution", json=coded), status, slug)
    assert len(kept(settings)) == (status == 429)
