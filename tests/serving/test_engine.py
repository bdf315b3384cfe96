"""The engine against ONNX's reference implementation, and against graphs it must refuse."""

import json
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from landcover.errors import BundleInvalid, ModelOutputInvalid, ProviderUnavailable
from landcover.overview import SIDE
from landcover.precision import Precision, VariantMissing
from serving.backends import gpu, openvino, ort
from serving.backends.gpu import GpuBackend, GpuSettings
from serving.backends.ort import OrtBackend
from serving.backends.protocol import GraphRefused, first_line
from serving.engine import Engine
from tests.bundles import (
    int8_bundle,
    reference_answer,
    tiny_bundle,
    tiny_graph,
    tiny_int8_graph,
    tiny_manifest,
    tiny_overview_graph,
    tiny_sample,
)
from tests.serving.badgraphs import custom_domain, external_in_subgraph, external_initializer, local_function
from tests.serving.fakegpu import FakeGpu


def digital_numbers(shape, seed=3):
    return np.random.default_rng(seed).integers(0, 9000, shape).astype(np.uint16)


@pytest.fixture(
    params=[
        "cpu",
        pytest.param("openvino", marks=pytest.mark.needs("openvino")),
    ]
)
def provider(request):
    """Each runtime that is installed."""
    return request.param


def test_answers_equal_the_reference_implementation(tmp_path, provider):
    graph = tiny_graph()
    engine = Engine(tiny_bundle(tmp_path, graph=graph), provider=provider)
    dn = digital_numbers((3, 4, 32, 64))
    answer = engine.run(dn)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, reference_answer(graph, dn), atol=1e-5)
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
    assert engine.provider == provider


def test_the_answer_does_not_depend_on_the_batch(tmp_path, provider):
    engine = Engine(tiny_bundle(tmp_path), provider=provider)
    dn = digital_numbers((8, 4, 64, 64))
    together = engine.run(dn)
    alone = np.concatenate([engine.run(dn[index : index + 1]) for index in range(8)])
    assert np.array_equal(together, alone)


def test_answers_do_not_depend_on_which_thread_asks_and_when(tmp_path, provider):
    engine = Engine(tiny_bundle(tmp_path), provider=provider, threads=2)
    windows = [digital_numbers((1, 4, 32, 32 + 32 * (seed % 3)), seed) for seed in range(24)]
    alone = [engine.run(window) for window in windows]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(engine.run, windows))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_self_test_reproduces_the_golden_sample(tmp_path, provider):
    assert Engine(tiny_bundle(tmp_path), provider=provider).self_test() < 1e-5


def test_self_test_refuses_another_models_sample(tmp_path):
    bundle = tiny_bundle(tmp_path, sample=tiny_sample(tiny_graph(seed=9)))
    with pytest.raises(BundleInvalid, match="differs from its golden output"):
        Engine(bundle, provider="cpu").self_test()


def test_tampered_bytes_are_refused_when_loading(tmp_path):
    bundle = tiny_bundle(tmp_path)
    (bundle.path / "model.onnx").write_bytes(tiny_graph(seed=5))
    with pytest.raises(BundleInvalid, match="sha256"):
        Engine(bundle)


def test_garbage_is_no_graph(tmp_path):
    with pytest.raises(BundleInvalid, match="not an ONNX graph"):
        Engine(tiny_bundle(tmp_path, graph=b"\xff" * 64, sample=tiny_sample(tiny_graph())))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (external_initializer, "weights in other files"),
        (external_in_subgraph, "weights in other files"),
        (custom_domain, "com.example"),
        (local_function, "outside the ONNX standard"),
    ],
)
def test_graphs_that_reach_outside_themselves_are_refused(tmp_path, change, says):
    model = onnx.load_model_from_string(tiny_graph())
    change(model)
    bundle = tiny_bundle(tmp_path, graph=model.SerializeToString(), sample=tiny_sample(tiny_graph()))
    with pytest.raises(BundleInvalid, match=says):
        Engine(bundle)


def published_with(manifest):
    """A graph that carries its manifest, as publishing stores it."""
    model = onnx.load_model_from_string(tiny_graph())
    helper.set_model_props(model, {"stac_item": json.dumps(manifest.to_item())})
    return model.SerializeToString()


def test_the_manifest_it_was_published_with_is_accepted(tmp_path):
    Engine(tiny_bundle(tmp_path, graph=published_with(tiny_manifest()))).self_test()


@pytest.mark.parametrize(
    "change", [{"bands": ("B08", "B03", "B04", "B02")}, {"temperature": 2.0}, {"title": "Better"}, {"gsd_m": 30.0}]
)
def test_an_edited_manifest_is_refused(tmp_path, change):
    bundle = tiny_bundle(tmp_path, graph=published_with(tiny_manifest()), **change)
    with pytest.raises(BundleInvalid, match="not the one the graph was published with"):
        Engine(bundle)


@pytest.mark.parametrize(
    "graph",
    [tiny_graph(classes=5), tiny_graph(bands=3), tiny_graph(dtype=TensorProto.FLOAT)],
    ids=["classes", "bands", "dtype"],
)
def test_a_graph_that_breaks_the_manifests_promise_is_refused(tmp_path, graph, provider):
    with pytest.raises(BundleInvalid, match="the manifest promises"):
        Engine(tiny_bundle(tmp_path, graph=graph, sample=tiny_sample(tiny_graph())), provider=provider)


def test_wrong_arrays_get_a_sentence(tmp_path, provider):
    engine = Engine(tiny_bundle(tmp_path), provider=provider)
    with pytest.raises(ModelOutputInvalid, match=r"shape \(1, 3, 32, 32\)"):
        engine.run(digital_numbers((1, 3, 32, 32)))


def test_values_that_are_not_finite_are_refused(tmp_path):
    model = onnx.load_model_from_string(tiny_graph())
    for tensor in model.graph.initializer:
        if tensor.name == "b1":
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full(8, np.nan, np.float32), "b1"))
    engine = Engine(tiny_bundle(tmp_path, graph=model.SerializeToString(), sample=tiny_sample(tiny_graph())))
    with pytest.raises(ModelOutputInvalid, match="not finite"):
        engine.run(digital_numbers((1, 4, 32, 32)))


def test_unknown_and_missing_providers(tmp_path, monkeypatch):
    bundle = tiny_bundle(tmp_path)
    with pytest.raises(ProviderUnavailable, match="'tpu' is not known"):
        Engine(bundle, provider="tpu")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderUnavailable, match="not in this installation"):
        Engine(bundle, provider="cuda")


class FallenBack:
    """A session that silently runs on the CPU when it is asked for CUDA, as ONNX Runtime does without a driver."""

    def __init__(self, content, options, **_providers):
        self._session = RealSession(content, options, providers=["CPUExecutionProvider"])

    def __getattr__(self, name):
        return getattr(self._session, name)


RealSession = onnxruntime.InferenceSession


@pytest.fixture
def falls_back(monkeypatch):
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    monkeypatch.setattr(onnxruntime, "InferenceSession", FallenBack)


@pytest.mark.usefixtures("falls_back")
def test_silent_fallback_is_an_error_when_cuda_was_named(tmp_path):
    with pytest.raises(ProviderUnavailable, match="'cpu' runs instead"):
        Engine(tiny_bundle(tmp_path), provider="cuda")


@pytest.mark.usefixtures("falls_back")
def test_silent_fallback_is_a_visible_flag_with_auto(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(openvino, "installed", lambda: False)
    engine = Engine(tiny_bundle(tmp_path), provider="auto")
    assert engine.provider == "cpu"
    assert "'cpu' runs instead" in caplog.text
    assert engine.self_test() < 1e-5


class Wrong:
    """Another runtime, whose kernels are wrong."""

    provider = "openvino"

    def __init__(self, content, threads, _precision, **_):
        self._right = OrtBackend(content, threads)
        self.parallel, self.inputs, self.outputs = 1, self._right.inputs, self._right.outputs

    def run(self, arrays):
        return self._right.run(arrays)[:, ::-1]


class Breaks(Wrong):
    """Another runtime, which takes the graph and fails when it runs."""

    def run(self, _):
        raise RuntimeError("no kernel for this shape")


class Refuses:
    """Another runtime that does not know an operator of the graph."""

    def __init__(self, *_, **_options):
        raise GraphRefused("Not supported ops: ai.onnx.Softmax")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Wrong, "differs from its golden output"),
        (Breaks, "no kernel for this shape"),
        (Refuses, "openvino cannot load the graph: Not supp"),
    ],
)
def test_auto_passes_over_a_provider_that_fails_and_a_named_one_is_an_error(tmp_path, caplog, monkeypatch, kind, says):
    monkeypatch.setattr(openvino, "installed", lambda: True)
    monkeypatch.setattr("serving.engine.OpenVinoBackend", kind)
    bundle = tiny_bundle(tmp_path)
    assert Engine(bundle).provider == "cpu"
    assert says in caplog.text
    with pytest.raises((BundleInvalid, ModelOutputInvalid), match=says):
        Engine(bundle, provider="openvino").self_test()


def test_an_extra_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(openvino, "installed", lambda: False)
    with pytest.raises(ProviderUnavailable, match=r"install steppe\[openvino\]"):
        Engine(tiny_bundle(tmp_path), provider="openvino")


@pytest.mark.needs("openvino")
def test_auto_takes_openvino_where_it_is_installed(tmp_path):
    assert Engine(tiny_bundle(tmp_path)).provider == "openvino"


@pytest.mark.needs("openvino")
def test_openvino_says_why_it_refuses_a_graph():
    with pytest.raises(GraphRefused, match="Unable to read the model"):
        openvino.OpenVinoBackend(b"\xff" * 64, 1)


@pytest.mark.parametrize(
    ("flags", "exact"),
    [("flags : sse avx512_vnni", True), ("flags : avx_vnni", True), ("flags : avx512f avx512bw", False), ("", False)],
)
def test_8_bit_kernels_follow_the_processor(tmp_path, flags, exact):
    path = tmp_path / "cpuinfo"
    path.write_text(flags)
    assert ort.adds_bytes_exactly(path) is exact


def test_manifest_legend_decides_the_number_of_classes(tmp_path):
    assert Engine(tiny_bundle(tmp_path)).classes == len(tiny_manifest().legend.classes)


def test_the_variant_runs_its_own_graph(tmp_path, provider):
    bundle = int8_bundle(tmp_path)
    engine = Engine(bundle, precision=Precision.INT8, provider=provider)
    dn = digital_numbers((2, 4, 32, 64))
    # Runtimes round a sum to one of two neighbouring steps of 8 bits: single pixels differ, the mean hardly.
    differences = np.abs(engine.run(dn) - reference_answer(tiny_int8_graph(), dn))
    assert differences.mean() < (1e-6 if provider == "cpu" else 2e-3)
    assert engine.self_test() < 2e-3
    assert engine.model_sha256 == bundle.manifest.files["model.int8.onnx"].sha256
    assert engine.model_sha256 != Engine(bundle).model_sha256


def test_a_bundle_without_the_variant_is_said_in_a_sentence(tmp_path):
    with pytest.raises(VariantMissing, match="has no int8 variant"):
        Engine(tiny_bundle(tmp_path), precision=Precision.INT8)


def test_the_variant_is_checked_as_strictly_as_the_model(tmp_path):
    model = onnx.load_model_from_string(tiny_int8_graph())
    custom_domain(model)
    sample = tiny_sample(tiny_graph(), int8=tiny_int8_graph())
    bundle = int8_bundle(tmp_path, int8=model.SerializeToString(), sample=sample)
    Engine(bundle).self_test()
    with pytest.raises(BundleInvalid, match=r"com\.example"):
        Engine(bundle, precision=Precision.INT8)
    (bundle.path / "model.int8.onnx").write_bytes(tiny_int8_graph(seed=4))
    with pytest.raises(BundleInvalid, match="sha256"):
        Engine(bundle, precision=Precision.INT8)


def test_self_test_refuses_a_variant_of_other_weights(tmp_path):
    bundle = int8_bundle(tmp_path, sample=tiny_sample(tiny_graph(), int8=tiny_int8_graph(seed=3)))
    Engine(bundle).self_test()
    with pytest.raises(BundleInvalid, match=r"\(int8\) on cpu differs from its golden output"):
        Engine(bundle, precision=Precision.INT8).self_test()


def test_a_variants_single_pixels_may_differ_but_not_its_mean(tmp_path):
    """Another processor rounds some sums the other way; that is no other model."""
    content = BytesIO(tiny_sample(tiny_graph(), int8=tiny_int8_graph()))
    with np.load(content) as arrays:
        stored = dict(arrays)
    stored["probabilities_int8_NKHW"][0, :, 3, 3] = np.eye(7)[0]
    buffer = BytesIO()
    np.savez_compressed(buffer, **stored)
    assert 0 < Engine(int8_bundle(tmp_path, sample=buffer.getvalue()), precision=Precision.INT8).self_test() < 5e-3


def test_a_model_of_two_dates_takes_the_bands_of_both(tmp_path):
    graph = tiny_graph(bands=8)
    engine = Engine(tiny_bundle(tmp_path, dates=2, graph=graph, sample=tiny_sample(graph, bands=8)))
    assert engine.run(digital_numbers((1, 8, 32, 32))).shape == (1, 7, 32, 32)
    with pytest.raises(BundleInvalid, match="the manifest promises"):
        Engine(
            tiny_bundle(tmp_path, version="2", dates=2, graph=tiny_graph(bands=4), sample=tiny_sample(graph, bands=8))
        )


def overview_sample(graph):
    """Golden input, overview and output as the bytes of an npz file."""
    dn, overview = digital_numbers((2, 8, 32, 32)), digital_numbers((1, 8, SIDE, SIDE), seed=4)
    answer = ReferenceEvaluator(onnx.load_model_from_string(graph)).run(None, {"dn": dn, "overview": overview})[0]
    buffer = BytesIO()
    np.savez_compressed(buffer, dn_NBHW=dn, overview_1BHW=overview, probabilities_NKHW=answer)
    return buffer.getvalue()


def test_a_model_that_looks_at_the_whole_scene_takes_an_overview(tmp_path, provider):
    graph = tiny_overview_graph()
    bundle = tiny_bundle(tmp_path, dates=2, overview=True, graph=graph, sample=overview_sample(graph))
    engine = Engine(bundle, provider=provider)
    assert engine.self_test() < 1e-3
    dn, overview = digital_numbers((1, 8, 32, 32)), digital_numbers((1, 8, SIDE, SIDE), seed=4)
    assert not np.allclose(engine.run(dn, overview), engine.run(dn, overview // 2), atol=1e-3)
    with pytest.raises(ModelOutputInvalid, match="overview"):
        engine.run(dn)


@pytest.mark.parametrize(("overview", "graph"), [(False, tiny_overview_graph()), (True, tiny_graph(bands=8))])
def test_a_graph_must_take_an_overview_where_the_manifest_says_so(tmp_path, overview, graph):
    sample = overview_sample(tiny_overview_graph())
    bundle = tiny_bundle(tmp_path, dates=2, overview=overview, graph=graph, sample=sample)
    with pytest.raises(BundleInvalid, match=r"the graph has . inputs and 1 outputs, expected are . and 1"):
        Engine(bundle)


def test_a_golden_sample_without_its_overview_is_refused(tmp_path):
    sample = tiny_sample(tiny_graph(bands=8), bands=8)
    with pytest.raises(BundleInvalid, match="lacks dn_NBHW, overview_1BHW or probabilities_NKHW"):
        tiny_bundle(tmp_path, dates=2, overview=True, graph=tiny_overview_graph(), sample=sample)


def graph_of_rank(rank):
    """``tiny_graph`` that answers means over some axes, so that fewer are left."""
    model = onnx.load_model_from_string(tiny_graph())
    axes = helper.make_tensor("axes", TensorProto.INT64, [4 - rank], list(range(rank, 4)))
    model.graph.initializer.append(axes)
    model.graph.node.append(helper.make_node("ReduceMean", ["probabilities", "axes"], ["means"], keepdims=0))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("means", TensorProto.FLOAT, ["n", 7][:rank]))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_graph_whose_answer_is_no_windows_is_refused(tmp_path, provider, rank):
    bundle = tiny_bundle(tmp_path, graph=graph_of_rank(rank), sample=tiny_sample(tiny_graph()))
    with pytest.raises(BundleInvalid, match=rf"'means' has {rank} axes, expected are batch, channel, row and column"):
        Engine(bundle, provider=provider)


def test_a_graph_whose_answer_is_no_windows_is_refused_by_gpus():
    with pytest.raises(GraphRefused, match="'means' has 1 axes"):
        GpuBackend(graph_of_rank(1), "cuda", Precision.FP32, GpuSettings(), runtime=FakeGpu())


@pytest.mark.parametrize("text", ["", "\n", " \n \n"])
def test_an_error_that_says_nothing_is_told_by_its_kind(tmp_path, monkeypatch, provider, text):
    engine = Engine(tiny_bundle(tmp_path), provider=provider)

    def fail(_arrays):
        raise MemoryError(text)

    monkeypatch.setattr(engine._backend, "run", fail)
    with pytest.raises(ModelOutputInvalid, match=r"and type uint16: MemoryError$"):
        engine.run(digital_numbers((1, 4, 32, 32)))


def test_what_backends_say_of_errors_without_text():
    for read in (first_line, openvino._first_line, gpu._reason):
        assert read(RuntimeError()) == "RuntimeError"
        assert read(RuntimeError("\n  why \n where")) == "why"
    said = "Exception from src/core.cpp:1:\nCheck 'ok' failed at src/core.cpp:2:\nno kernel\n"
    assert openvino._first_line(RuntimeError(said)) == "no kernel"
    assert openvino._first_line(RuntimeError("Check 'ok' failed")) == "Check 'ok' failed"
