"""A service that misbehaves as a test tells it to, on loopback."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlsplit

JOB = "11111111-1111-4111-8111-111111111111"
UPLOAD = "22222222-2222-4222-8222-222222222222"
MAP = bytes(range(256)) * 4000

AREAS = {
    "legend": {"id": "own", "version": "1"},
    "method": "by hand",
    "classes": [{"code": 1, "name": "tree", "title": "Trees", "pixels": 6, "area_km2": 0.0006, "share_percent": 100.0}],
    "nodata": {"code": 255, "pixels": 0, "area_km2": 0.0},
}
FILES = {
    "map": MAP,
    "style": b"<qgis/>",
    "areas": json.dumps(AREAS).encode(),
    "item": json.dumps(
        {
            "type": "Feature",
            "links": [{"rel": "self", "href": "https://service.example.org/jobs/1/results/item"}],
            "assets": {"map": {"href": "https://service.example.org/map"}, "areas": {"href": "a"}},
        }
    ).encode(),
}
RECORD = {
    "scene": "a scene",
    "model": "tiny@0.1.0",
    "model_sha256": "0" * 64,
    "precision": "fp32",
    "tta": "none",
    "provider": "cpu",
    "pixels": 6,
    "seconds": 0.5,
    "seams": {"share": None, "shared_pixels": 0, "different_pixels": 0},
    "warnings": ["be careful"],
    "remarks": [],
    "outputs": {
        name: {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in FILES.items()
    },
}


class Fake:
    """What the service does; a test puts faults in front of what it does well.

    Attributes:
        faults: by method and path, functions that answer instead, each once.
        asked: method and path of every request, in order.
        headers: of every request.
        bodies: of every request.
        steps: status documents that are told one after the other.
    """

    def __init__(self):
        self.faults = defaultdict(list)
        self.asked, self.headers, self.bodies = [], [], []
        self.steps = [{"status": "running", "progress": 50, "message": "mapping"}, {"status": "successful"}]
        self.jobs = {}
        self.lock = threading.Lock()

    def fault(self, method, path, *answers):
        self.faults[method, path] += answers

    def answer(self, handler, method, path, body):
        with self.lock:
            self.asked.append((method, path))
            self.headers.append(dict(handler.headers))
            self.bodies.append(body)
            waiting = self.faults[method, path]
            fault = waiting.pop(0) if waiting else None
        if fault is not None:
            return fault(handler)
        if method == "DELETE":
            return send_json(handler, 200, {})
        return self.well(handler, method, path)

    def well(self, handler, method, path):
        if (method, path) == ("POST", "/uploads"):
            return send_json(handler, 201, {"id": UPLOAD})
        if method == "POST":
            key = handler.headers["Idempotency-Key"]
            self.jobs[key] = self.jobs.get(key, 0) + 1
            return send_json(handler, 201, {"jobID": JOB, "status": "accepted"})
        if path == f"/jobs/{JOB}":
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            return send_json(handler, 200, {"jobID": JOB, "processID": "classify", **step})
        if path == f"/jobs/{JOB}/outcome":
            return send_json(handler, 200, RECORD)
        output = path.rpartition("/")[2]
        return send_file(handler, FILES[output]) if output in FILES else problem("not-found", 404)(handler)


def send(handler, status, content, media_type="application/json", **fields):
    handler.send_response(status)
    handler.send_header("Content-Type", media_type)
    handler.send_header("Content-Length", str(len(content)))
    for name, value in fields.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def send_json(handler, status, document, **fields):
    send(handler, status, json.dumps(document).encode(), **fields)


def send_file(handler, content):
    """All of it, or what follows an offset."""
    match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if match is None:
        return send(handler, 200, content, "image/tiff")
    start = int(match[1])
    return send(
        handler, 206, content[start:], "image/tiff", Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}"
    )


def drop(handler):
    """Close without an answer."""
    handler.close_connection = True


def problem(slug, status, detail="a sentence of the service", **fields):
    """A problem document."""

    def answer(handler):
        document = {"type": f"/problems/{slug}", "title": "A title", "status": status, "detail": detail}
        send(handler, status, json.dumps(document).encode(), "application/problem+json", **fields)

    return answer


def truncated(content, size):
    """Promise a whole file, send part of it and close."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:size])
        handler.close_connection = True

    return answer


def page(status, content=b"<html>hello</html>", media_type="text/html", **fields):
    """Something that no Steppe service says."""
    return lambda handler: send(handler, status, content, media_type, **fields)


@contextmanager
def fake_service():
    """Run one."""
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self):
            length = int(self.headers.get("Content-Length") or 0)
            fake.answer(self, self.command, urlsplit(self.path).path, self.rfile.read(length))

        do_GET = do_POST = do_DELETE = do

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield SimpleNamespace(fake=fake, url=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
