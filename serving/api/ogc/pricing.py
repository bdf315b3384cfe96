"""What a request would cost, and whether it would be accepted: the answer of a dry run."""

from __future__ import annotations

from typing import Any, Final

from serving.access.principal import Principal
from serving.api.ogc.desk import Desk
from serving.processes.process import Plan, Process

MEGA: Final = 1e6


def quotation(plan: Plan, process: Process, who: Principal, desk: Desk) -> dict[str, Any]:
    """The answer of a dry run: cost, limits, what was found."""
    settings, cost = desk.settings, plan.cost
    waiting, waiting_pixels = desk.store.waiting(who.id)
    return {
        "process": process.id,
        **({"model": plan.model.identifier, "manifest_sha256": plan.model.sha256} if plan.model else {}),
        "cost": {
            "pixels": cost.pixels or None,
            "exact": cost.exact,
            "megapixels": round(cost.pixels / MEGA, 3) if cost.pixels else None,
        },
        "limits": {
            "max_pixels": settings.max_pixels,
            "pixels_per_minute": who.pixels_per_minute or settings.pixels_per_minute,
            "max_jobs": who.max_jobs or settings.max_jobs_per_key,
            "jobs_waiting": waiting,
            "pixels_waiting": waiting_pixels,
        },
        "scenes": list(plan.scenes),
        "warnings": list(plan.warnings),
    }
