"""The fetcher and its limits, as the settings say."""

from __future__ import annotations

from landcover.errors import ConfigError
from serving.fetch.budget import Limits
from serving.fetch.fetcher import Fetcher
from serving.fetch.urls import HostList
from serving.settings import Settings


def fetcher_of(settings: Settings) -> Fetcher:
    """A fetcher for the hosts that the settings allow.

    Raises:
        ConfigError: naming an entry that is no host.
    """
    try:
        return Fetcher(HostList.of(settings.allowed_hosts.split(",")))
    except ConfigError as error:
        raise ConfigError(f"STEPPE_ALLOWED_HOSTS: {error}") from error


def limits_of(settings: Settings) -> Limits:
    """What one request may spend."""
    return Limits(
        max_bytes=settings.fetch_max_bytes,
        seconds=settings.fetch_seconds,
        idle_s=settings.fetch_idle_s,
        connect_s=settings.fetch_connect_s,
    )
