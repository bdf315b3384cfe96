"""Answers, compared with those of the engine."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from starlette.testclient import TestClient

from landcover.postprocess import class_codes, confidence_percent
from tests.bundles import pair_bundle
from tests.scenes import smooth_numbers
from tests.serving.api.inference.check import check_refusal
from tests.serving.api.inference.client import binary_request, read_answer, tensor_of
from tests.serving.api.inference.running import serving
from tests.serving.api.wire import Wire

PATH = "/v2/models/tiny/infer"
BINARY = {"binary_data_output": True}


def array_of(tensors, name):
    datatype, shape, numbers = tensors[name]
    dtype = {"FP32": np.float32, "UINT8": np.uint8, "INT16": np.int16}[datatype]
    return np.array(numbers, dtype).reshape(shape)


def ask(client, dn, path=PATH, **more):
    headers, body = binary_request([tensor_of("dn", dn)], **more)
    response = client.post(path, content=body, headers=headers)
    assert response.status_code == 200, response.text
    return read_answer(response)


@pytest.mark.parametrize("path", [PATH, "/v2/models/tiny/versions/0.1.0/infer"])
def test_probabilities_are_those_of_the_engine(client, engine, dn, path):
    header, tensors = ask(client, dn, path, id="one", parameters=BINARY)
    assert header["model_name"] == "tiny"
    assert header["model_version"] == "0.1.0"
    assert header["id"] == "one"
    assert header["parameters"]["sha256"] == engine.model_sha256
    assert list(tensors) == ["probabilities"]
    assert np.array_equal(array_of(tensors, "probabilities"), engine.run(dn))


def test_json_says_the_same_as_binary(client, engine, dn):
    tensor = {"name": "dn", "datatype": "UINT16", "shape": dn.shape}
    answers = []
    for data in (dn.tolist(), dn.ravel().tolist()):
        response = client.post(PATH, json={"inputs": [{**tensor, "data": data}]})
        assert response.headers["content-type"] == "application/json"
        assert "inference-header-content-length" not in response.headers
        answers.append(read_answer(response)[1])
    assert answers[0] == answers[1]
    assert np.array_equal(array_of(answers[0], "probabilities"), engine.run(dn))


def test_classes_and_confidence_on_request(client, engine, dn):
    outputs = [{"name": "confidence", "parameters": {"binary_data": True}}, {"name": "classes"}]
    header, tensors = ask(client, dn, outputs=outputs)
    assert [output["name"] for output in header["outputs"]] == ["confidence", "classes"]
    probabilities, legend = engine.run(dn), engine.bundle.manifest.legend
    for index, window in enumerate(dn):
        valid = (window != 0).any(axis=0)
        codes = array_of(tensors, "classes")[index]
        assert np.array_equal(codes, class_codes(probabilities[index], valid, legend))
        assert np.array_equal(array_of(tensors, "confidence")[index], confidence_percent(probabilities[index], valid))
    assert (array_of(tensors, "classes")[0, 3:9, 5:20] == 255).all()
    assert (array_of(tensors, "classes")[1] != 255).all()


def test_the_form_of_each_output_can_be_chosen(client, dn):
    outputs = [{"name": "classes", "parameters": {"binary_data": False}}, {"name": "probabilities"}]
    header, tensors = ask(client, dn, outputs=outputs, parameters=BINARY)
    first, second = header["outputs"]
    assert "data" in first
    assert second["parameters"]["binary_data_size"] == 2 * 7 * 32 * 64 * 4
    assert set(tensors) == {"classes", "probabilities"}


def test_an_answer_of_many_pieces(client, engine):
    dn = smooth_numbers(256, 256, bands=4)[None]
    _, tensors = ask(client, dn, parameters=BINARY)
    assert np.array_equal(array_of(tensors, "probabilities"), engine.run(dn))


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("size", [1, 1000, 70_000])
def test_bodies_come_in_pieces_of_any_size(app, engine, declared, size):
    dn = smooth_numbers(32, 32, bands=4)[None] if size == 1 else smooth_numbers(128, 128, bands=4)[None]
    headers, body = binary_request([tensor_of("dn", dn)], parameters=BINARY)
    length = {"content-length": str(len(body))} if declared else {}
    fields = [(name.lower(), value) for name, value in (headers | length).items()]

    async def test():
        wire = Wire(app, path=PATH, headers=fields)
        for start in range(0, len(body), size):
            wire.send(body[start : start + size], last=start + size >= len(body))
        return await wire.answer()

    status, fields, content = asyncio.run(test())
    assert status == 200
    start = int(fields["inference-header-content-length"])
    assert np.array_equal(np.frombuffer(content[start:], "<f4").reshape(1, 7, *dn.shape[2:]), engine.run(dn))


def test_concurrent_requests_get_their_own_answers(app, engine):
    windows = [smooth_numbers(32, 32, bands=4)[None] + shift for shift in range(24)]

    async def test():
        wires = []
        for index, dn in enumerate(windows):
            headers, body = binary_request([tensor_of("dn", dn)], id=str(index), parameters=BINARY)
            wires.append(Wire(app, path=PATH, headers=[(name.lower(), value) for name, value in headers.items()]))
            wires[-1].send(body, last=True)
        return [await wire.answer() for wire in wires]

    for index, ((status, fields, content), dn) in enumerate(zip(asyncio.run(test()), windows, strict=True)):
        assert status == 200, content
        start = int(fields["inference-header-content-length"])
        assert (status, json.loads(content[:start])["id"]) == (200, str(index))
        assert np.array_equal(np.frombuffer(content[start:], "<f4").reshape(1, 7, 32, 32), engine.run(dn))


def test_a_model_of_two_dates_takes_the_overview_of_the_scene(tmp_path, folders):
    pair_bundle(tmp_path / "own")
    dn, overview = (smooth_numbers(64, 64, bands=8)[None] + shift for shift in (0, 100))
    with serving(tmp_path, tmp_path / "own", folders[1], model="pair") as app:
        client = TestClient(app)
        tensors = [tensor_of("overview", overview), tensor_of("dn", dn)]
        headers, body = binary_request(tensors, outputs=[{"name": "probabilities"}, {"name": "classes"}])
        _, found = read_answer(client.post("/v2/models/pair/infer", content=body, headers=headers))
        assert np.array_equal(array_of(found, "probabilities"), app.state.models.engine().run(dn, overview))
        headers, body = binary_request([tensor_of("dn", dn)])
        response = client.post("/v2/models/pair/infer", content=body, headers=headers)
        check_refusal(response, 400, "inference-request", says="'dn' and 'overview'")
