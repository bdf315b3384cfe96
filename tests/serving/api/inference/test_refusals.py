"""Requests that are wrong, too large, too many, too late or abandoned."""

from __future__ import annotations

import asyncio
import json
import threading

import numpy as np
import pytest
from starlette.testclient import TestClient

from landcover.errors import ModelOutputInvalid
from serving.api.inference import infer
from serving.engine import Engine
from tests.serving.api.inference.check import check_refusal
from tests.serving.api.inference.client import binary_request, tensor_of
from tests.serving.api.wire import Wire, until

PATH = "/v2/models/tiny/infer"
WINDOW = np.ones((1, 4, 32, 32), np.uint16)
TENSOR = {"name": "dn", "datatype": "UINT16", "shape": [1, 4, 32, 32]}
ZEROS = [0] * WINDOW.size


def post(client, document, **headers):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return client.post(PATH, content=body, headers=headers)


def given(**changes):
    return {"inputs": [{**TENSOR, "data": ZEROS, **changes}]}


def declared(size, **changes):
    """A request whose binary input declares so many bytes."""
    return {"inputs": [{**TENSOR, "parameters": {"binary_data_size": size}, **changes}]}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"[" * 100_000, "nested"),
        (b'{"inputs": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"inputs": [NaN]}', "NaN"),
        (b'{"inputs": [], "inputs": []}', "twice"),
        ([], "object"),
        ({}, "'inputs'"),
        ({"inputs": {}}, "'inputs'"),
        ({"inputs": []}, "'inputs'"),
        ({"inputs": [given()["inputs"][0]] * 9}, "'inputs'"),
        ({"inputs": [7]}, "object"),
        (given(name="B02"), "takes 'dn'"),
        (given(name=7), "'name'"),
        ({"inputs": given()["inputs"] * 2}, "takes 'dn'"),
        (given(datatype="FP32"), "takes UINT16"),
        (given(datatype=None), "'datatype'"),
        (given(shape=[1, 3, 32, 32]), "B02,B03,B04,B08"),
        (given(shape=[4, 32, 32]), "takes [-1, 4, -1, -1]"),
        (given(shape=[1, 4, 30, 32]), "multiples of 32"),
        (given(shape=[1, 4, 4096, 32]), "at most 2048"),
        (given(shape=[0, 4, 32, 32]), "above 0"),
        (given(shape=[True, 4, 32, 32]), "above 0"),
        (given(shape=[10**4000, 4, 32, 32]), "below 2^31"),
        (given(shape="1"), "'shape'"),
        (given(shape=[2, 4, 32, 32]), "4,096 numbers"),
        (given(data=None), "once"),
        (given(data="AAAA"), "list"),
        (given(data=[0.5] * WINDOW.size), "whole numbers"),
        (given(data=[-1] * WINDOW.size), "from 0 to 65535"),
        (given(data=[65536] * WINDOW.size), "from 0 to 65535"),
        (given(data=[10**30] * WINDOW.size), "whole numbers"),
        (given(data=["a"] * WINDOW.size), "whole numbers"),
        (given(data=[True] * WINDOW.size), "whole numbers"),
        (given(data=[[1], [1, 2]]), "different lengths"),
        (given(parameters={"binary_data_size": 8192}), "once"),
        (given(parameters={"shared_memory_region": "r"}), "not offered"),
        (given(parameters=[]), "'parameters'"),
        ({**given(), "id": 7}, "'id'"),
        ({**given(), "id": "x" * 257}, "'id'"),
        ({**given(), "id": "\ud800"}, "'id'"),
        ({**given(), "outputs": [{"name": "logits"}]}, "probabilities, classes, confidence"),
        ({**given(), "outputs": [{"name": "classes"}] * 2}, "twice"),
        ({**given(), "outputs": [{"name": "classes", "parameters": {"classification": 3}}]}, "not offered"),
        ({**given(), "outputs": [{"name": "classes", "parameters": {"binary_data": 1}}]}, "true or false"),
        ({**given(), "outputs": 7}, "'outputs'"),
        ({**given(), "parameters": {"timeout": -1}}, "microseconds"),
        ({**given(), "parameters": {"timeout": 0.5}}, "microseconds"),
        (declared(8192), "declare 8,192"),
        (declared(-1), "whole number of bytes"),
        (declared(2**60), "whole number of bytes"),
        (declared(4), "make 8,192"),
    ],
)
def test_requests_that_make_no_sense(client, document, says):
    check_refusal(post(client, document), 400, "inference-request", says=says)


@pytest.mark.parametrize(
    ("header", "body", "says"),
    [
        ("0", b"\x00" * 8192, "not JSON"),
        ("-1", b"{}", "whole number"),
        ("1e3", b"{}", "whole number"),
        ("9" * 30, b"{}", "whole number"),
        ("999", b"{}", "more than the body has"),
        ("1", b"{}", "not JSON"),
    ],
)
def test_lengths_of_the_json_that_make_no_sense(client, header, body, says):
    response = post(client, body, **{"Inference-Header-Content-Length": header})
    check_refusal(response, 400, "inference-request", says=says)


@pytest.mark.parametrize("change", [-2, 2])
def test_binary_numbers_are_as_many_as_declared(client, change):
    headers, body = binary_request([tensor_of("dn", WINDOW)])
    response = client.post(PATH, content=body[:change] if change < 0 else body + bytes(change), headers=headers)
    check_refusal(response, 400, "inference-request", says="8,192")


@pytest.mark.parametrize("header", [{"Content-Encoding": "gzip"}, {"Content-Type": "image/tiff"}])
def test_bodies_of_other_kinds(client, header):
    check_refusal(post(client, given(), **header), 415, "media-type")


@pytest.mark.parametrize(
    "kind", ["application/json", "application/octet-stream", "application/json; charset=utf-8", "", None]
)
def test_kinds_that_clients_name(client, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    assert post(client, given(), **headers).status_code == 200


def test_large_answers_are_to_be_binary(client):
    headers, body = binary_request([tensor_of("dn", np.ones((1, 4, 512, 512), np.uint16))])
    response = client.post(PATH, content=body, headers=headers)
    check_refusal(response, 413, "inference-too-large", says="'binary_data_output'")


def test_what_never_fits_is_refused_for_good(crowd):
    response = post(TestClient(crowd(v2_memory_bytes=100_000)), given())
    check_refusal(response, 413, "inference-too-large", says="100,000")


@pytest.fixture
def small_client(crowd):
    """Limits that small requests exceed."""
    return TestClient(crowd(v2_max_bytes=65536, v2_max_json_bytes=16384, v2_max_pixels=4096))


def pieces(body):
    """A body whose length is not declared."""
    yield body[:1000]
    yield body[1000:]


@pytest.mark.parametrize("form", [bytes, pieces, lambda body: iter([body])])
@pytest.mark.parametrize("binary", [True, False])
def test_bodies_above_the_limits(small_client, form, binary):
    headers, body = {}, b" " * 20_000
    if binary:
        headers, body = binary_request([tensor_of("dn", np.ones((16, 4, 32, 32), np.uint16))])
    response = small_client.post(PATH, content=form(body), headers=headers)
    check_refusal(response, 413, "inference-too-large", says="65,536" if binary else "16,384")


def test_requests_above_the_limits(small_client):
    headers, body = binary_request([tensor_of("dn", np.ones((5, 4, 32, 32), np.uint16))])
    response = small_client.post(PATH, content=body, headers=headers)
    check_refusal(response, 413, "inference-too-large", says="5,120 pixels, the limit is 4,096")
    text = {"Inference-Header-Content-Length": "20000"}
    response = small_client.post(PATH, content=b" " * 20000, headers=text)
    check_refusal(response, 413, "inference-too-large", says="JSON")


class Gate:
    """An engine that answers when it is told to."""

    def __init__(self, monkeypatch):
        self.open, self.asked = threading.Event(), 0
        usual = Engine.run

        def run(engine, dn_NBHW, overview_1BHW=None):
            self.asked += 1
            assert self.open.wait(60)
            return usual(engine, dn_NBHW, overview_1BHW)

        monkeypatch.setattr(Engine, "run", run)


@pytest.fixture
def gate(monkeypatch):
    gate = Gate(monkeypatch)
    yield gate
    gate.open.set()


def request(app, **more):
    """A request that has been sent."""
    headers, body = binary_request([tensor_of("dn", WINDOW)], **more)
    headers["Content-Length"] = str(len(body))
    wire = Wire(app, path=PATH, headers=[(name.lower(), value) for name, value in headers.items()])
    wire.send(body, last=True)
    return wire


async def refusal(wire):
    status, headers, content = await wire.answer()
    return status, headers, json.loads(content)


def batcher_of(app):
    return app.state.batchers.get(app.state.models.engine())


def test_too_many_are_refused_before_their_bodies_are_read(crowd, gate):
    app = crowd(batch_queue_requests=2)

    async def test():
        running = request(app)
        await until(lambda: gate.asked)
        waiting = request(app)
        await until(lambda: batcher_of(app)._queue.requests == 1)
        unsent = Wire(app, path=PATH, headers=[("content-length", "1000")])
        found = await refusal(unsent)
        gate.open.set()
        return found, (await running.answer())[0], (await waiting.answer())[0]

    (status, headers, document), *others = asyncio.run(test())
    assert (status, document["type"]) == (503, "/problems/queue-full")
    assert 1 <= int(headers["retry-after"]) <= 60
    assert others == [200, 200]


@pytest.mark.parametrize("changes", [{"batch_queue_pixels": 1024}, {"v2_memory_bytes": 1024**2}])
def test_what_is_refused_costs_no_pixels(crowd, monkeypatch, changes):
    """A client that tries again, as it is told to, would else use up its minute without an answer."""
    app, spent = crowd(**changes), []
    monkeypatch.setattr(app.state.pixels, "spend", lambda _who, pixels: spent.append(pixels))
    monkeypatch.setattr("serving.api.inference.answer.expected_bytes", lambda *_: 2 * 1024**2)
    monkeypatch.setitem(globals(), "WINDOW", np.concatenate([WINDOW, WINDOW]))

    async def test():
        return await refusal(request(app))

    status, *_ = asyncio.run(test())
    assert status in {413, 503}
    assert spent == []


def test_memory_of_requests_is_bounded(crowd, gate):
    app = crowd(v2_memory_bytes=300_000)

    async def test():
        running = request(app)
        await until(lambda: gate.asked)
        second = request(app)
        found = await refusal(second)
        gate.open.set()
        await running.answer()
        return found, (await request(app).answer())[0]

    (status, _, document), later = asyncio.run(test())
    assert (status, document["type"], later) == (503, "/problems/queue-full", 200)
    assert app.state.inference._memory.held == 0


def test_a_request_can_say_how_long_it_waits(crowd, gate):
    status, _, document = asyncio.run(_ended(crowd(), parameters={"timeout": 50_000}))
    gate.open.set()
    assert (status, document["type"]) == (504, "/problems/inference-deadline")


def test_the_service_does_not_wait_for_ever(crowd, gate):
    app = crowd(v2_timeout_s=0.05)
    status, _, document = asyncio.run(_ended(app, parameters={"timeout": 10**9}))
    assert (status, document["type"]) == (504, "/problems/inference-deadline")
    gate.open.set()


async def _ended(app, **more):
    return await refusal(request(app, **more))


def test_whoever_hangs_up_gives_back_the_place(crowd, gate):
    app = crowd()

    async def test():
        running = request(app)
        await until(lambda: gate.asked)
        gone = request(app)
        await until(lambda: batcher_of(app)._queue.requests == 1)
        gone.hang_up()
        found = await refusal(gone)
        assert batcher_of(app)._queue.requests == 0
        gate.open.set()
        return found, (await running.answer())[0]

    (status, _, document), other = asyncio.run(test())
    assert (status, document["type"], other, gate.asked) == (400, "/problems/client-gone", 200, 1)


def test_whoever_hangs_up_in_the_middle_of_the_body(app):
    async def test():
        wire = Wire(app, path=PATH, headers=[("content-length", "1000")])
        wire.send(b"{")
        wire.hang_up()
        return await refusal(wire)

    status, _, document = asyncio.run(test())
    assert (status, document["type"]) == (400, "/problems/client-gone")


def test_whoever_sends_nothing_is_not_waited_for(crowd):
    app = crowd(upload_grace_s=0.05, upload_min_rate=1e9)

    async def test():
        silent, slow = (Wire(app, path=PATH, headers=[("content-length", "1000")]) for _ in range(2))
        slow.send(b"{")
        return [await refusal(wire) for wire in (silent, slow)]

    for status, _, document in asyncio.run(test()):
        assert (status, document["type"]) == (408, "/problems/upload-too-slow")
    assert app.state.inference._memory.held == 0


def test_errors_of_the_service_itself_say_nothing_of_it(client, monkeypatch, caplog):
    def fail(*_arguments, **_more):
        raise OSError("secret path /etc")

    monkeypatch.setattr(infer, "contract_of", fail)
    assert "secret" not in check_refusal(post(client, given()), 500, "internal")
    assert "secret" in caplog.text


def test_answers_that_are_not_finite(client, monkeypatch):
    def answer(*_arguments):
        raise ModelOutputInvalid("the model answered values that are not finite")

    monkeypatch.setattr(Engine, "_answer", answer)
    check_refusal(post(client, given()), 500, "model-output")


def test_who_asks_is_who_has_been_recognised(client, app, monkeypatch):
    owners = []
    batcher = type(batcher_of(app))
    usual = batcher.check_room
    monkeypatch.setattr(batcher, "check_room", lambda self, owner: (owners.append(owner), usual(self, owner))[1])
    post(client, given())
    assert owners == ["anonymous"]
