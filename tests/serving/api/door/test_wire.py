"""What is refused before it is a request, and how connections end."""

from __future__ import annotations

import time

import pytest
from fastapi.responses import StreamingResponse

from serving.settings import Settings
from tests.serving.api.door.conftest import echoing
from tests.serving.api.live import Answer, live, read_answer, request

JSON = "Content-Type: application/json"


def test_a_good_request(server):
    answer = server.talk(request("POST", "/json", JSON, body=b'{"a": [1, 2.5, null]}'))
    assert (answer.status, answer.headers["x-content-type-options"]) == (200, "nosniff")
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


def test_two_requests_on_one_connection(server):
    with server.connect() as line:
        for _ in range(2):
            line.sendall(request("POST", "/json", JSON, body=b"{}"))
            assert Answer(read_answer(line)).status == 200
        line.sendall(request("GET", "/livez") + request("GET", "/livez"))
        assert Answer(read_answer(line)).status == 200


def test_head_on_a_connection_that_goes_on(server):
    """A body that was announced and does not come would hold the next answer up, or the server would miss it."""
    with server.connect() as line:
        line.sendall(request("HEAD", "/livez") + request("GET", "/livez", "Connection: close"))
        answers = b"".join(iter(lambda: line.recv(65536), b""))
    head, get = answers.split(b"HTTP/1.1 ")[1:]
    assert b"content-length: 18" in head.lower()
    assert head.endswith(b"\r\n\r\n")
    assert get.endswith(b'{"status":"alive"}')


CHUNK = b"2\r\n{}\r\n0\r\n\r\n"
TWO, PIECES = "Content-Length: 2", "Transfer-Encoding: chunked"
LINE = b"GET /livez HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("what", "status", "slug"),
    [
        (request("GET", "/livez", "X-Long: " + "x" * 65536), 431, "head-too-large"),
        (request("GET", "/livez", *(f"X-{n}: {'x' * 100}" for n in range(600))), 431, "head-too-large"),
        (request("GET", "/" + "x" * 16384), 414, "url-too-long"),
        (request("GET", "/livez?" + "x" * 16384), 414, "url-too-long"),
        (request("GET", "/" + "x" * 100_000), 414, "url-too-long"),
        (request("TRACE", "/livez"), 405, "method-refused"),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 405, "method-refused"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello TLS\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", 400, "malformed-request"),
        (request("POST", "/json", JSON, TWO, "Content-Length: 3", body=b"{}"), 400, "malformed-request"),
        (request("POST", "/json", JSON, "Content-Length: -2", body=b"{}"), 400, "malformed-request"),
        (request("POST", "/json", JSON, TWO, PIECES, body=CHUNK), 400, "malformed-request"),
        (request("POST", "/json", JSON, PIECES, TWO, body=CHUNK), 400, "malformed-request"),
        (request("POST", "/json", JSON, "Transfer-Encoding: gzip", body=b"{}"), 400, "malformed-request"),
    ],
    ids=range(16),
)
def test_what_is_no_request(server, what, status, slug):
    answer = server.talk(what)
    assert (answer.status, answer.slug) == (status, slug)
    assert server.get("/livez").status == 200


@pytest.mark.parametrize(
    "pieces",
    [(b"GET /li",), (LINE + b"Host: 127.0.0.1\r\n",), (LINE + b"Ho", b"st: 127.0.0.1\r\n")],
    ids=["line", "head", "two pieces"],
)
def test_half_a_head_and_silence(hasty, pieces):
    began = time.monotonic()
    answer = hasty.talk(*pieces)
    assert (answer.status, answer.slug) == (408, "request-too-slow")
    assert answer.headers["connection"] == "close"
    assert 0.2 < time.monotonic() - began < 2


def test_a_head_that_drips(hasty):
    began = time.monotonic()
    head = LINE + b"Host: 127.0.0.1\r\n" + b"X: y\r\n" * 10
    answer = hasty.talk(*(head[at : at + 10] for at in range(0, len(head), 10)), pause_s=0.1)
    assert (answer.status, answer.slug) == (408, "request-too-slow")
    assert time.monotonic() - began < 2


def test_nothing_at_all(hasty):
    began = time.monotonic()
    assert hasty.talk().status is None
    assert 0.2 < time.monotonic() - began < 2


def test_half_a_second_head_on_a_connection(hasty):
    with hasty.connect() as line:
        line.sendall(request("GET", "/livez"))
        assert Answer(read_answer(line)).status == 200
        line.sendall(b"GET /livez HT")
        answer = Answer(read_answer(line))
        assert (answer.status, answer.slug) == (408, "request-too-slow")


@pytest.mark.parametrize("path", ["/json", "/body"])
def test_a_byte_of_a_body_and_silence(hasty, path):
    began = time.monotonic()
    answer = hasty.talk(request("POST", path, JSON, "Content-Length: 100", body=b"{"))
    assert (answer.status, answer.slug) == (408, "request-too-slow")
    assert 0.2 < time.monotonic() - began < 4


def test_a_body_that_is_never_sent_and_never_read(hasty):
    began = time.monotonic()
    with hasty.connect() as line:
        line.sendall(request("POST", "/lazy", "Content-Length: 100"))
        assert Answer(read_answer(line)).status == 200
        assert line.recv(1) == b""
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("path", ["/json", "/body"])
def test_a_body_without_end(server, path):
    endless = [b"80000\r\n" + b" " * 0x80000 + b"\r\n"] * 40
    answer = server.talk(request("POST", path, JSON, "Transfer-Encoding: chunked"), *endless)
    assert (answer.status, answer.slug) == (413, "body-too-large")


def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(server):
    began = time.monotonic()
    answer = server.talk(request("POST", "/json", JSON, "Content-Length: 67108864"))
    assert (answer.status, answer.slug) == (413, "body-too-large")
    assert time.monotonic() - began < 1


def test_an_answer_survives_the_body_that_nobody_wants(server):
    body = b" " * 4_000_000
    answer = server.talk(request("POST", "/nowhere", "Transfer-Encoding: chunked", body=b"%x\r\n" % len(body)), body)
    assert (answer.status, answer.slug) == (404, "not-found")


def test_who_asks_first_need_not_send(server):
    began = time.monotonic()
    answer = server.talk(request("POST", "/nowhere", "Content-Length: 1000000", "Expect: 100-continue"))
    assert answer.status == 404
    assert time.monotonic() - began < 1
    answer = server.talk(
        request("POST", "/json", JSON, "Content-Length: 2", "Expect: 100-continue"), b"{}", pause_s=0.05
    )
    assert answer.status == 200


@pytest.mark.parametrize(("length", "status"), [(1, 400), (5, None)])
def test_another_length_than_said(server, length, status):
    """A rest is the beginning of a next request, and none that can be understood; too little is never answered."""
    with server.connect() as line:
        line.sendall(request("POST", "/json", JSON, f"Content-Length: {length}", body=b"{}\x00\x00"))
        if status is None:
            return
        assert Answer(read_answer(line)).status == status


def test_one_connection_too_many(hasty):
    time.sleep(0.5)  # those of other tests are over
    lines = [hasty.connect() for _ in range(20)]
    try:
        time.sleep(0.05)
        answer = hasty.get("/livez")
        assert (answer.status, answer.slug) == (503, "busy")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        for line in lines:
            line.close()


def test_who_does_not_read_is_let_go():

    settings = Settings(request_patience_s=0.1)
    app = echoing(settings)

    @app.get("/large")
    async def large():
        async def pieces():
            for _ in range(2000):
                yield b"x" * 65536

        return StreamingResponse(pieces())

    with live(app, settings) as server, server.connect() as line:
        line.sendall(request("GET", "/large"))
        time.sleep(1.0)
        got = 0
        try:
            while piece := line.recv(1 << 20):
                got += len(piece)
        except ConnectionResetError:
            pass
        assert got < 2000 * 65536


def test_a_forwarded_address_is_not_believed(server):
    answer = server.get("/client", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil")
    assert b"127.0.0.1" in answer.body
    assert b"203.0.113.9" not in answer.body
    assert b"https" not in answer.body
    assert b"evil" not in answer.body


def test_a_forwarded_address_of_a_known_proxy():

    settings = Settings(trusted_proxies="127.0.0.0/8")
    with live(echoing(settings), settings) as server:
        answer = server.get("/client", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https")
    assert b"203.0.113.9" in answer.body
    assert b"https://" in answer.body
