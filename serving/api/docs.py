"""The page where the service can be tried out; the only one that runs scripts, so it says which."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from typing import Final

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

_SOURCE: Final = "https://cdn.jsdelivr.net"
_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def install(app: FastAPI) -> None:
    """Add the page to ``app``."""

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "").rstrip("/")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}", title=f"{app.title} {app.version}", swagger_favicon_url="data:,"
        )
        return HTMLResponse(page.body, headers={"Content-Security-Policy": _policy(bytes(page.body).decode())})


def _policy(page: str) -> str:
    """Only the scripts in the page itself, named by their digests, and those of Swagger UI's own source."""
    digests = " ".join(
        f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in _INLINE.findall(page)
    )
    return (
        f"default-src 'none'; script-src {_SOURCE} {digests}; style-src {_SOURCE} 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
