"""What log lines say beside their own words: facts that hold for all that is done for one request or one job."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

_FACTS: Final[ContextVar[Mapping[str, str]]] = ContextVar("steppe_log_facts", default=MappingProxyType({}))


@contextmanager
def bound(**facts: str | None) -> Generator[None]:
    """Add facts to every log line until the context ends; those that are None are left out.

    Threads have them that get a copy of the context, as ``anyio.to_thread`` gives it.
    """
    known = {name: fact for name, fact in facts.items() if fact is not None}
    token = _FACTS.set({**_FACTS.get(), **known})
    try:
        yield
    finally:
        _FACTS.reset(token)


def facts() -> Mapping[str, str]:
    """What is bound here."""
    return _FACTS.get()
