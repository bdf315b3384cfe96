"""Fault F16: the GPU is not there, or fails while it works. 503 or the processor's answer, never a wrong one."""

from functools import partial

import numpy as np
import onnxruntime
import pytest
from fastapi.testclient import TestClient

from landcover.errors import ProviderLost, ProviderUnavailable
from landcover.raster.maps import read_map
from serving.api.app import create_app
from serving.backends import openvino
from serving.backends.gpu import GpuBackend
from serving.engine import Engine
from serving.jobs.record import State
from tests.bundles import tiny_bundle
from tests.scenes import smooth_numbers
from tests.service import make_settings
from tests.serving import fakegpu
from tests.serving.api.inference.client import binary_request, read_answer, tensor_of
from tests.serving.fakegpu import CPU, CUDA, FakeGpu

# As ONNX Runtime words them; host and file are its own.
LOST = (
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; "
    "hostname=secret ; file=/onnxruntime_src/cuda_execution_provider.cc ; line=446 ; expr=cudaStreamSynchronize(...)"
)
CUDNN = "[ONNXRuntimeError] : 1 : FAIL : CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=secret"
CUBLAS = "CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=secret"
FULL = (
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : BFCArena::AllocateRawInternal Failed to allocate memory for requested"
)
FULL_CUDA = "CUDA failure 2: out of memory ; GPU=0 ; hostname=secret"


class Gpu:
    """A GPU that can be taken away, and fail at a step of a run."""

    def __init__(self, monkeypatch):
        self._patch, self._patches = monkeypatch, []
        self.plug_in()
        monkeypatch.setattr(openvino, "installed", lambda: False)

    def plug_in(self, *, starts=(CUDA,)):
        """A driver that knows a GPU; which starts, or not."""
        self._patch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
        self._patch.setattr("serving.engine.GpuBackend", partial(GpuBackend, runtime=FakeGpu(starts=starts)))

    def pull_out(self):
        self._patch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])

    def fail(self, words, step):
        """From now on a step of every run fails; gives what lets it succeed again."""
        owner = fakegpu.Binding if step == "synchronize_outputs" else fakegpu.Session
        patch = pytest.MonkeyPatch()

        def failing(*_):
            raise RuntimeError(words)

        patch.setattr(owner, step, failing)
        self._patches.append(patch)
        return patch.undo

    def end(self):
        for patch in self._patches:
            patch.undo()


@pytest.fixture
def gpu(monkeypatch):
    made = Gpu(monkeypatch)
    yield made
    made.end()


@pytest.fixture
def dn():
    return np.ascontiguousarray(smooth_numbers(32, 64, bands=4)[None])


@pytest.fixture
def expected(tmp_path, dn):
    return Engine(tiny_bundle(tmp_path / "expected"), provider="cpu").run(dn)


def infer(client, dn):
    headers, content = binary_request([tensor_of("dn", dn)], outputs=[{"name": "probabilities"}])
    return client.post("/v2/models/tiny/infer", content=content, headers=headers)


def probabilities(answer, expected):
    assert answer.status_code == 200, answer.text
    return np.reshape(read_answer(answer)[1]["probabilities"][2], expected.shape)


@pytest.mark.parametrize("words", [LOST, CUDNN, CUBLAS])
@pytest.mark.parametrize("step", ["run_with_iobinding", "synchronize_outputs"])
def test_what_fails_once_is_not_believed_again(tmp_path, gpu, dn, expected, words, step):
    engine = Engine(tiny_bundle(tmp_path), provider="auto")
    assert engine.provider == "cuda"
    np.testing.assert_allclose(engine.run(dn), expected, atol=1e-5)
    mend = gpu.fail(words, step)
    with pytest.raises(ProviderLost, match="anew") as lost:
        engine.run(dn)
    assert "secret" not in str(lost.value)
    mend()
    with pytest.raises(ProviderLost):
        engine.run(dn + 1)
    with pytest.raises(ProviderLost):
        engine.check()
    np.testing.assert_allclose(Engine(engine.bundle, provider="auto").run(dn), expected, atol=1e-5)


@pytest.mark.parametrize("words", [FULL, FULL_CUDA])
def test_no_memory_passes(tmp_path, gpu, dn, expected, words):
    engine = Engine(tiny_bundle(tmp_path), provider="cuda")
    mend = gpu.fail(words, "run_with_iobinding")
    with pytest.raises(ProviderUnavailable, match="memory") as full:
        engine.run(dn)
    assert not isinstance(full.value, ProviderLost)
    assert "secret" not in str(full.value)
    mend()
    np.testing.assert_allclose(engine.run(dn), expected, atol=1e-5)


@pytest.mark.parametrize("provider", ["auto", "cuda"])
def test_the_service_says_so_and_is_not_ready(tmp_path, folders, gpu, dn, expected, provider):
    settings = make_settings(tmp_path, *folders, provider=provider)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        np.testing.assert_allclose(probabilities(infer(client, dn), expected), expected, atol=1e-5)
        mend = gpu.fail(LOST, "synchronize_outputs")
        for _ in range(3):
            refused = infer(client, dn)
            assert (refused.status_code, refused.json()["type"]) == (503, "/problems/provider-lost")
            assert "secret" not in refused.text
            assert int(refused.headers["retry-after"]) > 0
        mend()
        assert infer(client, dn).status_code == 503
        assert "has failed" in client.get("/readyz").json()["detail"]
        assert client.get("/livez").status_code == 200
    with TestClient(create_app(settings)) as anew:
        assert anew.get("/readyz").json()["provider"] == "cuda"
        np.testing.assert_allclose(probabilities(infer(anew, dn), expected), expected, atol=1e-5)


@pytest.mark.parametrize("missing", ["no driver", "does not start"])
def test_no_gpu_at_the_start(tmp_path, folders, gpu, dn, expected, missing):
    gpu.pull_out() if missing == "no driver" else gpu.plug_in(starts=())
    with TestClient(create_app(make_settings(tmp_path, *folders, provider="auto"))) as client:
        assert client.get("/readyz").json()["provider"] == "cpu"
        np.testing.assert_allclose(probabilities(infer(client, dn), expected), expected, atol=1e-5)
    (tmp_path / "named").mkdir()
    named = make_settings(tmp_path / "named", *folders, provider="cuda")
    with TestClient(create_app(named), raise_server_exceptions=False) as client:
        refused = infer(client, dn)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/provider-unavailable")
        assert (client.get("/readyz").status_code, client.get("/livez").status_code) == (503, 200)


def test_a_worker_ends_and_the_next_one_does_its_job(tmp_path, folders, yards, gpu):
    """On the processor, where the GPU stays away."""
    good = yards(make_settings(tmp_path, *folders, provider="cpu"))
    wanted = good.accept()
    assert good.worker().step()
    settings = make_settings(tmp_path, *folders, provider="auto")
    yard = yards(settings)
    job = yard.accept()
    with yard.shop.models.lease() as engine:
        assert engine.provider == "cuda"
    gpu.fail(LOST, "run_with_iobinding")
    worker = yard.worker()
    assert worker.step()
    worker.run()  # is over
    assert (yard.get(job).state, yard.get(job).attempt, yard.results()) == (State.RUNNING, 1, [f"{wanted.id}.1"])
    gpu.pull_out()
    assert yards(settings).worker("anew").step()
    done = yard.get(job)
    assert (done.state, done.attempt) == (State.SUCCESSFUL, 2)
    root = yard.shop.results.root
    codes = [read_map(root / name / "map.tif")[0] for name in (done.result, good.get(wanted).result)]
    np.testing.assert_array_equal(*codes)
