"""bfloat16 arithmetic: where it is had, what it changes, and how it is refused."""

import hashlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from landcover.errors import BundleInvalid, ProviderUnavailable
from landcover.precision import Precision
from serving.backends import openvino
from serving.backends.openvino import OpenVinoBackend
from serving.backends.protocol import RuntimeUnfit
from serving.cli import main
from serving.engine import Engine
from tests.bundles import reference_answer, tiny_bundle, tiny_graph, tiny_sample
from tests.service import left_in

pytestmark = pytest.mark.usefixtures("environment")


def has_bfloat16():
    if not openvino.installed():
        return False
    import openvino as package  # noqa: PLC0415 (an extra)

    return "BF16" in package.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def needs_bfloat16(test):
    """Marks of a test that only some processors can run."""
    able = pytest.mark.skipif(not has_bfloat16(), reason="needs OpenVINO and bfloat16 instructions")
    return pytest.mark.needs("openvino")(able(test))


def numbers():
    return np.random.default_rng(3).integers(0, 9000, (2, 4, 64, 64)).astype(np.uint16)


@needs_bfloat16
def test_answers_are_near_and_rounded(tmp_path):
    engine = Engine(tiny_bundle(tmp_path), precision=Precision.BF16)  # auto finds the one that has it
    assert (engine.provider, engine.precision) == ("openvino", Precision.BF16)
    differences = np.abs(engine.run(numbers()) - reference_answer(tiny_graph(), numbers()))
    assert 1e-4 < differences.max() < 0.2
    assert differences.mean() < 5e-3
    assert 1e-6 < engine.self_test() < 5e-3
    plain = Engine(engine.bundle, provider="openvino")
    assert engine.model_sha256 == plain.model_sha256
    assert np.abs(plain.run(numbers()) - reference_answer(tiny_graph(), numbers())).max() < 1e-5


@needs_bfloat16
def test_products_say_bf16_and_name_the_fp32_graph(folders, scene, out, capsys):
    words = ["--provider", "openvino", "--precision", "bf16", "--stac", str(out / "item.json"), "--json"]
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), *words]) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == "bf16"
    digest = hashlib.sha256((folders[0] / "tiny/0.1.0/model.onnx").read_bytes()).hexdigest()
    with rasterio.open(out / "map.tif") as dataset:
        tags = dataset.tags()
    assert (tags["steppe_model_precision"], tags["steppe_model_sha256"]) == ("bf16", digest)
    properties = json.loads((out / "item.json").read_text())["properties"]
    assert (properties["steppe:model_precision"], properties["steppe:provider"]) == ("bf16", "openvino")


@needs_bfloat16
def test_what_rounds_too_much_is_refused_before_the_first_window(tmp_path):
    bundle = tiny_bundle(tmp_path, sample=tiny_sample(tiny_graph(seed=9)))
    with pytest.raises(BundleInvalid, match=r"\(bf16\) on openvino differs from its golden output"):
        Engine(bundle, provider="openvino", precision=Precision.BF16)


def test_the_processor_of_onnx_runtime_is_refused_in_one_sentence(scene, out, capsys):
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), "--precision", "bf16"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "steppe: provider 'cpu' has no bf16 arithmetic, openvino may have; use --provider openvino or --precision fp32"
    )
    assert left_in(out) == []


def test_auto_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(openvino, "installed", lambda: False)
    with pytest.raises(ProviderUnavailable, match=r"install steppe\[openvino\] .* --precision fp32"):
        Engine(tiny_bundle(tmp_path), precision=Precision.BF16)


@pytest.mark.needs("openvino")
def test_a_processor_without_the_instructions_is_refused(tmp_path, monkeypatch):
    old = SimpleNamespace(get_property=lambda *_: ["FP32", "INT8"])
    monkeypatch.setattr(openvino, "_core", lambda: old)
    with pytest.raises(RuntimeUnfit, match="no bfloat16 instructions"):
        OpenVinoBackend(tiny_graph(), 1, Precision.BF16)
    with pytest.raises(ProviderUnavailable, match=r"cannot run tiny@0\.1\.0 in bf16: this processor has no bfloat16"):
        Engine(tiny_bundle(tmp_path), provider="openvino", precision=Precision.BF16)
