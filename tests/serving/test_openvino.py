"""OpenVINO's own ways."""

import signal
import subprocess
import sys

import pytest

from serving.backends import openvino

pytestmark = pytest.mark.skipif(not openvino.installed(), reason="openvino is an extra")

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
