"""What all ways to a map have in common: a run that ends early ends at once, and says what it left."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest

from landcover.raster import digest
from serving.classify import classify_scene
from serving.engine import Engine
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from tests.service import left_in, write_scene


@pytest.fixture
def engine(settings):
    return Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)


@pytest.fixture
def slow_digests(monkeypatch):
    """Hashing takes minutes; answers the pieces that were hashed."""
    hashed = []

    class Slow:
        def update(self, piece):
            hashed.append(len(piece))
            time.sleep(0.01)

        def hexdigest(self):
            return "0" * 64

    monkeypatch.setattr(digest, "CHUNK", 16)
    monkeypatch.setattr(digest, "hashlib", type("", (), {"sha256": Slow}))
    return hashed


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_run_that_ends_early_hashes_nothing_more(tmp_path, out, engine, settings, slow_digests, error):
    def stop(_done, _total):
        raise error

    one, *others = [write_scene(tmp_path / f"{name}.tif") for name in "abc"]
    inputs, outputs = Inputs(source=one, others=tuple(others)), Outputs(map=out / "map.tif")
    started = time.monotonic()
    with pytest.raises(error):
        classify_scene(inputs, outputs, engine, settings, progress=stop)
    assert time.monotonic() - started < 10  # all three files take more than a minute
    assert slow_digests
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("steppe-digest")]
    assert left_in(out) == []


def test_a_file_is_hashed_in_pieces(tmp_path, monkeypatch):
    content = bytes(range(256)) * 5
    (tmp_path / "scene.tif").write_bytes(content)
    monkeypatch.setattr(digest, "CHUNK", 100)
    assert digest.file_digest(tmp_path / "scene.tif") == hashlib.sha256(content).hexdigest()
    with pytest.raises(digest.DigestStopped):
        digest.file_digest(tmp_path / "scene.tif", lambda: True)
