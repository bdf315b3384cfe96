"""Log lines: one object each, with what is needed and nothing that a client could plant or wants to hide."""

from __future__ import annotations

import io
import json
import logging
import warnings

import pytest
from anyio.to_thread import run_sync
from fastapi import Request
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.telemetry.context import bound, facts
from serving.telemetry.exchange import exchange_of
from serving.telemetry.logs import configure_logs
from serving.telemetry.wording import LONGEST, cut, printable, redact
from tests.serving.telemetry.asgi import ask, header, scope_of

HOSTILE = [
    'a\nb{"event": "forged"}',
    "a\r\nX-Injected: 1",
    "\x1b[2J\x1b[31mred",
    "\u202egnp.exe",
    "\u2028second line",
    "\x00\x07",
    "\ud800",
    '"quoted" and \\back',
]


@pytest.fixture
def app(settings):
    app = create_app(settings)

    @app.get("/things/{name}")
    async def thing(name: str):
        logging.getLogger("serving.thing").warning("thing %s", name)
        return {}

    @app.get("/threads")
    async def threads():
        await run_sync(lambda: logging.getLogger("serving.thing").warning("from a thread"))
        return {}

    @app.get("/broken")
    async def broken():
        raise RuntimeError("secret\nsecond line")

    return app


@pytest.fixture
def client(app):
    return TestClient(app, raise_server_exceptions=False)  # without its start, which loads the model


def test_one_line_for_each_request(client, logged):
    answer = client.get("/models/other/legend?language=fr", headers={"X-Request-Id": "abc-1.2_3"})
    (line,) = logged.requests()
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("ms") > 0
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "serving.access",
        "method": "GET",
        "route": "/models/{name}/legend",
        "status": 404,
        "bytes": len(answer.content),
        "request_id": "abc-1.2_3",
        "principal": "anonymous",
        "problem": "model-not-found",
    }
    assert answer.headers["X-Request-Id"] == "abc-1.2_3"


def test_who_asked_and_which_job_it_was(app, logged):
    @app.get("/mine")
    async def mine(request: Request):
        exchange = exchange_of(request.scope)
        exchange.principal, exchange.job = "key-7", "0b5a"
        return {}

    TestClient(app).get("/mine")
    (line,) = logged.requests()
    assert (line["principal"], line["job"]) == ("key-7", "0b5a")


def test_probes_are_quiet(app, logged):
    with TestClient(app) as client:
        for path in ("/livez", "/readyz", "/metrics"):
            assert client.get(path).status_code == 200
        assert logged.requests() == []
        logging.getLogger().setLevel(logging.DEBUG)
        client.get("/livez")
    assert [line["route"] for line in logged.requests()] == ["/livez"]


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [b""],
        [b"a" * 65],
        [b"-a"],
        [b"a b"],
        [b"a\nb"],
        [b"caf\xe9"],
        [b'"{}'],
        [b"../../x"],
        [b"one", b"two"],
        [b"\x1b[31m"],
    ],
)
def test_a_request_id_that_is_not_well_formed_is_replaced(app, logged, sent):
    messages = ask(app, scope_of("/models", headers=[(b"x-request-id", value) for value in sent]))
    (echoed,) = header(messages, b"x-request-id")
    assert len(echoed) == 32
    assert set(echoed) <= set("0123456789abcdef")
    assert logged.requests()[0]["request_id"] == echoed


def test_two_requests_have_two_ids(client):
    assert client.get("/livez").headers["X-Request-Id"] != client.get("/livez").headers["X-Request-Id"]


def test_lines_of_one_request_have_its_id(client, logged):
    client.get("/things/one", headers={"X-Request-Id": "first"})
    client.get("/threads", headers={"X-Request-Id": "second"})
    found = [(line["event"], line["request_id"]) for line in logged.lines]
    assert found == [("thing one", "first"), ("request", "first"), ("from a thread", "second"), ("request", "second")]
    assert facts() == {}


def test_no_address_and_no_query_is_logged(client, logged):
    client.get("/things/SECRETNAME?access_token=SECRETTOKEN", headers={"Authorization": "Bearer SECRETHEADER"})
    client.get("/nothing/SECRETPATH?token=SECRETTOKEN")
    assert [line["route"] for line in logged.requests()] == ["/things/{name}", "unmatched"]
    assert "SECRETTOKEN" not in logged.text
    assert "SECRETHEADER" not in logged.text
    assert "SECRETPATH" not in logged.text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_clients_send_stays_one_value_of_one_line(logged, text):
    logging.getLogger("serving.test").warning("refused %s", text, extra={"facts": {"name": text}})
    assert logged.text.isascii()
    assert logged.text.count("\n") == 1
    (line,) = logged.lines
    assert line["event"] == f"refused {text}"
    assert line["name"] == text


@pytest.mark.usefixtures("kept_logging")
@pytest.mark.parametrize("text", HOSTILE)
def test_terminals_get_nothing_to_obey(text):
    stream = io.StringIO()
    configure_logs("info", "text", stream)
    logging.getLogger("serving.test").warning("refused %s", text, extra={"facts": {"name": text}})
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line.rstrip("\n").isprintable()


def test_a_method_of_the_clients_own_making(app, logged):
    ask(app, scope_of("/livez", method="BREW\n{}"))
    assert logged.requests()[0]["method"] == "other"


def test_an_unexpected_error_is_one_line_with_its_traceback(client, logged):
    answer = client.get("/broken", headers={"X-Request-Id": "abc"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] == "abc"
    assert "secret" not in answer.text
    error, request = logged.lines
    assert "RuntimeError: secret\nsecond line" in error["exception"]
    assert error["request_id"] == request["request_id"] == "abc"
    assert (request["status"], request["level"], request["problem"]) == (500, "warning", "internal")


def test_libraries_go_the_same_way(logged):
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("uvicorn.access").info('%s - "%s"', "192.0.2.7", "GET /tiles?access_token=SECRET")
    logging.getLogger("httpx2").info("HTTP Request: GET https://example.org/a?sig=SECRET")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert [line["logger"] for line in logged.lines] == ["uvicorn.error", "py.warnings"]
    assert logged.lines[0]["event"] == "Started server process [7]"


@pytest.mark.usefixtures("kept_logging")
def test_a_level_that_a_library_was_given_before_does_not_count():
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    logging.getLogger("uvicorn.error").info("Waiting")
    assert json.loads(stream.getvalue())["event"] == "Waiting"


def test_configuring_twice_says_everything_once(logged):
    stream = io.StringIO()
    configure_logs("warning", "json", stream)
    logging.getLogger("serving.test").info("nothing")
    logging.getLogger("serving.test").warning("once")
    assert logged.text == ""
    assert json.loads(stream.getvalue())["event"] == "once"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.usefixtures("kept_logging")
@pytest.mark.parametrize(
    ("look", "stream", "is_json"),
    [
        ("auto", io.StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("text", io.StringIO, False),
    ],
)
def test_people_get_text_and_machines_json(look, stream, is_json):
    written = stream()
    configure_logs("info", look, written)
    with bound(request_id="abc", job=None):
        logging.getLogger("serving.test").warning("a word", extra={"facts": {"ms": 1.5}})
    line = written.getvalue()
    assert line.startswith("{") == is_json
    assert "a word" in line
    assert "abc" in line
    assert "1.5" in line
    assert "job" not in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://a.org/x?token=1&b=2 200", "GET https://a.org/x?... 200"),
        ("https://user:pass@a.org/x", "https://...@a.org/x"),
        ("postgresql://steppe:pass@db/x?sslmode=1", "postgresql://...@db/x?..."),
        ("/tiles/1?access_token=abc&x=1", "/tiles/1?access_token=...&x=1"),
        ("X-Amz-Signature=abcd", "X-Amz-Signature=..."),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ..."),
        ("api_key=abc api-key=abc", "api_key=... api-key=..."),
        ("is it? yes: 1 of 2", "is it? yes: 1 of 2"),
        ("key-7 and 3 tokens", "key-7 and 3 tokens"),
    ],
)
def test_keys_are_taken_out(text, expected):
    assert redact(text) == expected


def test_long_values_are_cut(logged):
    logging.getLogger("serving.test").warning("x" * 10_000)
    assert len(logged.lines[0]["event"]) < LONGEST + 50
    assert cut("abc", 3) == "abc"
    assert cut("abcde", 3) == "abc... (2 characters more)"


def test_what_is_printable_stays():
    assert printable("Ça va? 你好 مرحبا") == "Ça va? 你好 مرحبا"
    assert printable("a\nb\x1b", lines=True) == "a\nb\\x1b"


def test_bound_facts_nest_and_end():
    with bound(request_id="a"), bound(job="b", other=None):
        assert facts() == {"request_id": "a", "job": "b"}
    assert facts() == {}
