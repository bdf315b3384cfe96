"""A request to an ASGI application, without a client that would tidy it up."""

from __future__ import annotations

import asyncio


def scope_of(path="/", *, method="GET", query=b"", headers=()):
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("192.0.2.7", 50000),
        "server": ("test", 80),
    }


def ask(app, scope):
    """All messages of the answer."""
    messages = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    return messages


def header(messages, name):
    """All values of a header of an answer."""
    return [value.decode() for key, value in messages[0]["headers"] if key == name]
