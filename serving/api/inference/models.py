"""Which model a request means, and for whom it is: the only places that know where engines and owners come from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from anyio.to_thread import run_sync
from starlette.types import Scope

from landcover.errors import ModelNotFound
from landcover.manifest import NAME_PATTERN
from serving.engine import Engine
from serving.registry import open_registry
from serving.settings import Settings

KNOWN_S: Final = 1.0
"""Seconds for which a name is not looked up again."""

MOST_NAMES: Final = 64


def reference(model: str, version: str | None = None) -> str:
    """``name`` or ``name@version``, of the parts of an address.

    Raises:
        ModelNotFound: they cannot be a model's.
    """
    names = [name for name in (model, version) if name is not None]
    if not all(NAME_PATTERN.fullmatch(name) for name in names):
        raise ModelNotFound("there is no model of that name and version; GET /models lists what there is")
    return "@".join(names)


def owner_of(scope: Scope) -> str:
    """Who asks: whoever checks keys puts ``owner`` into the request's state; without keys all are one."""
    owner: str = scope.get("state", {}).get("owner", "")
    return owner


@dataclass(slots=True)
class _Known:
    engine: Engine
    until: float


class Models:
    """Engines by reference.

    Args:
        engines: has ``get(reference)``, which may take its time.
        settings: where bundles are.
    """

    def __init__(self, engines: Any, settings: Settings) -> None:
        self._engines, self._settings = engines, settings
        self._known: dict[str | None, _Known] = {}

    async def get(self, wanted: str | None = None) -> Engine:
        """The engine of a reference; the default model's for None.

        Raises:
            ModelNotFound: there is none.
            BundleInvalid: it is broken.
            ProviderUnavailable: it does not run here.
        """
        now = time.monotonic()
        known = self._known.get(wanted)
        if known is not None and now < known.until:
            return known.engine
        if known is not None:
            known.until = now + KNOWN_S  # the others do not look, too
        try:
            engine: Engine = await run_sync(self._engines.get, wanted)
        except BaseException:
            self._known.pop(wanted, None)
            raise
        if len(self._known) >= MOST_NAMES:
            self._known.clear()
        self._known[wanted] = _Known(engine, time.monotonic() + KNOWN_S)
        return engine

    async def versions(self, name: str) -> list[str]:
        """Readable versions of a model, the newest first."""
        entries = await run_sync(open_registry(self._settings).entries)
        return [entry.version for entry in entries if entry.name == name and entry.bundle is not None]
