"""Every route says which scope it needs: ``who: Runner`` as a parameter is all there is to it.

The check comes before the body is read and before any other work, as long as a route takes its body from the request
by itself (``serving.api.door.body``): a body that is a parameter would be read first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Security
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBearer, SecurityScopes

from serving.access.authenticator import Authenticator
from serving.access.limits import PixelLimiter
from serving.access.principal import Principal, Scope
from serving.telemetry.exchange import exchange_of

_KEY: Final = APIKeyHeader(name="X-API-Key", scheme_name="key", description="An API key, stp_...", auto_error=False)
_TOKEN: Final = HTTPBearer(
    scheme_name="token", description="A token of the identity provider, or an API key.", auto_error=False
)
_QUERY: Final = APIKeyQuery(
    name="access_token",
    scheme_name="tileToken",
    description="An API key or token; only where map viewers cannot send headers.",
    auto_error=False,
)


def install(app: FastAPI, authenticator: Authenticator, pixels: PixelLimiter) -> None:
    """Give the routes of ``app`` what they need to know who asks, and to count pixels."""
    app.state.authenticator = authenticator
    app.state.pixels = pixels
    # Work for callers fills the shared threads; the question who calls must not wait for it.
    app.state.access_threads = CapacityLimiter(2)


async def principal(
    request: Request,
    needed: SecurityScopes,
    _key: Annotated[str | None, Security(_KEY)],
    _token: Annotated[object, Security(_TOKEN)],
) -> Principal:
    """Who asks, by header.

    Raises:
        NotAuthenticated: when that is not known.
        AmbiguousCredentials: when two different keys or tokens came.
        ScopeMissing: when none of the needed scopes comes with it.
        StoreUnavailable: when keys cannot be read.
    """
    return await _allowed(request, _in_headers(request), needed)


async def viewer(
    request: Request,
    needed: SecurityScopes,
    _key: Annotated[str | None, Security(_KEY)],
    _token: Annotated[object, Security(_TOKEN)],
    _query: Annotated[str | None, Security(_QUERY)],
) -> Principal:
    """Who asks, by header or by the query parameter ``access_token``; raises what ``principal`` raises."""
    presented = [*_in_headers(request), *request.query_params.getlist("access_token")]
    return await _allowed(request, presented, needed)


Runner = Annotated[Principal, Security(principal, scopes=[Scope.RUN.value])]
"""Starts work, and sees its own."""

Keeper = Annotated[Principal, Security(principal, scopes=[Scope.RUN.value, Scope.ADMIN.value])]
"""Sees and stops jobs: its own, or with the scope admin everybody's; ``who.sees`` says which."""

Viewer = Annotated[Principal, Security(viewer, scopes=[Scope.TILES.value])]
"""Reads maps and tiles; the only one whose key may stand in an address, because map viewers send no headers."""

Meter = Annotated[Principal, Security(principal, scopes=[Scope.METRICS.value])]
"""Reads metrics."""

Known = Annotated[Principal, Security(principal)]
"""Anybody with a valid key, whatever it is good for."""


def pixel_limiter(request: Request) -> PixelLimiter:
    """What counts pixels."""
    limiter: PixelLimiter = request.app.state.pixels
    return limiter


async def who_asks(request: Request, *scopes: Scope) -> Principal:
    """Who asks, by header, for what is no route of FastAPI; raises what ``principal`` raises."""
    return await _identified(request, _in_headers(request), scopes)


async def _allowed(request: Request, presented: list[str], needed: SecurityScopes) -> Principal:
    return await _identified(request, presented, [Scope(scope) for scope in needed.scopes])


async def _identified(request: Request, presented: list[str], scopes: Sequence[Scope]) -> Principal:
    authenticator: Authenticator = request.app.state.authenticator
    if not authenticator.ready(presented):
        await run_sync(authenticator.refresh, limiter=request.app.state.access_threads)
    found = authenticator.identify(presented)
    exchange_of(request.scope).principal = found.id
    found.require(*scopes)
    return found


def _in_headers(request: Request) -> list[str]:
    keys = request.headers.getlist("x-api-key")
    return [*keys, *(_without_scheme(value) for value in request.headers.getlist("authorization"))]


def _without_scheme(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else authorization
