"""The fetcher and its limits, as the settings say."""

from __future__ import annotations

from serving.fetch.budget import Limits
from serving.fetch.fetcher import Fetcher
from serving.fetch.urls import HostList
from serving.settings import Settings


def fetcher_of(settings: Settings) -> Fetcher:
    """A fetcher for the hosts that the settings allow.

    Raises:
        ConfigError: naming an entry that is no host.
    """
    return Fetcher(HostList.of(settings.allowed_hosts.split(",")))


def limits_of(settings: Settings) -> Limits:
    """What one request may spend."""
    return Limits(
        max_bytes=settings.fetch_max_bytes,
        seconds=settings.fetch_seconds,
        idle_s=settings.fetch_idle_s,
        connect_s=settings.fetch_connect_s,
    )
