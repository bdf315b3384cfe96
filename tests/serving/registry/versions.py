"""Versions of the tiny model that answer differently, and what each must answer."""

from __future__ import annotations

import time

import numpy as np

from landcover.bundle import Bundle
from serving.registry.aliases import AliasFiles
from serving.registry.live import LiveModels
from tests.bundles import reference_answer, tiny_bundle, tiny_graph, tiny_sample
from tests.service import make_settings

PROBE = np.random.default_rng(8).integers(1, 9000, (1, 4, 32, 32)).astype(np.uint16)


def write_version(root, version, **changes) -> Bundle:
    """A bundle whose weights follow from its version."""
    graph = graph_of(version)
    return tiny_bundle(root, version=version, graph=graph, sample=tiny_sample(graph), **changes)


def drop_in_broken(folder, version):
    """A version that cannot be loaded appears in the user's folder, at once."""
    path = write_version(folder / "aside", version).path
    (path / "model.onnx").write_bytes(b"garbage")
    path.rename(folder / "own" / "tiny" / version)


def graph_of(version):
    """The graph of a version."""
    return tiny_graph(seed=sum(map(ord, version)) + 100)


def expected(version):
    """What a version answers to the probe, by ONNX's own implementation."""
    return reference_answer(graph_of(version), PROBE)


def assert_answers(engine, version):
    """An engine's answer must be that of the version, and that it says it is this version."""
    assert engine.bundle.manifest.version == version
    np.testing.assert_allclose(engine.run(PROBE), expected(version), atol=1e-5)


def live_settings(folder, **changes):
    """Settings that look often."""
    (folder / "zoo").mkdir(exist_ok=True)
    quick = {"registry_poll_s": 0.01, "registry_settle_s": 0.15}
    return make_settings(folder, folder / "own", folder / "zoo", **(quick | changes))


def live_models(folder, **changes):
    """Models that are looked at when a test says so."""
    return LiveModels(live_settings(folder, **changes))


def aliases_of(folder):
    """The alias files of the user's folder."""
    return AliasFiles(folder / "own")


def promote(folder, version):
    """What ``steppe models promote`` writes."""
    aliases_of(folder).change("tiny", lambda said: said.promoted(version))


def until(condition, seconds=20):
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)


def states(live):
    """State by version."""
    return {entry.version: str(entry.state) for entry in live.entries()}


class Events:
    """An observer that remembers."""

    def __init__(self):
        self.all = []

    def loaded(self, model, seconds):
        assert seconds >= 0
        self.all.append(("loaded", model.identifier))

    def dropped(self, model):
        self.all.append(("dropped", model.identifier))

    def failed(self, identifier, problem):
        assert problem
        self.all.append(("failed", identifier))

    def switched(self, name, before, after):
        self.all.append(("switched", before and before.version, after and after.version))
        assert {model.name for model in (before, after) if model} == {name}
