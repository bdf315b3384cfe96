"""Freed arrays leave the process."""

import os
import platform
import subprocess
import sys

import pytest

from serving.memory import return_freed_memory

_PASS_ON = """
import sys, threading
import numpy as np
from serving.memory import return_freed_memory

assert return_freed_memory() is (sys.argv[1] == "True")

def pages():
    return int(open("/proc/self/statm").read().split()[1])

# The first array that is freed teaches glibc to keep the next ones; small ones above them keep the heap from shrinking.
np.ones(30 << 20, np.uint8)
before, kept = pages(), []

def work():
    arrays = [np.ones(20 << 20, np.uint8) for _ in range(4)]
    kept.append(np.ones(1 << 16, np.uint8))
    del arrays

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print((pages() - before) * 4096 >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
@pytest.mark.parametrize(("variables", "is_set"), [({}, True), ({"MALLOC_MMAP_THRESHOLD_": "33554432"}, False)])
def test_arrays_that_threads_passed_on_are_returned(variables, is_set):
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name} | variables
    command = [sys.executable, "-c", _PASS_ON, str(is_set)]
    megabytes = int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert (megabytes < 20) is is_set


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _name: object())
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert return_freed_memory() is False
