"""OpenVINO's own ways."""

import gc
import signal
import subprocess
import sys
import threading
import weakref
from concurrent.futures import Future

import numpy as np
import pytest

from serving.backends.openvino import OpenVinoBackend
from serving.backends.protocol import Outlook, settled
from tests.bundles import tiny_graph

pytestmark = pytest.mark.needs("openvino")

RELEASED_BY_ANOTHER_THREAD = """
import signal, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from serving.backends.openvino import OpenVinoBackend
from tests.bundles import tiny_graph

signal.signal(signal.SIGCHLD, lambda *_: print("signal"))
models = [OpenVinoBackend(tiny_graph(), 1)]
models[0].run([np.zeros((1, 4, 32, 32), np.uint16)])
with ThreadPoolExecutor(1) as pool:
    pool.submit(models.clear).result()
subprocess.run([sys.executable, "-c", ""], check=True)
"""


def test_signals_are_survived_after_a_model_was_released_by_another_thread():
    done = subprocess.run([sys.executable, "-c", RELEASED_BY_ANOTHER_THREAD], capture_output=True, check=False)
    assert done.returncode != -signal.SIGSEGV
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"signal")


def digital_numbers(rows, cols):
    return np.random.default_rng(0).integers(0, 9000, (1, 4, rows, cols)).astype(np.uint16)


def backend_for(*shapes, calls=1, threads=2):
    return OpenVinoBackend(tiny_graph(), threads, ahead=settled(Outlook(shapes, calls)))


def test_shapes_that_are_known_beforehand_are_compiled_beside_others(monkeypatch):
    """Each compilation waits for the other one to have begun."""
    both = threading.Barrier(2, timeout=30)
    compiled_for = OpenVinoBackend._compiled_for

    def compile_with_the_other(self, shapes):
        both.wait()
        return compiled_for(self, shapes)

    monkeypatch.setattr(OpenVinoBackend, "_compiled_for", compile_with_the_other)
    backend = backend_for((1, 4, 64, 64))
    backend.run([digital_numbers(32, 32)])
    monkeypatch.setattr(OpenVinoBackend, "_compiled_for", None)
    assert backend.run([digital_numbers(64, 64)]).shape[2:] == (64, 64)


@pytest.mark.parametrize("calls", [1, 2, 9])
def test_what_is_known_beforehand_changes_no_answer(calls):
    plain, windows = OpenVinoBackend(tiny_graph(), 2), digital_numbers(64, 96)
    backend = backend_for(windows.shape, calls=calls)
    assert (plain.parallel, backend.parallel) == (2, min(calls, 2))
    assert np.array_equal(backend.run([windows]), plain.run([windows]))
    assert np.array_equal(backend.run([digital_numbers(32, 32)]), plain.run([digital_numbers(32, 32)]))


def test_a_shape_that_cannot_be_compiled_beforehand_is_an_error_where_it_is_asked_for():
    backend, refused = backend_for((1, 5, 32, 32)), np.zeros((1, 5, 32, 32), np.uint16)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            backend.run([refused])
    assert backend.run([digital_numbers(32, 32)]).shape[2:] == (32, 32)


def test_an_outlook_may_come_late_or_never():
    late, never = Future(), Future()
    backends = [OpenVinoBackend(tiny_graph(), 2, ahead=ahead) for ahead in (late, never)]
    assert [backend.parallel for backend in backends] == [2, 2]
    late.set_result(Outlook(((1, 4, 32, 32),), 1))
    never.cancel()
    assert [backend.parallel for backend in backends] == [1, 2]
    answers = [backend.run([digital_numbers(32, 32)]) for backend in backends]
    assert np.array_equal(*answers)


CONVERTING = """
import sys
from serving.backends.openvino import OpenVinoBackend
from tests.bundles import tiny_graph

OpenVinoBackend(tiny_graph(), 1)
print([name for name in ("openvino.tools.ovc", "openvino_telemetry") if name in sys.modules])
from openvino.tools.ovc import convert_model
"""


def test_the_converter_is_not_loaded_and_can_be():
    done = subprocess.run([sys.executable, "-c", CONVERTING], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_runtime_that_was_given_up_neither_stays_nor_compiles():
    ahead = Future()
    kept = weakref.ref(OpenVinoBackend(tiny_graph(), 2, ahead=ahead))
    gc.collect()
    assert kept() is None
    ahead.set_result(Outlook(((1, 4, 32, 32),), 1))


def test_without_a_thread_to_spare_the_graph_is_compiled_all_the_same(monkeypatch):
    def refused(_):
        raise RuntimeError("can't start new thread")

    ahead = Future()
    backend = OpenVinoBackend(tiny_graph(), 2, ahead=ahead)
    monkeypatch.setattr(threading.Thread, "start", refused)
    ahead.set_result(Outlook(((1, 4, 32, 32),), 1))
    monkeypatch.undo()
    dn = digital_numbers(32, 32)
    np.testing.assert_array_equal(backend.run([dn]), OpenVinoBackend(tiny_graph(), 2).run([dn]))
