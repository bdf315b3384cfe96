"""``steppe serve``: run the HTTP service."""

from __future__ import annotations

import logging
import os
import socket
import sys
from typing import Annotated, Final

import typer

from landcover.errors import ConfigError
from serving.settings import environment_of, load_settings, unknown_variables
from serving.signals import end_as_usual, ended_by_sigterm

_log = logging.getLogger(__name__)

SWITCH_S: Final = 0.001
"""Longest that a thread of Python keeps the others of the process waiting: threads that run models need the interpreter
for a moment between two calls, and would wait for it five times as long by default."""

_announcer = logging.getLogger("serving.listening")
"""Says where the service is, whatever the level of other lines: who starts one on any free port reads it there."""


def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; default: STEPPE_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; 0 = any free one; default: STEPPE_PORT.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, help="Processes that do jobs; default: STEPPE_WORKERS.")
    ] = None,
) -> None:
    """Serve models over HTTP; the interactive documentation is at /docs."""
    from serving.access.authenticator import is_every  # noqa: PLC0415
    from serving.api.app import create_app  # noqa: PLC0415 - loads the runtime, slow to import
    from serving.api.door.server import DoorConfig, DoorServer  # noqa: PLC0415
    from serving.belonging import claim  # noqa: PLC0415
    from serving.reader.selftest import check_sandbox  # noqa: PLC0415
    from serving.telemetry.logs import configure_logs  # noqa: PLC0415
    from serving.work.supervisor import Supervisor  # noqa: PLC0415

    given = {"host": host, "port": port, "workers": workers}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    app = create_app(settings)
    with _listen(settings.host, settings.port) as address:
        # What keeps the service from starting is said in one sentence, before its log begins.
        app.state.authenticator.check_start()
        claim(settings.state, app.state.database())
        sandbox = check_sandbox(settings)
        app.state.address = _url(address)
        sys.setswitchinterval(SWITCH_S)
        end_as_usual()
        configure_logs(settings.log_level, settings.log_format)
        _announcer.setLevel(logging.INFO)
        for doubt in unknown_variables(os.environ):
            _log.warning("%s", doubt)
        _log.info(
            "readers are closed in: Landlock ABI %d, system calls filtered: %s", sandbox.landlock, sandbox.filtered
        )
        if not sandbox.landlock:
            _log.warning("this kernel has no Landlock: a reader of foreign rasters can read what this user can")
        if settings.public_url is None and is_every(settings.host):
            _log.warning("callbacks are refused: set STEPPE_PUBLIC_URL to the address at which clients see the service")
        crew = Supervisor(settings.workers, environment_of(settings), report=app.state.metrics.add)
        with ended_by_sigterm(), crew:
            app.state.crew = crew
            DoorServer(DoorConfig(app, settings), lambda: _announce(app.state.address)).run(sockets=[address])


def _announce(address: str) -> None:
    _announcer.info("listening on %s with documentation at /docs", address)


def _url(address: socket.socket) -> str:
    host, port = address.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


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
