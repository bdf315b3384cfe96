"""Which model a request means."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakValueDictionary

from anyio.to_thread import run_sync

from landcover.errors import ModelNotFound
from landcover.manifest import NAME_PATTERN
from serving.engine import Engine
from serving.registry.live import LiveModels
from serving.registry.words import Resolved, State


def reference(model: str, version: str | None = None) -> str:
    """``name`` or ``name@version``, of the parts of an address.

    Raises:
        ModelNotFound: they cannot be a model's.
    """
    names = [name for name in (model, version) if name is not None]
    if not all(NAME_PATTERN.fullmatch(name) for name in names):
        raise ModelNotFound("there is no model of that name and version; GET /models lists what there is")
    return "@".join(names)


class Models:
    """Engines by reference; an observer of the registry, which decides which engines stay in memory.

    Args:
        live: the models of the service.
        let_go: is told of an engine that does not stay.
    """

    def __init__(self, live: LiveModels, let_go: Callable[[Engine], None]) -> None:
        self._live, self._let_go = live, let_go
        self._batched: WeakValueDictionary[str, Engine] = WeakValueDictionary()
        live.observe(self)

    async def get(self, wanted: str | None = None) -> Engine:
        """The engine of a reference; the default model's for None.

        Which version that is is asked from memory at every request: a model that was exchanged answers the next one.

        Raises:
            SteppeError: as ``LiveModels.engine``.
        """
        engine = self._live.held(self._live.resolve(wanted))
        if engine is None:
            # By the name as it was given: another version may step in for one that cannot be loaded.
            engine = await run_sync(self._live.engine, wanted)
        self._batched[engine.bundle.digest] = engine
        return engine

    def versions(self, name: str) -> list[str]:
        """Versions of a model that answer, the newest first."""
        return [entry.version for entry in self._live.entries() if entry.name == name and entry.state is State.READY]

    def loaded(self, model: Resolved, seconds: float) -> None:
        """See ``registry.observer.Observer``; whoever asks for it gets it."""

    def dropped(self, model: Resolved) -> None:
        """See ``registry.observer.Observer``."""
        engine = self._batched.get(model.sha256)
        if engine is not None:
            self._let_go(engine)

    def failed(self, identifier: str, problem: str) -> None:
        """See ``registry.observer.Observer``; names that mean it say so."""

    def switched(self, name: str, before: Resolved | None, after: Resolved | None) -> None:
        """See ``registry.observer.Observer``; names are asked for at every request."""
