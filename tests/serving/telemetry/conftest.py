"""Logs of this process in a text, and put back as they were."""

from __future__ import annotations

import io
import json
import logging

import pytest

from serving.telemetry.logs import ACCESS, OWN_HANDLERS, QUIET, configure_logs


class Written:
    """What was logged."""

    def __init__(self):
        self.stream = io.StringIO()

    @property
    def text(self):
        return self.stream.getvalue()

    @property
    def lines(self):
        """Each line as JSON."""
        return [json.loads(line) for line in self.text.splitlines()]

    def requests(self):
        return [line for line in self.lines if line["event"] == "request"]


@pytest.fixture
def kept_logging():
    """Whatever a test does to loggers ends with it."""
    root = logging.getLogger()
    names = (*OWN_HANDLERS, ACCESS, *QUIET)
    before = root.handlers[:], root.level
    loggers = {name: (logger.handlers[:], logger.level, logger.propagate) for name in names for logger in [_get(name)]}
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], level = before
    root.setLevel(level)
    for name, (handlers, level, propagate) in loggers.items():
        logger = _get(name)
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def _get(name):
    return logging.getLogger(name)


@pytest.fixture
def logged(kept_logging):  # noqa: ARG001 - it puts back what this one changes
    written = Written()
    configure_logs("info", "json", written.stream)
    return written
