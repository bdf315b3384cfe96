"""A real server on loopback, and a client that sends bytes as they are."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time

import uvicorn

from serving.api.door.server import DoorConfig


class Answer:
    """Status, header fields and body of an answer; all None where the connection closed without one."""

    def __init__(self, content):
        head, _, self.body = content.partition(b"\r\n\r\n")
        lines = head.decode("latin1").split("\r\n")
        self.status = int(lines[0].split()[1]) if content else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    @property
    def slug(self):
        """Last part of the problem type."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        document = json.loads(self.body)
        assert document["status"] == self.status
        return document["type"].rpartition("/")[2]


class Live:
    """Speaks to a running server."""

    def __init__(self, port):
        self.port = port

    def connect(self):
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def talk(self, *pieces, pause_s=0.0):
        """Send pieces of bytes and read until the server closes, or has sent a whole answer."""
        with self.connect() as line:
            for piece in pieces:
                try:
                    line.sendall(piece)
                except OSError:  # refused while it was being sent
                    break
                time.sleep(pause_s)
            return Answer(read_answer(line))

    def get(self, path, *fields):
        """A plain GET."""
        return self.talk(request("GET", path, *fields))


def request(method, path, *fields, body=b"", host="127.0.0.1"):
    """The bytes of a request; Content-Length comes from the body, unless fields say how it is sent."""
    lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *fields]
    if body and not any(field.lower().startswith(("content-length", "transfer-encoding")) for field in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def read_answer(line):
    """All bytes of one answer; an HTTP/1.1 answer may keep the connection, so its length counts."""
    content = b""
    with contextlib.suppress(ConnectionResetError):
        while True:
            head, gap, body = content.partition(b"\r\n\r\n")
            if gap and head.startswith(b"HTTP/1.1 100"):
                content = body
                continue
            length = next(
                (int(field[15:]) for field in head.lower().split(b"\r\n") if field.startswith(b"content-length:")), None
            )
            if gap and length is not None and len(body) >= length:
                return head + gap + body[:length]
            if gap and head.split()[1] in {b"204", b"304"}:
                return content
            piece = line.recv(65536)
            if not piece:
                return content
            content += piece
    return content


@contextlib.contextmanager
def live(app, settings, **options):
    """Run an application behind the door on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as address:
        server = uvicorn.Server(DoorConfig(app, settings, log_config=None, timeout_graceful_shutdown=1, **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [address]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        try:
            yield Live(address.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def quiet():
    """uvicorn's own log is not what these tests look at."""
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
