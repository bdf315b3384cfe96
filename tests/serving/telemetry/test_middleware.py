"""The layer around the application changes nothing of what passes."""

from __future__ import annotations

import asyncio

import pytest

from serving.telemetry.exchange import Exchange, exchange_of, route_of, traceparent_of
from serving.telemetry.metrics import Metrics
from serving.telemetry.middleware import Telemetry
from tests.serving.telemetry.asgi import ask, header, scope_of


def telemetry(app):
    return Telemetry(app, Metrics())


def test_an_answer_streams():
    """Each piece has left before the next one is made, as the very object that the application sent."""
    seen, pieces = [], [bytes([number]) * 1000 for number in range(5)]

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        for number, piece in enumerate(pieces):
            assert len(seen) == number + 1
            await send({"type": "http.response.body", "body": piece, "more_body": number < 4})

    async def send(message):
        seen.append(message)

    scope = scope_of()
    asyncio.run(telemetry(app)(scope, None, send))
    assert all(message["body"] is piece for message, piece in zip(seen[1:], pieces, strict=True))
    assert exchange_of(scope).sent == 5000
    assert exchange_of(scope).status == 200
    assert seen[0]["headers"][0] == (b"a", b"b")
    assert header(seen, b"x-request-id") == [exchange_of(scope).request_id]


def test_what_comes_in_is_the_servers_own_function():
    received = []

    async def receive():
        return {"type": "http.disconnect"}

    async def app(_scope, given, send):
        received.append(given)
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def send(_message):
        pass

    asyncio.run(telemetry(app)(scope_of(), receive, send))
    assert received == [receive]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_everything_but_http_passes(kind):
    passed = []

    async def app(*arguments):
        passed.append(arguments)

    scope, receive, send = {"type": kind}, object(), object()
    asyncio.run(telemetry(app)(scope, receive, send))
    assert passed == [(scope, receive, send)]
    assert scope == {"type": kind}


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
def test_whatever_ends_a_request_goes_on(error):
    async def app(_scope, _receive, _send):
        raise error

    layer = telemetry(app)
    with pytest.raises(error):
        ask(layer, scope_of("/x"))
    assert layer._metrics.in_flight._value.get() == 0


def test_a_pathsend_and_trailers_pass():
    messages = [
        {"type": "http.response.start", "status": 200, "headers": [], "trailers": True},
        {"type": "http.response.pathsend", "path": "x"},
        {"type": "http.response.trailers", "headers": []},
    ]

    async def app(_scope, _receive, send):
        for message in messages:
            await send(message)

    assert ask(telemetry(app), scope_of())[1:] == messages[1:]


def test_without_telemetry_notes_go_nowhere():
    scope = scope_of()
    exchange_of(scope).job = "a"
    assert exchange_of(scope) == Exchange(request_id="", method="other")


@pytest.mark.parametrize("route", [None, object(), type("Route", (), {"path_format": ""})()])
def test_a_route_without_a_template(route):
    assert route_of({"route": route}) == "unmatched"


GOOD = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([GOOD], GOOD.decode()),
        ([], None),
        ([GOOD, GOOD], None),
        ([GOOD.upper()], None),
        ([GOOD + b"-x"], None),
        ([b"\xff" * 55], None),
        ([b"x" * 100_000], None),
    ],
)
def test_only_a_well_formed_traceparent_is_taken(values, expected):
    assert traceparent_of([(b"traceparent", value) for value in values]) == expected
