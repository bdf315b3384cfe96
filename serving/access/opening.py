"""Set up from settings what says who asks."""

from __future__ import annotations

from serving.access.authenticator import Authenticator, is_local
from serving.access.keyfile import KeyFile
from serving.access.ring import KeyRing, KeySource
from serving.settings import Settings


def open_authenticator(settings: Settings) -> Authenticator:
    """What says who asks, by the settings."""
    sources: list[KeySource] = []
    if settings.keys_file is not None:
        sources.append(KeyFile(settings.keys_file))
    return Authenticator(KeyRing(sources), local=is_local(settings.host))
