"""The middleware that stands before all routes."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from landcover.errors import SteppeError
from serving.api.door.cors import answer_headers, preflight_headers
from serving.api.door.exchange import Exchange, refusal
from serving.api.door.head import check_head
from serving.api.door.headonly import answer_head
from serving.api.door.places import Place, Places
from serving.api.door.rules import ALWAYS_OPEN, Rules


class Door:
    """Refuses what no route should see, limits bodies while they come, and makes answers safe for browsers.

    Args:
        app: what stands behind it.
        rules: what is let through.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules
        self._places = Places(rules.requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rules = self._rules
        place = Place(None if scope["path"] in ALWAYS_OPEN else self._places)
        exchange = Exchange(scope, receive, send, rules=rules, headers=answer_headers(scope, rules), place=place)
        try:
            with place:
                check_head(scope, rules)
                await self._respond(scope, exchange)
        except SteppeError as error:
            if exchange.started:
                raise
            await refusal(scope, error)(scope, exchange.receive, exchange.send)

    async def _respond(self, scope: Scope, exchange: Exchange) -> None:
        preflight = preflight_headers(scope, self._rules)
        app = self._app if preflight is None else Response(status_code=204, headers=preflight)
        if scope["method"] == "HEAD":
            await answer_head(app, scope, exchange.receive, exchange.send)
        else:
            await app(scope, exchange.receive, exchange.send)
