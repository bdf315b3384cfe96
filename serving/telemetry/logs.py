"""Structured logs on standard error: JSON lines, or for people where that is a terminal.

Everything goes through the standard library's logging, so what libraries say takes the same way. Nothing is configured
by an import: a process that wants these logs calls ``configure_logs`` once, before it begins.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from serving.telemetry.context import facts
from serving.telemetry.wording import LONGEST_TRACE, cut, printable, redact

QUIET: Final = ("httpx2", "httpcore2", "rasterio", "opentelemetry", "asyncio", "PIL")
"""Libraries that report each step, with addresses; only their warnings are of use."""

OWN_HANDLERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access")
"""Loggers that may have handlers and levels of their own; they go through ours instead."""

ACCESS: Final = "uvicorn.access"
"""Says the address of each request with its query, keys included. Ours says the route."""

_TRACE: Final = "exception"


type LogLevel = Literal["debug", "info", "warning", "error"]
type LogFormat = Literal["auto", "json", "text"]


class _OurHandler(logging.StreamHandler[TextIO]):
    """Known by its class, so that configuring twice does not say everything twice."""


def configure_logs(level: LogLevel, look: LogFormat, stream: TextIO | None = None) -> None:
    """Send all logs of this process to standard error.

    Args:
        level: lines below it are left out.
        look: ``json``, or ``text`` for people; ``auto`` is text where the stream is a terminal.
        stream: another stream than standard error.
    """
    stream = stream or sys.stderr
    handler = _OurHandler(stream)
    handler.setFormatter(formatter(text=look == "text" or (look == "auto" and stream.isatty())))
    root = logging.getLogger()
    for other in [other for other in root.handlers if isinstance(other, _OurHandler)]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
    for name in (ACCESS, *QUIET):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def formatter(*, text: bool) -> logging.Formatter:
    """Makes a line of a record: JSON, or text for people."""
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_facts,
        structlog.processors.format_exc_info,
        _harmless,
    ]
    last: list[Processor] = [structlog.processors.JSONRenderer(default=str)]
    if text:
        last = [_for_terminals, structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )


def _add_facts(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What is bound to the context, and what the caller gave as ``extra={"facts": {...}}``."""
    own: Mapping[str, Any] = getattr(event["_record"], "facts", {})
    return {**facts(), **own, **event}


def _harmless(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {name: _safe(name, value) for name, value in event.items()}


def _safe(name: str, value: Any) -> Any:
    if name == "_record" or isinstance(value, bool | int | float | None):
        return value
    text = value if isinstance(value, str) else str(value)
    return cut(redact(text), LONGEST_TRACE) if name == _TRACE else cut(redact(text))


def _for_terminals(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {
        name: printable(value, lines=name == _TRACE) if isinstance(value, str) else value
        for name, value in event.items()
    }
