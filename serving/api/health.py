"""Liveness and readiness, apart: a busy or modelless process is alive but not ready."""

from __future__ import annotations

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request

from landcover.errors import SteppeError
from serving.api.problems import NotReady
from serving.registry.live import LiveModels
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
async def readyz(request: Request) -> dict[str, Any]:
    """200 once the default model has reproduced its golden sample on this machine.

    Broken versions are named here as well, but take nothing down.
    """
    models: LiveModels = request.app.state.models
    try:
        engine = await run_sync(models.ready)
    except SteppeError as error:
        raise NotReady(str(error)) from error
    problems = models.problems()
    return {
        "status": "ready",
        "model": engine.bundle.manifest.identifier,
        "provider": engine.provider,
        **({"problems": problems} if problems else {}),
    }
