"""Versions are exchanged, rolled back, dropped in and broken under traffic: nothing fails, and each answer is true.

Every answer is compared with what the version it names computes by ONNX's own implementation, and the digest it names
with that of the manifest on the disk.
"""

import numpy as np

from tests.serving.registry.traffic import Traffic, Versions, exchange
from tests.serving.registry.versions import PROBE, live_models


def test_models_are_exchanged_under_traffic(tmp_path):
    versions = Versions(tmp_path, "1", "2")
    with live_models(tmp_path) as live:

        def ask():
            with live.lease("tiny") as engine:
                answer = engine.run(PROBE)
            version = engine.bundle.manifest.version
            np.testing.assert_allclose(answer, versions.answers[version], atol=1e-5)
            assert engine.bundle.digest == versions.digests[version]
            return version

        traffic = Traffic(ask)
        traffic.during(lambda: exchange(tmp_path, versions, traffic, live, "3", "4"))
    assert set(traffic.counts) == {"1", "2", "3", "4"}
