"""The models of a running process: found, proven, exchanged and taken out of service while requests are answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Self

from landcover.bundle import Bundle
from landcover.errors import BundleInvalid, ModelNotFound, SteppeError
from serving.engine import Engine
from serving.engines import open_engine
from serving.registry.aliases import Aliases
from serving.registry.folders import champion_of, none_works, retired_model, unknown_model
from serving.registry.kept import KeptEngines
from serving.registry.observer import Observer, Observers, survived
from serving.registry.proof import Proof
from serving.registry.shelf import Shelf
from serving.registry.table import Seen, Table
from serving.registry.words import CHAMPION, ModelNotReady, Resolved, State, again, split_reference
from serving.sentence import sentence
from serving.settings import Settings

_STOP_S: Final = 10.0
"""Seconds the end of the process waits for a load under way."""


@dataclass(frozen=True, slots=True)
class LiveEntry:
    """A version, as people are told of it.

    Attributes:
        name: model name.
        version: version.
        state: where it stands.
        problem: why it is broken, what it waits for, or what is wrong with the folder of a version that still answers.
        champion: whether it was promoted.
        current: whether it answers to the plain name.
        bundle: the bundle, None where its manifest cannot be read.
    """

    name: str
    version: str
    state: State
    problem: str | None
    champion: bool
    current: bool
    bundle: Bundle | None


class LiveModels:
    """All models of one process; every method may be called from any thread.

    ``resolve`` and ``entries`` answer from memory: folders are looked at once a second on a thread of their own, and
    new versions are verified, loaded and tested on another one. Until ``start`` nothing runs in the background; the
    folders are then looked at once, at first use.

    Args:
        settings: registry, zoo, default model, how engines run, how many are kept.
        eager: prove every version in the background as it comes. Without, a version is proven when it is first asked
            for: for workers, whose jobs name the version.
        opened: makes an engine of a bundle; for tests.
    """

    def __init__(
        self, settings: Settings, *, eager: bool = True, opened: Callable[[Bundle, Settings], Engine] = open_engine
    ) -> None:
        self._settings, self._eager = settings, eager
        self._observers = Observers(aside=not eager)
        self._kept = KeptEngines(settings.kept_models, lambda bundle: self._observers.dropped(Resolved.of(bundle)))
        self._shelf = Shelf(settings, self._kept, self._observers, trusting=not eager)
        self._proof = Proof(settings, self._shelf, self._kept, self._observers, lambda bundle: opened(bundle, settings))
        self._stopping, self._news = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Look at the folders, then go on doing so in the background."""
        self.poll()
        if not self._threads:
            self._stopping.clear()
            for name, target in (("steppe-registry", self._watch), ("steppe-proof", self._prove)):
                self._threads.append(threading.Thread(target=target, name=name, daemon=True))
                self._threads[-1].start()

    def stop(self) -> None:
        """End the background threads; engines go on."""
        self._stopping.set()
        self._news.set()
        for thread in self._threads:
            thread.join(_STOP_S)
        self._threads.clear()

    def observe(self, observer: Observer) -> None:
        """Tell somebody of what happens from now on."""
        self._observers.add(observer)

    def poll(self) -> None:
        """Look at all folders now, and take over what has changed; what has to be loaded is left to the background."""
        self._shelf.poll()
        self._news.set()

    def resolve(self, reference: str | None = None) -> Resolved:
        """Which version a name stands for now, from memory.

        Args:
            reference: ``name``, ``name@version`` or ``name@champion``; None = the default model.

        Raises:
            ModelNotFound: when there is no such model or version.
            ModelRetired: when the version is out of service.
            ModelNotReady: when it is on its way.
            BundleInvalid: when it is broken, with the reason; or another SteppeError that loading it raised.
        """
        reference = self._settings.model if reference is None else reference
        asked, table = split_reference(reference), self._shelf.table
        if asked is None or not (table.of(asked[0]) or asked[1] in table.said(asked[0]).retired):
            raise unknown_model(reference, table.identifiers)
        name, version = asked
        if version is None:
            return self._plain(table, name)
        if version == CHAMPION:
            champion_of(name, table.said(name))
            return self._plain(table, name)
        return self._exact(table, name, version)

    def bundle(self, asked: Resolved | str | None = None) -> Bundle:
        """The bundle of a model, for what can be said of it without an engine.

        Raises:
            SteppeError: as ``resolve``.
        """
        seen = self._seen(asked if isinstance(asked, Resolved) else self.resolve(asked))
        assert seen.bundle is not None  # noqa: S101 - it was found by that
        return seen.bundle

    def ready(self) -> Engine:
        """The engine of the default model, if it is proven; nothing is loaded for it that was in memory before.

        Raises:
            SteppeError: as ``resolve``; also when it was not proven yet.
        """
        model = self.resolve()
        seen = self._seen(model)
        if not seen.proven:
            raise _not_ready(seen)
        return self.engine(model)

    def engine(self, asked: Resolved | str | None = None) -> Engine:
        """The engine of a model, loaded and tested when it is not in memory; the caller's reference keeps it alive.

        Callers that ask for the same version wait for one load; others are not held up by it.

        Args:
            asked: a reference as in ``resolve``, for which another version steps in when the newest cannot be loaded;
                or a pinned version, which is given with exactly these bytes or not at all, retired since or not.

        Raises:
            SteppeError: as ``resolve``, or what loading raised.
        """
        with self.lease(asked) as engine:
            return engine

    @contextmanager
    def lease(self, asked: Resolved | str | None = None) -> Iterator[Engine]:
        """``engine``, which stays in memory until this ends."""
        with ExitStack() as uses:
            yield self._pinned(asked, uses) if isinstance(asked, Resolved) else self._named(asked, uses)

    def held(self, model: Resolved) -> Engine | None:
        """Its engine, if that is in memory; loads nothing and waits for nobody: for an event loop."""
        return self._kept.held(model.sha256)

    def engines(self) -> list[Engine]:
        """Engines in memory."""
        return self._kept.all()

    def entries(self) -> list[LiveEntry]:
        """All versions, sorted by name, newest first."""
        table = self._shelf.table
        return [self._entry(table, seen) for seen in table.versions.values()]

    def aliases(self, name: str) -> Aliases:
        """Champion, retired versions and what was done to them."""
        return self._shelf.table.said(name)

    def problems(self) -> dict[str, str]:
        """What an operator should look at, by ``name@version`` or, for aliases, by name."""
        return self._shelf.table.problems()

    def _watch(self) -> None:
        while not self._stopping.wait(self._settings.registry_poll_s):
            with survived("looking at the registry"):
                self.poll()

    def _prove(self) -> None:
        self._proof.work(self._news, self._stopping, eager=self._eager)

    def _plain(self, table: Table, name: str) -> Resolved:
        """What answers to a plain name."""
        model = table.current.get(name)
        if model is not None:
            return model
        serving = [seen for seen in table.of(name) if not table.retired(seen)]
        if not serving:
            raise retired_model(name)
        broken = [seen.fault for seen in serving if seen.fault is not None]
        if len(broken) == len(serving):
            retired = [seen.version for seen in table.of(name) if table.retired(seen) and seen.fault is None]
            raise none_works(name, retired, broken[0]) if retired else again(broken[0])
        raise _not_ready(next(seen for seen in serving if seen.fault is None))

    def _exact(self, table: Table, name: str, version: str) -> Resolved:
        """A version, if it can answer."""
        retired = table.said(name).retired
        if version in retired:
            raise retired_model(f"{name}@{version}", retired)
        seen = table.versions.get((name, version))
        if seen is None:
            raise unknown_model(f"{name}@{version}", table.identifiers)
        if seen.bundle is not None and (self._in_memory(seen) or seen.sound):
            return Resolved.of(seen.bundle)
        raise again(seen.fault) if seen.fault is not None else _not_ready(seen)

    def _in_memory(self, seen: Seen) -> bool:
        return seen.proven and seen.bundle is not None and self._kept.holds(seen.bundle.digest)

    def _named(self, reference: str | None, uses: ExitStack) -> Engine:
        """The engine of a reference; of the next version when the first cannot be loaded after all."""
        while True:
            model = self.resolve(reference)
            try:
                return self._pinned(model, uses)
            except SteppeError:
                if self.resolve(reference) == model:  # where nothing is left this raises, and says more
                    raise

    def _pinned(self, model: Resolved, uses: ExitStack) -> Engine:
        uses.enter_context(self._kept.using(model.sha256))
        return self._proof.engine(self._seen(model))

    def _seen(self, model: Resolved) -> Seen:
        """The folder of exactly this version; one that another process has seen before this one is looked for."""
        if not self._shelf.by_digest(model.sha256):
            self.poll()
        table, folders = self._shelf.table, self._shelf.by_digest(model.sha256)
        if not folders:  # it came since the last look, and another process has seen it before
            self.poll()
            table, folders = self._shelf.table, self._shelf.by_digest(model.sha256)
        if folders:
            return folders[0]
        if (model.name, model.version) in table.versions:
            raise BundleInvalid(
                f"model {model.identifier} in the registry is not the one that was asked for (its sha256 differs); "
                "versions never change, ask again"
            )
        raise ModelNotFound(f"model {model.identifier} is not in the registry any more")

    def _entry(self, table: Table, seen: Seen) -> LiveEntry:
        why = seen.fault or seen.waiting
        current = table.current.get(seen.name)
        return LiveEntry(
            name=seen.name,
            version=seen.version,
            state=self._state(table, seen),
            problem=sentence(why) if why else None,
            champion=table.said(seen.name).champion == seen.version,
            current=current is not None and current.version == seen.version,
            bundle=seen.bundle,
        )

    def _state(self, table: Table, seen: Seen) -> State:
        if table.retired(seen):
            return State.RETIRED
        if self._in_memory(seen) or (seen.proven and seen.sound):
            return State.READY
        return State.LOADING if seen.fault is None else State.BROKEN


def _not_ready(seen: Seen) -> ModelNotReady:
    why = f": {seen.waiting}" if seen.waiting else ""
    return ModelNotReady(f"model {seen.identifier} is being copied or tested, ask again in some seconds{why}")
