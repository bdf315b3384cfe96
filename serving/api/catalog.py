"""What the problem types mean: the addresses that the ``type`` of every problem document refers to."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from serving.api.problems import Kind, kinds

router = APIRouter(tags=["service"])


@router.get("/problems", summary="All problem types")
def list_problems() -> dict[str, Any]:
    """Every problem type the service answers with, its status and its meaning."""
    return {"problems": [_explained(kind) for kind in kinds()]}


@router.get("/problems/{slug}", summary="What a problem type means")
def show_problem(slug: str) -> dict[str, Any]:
    """One problem type; the address is the ``type`` of a problem document, or ends like it where OGC has named it."""
    for kind in kinds():
        if kind.slug == slug:
            return _explained(kind)
    raise HTTPException(404)


def _explained(kind: Kind) -> dict[str, Any]:
    return {
        "type": kind.reference,
        "href": kind.page,
        "title": kind.title,
        "status": kind.status,
        "exit_code": kind.exit_code,
    }
