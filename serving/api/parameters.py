"""Query parameters that an address does not have are refused: a misspelt one would go unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute
from fastapi.security import APIKeyQuery

from serving.api.access import guards_of, parts_of
from serving.telemetry.middleware import PROBES

_ANYTHING: Final = ":path}"
"""End of the address of a route that says of all others that there is nothing."""


async def only_known(request: Request) -> None:
    """A dependency of every route: what the description of an address has is all that it takes.

    Raises:
        RequestValidationError: naming the others.
        NotAuthenticated: when the address wants to know who asks; it comes first, as everywhere.
        ScopeMissing: when none of the needed scopes comes with it.
    """
    route = request.scope["route"]
    if not request.scope["query_string"] or not isinstance(route, APIRoute) or _is_free(route.path):
        return
    known = {*_described(route.dependant), *_keys(route.dependant)}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        for guard in guards_of(route.dependant):
            await guard(request)
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("query", name), "msg": ""} for name in unknown]
        )


def _is_free(path: str) -> bool:
    """Signs of life are given whatever is asked with them: probes add things to get past caches."""
    return path in PROBES or path.endswith(_ANYTHING)


def _described(dependant: Dependant) -> Iterator[str]:
    for field in get_flat_params(dependant):
        # Members of a form that stands for several parameters do not say where they are; only queries have such forms.
        if getattr(field.field_info, "in_", ParamTypes.query) is ParamTypes.query:
            yield field.alias


def _keys(dependant: Dependant) -> Iterator[str]:
    """Names under which a key may stand in the address."""
    return (one.call.model.name for one in parts_of(dependant) if isinstance(one.call, APIKeyQuery))
