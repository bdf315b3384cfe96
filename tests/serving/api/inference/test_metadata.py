"""What the protocol says of the server and its models."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from serving.version import VERSION
from tests.bundles import pair_bundle, tiny_bundle
from tests.serving.api.inference.check import check_refusal
from tests.serving.api.inference.running import serving


def test_the_server(client):
    assert client.get("/v2").json() == {"name": "steppe", "version": VERSION, "extensions": ["binary_tensor_data"]}
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize("path", ["/v2/models/tiny", "/v2/models/tiny/versions/0.1.0"])
def test_a_model_says_what_it_takes_and_gives(client, engine, path):
    described = client.get(path).json()
    assert (described["name"], described["versions"], described["platform"]) == ("tiny", ["0.1.0"], "onnx_onnxv1")
    (given,) = described["inputs"]
    assert (given["name"], given["datatype"], given["shape"]) == ("dn", "UINT16", [-1, 4, -1, -1])
    assert given["parameters"]["bands"] == "B02,B03,B04,B08"
    outputs = {output["name"]: (output["datatype"], output["shape"]) for output in described["outputs"]}
    assert outputs == {
        "probabilities": ("FP32", [-1, 7, -1, -1]),
        "classes": ("UINT8", [-1, -1, -1]),
        "confidence": ("UINT8", [-1, -1, -1]),
    }
    facts = described["parameters"]
    assert (facts["sha256"], facts["provider"], facts["version"]) == (engine.model_sha256, "cpu", "0.1.0")
    assert (facts["product"], facts["nodata"], facts["scale"]) == ("sentinel-2-l1c", 0, 1e-4)
    values = [*facts.values(), *given["parameters"].values()]
    assert all(isinstance(value, str | int | float | bool) for value in values)


@pytest.mark.parametrize("path", ["/v2/models/tiny/ready", "/v2/models/tiny/versions/0.1.0/ready"])
def test_a_model_is_ready(client, path):
    assert client.get(path).json() == {"name": "tiny", "ready": True}


@pytest.mark.parametrize(
    "name", ["other", "Tiny", "%2e%2e", "tiny@0.1.0", "a" * 65, "%00", "tiny/versions/9", "%E2%80%AE"]
)
@pytest.mark.parametrize("rest", ["", "/ready", "/infer"])
def test_models_that_are_not_there(client, name, rest):
    ask = client.post if rest == "/infer" else client.get
    response = ask(f"/v2/models/{name}{rest}")
    assert response.status_code == 404
    assert response.json()["error"]


def test_a_model_of_two_dates_names_its_overview(tmp_path, folders):
    pair_bundle(tmp_path / "own")
    tiny_bundle(tmp_path / "own")
    with serving(tmp_path, tmp_path / "own", folders[1]) as app:
        inputs = TestClient(app).get("/v2/models/pair").json()["inputs"]
    assert [(given["name"], given["shape"]) for given in inputs] == [
        ("dn", [-1, 8, -1, -1]),
        ("overview", [1, 8, 64, 64]),
    ]
    assert inputs[0]["parameters"]["dates"] == 2


def test_not_ready_without_the_default_model(crowd):
    client = TestClient(crowd(model="other"))
    response = client.get("/v2/health/ready")
    assert (response.status_code, response.json()) == (503, {"ready": False})
    assert int(response.headers["retry-after"]) > 0
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/models/tiny/ready").status_code == 200


@pytest.mark.parametrize("path", ["/v2/", "/v2/nothing", "/v2/models", "/v2/models/tiny/nothing", "/v2/health"])
def test_nothing_there(client, path):
    check_refusal(client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v2/models/tiny/infer", "POST"),
        ("PUT", "/v2/models/tiny/versions/0.1.0/infer", "POST"),
        ("POST", "/v2/models/tiny", "GET, HEAD"),
        ("DELETE", "/v2/health/live", "GET, HEAD"),
    ],
)
def test_wrong_method(client, method, path, allowed):
    response = client.request(method, path)
    check_refusal(response, 405, "method-not-allowed")
    assert response.headers["allow"] == allowed


def test_the_description_lists_the_protocol(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {path for path in paths if path.startswith("/v2")} == {
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{model}",
        "/v2/models/{model}/versions/{version}",
        "/v2/models/{model}/ready",
        "/v2/models/{model}/versions/{version}/ready",
        "/v2/models/{model}/infer",
        "/v2/models/{model}/versions/{version}/infer",
    }
