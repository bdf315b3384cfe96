"""``steppe serve``: run the HTTP service."""

from __future__ import annotations

import os
import socket
from typing import Annotated, Any

import typer

from landcover.errors import ConfigError
from serving.settings import load_settings
from serving.signals import end_as_usual


def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; default: STEPPE_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; 0 = any free one; default: STEPPE_PORT.")
    ] = None,
) -> None:
    """Serve models over HTTP; the interactive documentation is at /docs."""
    import uvicorn  # noqa: PLC0415 - slow to import

    from serving.api.app import create_app  # noqa: PLC0415 - loads the runtime

    chosen: dict[str, Any] = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings(**chosen)
    with _listen(settings.host, settings.port) as address:
        host, port = address.getsockname()[:2]
        typer.echo(f"steppe: listening on http://{f'[{host}]' if ':' in host else host}:{port}", err=True)
        end_as_usual()
        # Its line for every request would take a fifth of the time of a small one.
        config = uvicorn.Config(create_app(settings), server_header=False, access_log=False)
        uvicorn.Server(config).run(sockets=[address])


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before the model is loaded, so that a taken port is said at once and in one sentence.

    Raises:
        ConfigError: when the address cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # The system's words alone; Python appends the address, and look-up errors have negative numbers of their own.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise ConfigError(
            f"cannot listen on {host}, port {port} ({reason}); choose another --host or --port"
        ) from error
