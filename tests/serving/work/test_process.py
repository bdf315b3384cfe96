"""A worker as a process: what it leaves behind when it ends."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from landcover.errors import DiskFull
from serving.settings import Settings
from serving.work import process


class Tracer:
    """Spans that are not sent yet."""

    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


@pytest.mark.parametrize(("error", "code"), [(None, 0), (DiskFull("the disk is full"), DiskFull.exit_code)])
def test_spans_are_sent_however_it_ends(monkeypatch, error, code):
    tracer = Tracer()

    class Worker:
        def __init__(self, *_args, **_keywords):
            """Nothing to do."""

        def run(self):
            if error is not None:
                raise error

    for name in ("return_freed_memory", "step_back", "configure_logs", "_stop_with_server"):
        monkeypatch.setattr(process, name, lambda *_: None)
    monkeypatch.setattr(process.signal, "signal", lambda *_: None)
    monkeypatch.setattr(process, "load_settings", Settings)
    monkeypatch.setattr(process, "open_shop", nullcontext)
    monkeypatch.setattr(process, "traced", nullcontext)
    monkeypatch.setattr(process, "open_tracer", lambda *_: tracer)
    monkeypatch.setattr(process, "Worker", Worker)
    assert process.main() == code
    assert tracer.closed
