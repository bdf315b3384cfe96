"""Readers for tests, and that nothing of them is left."""

import os
import threading
from pathlib import Path

import pytest

from serving.reader.pool import ReaderPool
from serving.reader.terms import Terms
from serving.sandbox.limits import Limits

TERMS = Terms(Limits(memory_bytes=1_500_000_000, cpu_s=60), call_s=20)


def children():
    """Processes that this one started and has not waited for."""
    me = str(os.getpid())
    return {entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == me}


def _parent(entry):
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return None


def channels():
    """Sockets, pipes and shared memory of this process; libraries keep files of their own open."""
    leading = map(_leads_to, Path("/proc/self/fd").iterdir())
    return sorted(led for led in leading if led.startswith(_KINDS))


_KINDS = ("socket:", "pipe:", "/memfd:")


def _leads_to(descriptor):
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # the descriptor that lists them
        return ""


@pytest.fixture(scope="module")
def pool():
    with ReaderPool(TERMS) as readers:
        yield readers


@pytest.fixture
def nothing_left():
    """Processes, descriptors and threads are after a test what they were before."""
    before = children(), channels(), threading.active_count()
    yield
    assert (children(), channels(), threading.active_count()) == before
