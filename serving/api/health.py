"""Liveness and readiness, apart: a busy or modelless process is alive but not ready."""

from __future__ import annotations

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request

from landcover.errors import SteppeError
from serving.api.problems import NotReady
from serving.version import VERSION

router = APIRouter(tags=["service"])


@router.get("/", summary="What this service is and where its parts are")
async def landing(request: Request) -> dict[str, Any]:
    """Name, version and links."""
    base = str(request.base_url)
    links = {"documentation": "docs", "api": "openapi.json", "models": "models", "ready": "readyz", "live": "livez"}
    return {
        "title": "Steppe land-cover classification",
        "version": VERSION,
        "links": [{"rel": rel, "href": f"{base}{path}"} for rel, path in links.items()],
    }


@router.get("/livez", summary="Is the process alive")
async def livez() -> dict[str, str]:
    """Always 200 while the process answers."""
    return {"status": "alive"}


@router.get("/readyz", summary="Does the default model run", responses={503: {"description": "It does not."}})
async def readyz(request: Request) -> dict[str, str]:
    """200 once the default model has reproduced its golden sample on this machine."""
    try:
        engine = await run_sync(request.app.state.engines.get)
    except SteppeError as error:
        raise NotReady(str(error)) from error
    return {"status": "ready", "model": engine.bundle.manifest.identifier, "provider": engine.provider}
