"""The fetcher of the settings."""

from __future__ import annotations

import pytest

from landcover.errors import ConfigError
from serving.fetch.errors import UrlBlocked
from serving.fetch.settings import fetcher_of, limits_of
from serving.settings import Settings


def test_nothing_is_fetched_unless_hosts_are_allowed():
    with pytest.raises(UrlBlocked, match="fetches nothing"):
        fetcher_of(Settings()).check("https://data.example.org/a.tif")


def test_hosts_and_limits():
    settings = Settings(allowed_hosts="data.example.org, *.example.com", fetch_max_bytes=7, fetch_idle_s=2)
    assert fetcher_of(settings).check("https://a.example.com/a.tif").host == "a.example.com"
    assert (limits_of(settings).max_bytes, limits_of(settings).idle_s) == (7, 2)


def test_an_entry_that_is_no_host():
    with pytest.raises(ConfigError, match="STEPPE_ALLOWED_HOSTS: '\\*'"):
        fetcher_of(Settings(allowed_hosts="*"))
