"""A worker as a process: its start, and its end with the process that started it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import closing, nullcontext, suppress
from typing import Final

from landcover.errors import SteppeError
from serving.memory import return_freed_memory
from serving.priority import step_back
from serving.sentence import sentence
from serving.settings import load_settings
from serving.spans import traced
from serving.telemetry.logs import configure_logs
from serving.telemetry.report import WorkerReport
from serving.telemetry.tracing import open_tracer
from serving.work.opening import open_shop
from serving.work.worker import Worker

_log = logging.getLogger(__name__)

_STDIN: Final = 0
_STDOUT: Final = 1


def main() -> int:
    """Run one worker until its standard input closes or SIGTERM comes.

    Returns:
        Exit code: 0, or that of an error that keeps it from working at all.
    """
    name = sys.argv[1] if len(sys.argv) > 1 else f"worker-{os.getpid()}"
    # Ctrl-C goes to all processes of a terminal; the server tells its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return_freed_memory()
    step_back()  # before there are other threads: whoever waits for an answer comes first
    try:
        settings = load_settings()
        configure_logs(settings.log_level, settings.log_format)
        with open_shop(settings) as shop:
            worker = Worker(name, shop, report=_say)
            signal.signal(signal.SIGTERM, lambda _number, _frame: worker.stop())
            threading.Thread(target=_stop_with_server, args=(worker,), name="steppe-stdin", daemon=True).start()
            tracer = open_tracer(settings.otlp_endpoint, "steppe-worker")
            with nullcontext() if tracer is None else closing(tracer), traced(tracer):
                worker.run()
    except SteppeError as error:
        _log.error("the worker cannot work: %s", sentence(error))
        return error.exit_code
    return 0


def _say(report: WorkerReport) -> None:
    """Tell the server, which keeps the metrics; when it has gone, nobody counts."""
    with suppress(OSError):
        os.write(_STDOUT, report.to_line())


def _stop_with_server(worker: Worker) -> None:
    """Wait until the pipe from the server closes, which it does however the server ends."""
    while os.read(_STDIN, 4096):
        pass
    worker.stop()
