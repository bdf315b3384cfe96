"""Addresses of the service as its clients see them."""

from __future__ import annotations

from fastapi import Request


def base_of(request: Request) -> str:
    """The address that all paths are relative to, with a slash at its end."""
    public: str | None = request.app.state.settings.public_url
    return f"{public.rstrip('/')}/" if public else str(request.base_url)
