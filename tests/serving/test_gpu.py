"""The GPU backend on a GPU that is not there, and its buffers on the processor, against plain calls of ONNX Runtime."""

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from landcover.errors import ProviderUnavailable
from landcover.overview import SIDE
from landcover.precision import Precision
from landcover.raster.maps import read_map
from serving.backends import openvino
from serving.backends.binding import Memory, Slot
from serving.backends.gpu import GpuBackend, GpuSettings
from serving.backends.gpudevice import device_name
from serving.backends.half import half_graph
from serving.backends.protocol import Port, RuntimeUnfit
from serving.cli import INTERRUPTED, main
from serving.engine import Engine
from serving.engines import open_engine
from tests.bundles import int8_bundle, reference_answer, tiny_bundle, tiny_graph, tiny_overview_graph
from tests.scenes import smooth_numbers
from tests.service import left_in, write_scene
from tests.serving.fakegpu import CPU, CUDA, TENSORRT, FakeGpu


def windows(count, height=32, width=64, bands=4, seed=3):
    return np.random.default_rng(seed).integers(1, 9000, (count, bands, height, width)).astype(np.uint16)


def backend(fake, provider="cuda", precision=Precision.FP32, graph=None, **settings):
    return GpuBackend(
        graph or tiny_graph(), provider, precision, GpuSettings(**({"batch": 4} | settings)), runtime=fake
    )


def plain(graph, *arrays):
    """ONNX Runtime on the processor, the usual way."""
    session = onnxruntime.InferenceSession(graph, providers=[CPU])
    return session.run(None, dict(zip([node.name for node in session.get_inputs()], arrays, strict=True)))[0]


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 11])
def test_every_run_has_the_fixed_batch_and_answers_are_cut(provider, count):
    fake = FakeGpu()
    gpu = backend(fake, provider)
    answer = gpu.run([windows(count)])
    np.testing.assert_allclose(answer, plain(tiny_graph(), windows(count)), atol=1e-6)
    assert answer.dtype == np.float32
    assert answer.flags.owndata or answer.base.flags.owndata  # not a buffer that the next run overwrites
    ran = np.concatenate(fake.diary.runs)
    assert {run.shape for run in fake.diary.runs} == {(4, 4, 32, 64)}
    assert np.array_equal(ran[:count], windows(count))
    assert (ran[count:] == windows(count)[-1]).all()
    assert len(ran) == -(-count // 4) * 4
    assert (gpu.provider, gpu.parallel) == (provider, 2)


def test_answers_are_kept_when_the_next_batch_runs():
    gpu = backend(FakeGpu())
    first = gpu.run([windows(2)])
    kept = first.copy()
    gpu.run([windows(4, seed=9)])
    assert np.array_equal(first, kept)


def test_a_shape_has_one_session_whose_buffers_are_used_again():
    fake = FakeGpu()
    gpu = backend(fake)
    for seed in range(6):
        gpu.run([windows(3, seed=seed)])
    probe, fixed = fake.diary.sessions
    assert probe.options.lengths == {}
    assert fixed.options.lengths == {"n": 4, "h": 32, "w": 64}
    # Two slots, each with an input on host and device and an output on the host.
    expected = [("page-locked", (4, 4, 32, 64), "uint16"), ("cuda", (4, 4, 32, 64), "uint16")]
    expected += [("page-locked", (4, 7, 32, 64), "float32")]
    assert fake.diary.buffers == expected * 2


def test_two_shapes_are_kept_the_one_used_last_longest():
    fake = FakeGpu()
    gpu = backend(fake)
    for height in (32, 64, 32, 96, 32, 64):
        answer = gpu.run([windows(2, height)])
        np.testing.assert_allclose(answer, plain(tiny_graph(), windows(2, height)), atol=1e-6)
    assert [entry.options.lengths.get("h") for entry in fake.diary.sessions[1:]] == [32, 64, 96, 64]


@pytest.mark.parametrize(("offer", "place"), [("yes", "page-locked"), ("no", "cpu"), ("copies", "cpu")])
def test_buffers_on_the_host_are_page_locked_where_that_can_be_had(offer, place, caplog):
    fake = FakeGpu(page_locked=offer)
    with caplog.at_level(logging.INFO):
        answer = backend(fake).run([windows(3)])
    np.testing.assert_allclose(answer, plain(tiny_graph(), windows(3)), atol=1e-6)
    assert (place, (4, 4, 32, 64), "uint16") in fake.diary.buffers
    assert ("no page-locked memory" in caplog.text) == (offer == "no")


def test_an_older_version_without_page_locked_memory_still_runs():
    fake = FakeGpu()
    del fake.OrtDeviceMemoryType
    assert backend(fake).run([windows(3)]).shape == (3, 7, 32, 64)
    assert {place for place, _, _ in fake.diary.buffers} == {"cpu", "cuda"}


def test_many_threads_never_share_buffers_and_two_calls_run_at_once():
    fake = FakeGpu()
    gpu = backend(fake)
    batches = [windows(1 + seed % 6, 32 + 32 * (seed % 2), seed=seed) for seed in range(24)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda batch: gpu.run([batch]), batches))
    for batch, answer in zip(batches, answers, strict=True):
        np.testing.assert_allclose(answer, plain(tiny_graph(), batch), atol=1e-6)
    assert fake.diary.most_at_once <= 2 * 2  # two slots of each of two shapes


def test_a_failing_run_gives_its_buffers_back():
    fake = FakeGpu()
    gpu = backend(fake)
    gpu.run([windows(1)])
    session = fake.diary.sessions[1].session
    run, session.run_with_iobinding = session.run_with_iobinding, None
    for _ in range(3):
        with pytest.raises(TypeError):
            gpu.run([windows(1)])
    session.run_with_iobinding = run
    assert gpu.run([windows(2)]).shape[0] == 2


@pytest.mark.parametrize(
    "wrong", [windows(1, bands=3), windows(1, bands=1), windows(1).astype(np.uint8), windows(1).astype(np.float32)]
)
def test_arrays_that_the_graph_does_not_take_are_refused_before_a_buffer_takes_them(wrong):
    fake = FakeGpu()
    gpu = backend(fake)
    with pytest.raises(ValueError, match=r"\('uint16', 4\)"):
        gpu.run([wrong])
    assert fake.diary.buffers == []


def test_an_overview_goes_with_every_batch():
    graph, fake = tiny_overview_graph(), FakeGpu()
    overview = windows(1, SIDE, SIDE, bands=8)
    answer = backend(fake, graph=graph).run([windows(6, bands=8), overview])
    np.testing.assert_allclose(answer, plain(graph, windows(6, bands=8), overview), atol=1e-6)
    assert ("cuda", (1, 8, SIDE, SIDE), "uint16") in fake.diary.buffers


def test_a_graph_of_a_fixed_batch_keeps_it():
    model = onnx.load_model_from_string(tiny_graph())
    for port in (model.graph.input[0], model.graph.output[0]):
        port.type.tensor_type.shape.dim[0].dim_value = 2
    fake = FakeGpu()
    answer = backend(fake, graph=model.SerializeToString()).run([windows(3)])
    np.testing.assert_allclose(answer, plain(tiny_graph(), windows(3)), atol=1e-6)
    assert {len(run) for run in fake.diary.runs} == {2}


def test_options_of_cuda():
    fake = FakeGpu()
    backend(fake).run([windows(1)])
    for entry in fake.diary.sessions:
        assert entry.providers == {
            CUDA: {
                "device_id": "0",
                "arena_extend_strategy": "kSameAsRequested",
                "cudnn_conv_algo_search": "HEURISTIC",
                "use_tf32": "0",
            }
        }
    assert [entry.options.entries for entry in fake.diary.sessions] == [{}, {"session.disable_cpu_ep_fallback": "1"}]


@pytest.mark.parametrize(("precision", "half"), [(Precision.FP32, "0"), (Precision.FP16, "1")])
def test_options_of_tensorrt(tmp_path, precision, half):
    fake = FakeGpu()
    gpu = backend(fake, "tensorrt", precision, cache=tmp_path)
    gpu.run([windows(1)])
    gpu.run([windows(1, 64)])
    assert [list(entry.providers) for entry in fake.diary.sessions] == [[TENSORRT, CUDA]] * 3
    probe, *fixed = [entry.providers[TENSORRT] for entry in fake.diary.sessions]
    assert probe == {"device_id": "0", "trt_fp16_enable": half}
    assert all(options["trt_engine_cache_enable"] == "1" for options in fixed)
    assert len({options["trt_engine_cache_path"] for options in fixed}) == 2
    for options in fixed:
        assert options["trt_fp16_enable"] == half
        assert options["trt_engine_cache_path"].startswith(str(tmp_path))


def test_engines_of_other_weights_precisions_and_batches_never_meet(tmp_path):
    """TensorRT's provider names an engine by the graph's structure; the weights are not part of it."""
    for graph in (tiny_graph(), tiny_graph(seed=5)):
        for precision in (Precision.FP32, Precision.FP16):
            for batch in (2, 4):
                backend(FakeGpu(), "tensorrt", precision, graph, cache=tmp_path, batch=batch).run([windows(1)])
    folders = [name for name in left_in(tmp_path) if "/" in name]
    assert len(folders) == 8


def test_a_folder_for_engines_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    gpu = backend(FakeGpu(), "tensorrt", cache=tmp_path / "file")
    with pytest.raises(RuntimeUnfit, match="STEPPE_TENSORRT_CACHE"):
        gpu.run([windows(1)])


@pytest.mark.parametrize(
    ("provider", "starts", "instead"), [("cuda", (), "cpu"), ("tensorrt", (CUDA,), "cuda"), ("tensorrt", (), "cpu")]
)
def test_a_provider_that_does_not_start_is_an_error(provider, starts, instead):
    with pytest.raises(RuntimeUnfit, match=f"did not start, '{instead}' runs instead"):
        backend(FakeGpu(starts=starts), provider)


def test_an_operator_that_only_the_processor_has_is_an_error():
    gpu = backend(FakeGpu(on_cpu=True))
    with pytest.raises(RuntimeUnfit, match="no kernel for an operator of the graph, which would run on the processor"):
        gpu.run([windows(1)])


def test_a_graph_that_is_refused_is_said_in_the_runtimes_words():
    with pytest.raises(RuntimeUnfit, match="INVALID_PROTOBUF"):
        backend(FakeGpu(), graph=b"\xff" * 64)


def test_what_answers_depend_on_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.backends.gpu.device_name", lambda: "NVIDIA H100 PCIe")
    assert backend(FakeGpu(), batch=3).traits.items() >= {"windows of a run": 3, "GPU": "NVIDIA H100 PCIe"}.items()
    kinds = [("cuda", None), ("tensorrt", None), ("tensorrt", tmp_path)]
    assert [backend(FakeGpu(), provider, cache=cache).lasting for provider, cache in kinds] == [True, False, True]


class Driver:
    """NVIDIA's driver with one GPU; the named function fails."""

    def __init__(self, failing=None):
        self._failing = failing

    def __getattr__(self, name):
        def call(*arguments):
            if name == self._failing:
                return 100
            if name == "cuDeviceGetName":
                arguments[0].value = b"NVIDIA H100 PCIe"
            return 0

        return call


def test_the_name_of_the_gpu_comes_from_the_driver():
    assert device_name(Driver()) == "NVIDIA H100 PCIe"
    for name in ("cuInit", "cuDeviceGet", "cuDeviceGetName"):
        assert device_name(Driver(name)) == "unknown"


# --- half precision ---------------------------------------------------------------------------------------------------


def test_half_precision_rounds_between_the_layers_with_weights_only():
    content = half_graph(tiny_graph())
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    halves = dict.fromkeys(("w1_half", "b1_half", "w2_half"), onnx.TensorProto.FLOAT16)
    assert kinds == {"scale": onnx.TensorProto.FLOAT, **halves}
    nodes = [(node.op_type, *node.output) for node in model.graph.node]
    assert nodes == [
        ("Cast", "dn_float"),
        ("Mul", "reflectance"),
        ("Cast", "reflectance_half"),
        ("Conv", "h1_half"),
        ("Relu", "h1r_half"),
        ("Conv", "logits_half"),
        ("Cast", "logits"),
        ("Softmax", "probabilities"),
    ]
    bright = np.full((1, 4, 32, 32), 65535, np.uint16)  # beyond the largest half
    for dn in (windows(1), bright):
        differences = np.abs(reference_answer(content, dn) - plain(tiny_graph(), dn))
        assert 1e-5 < differences.max() < 5e-2
        assert differences.mean() < 2e-3


def test_half_precision_equals_numpys_where_every_sum_is_exact():
    """Sums of powers of two are exact, so all that is rounded is what enters; NumPy's half is the oracle."""
    random = np.random.default_rng(2)
    weights = {f"w{layer}": 2.0 ** random.integers(-2, 3, (3, 3, 1, 1)) for layer in (1, 2)}
    nodes = [
        helper.make_node("Mul", ["x", "fine"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "w1"], ["a"]),
        helper.make_node("Resize", ["a", "", "scales"], ["b"], mode="nearest"),
        helper.make_node("Cast", ["b"], ["c"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Conv", ["c", "w2"], ["d"]),
        helper.make_node("Add", ["d", "fine"], ["y"]),
    ]
    values = {"fine": np.float32(1 + 2**-12), "scales": np.array([1, 1, 2, 2], np.float32), **weights}
    shape = ["n", 3, 4, 4]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3, 8, 8])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    x = np.eye(3, dtype=np.float32)[:, :, None, None] * np.ones((1, 1, 4, 4), np.float32)  # one channel at a time
    scaled = (x * values["fine"]).astype(np.float16).astype(np.float64)
    a = np.einsum("oi,nihw->nohw", weights["w1"][:, :, 0, 0], scaled)
    d = np.einsum("oi,nihw->nohw", weights["w2"][:, :, 0, 0], a.repeat(2, axis=2).repeat(2, axis=3))
    (answer,) = ReferenceEvaluator(onnx.load_model_from_string(half_graph(model.SerializeToString()))).run(
        None, {"x": x}
    )
    assert answer.dtype == np.float32
    assert np.array_equal(answer, (d + values["fine"]).astype(np.float32))
    assert not np.allclose(answer, plain(model.SerializeToString(), x), rtol=1e-5)


def test_cuda_takes_the_graph_in_half_precision_and_tensorrt_rounds_by_itself():
    answers = {}
    for provider in ("cuda", "tensorrt"):
        answers[provider] = backend(FakeGpu(), provider, Precision.FP16).run([windows(3)])
    exact = plain(tiny_graph(), windows(3))
    assert 0 < np.abs(answers["cuda"] - exact).max() < 2e-2
    np.testing.assert_allclose(answers["tensorrt"], exact, atol=1e-6)  # the fake TensorRT has no half precision


def test_a_graph_without_weights_has_no_half_precision():
    model = onnx.load_model_from_string(tiny_graph())
    del model.graph.node[2:]
    model.graph.node.append(helper.make_node("Softmax", ["reflectance"], ["probabilities"], axis=1))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4
    with pytest.raises(
        RuntimeUnfit, match=r"cannot be brought to half precision \(the graph has no layer with weights"
    ):
        backend(FakeGpu(), precision=Precision.FP16, graph=model.SerializeToString())


# --- the same buffers on the processor, with the real package ---------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 4])
def test_bound_buffers_answer_bit_by_bit_as_a_plain_run(count):
    options = onnxruntime.SessionOptions()
    for name, length in (("n", 4), ("h", 32), ("w", 64)):
        options.add_free_dimension_override_by_name(name, length)
    session = onnxruntime.InferenceSession(tiny_graph(), options, providers=[CPU])
    ports = Port("dn", "uint16", 4), Port("probabilities", "float32", 7)
    slot = Slot(session, ports[:1], ((4, 4, 32, 64),), ports[1], memory=Memory(onnxruntime, "cpu"))
    for seed in range(3):
        batch = windows(count, seed=seed)
        answer = slot.run([batch])
        padded = np.concatenate([batch, np.repeat(batch[-1:], 4 - count, axis=0)])
        assert np.array_equal(answer, session.run(None, {"dn": padded})[0][:count])
    kept = answer.copy()
    slot.run([windows(4, seed=8)])
    assert np.array_equal(answer, kept)


def test_this_package_has_what_the_fake_pretends():
    """Names and keywords only; the fake's behaviour is read from ONNX Runtime's own tests of I/O binding."""
    assert onnxruntime.OrtDeviceMemoryType.HOST_ACCESSIBLE
    assert isinstance(onnxruntime.get_ep_devices(), list | tuple)
    assert callable(onnxruntime.preload_dlls)
    value = onnxruntime.OrtValue.ortvalue_from_shape_and_type((2, 3), np.float32, "cpu", 0)
    assert value.numpy().ctypes.data == value.data_ptr()
    value.update_inplace(np.ones((2, 3), np.float32))
    assert (value.numpy() == 1).all()
    with pytest.raises(RuntimeError):
        value.update_inplace(np.ones((2, 4), np.float32))
    memory = Memory.of_gpu(onnxruntime)
    if CUDA not in onnxruntime.get_available_providers():
        assert memory.page_locked is None


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this package is for GPUs")
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_the_real_package_falls_back_in_silence_and_is_refused(provider):
    refused = pytest.raises(RuntimeUnfit, match="did not start, 'cpu' runs instead")
    with pytest.warns(UserWarning, match="is not in available provider names"), refused:
        GpuBackend(tiny_graph(), provider, Precision.FP32, GpuSettings())


# --- through the engine and the command line --------------------------------------------------------------------------


@pytest.fixture
def gpu_here(monkeypatch):
    """A machine whose ONNX Runtime was built for GPUs; answers a function that makes its GPU."""

    def prepare(**kind):
        fake = FakeGpu(**kind)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
        monkeypatch.setattr("serving.engine.GpuBackend", partial(GpuBackend, runtime=fake))
        return fake

    return prepare


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16])
def test_the_engine_runs_and_tests_itself_on_a_gpu(tmp_path, gpu_here, provider, precision):
    gpu_here()
    engine = Engine(tiny_bundle(tmp_path), provider=provider, precision=precision)
    assert engine.provider == provider
    assert engine.self_test() < 5e-3
    exact = Engine(engine.bundle, provider="cpu").run(windows(5))
    np.testing.assert_allclose(engine.run(windows(5)), exact, atol=1e-6 if precision is Precision.FP32 else 2e-2)


def test_batch_and_cache_come_from_the_settings(tmp_path, gpu_here, settings):
    fake = gpu_here()
    bundle = tiny_bundle(tmp_path / "own")
    chosen = settings.model_copy(update={"batch_size": 3, "tensorrt_cache": tmp_path / "engines"})
    open_engine(bundle, chosen, provider="tensorrt").run(windows(1))
    assert {len(run) for run in fake.diary.runs} == {3}
    assert len(left_in(tmp_path / "engines")) == 2
    open_engine(bundle, settings, provider="cuda").run(windows(1))
    assert {len(run) for run in fake.diary.runs} == {3, bundle.manifest.batch_size}


@pytest.mark.parametrize(
    ("kind", "says"), [({"starts": ()}, "'cpu' runs instead"), ({"on_cpu": True}, "no kernel for")]
)
def test_silent_fallback_is_an_error_unless_auto_was_asked(tmp_path, gpu_here, monkeypatch, caplog, kind, says):
    gpu_here(**kind)
    monkeypatch.setattr(openvino, "installed", lambda: False)
    bundle = tiny_bundle(tmp_path)
    with pytest.raises(ProviderUnavailable, match=says):
        Engine(bundle, provider="cuda").self_test()
    assert caplog.text == ""
    assert Engine(bundle, provider="auto").provider == "cpu"
    assert says in caplog.text


def test_auto_takes_a_gpu_but_not_tensorrt_which_takes_minutes_to_build(tmp_path, gpu_here):
    gpu_here()
    assert Engine(tiny_bundle(tmp_path)).provider == "cuda"


@pytest.mark.parametrize(
    ("provider", "precision", "says"),
    [
        ("cpu", "fp16", "'cpu' has no fp16 arithmetic, cuda and tensorrt may have; use --provider cuda"),
        ("cuda", "bf16", "'cuda' has no bf16 arithmetic, openvino may have; use --provider openvino"),
    ],
)
def test_a_precision_that_a_provider_does_not_have_is_one_sentence(tmp_path, gpu_here, provider, precision, says):
    gpu_here()
    with pytest.raises(ProviderUnavailable, match=says):
        Engine(tiny_bundle(tmp_path), provider=provider, precision=Precision(precision))
    with pytest.raises(ProviderUnavailable, match="'tensorrt' has no int8 arithmetic"):
        Engine(int8_bundle(tmp_path / "int8"), provider="tensorrt", precision=Precision.INT8)


def test_half_precision_without_a_gpu_says_what_to_install(tmp_path):
    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("this package is for GPUs")
    with pytest.raises(ProviderUnavailable, match=r"'cuda' is not in this installation .* with --precision fp32"):
        Engine(tiny_bundle(tmp_path), precision=Precision.FP16)


@pytest.mark.usefixtures("environment")
def test_a_scene_is_mapped_on_tensorrt_as_on_the_processor(gpu_here, scene, out, capsys):
    fake = gpu_here()
    maps = {}
    for provider in ("tensorrt", "cpu"):
        assert main(["classify", str(scene), "-o", str(out / f"{provider}.tif"), "--provider", provider]) == 0
        assert f"on {provider} in fp32" in capsys.readouterr().out
        maps[provider] = out / f"{provider}.tif"
    codes = [read_map(path)[0] for path in maps.values()]
    assert np.mean(codes[0] != codes[1]) < 1e-3
    assert {len(run) for run in fake.diary.runs} == {2}  # the model's batch, whatever a row of windows leaves over


def interrupt(*_arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("batch", "gpu", "says"),
    [
        ("3", "NVIDIA H100 PCIe", "windows of a run was 2, is 3"),
        ("2", "NVIDIA L4", "GPU was NVIDIA H100 PCIe, is NVIDIA L4"),
    ],
)
def test_rows_of_another_batch_or_gpu_are_not_taken(tmp_path, gpu_here, environment, capsys, batch, gpu, says):
    """The kernels of GPUs are picked by both, and round differently."""
    gpu_here()
    environment.setenv("STEPPE_TILE", "64")
    environment.setattr("serving.backends.gpu.device_name", lambda: "NVIDIA H100 PCIe")
    scene = write_scene(tmp_path / "scene.tif", smooth_numbers(200, 90))
    argv = ["classify", str(scene), "-o", str(tmp_path / "map.tif"), "--provider", "cuda", "--resume"]
    with environment.context() as patch:
        patch.setattr("serving.pipeline.write_products", interrupt)
        assert main(argv) == INTERRUPTED
    environment.setattr("serving.backends.gpu.device_name", lambda: gpu)
    environment.setenv("STEPPE_BATCH_SIZE", batch)
    capsys.readouterr()
    assert main(argv) == 4
    assert says in capsys.readouterr().err


def test_rows_of_tensorrt_are_kept_only_where_its_engines_are(tmp_path, gpu_here, environment, scene, out, capsys):
    gpu_here()
    argv = ["classify", str(scene), "-o", str(out / "map.tif"), "--provider", "tensorrt", "--resume"]
    assert main(argv) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("steppe: TensorRT chooses its kernels anew in every process")
    assert left_in(out) == []
    environment.setenv("STEPPE_TENSORRT_CACHE", str(tmp_path / "engines"))
    assert main(argv) == 0
