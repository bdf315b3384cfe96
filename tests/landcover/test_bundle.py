"""Bundles: complete or absent, and never other bytes than the published ones."""

import json
import re
from io import BytesIO

import numpy as np
import pytest

from landcover.bundle import MANIFEST_FILE, load_bundle, verify_bundle, write_bundle
from landcover.errors import BundleInvalid, OutputNotWritable
from tests.bundles import tiny_bundle, tiny_graph, tiny_manifest, tiny_sample


def test_written_bundle_is_read_back_and_verified(tmp_path):
    graph = tiny_graph()
    bundle = tiny_bundle(tmp_path, graph=graph)
    again = load_bundle(tmp_path / "tiny" / "0.1.0")
    verify_bundle(again)
    assert again == bundle
    assert again.read("model.onnx") == graph
    assert again.card().startswith("# Tiny")
    assert again.sample().dn_NBHW.dtype == np.uint16
    assert sorted(entry.name for entry in bundle.path.parent.iterdir()) == ["0.1.0"]


@pytest.mark.parametrize("name", ["model.onnx", "sample.npz", "card.md"])
def test_one_flipped_bit_is_refused(tmp_path, name):
    bundle = tiny_bundle(tmp_path)
    path = bundle.path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleInvalid, match=rf"{re.escape(name)} is not the file that was published"):
        verify_bundle(load_bundle(bundle.path))


@pytest.mark.parametrize("name", ["model.onnx", "sample.npz", "card.md"])
def test_a_missing_file_is_named(tmp_path, name):
    bundle = tiny_bundle(tmp_path)
    (bundle.path / name).unlink()
    with pytest.raises(BundleInvalid, match=re.escape(name)):
        verify_bundle(bundle)


def test_a_file_that_is_not_listed_is_refused(tmp_path):
    bundle = tiny_bundle(tmp_path)
    (bundle.path / "model.onnx.data").write_bytes(b"weights")
    with pytest.raises(BundleInvalid, match=r"model\.onnx\.data"):
        verify_bundle(bundle)


def test_a_version_is_written_once(tmp_path):
    tiny_bundle(tmp_path)
    with pytest.raises(OutputNotWritable, match="bundles never change"):
        tiny_bundle(tmp_path)


def test_a_failed_write_leaves_nothing(tmp_path):
    graph = tiny_graph()
    with pytest.raises(BundleInvalid, match=r"does not list card\.md"):
        write_bundle(tmp_path, tiny_manifest(), {"model.onnx": graph, "sample.npz": tiny_sample(graph)})
    assert list((tmp_path / "tiny").iterdir()) == []


def test_pickled_samples_are_never_loaded(tmp_path):
    buffer = BytesIO()
    np.savez(buffer, dn_NBHW=np.array([{"a": 1}], dtype=object), probabilities_NKHW=np.zeros(1))
    with pytest.raises(BundleInvalid, match=r"sample\.npz lacks"):
        tiny_bundle(tmp_path, sample=buffer.getvalue())


@pytest.mark.parametrize(
    ("content", "says"),
    [("{", "not JSON"), ("[]", "not a STAC Item"), ("{}", "properties"), ("[" * 100_000, "not JSON")],
)
def test_broken_manifests_are_refused(tmp_path, content, says):
    folder = tmp_path / "tiny" / "0.1.0"
    folder.mkdir(parents=True)
    (folder / MANIFEST_FILE).write_text(content)
    with pytest.raises(BundleInvalid, match=says):
        load_bundle(folder)


def test_a_renamed_folder_is_refused(tmp_path):
    bundle = tiny_bundle(tmp_path)
    moved = bundle.path.rename(bundle.path.parent / "9.9.9")
    with pytest.raises(BundleInvalid, match=r"manifest says tiny/0\.1\.0"):
        load_bundle(moved)


def test_no_manifest(tmp_path):
    with pytest.raises(BundleInvalid, match="no readable"):
        load_bundle(tmp_path)


def test_the_manifest_on_disk_is_strict_json(tmp_path):
    bundle = tiny_bundle(tmp_path)
    json.loads((bundle.path / MANIFEST_FILE).read_text(), parse_constant=pytest.fail)
