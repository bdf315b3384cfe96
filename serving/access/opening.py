"""Set up from settings what says who asks."""

from __future__ import annotations

from collections.abc import Callable

from serving.access.authenticator import Authenticator, is_local
from serving.access.keyfile import KeyFile
from serving.access.keystore import KeyStore
from serving.access.ring import KeyRing, KeySource
from serving.access.tokens import open_verifier
from serving.database.protocol import Database
from serving.settings import Settings


def open_authenticator(settings: Settings, database: Callable[[], Database]) -> Authenticator:
    """What says who asks.

    Args:
        settings: where keys are, whose tokens count, and the address to listen on.
        database: gives the database of the keys, on first use.

    Raises:
        ConfigError: when tokens are set up by halves.
    """
    sources: list[KeySource] = [KeyStore(database)]
    if settings.keys_file is not None:
        sources.append(KeyFile(settings.keys_file))
    return Authenticator(KeyRing(sources), open_verifier(settings), local=is_local(settings.host))
