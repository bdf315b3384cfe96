"""A client that behaves as badly as a test wants: requests as the server hands them to the application (ASGI)."""

from __future__ import annotations

import asyncio
import json


def framed(headers):
    """Header fields with those that HTTP asks every request with a body to carry."""
    given = {name.lower() for name, _ in headers}
    host = () if "host" in given else (("host", "test"),)
    length = () if "content-length" in given else (("transfer-encoding", "chunked"),)
    return (*host, *length, *headers)


class Wire:
    """One request, sent piece by piece, and its answer."""

    def __init__(self, app, *, method="POST", path="/classify", query="", headers=()):
        self._sent = asyncio.Queue()
        self.messages = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in framed(headers)],
            "client": ("192.0.2.7", 50000),
            "server": ("test", 80),
        }
        self.task = asyncio.create_task(app(scope, self._sent.get, self._take))

    async def _take(self, message):
        self.messages.append(message)

    def send(self, content, *, last=False):
        """Send a piece of the body."""
        self._sent.put_nowait({"type": "http.request", "body": content, "more_body": not last})

    def hang_up(self):
        """Close the connection."""
        self._sent.put_nowait({"type": "http.disconnect"})

    async def answer(self):
        """Status, headers and body of the answer."""
        await asyncio.wait_for(self.task, 60)
        start, *rest = self.messages
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(message.get("body", b"") for message in rest)

    async def problem(self):
        """Status and problem type of the answer."""
        status, _, content = await self.answer()
        return status, json.loads(content)["type"]


async def until(condition):
    """Let the application work until something holds."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition is the state of a folder or of a thread
            await asyncio.sleep(0.005)
