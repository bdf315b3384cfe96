"""What batching did is in the metrics."""

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from tests.bundles import BANDS


def samples(client):
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples}


def test_calls_queues_and_models_are_counted(client):
    data = np.random.default_rng(0).integers(1, 5000, (2, len(BANDS), 32, 32))
    tensor = {"name": "dn", "shape": list(data.shape), "datatype": "UINT16", "data": data.ravel().tolist()}
    before = samples(client).get(("steppe_batch_size_sum", "tiny@0.1.0"), 0)
    assert client.post("/v2/models/tiny/infer", json={"inputs": [tensor]}).status_code == 200
    after = samples(client)
    assert after["steppe_batch_size_sum", "tiny@0.1.0"] == before + 2
    assert after["steppe_queue_length", "tiny@0.1.0"] == 0
    assert [key for key in after if key[0] == "steppe_model_info" and "tiny" in key]
