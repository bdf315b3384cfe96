"""Liveness and readiness, apart: a busy or modelless process is alive but not ready."""

from __future__ import annotations

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request

from serving.access.principal import Scope
from serving.api.access import may
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

    Broken versions are named here as well, but take nothing down. Whoever comes from elsewhere without a key that has
    the scope metrics or admin is told which parts are not ready, and no more: models are nobody else's business.
    """
    readiness: Readiness = request.app.state.readiness
    models: LiveModels = request.app.state.models
    replies = await readiness.replies()
    failing = {name: reply.detail for name, reply in replies.items() if not reply.ready}
    if not await may(request, Scope.METRICS, Scope.ADMIN):
        if failing:
            raise NotReady(f"not ready: {', '.join(failing)}; a key with the scope metrics is told why")
        return {"status": "ready"}
    if failing:
        raise NotReady("; ".join(f"{name}: {detail}" for name, detail in failing.items()))
    engine = await run_sync(models.ready)
    problems = models.problems()
    return {
        "status": "ready",
        "model": engine.bundle.manifest.identifier,
        "provider": engine.provider,
        "checks": {name: reply.detail for name, reply in replies.items()},
        **({"problems": problems} if problems else {}),
    }
