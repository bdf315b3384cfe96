"""Engines for requests."""

from __future__ import annotations

import asyncio
import threading

from serving.api.inference.models import Models


class Live:
    """Models of which one is dropped between two questions."""

    def __init__(self, engine):
        self.engines, self.loaded_by = [engine], []

    def observe(self, _observer):
        """Nobody is told."""

    def resolve(self, wanted):
        return wanted

    def held(self, _model):
        return None

    def holds(self, _model):
        return True

    def engine(self, _wanted):
        self.loaded_by.append(threading.current_thread())
        return self.engines[0]


class Engine:
    class bundle:  # noqa: N801 - stands for an attribute
        digest = "0" * 64


def test_the_event_loop_loads_nothing():
    engine = Engine()
    live = Live(engine)

    async def ask():
        return await Models(live, lambda _engine: None).get("tiny"), threading.current_thread()

    found, loop = asyncio.run(ask())
    assert found is engine
    assert loop not in live.loaded_by
