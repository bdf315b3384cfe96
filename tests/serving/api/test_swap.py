"""Versions are exchanged under requests: arrays that the API itself answers, and scenes that a worker classifies."""

from __future__ import annotations

import io
import itertools

import numpy as np
import rasterio
from starlette.testclient import TestClient

from serving.api.app import create_app
from tests.crew import open_test_shop, working
from tests.serving.registry.traffic import SENDERS, Traffic, Versions, exchange
from tests.serving.registry.versions import PROBE, live_settings

INFER = {
    "inputs": [{"name": "dn", "shape": list(PROBE.shape), "datatype": "UINT16", "data": PROBE.ravel().tolist()}],
    "outputs": [{"name": "probabilities"}],
}


class Asking:
    """Asks in turn for an inference and for a map; answers which version it was, and checks that it was that one."""

    def __init__(self, client, versions, body):
        self._client, self._versions, self._body = client, versions, body
        self._turns, self.maps = itertools.count(), {}

    def __call__(self):
        return self.map() if next(self._turns) % 3 == 0 else self.infer()

    def infer(self):
        """Probabilities are compared with what the version computes by ONNX's own implementation."""
        response = self._client.post("/v2/models/tiny/infer", json=INFER)
        assert response.status_code == 200, response.text
        answer = response.json()
        version, output = answer["model_version"], answer["outputs"][0]
        probabilities = np.array(output["data"]).reshape(output["shape"])
        np.testing.assert_allclose(probabilities, self._versions.answers[version], atol=1e-5)
        assert answer["parameters"]["sha256"] == self._versions.graphs[version]
        return version

    def map(self):
        """The map of a version is always the same, and no other's."""
        response = self._client.post("/classify", content=self._body)
        assert response.status_code == 200, response.text
        version = response.headers["steppe-model"].partition("@")[2]
        assert response.headers["steppe-model-sha256"] == self._versions.graphs[version]
        with rasterio.open(io.BytesIO(response.content)) as dataset:
            codes = dataset.read(1).tobytes()
            assert dataset.tags()["steppe_model"] == f"tiny@{version}"
        assert self.maps.setdefault(version, codes) == codes
        return version


def test_models_are_exchanged_under_requests(tmp_path, body, readers):
    versions = Versions(tmp_path, "1", "2")
    settings = live_settings(tmp_path, max_waiting=SENDERS)
    with open_test_shop(settings, readers) as shop, working(shop), TestClient(create_app(settings)) as client:
        ask = Asking(client, versions, body)
        traffic = Traffic(ask)
        traffic.during(lambda: exchange(tmp_path, versions, traffic, client.app.state.models, "3"))
    assert set(traffic.counts) == {"1", "2", "3"}
    assert len(set(ask.maps.values())) == len(ask.maps) > 1
