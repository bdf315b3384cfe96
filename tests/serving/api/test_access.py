"""Who may use which route, and what the description of the service says of it."""

from __future__ import annotations

from collections import defaultdict

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.access.authenticator import Authenticator
from serving.access.limits import PixelLimiter
from serving.access.principal import Scope
from serving.access.ring import KeyRing
from serving.api import access, problems
from serving.api.access import Keeper, Known, Meter, Runner, Viewer
from serving.api.app import create_app
from serving.cli import main
from serving.database.protocol import StoreUnavailable
from tests.service import make_settings
from tests.serving.access.test_keys import Drawer, made
from tests.serving.api.check import check_problem


@pytest.fixture
def keys():
    """A key for each scope, and one for none; and what is kept of them."""
    return {name: made(scopes=[Scope(name)] if name != "none" else []) for name in ("none", *Scope)}


@pytest.fixture
def drawer(keys):
    return Drawer(*(key for _, key in keys.values()))


@pytest.fixture
def routes(drawer):
    """A route for each kind of caller."""
    app = FastAPI()
    access.install(app, Authenticator(KeyRing([drawer]), local=True), PixelLimiter(1000))
    problems.install(app)
    kinds = {"run": Runner, "keep": Keeper, "view": Viewer, "meter": Meter, "know": Known}
    for path, kind in kinds.items():

        def route(who):
            return {"id": who.id, "sees": who.sees}

        route.__annotations__["who"] = kind
        app.get(f"/{path}")(route)
    with TestClient(app) as client:
        yield client


OPEN = {
    "/",
    "/livez",
    "/readyz",
    "/conformance",
    "/processes",
    "/processes/{process}",
    "/problems",
    "/problems/{slug}",
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
}
"""What needs no key; a new route that is not here must say who may use it."""

ALLOWED = {
    "run": {"run"},
    "keep": {"run", "admin"},
    "view": {"tiles"},
    "meter": {"metrics"},
    "know": {"none", "run", "tiles", "metrics", "admin"},
}


def test_every_scope_opens_what_it_is_for(routes, keys):
    for path, allowed in ALLOWED.items():
        check_problem(routes.get(f"/{path}"), 401, "unauthorized")
        for name, (text, key) in keys.items():
            response = routes.get(f"/{path}", headers={"X-API-Key": text})
            if name in allowed:
                assert response.json() == {"id": key.id, "sees": None if name == "admin" else key.id}
            else:
                check_problem(response, 403, "scope-missing", text, key.id)


def test_only_maps_take_a_key_from_the_address(routes, keys):
    text = keys["tiles"][0]
    assert routes.get("/view", params={"access_token": text}).status_code == 200
    check_problem(routes.get("/know", params={"access_token": text}), 401, "unauthorized")
    both = {"headers": {"X-API-Key": keys["run"][0]}, "params": {"access_token": text}}
    check_problem(routes.get("/view", **both), 400, "ambiguous-credentials", text)
    assert routes.get("/view", headers={"Authorization": f"bearer {text}"}).status_code == 200


def test_without_the_database_nobody_comes_in(routes, drawer, keys):
    drawer.failure = StoreUnavailable("the database is away")
    check_problem(routes.get("/run", headers={"X-API-Key": keys["run"][0]}), 503, "store-unavailable")


def test_the_description_declares_who_may(routes, client):
    document = routes.get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["key"] | {"description": ""} == {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "",
    }
    assert (schemes["token"]["scheme"], schemes["tileToken"]["in"]) == ("bearer", "query")
    assert {"key": ["run"]} in document["paths"]["/run"]["get"]["security"]
    own = client.get("/openapi.json").json()["paths"]
    open_to_all = {path for path, item in own.items() if not all("security" in entry for entry in item.values())}
    assert open_to_all == OPEN


def test_open_addresses_stay_open(tmp_path, folders):
    settings = make_settings(tmp_path, *folders, host="0.0.0.0")  # noqa: S104 - nothing listens
    with TestClient(create_app(settings)) as client:
        for path in ("/", "/livez", "/readyz", "/problems", "/problems/busy", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        for path in ("/models", "/models/tiny", "/models/tiny/legend", "/models/nothing"):
            assert "X-API-Key" in check_problem(client.get(path), 401, "unauthorized")
        opened = {  # docs/operations.md, access
            *("/", "/livez", "/readyz", "/problems", "/problems/{slug}", "/docs", "/api", "/openapi.json"),
            *("/conformance", "/processes", "/processes/{process}", "/v2", "/v2/health/live", "/v2/health/ready"),
        }
        for path, methods in client.get("/openapi.json").json()["paths"].items():
            address = path.replace("{tms}", "WebMercatorQuad").format_map(defaultdict(int))
            refused = {client.request(method, address).status_code == 401 for method in methods}
            assert refused == {path not in opened}, path
        response = client.post("/classify?nonsense=1", content=b"")
        check_problem(response, 401, "unauthorized")
        for path in ("/jobs?nonsense=1", "/models?access_token=x", "/sources?nonsense=1", "/metrics?x=1"):
            check_problem(client.get(path), 401, "unauthorized")
        assert response.headers["www-authenticate"].startswith("Bearer")


def test_a_server_that_others_reach_needs_a_key_to_start(environment, tmp_path, capsys):
    ran = []
    environment.setattr(uvicorn.Server, "run", lambda self, sockets: ran.append((self, sockets)))
    serve = ["serve", "--host", "0.0.0.0", "--port", "0"]  # noqa: S104 - that is the point
    assert main(serve) == 4
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "steppe keys create --name NAME" in said
    assert ran == []
    assert main(["keys", "create", "--name", "x"]) == 0
    assert main(serve) == 0
    assert len(ran) == 1
    assert (tmp_path / "state" / "steppe.db").is_file()


@pytest.mark.parametrize(
    ("host", "public", "warned"),
    [("0.0.0.0", None, True), ("0.0.0.0", "https://maps.example.org", False), ("127.0.0.1", None, False)],  # noqa: S104
)
def test_a_server_says_at_its_start_when_callbacks_have_no_address(environment, caplog, host, public, warned):
    environment.setattr(uvicorn.Server, "run", lambda _self, sockets: None)  # noqa: ARG005
    environment.setattr("serving.telemetry.logs.configure_logs", lambda *_: None)
    if public is not None:
        environment.setenv("STEPPE_PUBLIC_URL", public)
    assert main(["keys", "create", "--name", "x"]) == 0
    assert main(["serve", "--host", host, "--port", "0", "--workers", "0"]) == 0
    assert ("callbacks are refused" in caplog.text) is warned
