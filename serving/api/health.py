"""Liveness and readiness, apart: a busy or modelless process is alive but not ready."""

from __future__ import annotations

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request

from serving.api.problems import NotReady
from serving.registry.live import LiveModels
from serving.telemetry.readiness import Readiness

router = APIRouter(tags=["service"])


@router.get("/livez", summary="Is the process alive")
async def livez() -> dict[str, str]:
    """Always 200 while the process answers; waits for nothing."""
    return {"status": "alive"}


@router.get("/readyz", summary="Can the service do its work", responses={503: {"description": "It cannot."}})
async def readyz(request: Request) -> dict[str, Any]:
    """200 once the default model has reproduced its golden sample on this machine and all other parts are ready.

    Broken versions are named here as well, but take nothing down.
    """
    readiness: Readiness = request.app.state.readiness
    models: LiveModels = request.app.state.models
    replies = await readiness.replies()
    failing = [f"{name}: {reply.detail}" for name, reply in replies.items() if not reply.ready]
    if failing:
        raise NotReady("; ".join(failing))
    engine = await run_sync(models.ready)
    problems = models.problems()
    return {
        "status": "ready",
        "model": engine.bundle.manifest.identifier,
        "provider": engine.provider,
        "checks": {name: reply.detail for name, reply in replies.items()},
        **({"problems": problems} if problems else {}),
    }
