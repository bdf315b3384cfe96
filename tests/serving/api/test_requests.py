"""The corpus of bad requests, sent as bytes to a real server: each is answered as it must be, at once, without 5xx."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest

from serving.access.keys import mint
from serving.access.keystore import KeyStore, new_key, now
from serving.access.principal import Scope
from serving.api.app import create_app
from serving.database.opening import open_database
from serving.jobs.record import NewJob
from serving.jobs.table import JobTable
from serving.processes.orders import Answering, ClassifyOrder, FolderSource, Image, Making, Request
from tests.corpus.requests import REQUESTS, bytes_of, present
from tests.crew import crewed
from tests.service import make_settings, write_scene
from tests.serving.access.tokens import AUDIENCE, ISSUER, attacks, jwks, token
from tests.serving.api.live import live, quiet

PATIENCE_S = 0.5
ASKED = Request(
    order=ClassifyOrder(images=(Image(source=FolderSource(path="x")),), making=Making(outputs=("map",), max_pixels=1)),
    answering=Answering(modes={"map": None}),
)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """What cases ask for in braces, as far as keys go."""
    made = {name: mint() for name in ("key", "other", "revoked", "expired", "tiles")}
    scene = write_scene(tmp_path_factory.mktemp("scene") / "scene.tif")
    return made, {
        **{name: minted.text for name, minted in made.items()},
        "cut": made["key"].text[:-1],
        "scene": scene.read_bytes(),
    }


@pytest.fixture(scope="module")
def servers(tmp_path_factory, folders, texts, readers):
    """One server that needs no keys, and one that does."""
    quiet()
    folder = tmp_path_factory.mktemp("servers")
    (folder / "open").mkdir()
    (folder / "closed").mkdir()
    (folder / "data").mkdir()
    write_scene(folder / "data" / "demo.tif")
    limits = {"request_patience_s": PATIENCE_S, "max_upload_bytes": 1024**2, "data_folder": folder / "data"}
    (folder / "jwks.json").write_bytes(jwks())
    provider = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks": str(folder / "jwks.json")}
    anybody = make_settings(folder / "open", *folders, **limits)
    known = make_settings(folder / "closed", *folders, **limits, **provider)
    texts[1].update(fill(known, texts[0]))
    with (
        crewed(anybody, readers),
        live(create_app(anybody), anybody) as first,
        live(create_app(known), known) as second,
    ):
        yield {False: first, True: second}


def fill(settings, made):
    """Keys and jobs as the cases want them; no worker touches these jobs."""
    database = open_database(settings)
    store = KeyStore(lambda: database)
    for name, minted in made.items():
        scopes = [Scope.TILES] if name == "tiles" else [Scope.RUN]
        expires = now() - timedelta(seconds=1) if name == "expired" else None
        store.add(new_key(minted, name, scopes, expires=expires))
    store.revoke(made["revoked"].id)
    table = JobTable(database)
    new = NewJob(owner=made["key"].id, process="classify", request=ASKED.model_dump(mode="json"))
    gone, *rest = (table.accept(new)[0].id for _ in range(4))
    table.dismiss(gone, None)
    ended, running = table.lease("test", 3600), table.lease("test", 3600)
    table.succeed(ended.id, ended.fence, "test")
    (waiting,) = set(rest) - {ended.id, running.id}
    database.close()
    return {"gone": gone, "ended": ended.id, "running": running.id, "job": waiting}


def check(answer, status, slug):
    assert answer.status in status, answer.body[:300]
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.status >= 400:
        found = answer.slug
        assert slug in {None, found}
        detail = json.loads(answer.body)["detail"]
        assert detail.isprintable()
        assert len(detail) < 1000
        for secret in (b"Traceback", b".py", b"site-packages"):
            assert secret not in answer.body


@pytest.mark.parametrize("case", present(), ids=lambda case: case.id[:60])
def test_requests(servers, texts, case):
    server = servers[case.closed]
    began = time.monotonic()
    answer = server.talk(bytes_of(case, **texts[1]), *case.pieces)
    took_s = time.monotonic() - began
    check(answer, case.status, case.slug)
    for text in case.not_in:
        assert text.encode() not in answer.body
    for name in case.header:
        assert name in answer.headers
    if answer.status == 401:
        assert "www-authenticate" in answer.headers
    assert took_s < 2
    assert case.slow == (took_s > PATIENCE_S * 0.8) or not case.slow


@pytest.mark.parametrize("name", attacks())
def test_tokens(servers, name):
    text = attacks()[name].encode("utf-8", "surrogateescape")
    answer = servers[True].talk(
        b"GET /models HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + text + b"\r\n\r\n"
    )
    # Only the size of a whole head is judged before the token in it.
    check(answer, (431,) if len(text) > 32_000 else (401,), None)


def test_a_good_token(servers):
    assert servers[True].get("/models", f"Authorization: Bearer {token()}").status == 200


def test_a_revoked_key_ends_within_two_seconds(folders, tmp_path):
    settings = make_settings(tmp_path, *folders)
    minted = mint()
    database = open_database(settings)
    store = KeyStore(lambda: database)
    store.add(new_key(minted, "short", [Scope.RUN]))
    with live(create_app(settings), settings) as server:
        assert server.get("/models", f"X-API-Key: {minted.text}").status == 200
        store.revoke(minted.id)
        began = time.monotonic()
        while server.get("/models", f"X-API-Key: {minted.text}").status == 200:
            time.sleep(0.02)
        assert time.monotonic() - began < 2
        assert server.get("/models").status == 401
        assert server.get("/livez").status == 200
    database.close()


def test_the_corpus_is_large_enough():
    assert len(present()) >= 40
    assert {case.number for case in REQUESTS} >= set(range(91, 130)) - {107, 108, 118, 126}
