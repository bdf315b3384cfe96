"""Liveness and readiness, and the landing page."""

from __future__ import annotations

import time

import pytest
from starlette.testclient import TestClient

from serving.access.keys import mint
from serving.access.keystore import KeyStore, new_key
from serving.access.principal import Scope
from serving.api.app import create_app
from serving.database.handle import DatabaseHandle
from serving.settings import load_settings
from serving.version import VERSION
from tests.bundles import tiny_bundle
from tests.crew import service
from tests.service import make_settings
from tests.serving.api.check import check_problem


def test_alive_and_ready(client):
    assert client.get("/livez").json() == {"status": "alive"}
    answer = client.get("/readyz").json()
    assert answer.pop("checks") == {
        "model": "tiny@0.1.0 on cpu",
        "disk": "has room",
        "flushing": "keeps what it is given",
        "keys": "can be read",
        "jobs": "answers",
    }
    assert answer == {"status": "ready", "model": "tiny@0.1.0", "provider": "cpu"}


def test_the_landing_page_leads_everywhere(client):
    answer = client.get("/").json()
    assert answer["version"] == VERSION
    assert all(client.get(link["href"]).status_code == 200 for link in answer["links"])


def test_the_state_folder_is_there_wherever_the_database_is(tmp_path, folders):
    """The check for room asks for it before anybody has sent work, and PostgreSQL does not make it."""
    settings = make_settings(tmp_path, *folders)
    assert not settings.state.exists()
    elsewhere = make_settings(tmp_path, *folders, state=tmp_path / "elsewhere")
    app = create_app(settings)
    app.state.database = DatabaseHandle(elsewhere)
    with TestClient(app) as client:
        assert client.get("/readyz").json()["checks"]["disk"] == "has room"
    assert settings.state.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("fault", ["absent", "altered", "provider"])
def test_alive_but_not_ready(tmp_path, folders, fault, caplog, readers):
    bundle = tiny_bundle(tmp_path / "own")
    if fault == "altered":
        (bundle.path / "sample.npz").write_bytes(b"altered")
    changes = {"absent": {"model": "other"}, "provider": {"provider": "tpu"}}.get(fault, {})
    with service(make_settings(tmp_path, tmp_path / "own", folders[1], **changes), readers) as client:
        assert client.get("/livez").status_code == 200
        detail = check_problem(client.get("/readyz"), 503, "not-ready", tmp_path)
        assert client.get("/models/tiny").status_code == 200
        state = client.get("/models").json()["models"][0]["state"]
        assert state in ({"loading", "ready"} if fault == "absent" else {"broken"})
    assert {"absent": "other", "altered": "sample.npz", "provider": "tpu"}[fault] in detail
    assert "does not run" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_repaired_model_becomes_ready_without_a_restart(tmp_path, folders, readers):
    settings = make_settings(tmp_path, tmp_path / "own", folders[1], registry_poll_s=0.02)
    with service(settings, readers) as client:
        check_problem(client.get("/readyz"), 503, "not-ready")
        tiny_bundle(tmp_path / "own")
        deadline = time.monotonic() + 30
        while client.get("/readyz").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert client.get("/readyz").status_code == 200


def test_settings_come_from_the_environment(environment, readers):
    environment.setenv("STEPPE_MAX_UPLOAD_BYTES", "5")
    with service(load_settings(), readers) as client:
        assert client.get("/readyz").json()["model"] == "tiny@0.1.0"
        check_problem(client.post("/classify", content=b"123456"), 413, "raster-too-large")


def test_strangers_are_told_no_names(tmp_path, folders, readers):
    """What models there are is nobody else's business."""
    tiny_bundle(tmp_path / "own")
    broken = tiny_bundle(tmp_path / "own", version="0.2.0")
    (broken.path / "sample.npz").write_bytes(b"altered")
    settings = make_settings(tmp_path, tmp_path / "own", folders[1], host="0.0.0.0", registry_settle_s=0)  # noqa: S104
    with service(settings, readers) as client:
        store, keys = KeyStore(client.app.state.database), {scope: mint() for scope in ("run", "metrics", "admin")}
        for scope, minted in keys.items():
            store.add(new_key(minted, scope, [Scope(scope)]))

        def told(key=None):
            headers = {} if key is None else {"X-API-Key": key}
            return client.get("/readyz", headers=headers)

        strangers = (None, "stp_nonsense", keys["run"].text)
        assert [told(key).json() for key in strangers] == [{"status": "ready"}] * 3
        for scope in ("metrics", "admin"):
            assert told(keys[scope].text).json()["model"] == "tiny@0.1.0"
        client.app.state.readiness.add("disk", lambda: 1 / 0)
        for key in strangers:
            assert "not ready: disk;" in check_problem(told(key), 503, "not-ready")
        assert "disk: the check itself failed" in check_problem(told(keys["admin"].text), 503, "not-ready")
