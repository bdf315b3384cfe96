"""Name the parts of the work for traces; costs nothing where nobody traces.

Whoever does the work says what it is doing (``span``), whoever started it says who listens (``traced``). The listener
is the context's own, so two servers in one process do not share it, and threads that get a copy of the context have it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final, Protocol

type Value = str | int | float | bool


class Span(Protocol):
    """A part of the work that is under way."""

    def say(self, facts: Mapping[str, Value]) -> None:
        """Add facts to it."""

    def rename(self, name: str) -> None:
        """Give it another name."""


class Tracer(Protocol):
    """Listens to spans."""

    def span(self, name: str, *, parent: str | None = None, serves: bool = False) -> AbstractContextManager[Span]:
        """A span until the context ends; one that ends by an exception has failed.

        Args:
            name: what is done.
            parent: W3C ``traceparent`` of what asked for it from outside, or None.
            serves: whether it answers a request.
        """

    def traceparent(self) -> str | None:
        """W3C ``traceparent`` of the span that is under way, to hand to others."""

    def trace_id(self) -> str | None:
        """Identifier of the trace that is under way, 32 hexadecimal digits."""

    def close(self) -> None:
        """Send what was not sent yet, within seconds."""


class _Silence:
    """The span of those to whom nobody listens."""

    def say(self, facts: Mapping[str, Value]) -> None:
        """Nobody listens."""

    def rename(self, name: str) -> None:
        """Nobody listens."""


SILENCE: Final[Span] = _Silence()

_TRACER: Final[ContextVar[Tracer | None]] = ContextVar("steppe_tracer", default=None)


def span(name: str, *, parent: str | None = None) -> AbstractContextManager[Span]:
    """A part of the work, until the context ends.

    Args:
        name: what is done, for example ``predict``.
        parent: W3C ``traceparent`` of what asked for it from another process, or None.
    """
    tracer = _TRACER.get()
    return nullcontext(SILENCE) if tracer is None else tracer.span(name, parent=parent)


def traceparent() -> str | None:
    """W3C ``traceparent`` of the span that is under way, for the process that does the work; None without a trace."""
    tracer = _TRACER.get()
    return None if tracer is None else tracer.traceparent()


@contextmanager
def traced(tracer: Tracer | None) -> Generator[None]:
    """Let a tracer listen until the context ends; None = nobody."""
    token = _TRACER.set(tracer)
    try:
        yield
    finally:
        _TRACER.reset(token)
