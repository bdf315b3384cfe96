"""Web hosts of tests: https servers on the loopback interface, names of their own, and certificates to trust.

``World`` is what a test asks for: it has a certificate authority, a resolver that knows the names of its sites, and
fetchers that trust both. A site answers by functions, so that it can misbehave in any way.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import httpcore2
import trustme

from serving.fetch.addresses import is_public
from serving.fetch.budget import Budget, Limits
from serving.fetch.dialling import Dialler, dial_tcp
from serving.fetch.fetcher import Fetcher
from serving.fetch.urls import HostList

LOOPBACK = ip_address("127.0.0.1")
PUBLIC = ip_address("192.0.43.8")
"""A public address; connections to it end at a site of the test, see ``World``."""


def authority():
    """A certificate authority; making one takes some milliseconds, so share it."""
    return trustme.CA()


def quick(**changes):
    """Limits with which nothing takes long."""
    base = {"max_bytes": 10**7, "seconds": 1.5, "idle_s": 0.3, "connect_s": 0.5, "backoff_s": 0.01, "min_rate": 10**4}
    return Budget(Limits(**(base | changes)))


class Site:
    """One host.

    Args:
        name: its name.
        context: TLS of a server.
        routes: {path: function of the handler}, see ``reply``; a path ending in ``*`` stands for all that begin so.
    """

    def __init__(self, name, context, routes):
        self.name = name
        self.routes = dict(routes)
        self.asked = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.site = self
        self._server.context = context
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def authority(self):
        return f"{self.name}:{self.port}"

    def url(self, path):
        return f"https://{self.authority}{path}"

    def paths(self):
        """What was asked for, in order."""
        return [path for _, path, _ in self.asked]

    def route(self, path):
        plain = path.partition("?")[0]
        found = self.routes.get(path) or self.routes.get(plain)
        wild = [route for route in self.routes if route.endswith("*") and plain.startswith(route[:-1])]
        return found or (self.routes[max(wild, key=len)] if wild else None)

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def finish_request(self, request, client_address):
        request.settimeout(5)
        secure = self.context.wrap_socket(request, server_side=True)
        try:
            super().finish_request(secure, client_address)
        finally:
            with suppress(OSError):
                secure.shutdown(socket.SHUT_RDWR)
            secure.close()

    def handle_error(self, request, client_address):
        """Clients that go away are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self):
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length)
        self.site = self.server.site
        self.site.asked.append((self.command, self.path, dict(self.headers.items())))
        route = self.site.route(self.path)
        (route or reply(b"nothing here", status=404))(self)

    do_GET = do_POST = do_HEAD = handle_any

    def log_message(self, format, *args):  # noqa: A002 - the base class's name
        """Quiet."""


def reply(content=b"", *, status=200, headers=None, length=None):
    """A route that answers; ``length`` says something else than the truth, False nothing at all."""

    def route(handler):
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        if length is not False:
            handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)
        handler.wfile.flush()
        if length is not None:
            handler.close_connection = True

    return route


def redirect(place, status=302):
    return reply(status=status, headers={"Location": place})


def raw(content, *, then=None):
    """A route that writes bytes as they are, and then does something."""

    def route(handler):
        handler.wfile.write(content)
        handler.wfile.flush()
        if then:
            then(handler)
        handler.close_connection = True

    return route


def in_turn(*routes):
    """Each request is answered by the next route; the last one stays."""
    left = list(routes)

    def route(handler):
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return route


def ranged(content, *, etag='"one"', headers=None, ignore_match=False):
    """A route that serves a file and its ranges, as object stores do."""
    content = content if callable(content) else (lambda content=content: content)
    name = etag if callable(etag) else (lambda: etag)

    def route(handler):
        data, tag = content(), name()
        base = {"Accept-Ranges": "bytes", **({"ETag": tag} if tag else {}), **(headers or {})}
        wanted = handler.headers.get("If-Match")
        if wanted and wanted != tag and not ignore_match:
            return reply(status=412, headers=base)(handler)
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", ""))
        if not match:
            return reply(data, headers=base)(handler)
        first, stop = int(match[1]), min(int(match[2]) + 1, len(data))
        if first >= len(data):
            return reply(status=416, headers={**base, "Content-Range": f"bytes */{len(data)}"})(handler)
        said = {"Content-Range": f"bytes {first}-{stop - 1}/{len(data)}", **base}
        return reply(data[first:stop], status=206, headers=said)(handler)

    return route


class World:
    """Hosts, their addresses and certificates.

    Attributes:
        addresses: {name: addresses, or a function that gives them anew each time}.
        dialled: every address that was connected to.
        looked_up: every name that was resolved.
    """

    def __init__(self, ca):
        self._ca = ca
        self._stack = ExitStack()
        self.addresses = {}
        self.dialled = []
        self.looked_up = []
        self.sites = {}

    def site(self, name="data.example.org", routes=None, *, ca=None, certificate=None):
        """Start a host; ``certificate`` is the name in its certificate where that is not its own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (ca or self._ca).issue_cert(certificate or name).configure_cert(context)
        site = Site(name, context, routes or {})
        self._stack.callback(site.close)
        self.sites[name] = site
        self.addresses.setdefault(name, [PUBLIC])
        return site

    def resolve(self, host, _seconds):
        self.looked_up.append(host)
        found = self.addresses.get(host)
        if found is None:
            raise OSError("no such name")
        return tuple(found() if callable(found) else found)

    def dial(self, address, port, seconds):
        """All addresses are this machine's."""
        self.dialled.append(address)
        return dial_tcp(LOOPBACK, port, seconds)

    def trust(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context

    def fetcher(self, *hosts, allowed=is_public, dial=None, resolve=None):
        """A fetcher that may ask these hosts; without any all sites, at their ports."""
        entries = hosts or [site.authority for site in self.sites.values()]
        dialler = Dialler(resolve=resolve or self.resolve, allowed=allowed, dial=dial or self.dial)
        return Fetcher(HostList.of(entries), dialler=dialler, tls=self.trust())

    def close(self):
        self._stack.close()


@contextmanager
def silent_port():
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refusing_stream():
    """What ``dial`` raises when nobody answers."""
    raise httpcore2.ConnectError("refused")
