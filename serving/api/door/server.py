"""The HTTP server as Steppe runs it."""

from __future__ import annotations

from typing import Any

import uvicorn
from starlette.types import ASGIApp

from serving.api.door.protocol import GuardedHttpTools
from serving.api.door.rules import rules_of
from serving.settings import Settings


class DoorConfig(uvicorn.Config):
    """Options of uvicorn that the door needs.

    Args:
        app: the service.
        settings: limits and proxies.
        **changes: other options of uvicorn.
    """

    def __init__(self, app: ASGIApp, settings: Settings, **changes: Any) -> None:
        self.rules = rules_of(settings)
        proxies = list(settings.trusted_proxies)
        options: dict[str, Any] = {
            "http": GuardedHttpTools,
            "ws": "none",  # nothing here speaks WebSocket
            "server_header": False,
            # uvicorn would believe whoever sits on this machine.
            "proxy_headers": bool(proxies),
            "forwarded_allow_ips": proxies,
            # Its lines would have the address with the key that a map viewer may put there.
            "access_log": False,
        }
        super().__init__(app, **(options | changes))
