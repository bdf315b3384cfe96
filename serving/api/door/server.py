"""The HTTP server as Steppe runs it."""

from __future__ import annotations

import socket
from collections.abc import Callable
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
            # What it says goes where all logs of the process go; it would bring handlers and a format of its own.
            "log_config": None,
        }
        super().__init__(app, **(options | changes))


class DoorServer(uvicorn.Server):
    """A server that tells when it answers: its application has started, and connections are taken.

    Args:
        config: its options.
        ready: called once.
    """

    def __init__(self, config: DoorConfig, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then take connections."""
        await super().startup(sockets)
        self._ready()
