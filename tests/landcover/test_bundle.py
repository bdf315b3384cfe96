"""Bundles: complete or absent, and never other bytes than the published ones."""

import errno
import json
import os
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from landcover.bundle import MANIFEST_FILE, load_bundle, verify_bundle, write_bundle
from landcover.errors import BundleInvalid, DiskFull, OutputNotWritable
from landcover.precision import Precision
from tests.bundles import int8_bundle, tiny_bundle, tiny_graph, tiny_manifest, tiny_sample

ZOO = Path(__file__).parents[2] / "models" / "zoo"


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


def spoilt(kind):
    """Contents of sample.npz that NumPy stumbles over in ways of its own."""
    buffer = BytesIO()
    arrays = {"dn_NBHW": np.zeros((1, 3, 32, 32), np.uint16), "probabilities_NKHW": np.zeros((1, 7, 32, 32))}
    if kind == "array":
        np.save(buffer, arrays["dn_NBHW"])
    elif kind == "damaged":
        np.savez_compressed(buffer, **arrays)
        content = bytearray(buffer.getvalue())
        content[80:120] = bytes(40)
        return bytes(content)
    elif kind == "flat":
        np.savez(buffer, **arrays | {"dn_NBHW": np.zeros((3, 32, 32), np.uint16)})
    elif kind == "float":
        np.savez(buffer, **arrays | {"dn_NBHW": np.zeros((1, 3, 32, 32), np.float32)})
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["empty", "array", "damaged", "flat", "float"])
def test_samples_of_another_form_are_refused(tmp_path, kind):
    with pytest.raises(BundleInvalid, match=r"sample\.npz (lacks|holds arrays)"):
        tiny_bundle(tmp_path, sample=spoilt(kind))


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match=r"no room to write '0\.1\.0'"):
        tiny_bundle(tmp_path)
    assert list((tmp_path / "tiny").iterdir()) == []


@pytest.mark.parametrize("name", ["../card.md", "a/card.md", ".card.md"])
def test_files_outside_of_the_bundle_are_refused(tmp_path, name):
    bundle = tiny_bundle(tmp_path)
    path = bundle.path / MANIFEST_FILE
    item = json.loads(path.read_text())
    item["assets"][name] = item["assets"]["card.md"]
    path.write_text(json.dumps(item))
    with pytest.raises(BundleInvalid, match="is no file name"):
        load_bundle(bundle.path)


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


def test_a_variant_is_part_of_the_bundle(tmp_path):
    bundle = int8_bundle(tmp_path)
    verify_bundle(bundle)
    assert load_bundle(bundle.path) == bundle
    exact, coarse = bundle.sample(), bundle.sample(Precision.INT8)
    assert np.array_equal(exact.dn_NBHW, coarse.dn_NBHW)
    assert not np.array_equal(exact.probabilities_NKHW, coarse.probabilities_NKHW)


def test_a_variant_without_its_graph_or_golden_output_is_refused(tmp_path):
    graph = tiny_graph()
    variants = int8_bundle(tmp_path / "a").manifest.variants
    files = {"model.onnx": graph, "sample.npz": tiny_sample(graph), "card.md": b"# Tiny\n"}
    with pytest.raises(BundleInvalid, match=r"does not list model\.int8\.onnx"):
        write_bundle(tmp_path / "b", tiny_manifest(variants=variants), files)
    with pytest.raises(BundleInvalid, match="lacks dn_NBHW or probabilities_int8_NKHW"):
        int8_bundle(tmp_path / "c", sample=tiny_sample(graph))
    assert not list((tmp_path / "c" / "tiny").iterdir())


def test_bundles_that_ship_still_load():
    """Fields and files that came later must not shut out what was published before."""
    shipped = [path.parent for path in ZOO.glob("*/*/manifest.json")]
    assert shipped
    for path in shipped:
        bundle = load_bundle(path)
        assert json.loads((path / MANIFEST_FILE).read_text()) == json.loads(json.dumps(bundle.manifest.to_item()))
        verify_bundle(bundle)
