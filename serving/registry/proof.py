"""Find out whether versions run: verify their bytes, load them, have them reproduce their golden sample."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from landcover.bundle import Bundle, load_bundle, verify_bundle
from landcover.errors import BundleInvalid, ModelOutputInvalid, ProviderUnavailable, SteppeError
from serving.engine import Engine
from serving.registry.kept import KeptEngines
from serving.registry.observer import Observers, survived
from serving.registry.shelf import Shelf
from serving.registry.table import Seen
from serving.registry.words import Resolved, again, split_reference
from serving.settings import Settings

RETRY_S: Final = 30.0
"""Seconds after which a version is tried again that failed for want of memory or a provider, not by its bytes."""

_log = logging.getLogger(__name__)


class Proof:
    """Loads engines and notes on the shelf what came of it.

    Args:
        settings: the default model, and how long a folder may be in the making.
        shelf: the versions.
        kept: engines in memory.
        observers: told of what was loaded.
        opened: makes an engine of a bundle.
    """

    def __init__(
        self,
        settings: Settings,
        shelf: Shelf,
        kept: KeptEngines,
        observers: Observers,
        opened: Callable[[Bundle], Engine],
    ) -> None:
        self._settings, self._shelf, self._kept = settings, shelf, kept
        self._observers, self._open = observers, opened

    def engine(self, seen: Seen) -> Engine:
        """Load a version, or find it in memory; callers are within ``KeptEngines.using``.

        Raises:
            SteppeError: why it cannot be loaded.
        """
        assert seen.bundle is not None  # noqa: S101 - callers look
        try:
            engine = self._kept.get(seen.bundle, self._load)
        except Exception as error:
            raise self._failed(seen, error) from error
        if not seen.proven:
            self._proved(seen)
        return engine

    def work(self, news: threading.Event, stopping: threading.Event, *, eager: bool) -> None:
        """Check whatever there is to check, then wait for news; until the end."""
        while not stopping.is_set():
            news.wait()
            news.clear()
            going_on = True
            while going_on and not stopping.is_set() and (seen := self._next(eager=eager)):
                going_on = False  # what could not even be noted is not tried again at once
                with survived("testing a model"):
                    self._prove(seen)
                    going_on = True

    def _next(self, *, eager: bool) -> Seen | None:
        """The version to check next: one that serves, then the default model, champions, the newest."""
        table = self._shelf.table
        due = [seen for seen in table.versions.values() if seen.pending and not table.retired(seen)]
        default = split_reference(self._settings.model)

        def order(seen: Seen) -> tuple[bool, bool, bool, int]:
            newest = table.of(seen.name).index(seen)
            is_default = default is not None and seen.name == default[0]
            return not seen.proven, not is_default, table.said(seen.name).champion != seen.version, newest

        return min((seen for seen in due if eager or seen.proven), key=order, default=None)

    def _prove(self, seen: Seen) -> None:
        """Check a version in the background: all of it, or of one that is in memory only the bytes on the disk."""
        assert seen.bundle is not None  # noqa: S101 - only such ones are pending
        if not seen.proven and not self._kept.holds(seen.bundle.digest):
            with suppress(SteppeError), self._kept.using(seen.bundle.digest):  # an error is noted
                self.engine(seen)
                if not self._answers(seen.bundle):
                    self._kept.cool(seen.bundle.digest)
            return
        try:
            _verify(seen.bundle)
        except Exception as error:  # noqa: BLE001 - it is noted
            self._failed(seen, error)
        else:
            self._proved(seen)

    def _answers(self, bundle: Bundle) -> bool:
        """Whether a bundle answers to the plain name now, so that its engine will be asked for."""
        model = self._shelf.table.current.get(bundle.manifest.name)
        return model is not None and model.sha256 == bundle.digest

    def _load(self, bundle: Bundle) -> Engine:
        started = time.monotonic()
        _verify(bundle)
        engine = self._open(bundle)
        engine.self_test()
        self._observers.loaded(Resolved.of(bundle), time.monotonic() - started)
        return engine

    def _proved(self, seen: Seen) -> None:
        self._shelf.note(seen, proven=True, pending=False, fault=None, waiting=None)

    def _failed(self, seen: Seen, error: Exception) -> SteppeError:
        """Note why a version does not run, and give that to raise; the bytes of a new one may still be on their way."""
        told = again(error) if isinstance(error, SteppeError) else _unforeseen(seen, error)
        by_its_bytes, now = isinstance(told, (BundleInvalid, ModelOutputInvalid)), time.monotonic()
        if by_its_bytes and not seen.proven and now - seen.since < self._settings.registry_settle_s:
            self._shelf.note(seen, pending=False, waiting=told)
        else:
            retry_at = seen.retry_at if by_its_bytes else now + RETRY_S
            self._shelf.note(seen, pending=False, waiting=None, fault=told, retry_at=retry_at)
        return again(told)


def _verify(bundle: Bundle) -> None:
    """See that the bundle on disk is this one, all of it.

    Raises:
        BundleInvalid: when it is not.
    """
    if load_bundle(bundle.path).digest != bundle.digest:
        raise BundleInvalid(
            f"model {bundle.manifest.identifier}: another bundle lies in its folder now; versions never change, "
            "publish it under a new one"
        )
    verify_bundle(bundle)


def _unforeseen(seen: Seen, error: Exception) -> SteppeError:
    """An error nobody thought of while loading; it may pass, and its trace belongs in the log."""
    _log.error("%s cannot be loaded", seen.identifier, exc_info=error)
    return ProviderUnavailable(f"model {seen.identifier} cannot be loaded here ({type(error).__name__}); see the log")
