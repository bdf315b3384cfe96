"""``steppe serve``: run the HTTP service."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from serving.settings import load_settings


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
    app = create_app(settings)
    uvicorn.run(app, host=settings.host, port=settings.port, server_header=False)
