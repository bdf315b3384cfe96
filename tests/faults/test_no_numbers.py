"""Fault F15, at run time: a model answers what is no number for some inputs. Only who asked that is told so."""

import json
import threading

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.jobs.record import State
from tests.bundles import tiny_bundle, tiny_graph
from tests.rasters import write_tiff
from tests.scenes import smooth_numbers
from tests.service import BANDS, make_settings, scene_numbers, write_scene

POISON = 65535
TMS = "tiles/WebMercatorQuad"


def touchy_graph(value):
    """The tiny graph, and ``value`` for every class of a pixel whose first band has the largest number."""
    model = onnx.load_model_from_string(tiny_graph())
    graph = model.graph
    graph.node[-1].output[0] = "sound"
    constants = {"first": np.array([0]), "last": np.array([1]), "axis": np.array([1])}
    constants |= {"poison": np.array(POISON, np.float32), "bad": np.array(value, np.float32)}
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    graph.node.extend(
        [
            helper.make_node("Slice", ["dn_float", "first", "last", "axis"], ["band"]),
            helper.make_node("Equal", ["band", "poison"], ["is_poison"]),
            helper.make_node("Where", ["is_poison", "bad", "sound"], ["probabilities"]),
        ]
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture(params=[np.nan, np.inf, -np.inf], ids=str)
def registry(request, tmp_path):
    tiny_bundle(tmp_path / "registry", graph=touchy_graph(request.param))
    (tmp_path / "zoo").mkdir()
    return tmp_path / "registry", tmp_path / "zoo"


def poisoned(dn_BRC):
    dn_BRC = dn_BRC.copy()
    dn_BRC[0, 40, 50] = POISON
    return dn_BRC


def infer(client, dn_NBHW):
    inputs = [{"name": "dn", "datatype": "UINT16", "shape": dn_NBHW.shape, "data": dn_NBHW.ravel().tolist()}]
    return client.post("/v2/models/tiny/infer", content=json.dumps({"inputs": inputs}))


def test_windows(tmp_path, registry):
    """Those of others that are in the same call are answered."""
    good = np.ascontiguousarray(smooth_numbers(32, 32, bands=4)[None])
    bad = good.copy()
    bad[0, 0, 5, 6] = POISON
    with TestClient(create_app(make_settings(tmp_path, *registry)), raise_server_exceptions=False) as client:
        answers = {}

        def ask(number):
            answers[number] = infer(client, bad if number % 4 == 0 else good)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, answer in answers.items():
            assert answer.status_code == (500 if number % 4 == 0 else 200), answer.text
            assert "nan" not in answer.text.lower()
        assert answers[0].json()["type"] == "/problems/model-output"
        assert len({answer.text for number, answer in answers.items() if number % 4}) == 1
        assert infer(client, np.concatenate([good, bad])).status_code == 500
        metrics = client.get("/metrics").text
        assert 'steppe_refusals_total{slug="model-output"} 4.0' in metrics
        # Whoever can send such inputs must not be able to take the service away from others.
        assert client.get("/readyz").status_code == 200


def test_jobs_and_tiles(tmp_path, registry, yards):
    (tmp_path / "data").mkdir()
    bad = write_scene(tmp_path / "data" / "bad.tif", poisoned(scene_numbers(hole=False)))
    write_tiff(tmp_path / "data" / "good.tif", scene_numbers(), names=BANDS, nodata=0)
    settings = make_settings(tmp_path, *registry, data_folder=tmp_path / "data")
    yard = yards(settings)
    jobs = [yard.accept(body=bad.read_bytes()), yard.accept()]
    for _ in jobs:
        assert yard.worker().step()
    failed, done = map(yard.get, jobs)
    assert (failed.state, failed.problem["type"]) == (State.FAILED, "/problems/model-output")
    assert (done.state, yard.results(), yard.scratch()) == (State.SUCCESSFUL, [done.result], [])
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        west, south, east, north = client.get(f"/sources/bad.tif/{TMS}/tilejson.json").json()["bounds"]
        refused = client.get(f"/sources/bad.tif/point/{(west + east) / 2},{(south + north) / 2}")
        assert (refused.status_code, refused.json()["type"]) == (500, "/problems/model-output")
