"""The door alone, before an application that only echoes: over real sockets, with both parsers."""

import json

import pytest
from fastapi import FastAPI, Request

from serving.api import problems
from serving.api.door.body import read_json
from serving.api.door.entrance import Door
from serving.api.door.rules import rules_of
from serving.settings import Settings
from tests.serving.api.live import live, quiet

MEGABYTE = 1024**2


def echoing(settings):
    """An application with a strict JSON route, one with FastAPI's own body, and a large answer."""
    app = FastAPI()
    app.add_middleware(Door, rules=rules_of(settings))
    problems.install(app)

    @app.get("/livez")
    async def livez():
        return {"status": "alive"}

    @app.post("/json")
    async def take(request: Request):
        return {"document": json.dumps(await read_json(request, MEGABYTE))}

    @app.post("/body")
    async def body(content: dict):
        return {"members": len(content)}

    @app.post("/lazy")
    async def lazy():
        return {"read": 0}

    @app.get("/client")
    async def client(request: Request):
        return {"client": request.client.host, "base": str(request.base_url)}

    return app


@pytest.fixture(scope="module")
def hasty():
    """A server with little patience."""
    quiet()
    settings = Settings(request_patience_s=0.3, upload_grace_s=5, max_connections=20)
    with live(echoing(settings), settings) as server:
        yield server


@pytest.fixture(scope="module")
def server():
    """A server with usual patience."""
    quiet()
    settings = Settings()
    with live(echoing(settings), settings) as server:
        yield server
