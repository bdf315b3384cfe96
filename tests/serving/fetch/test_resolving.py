"""The system's resolver, in bounded time."""

from __future__ import annotations

import socket
import threading
import time
from ipaddress import ip_address

import pytest

from serving.fetch import resolving
from serving.fetch.resolving import SystemResolver


def test_this_machine_is_known():
    assert ip_address("127.0.0.1") in SystemResolver()("localhost", 5)


def test_each_address_once_in_the_systems_order(monkeypatch):
    places = ["192.0.43.8", "192.0.43.7", "192.0.43.8"]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 0)) for place in places]
    monkeypatch.setattr(resolving.socket, "getaddrinfo", lambda *_, **__: found)
    assert SystemResolver()("data.example.org", 1) == (ip_address("192.0.43.8"), ip_address("192.0.43.7"))


@pytest.mark.parametrize("error", [socket.gaierror(-2, "no such name"), UnicodeError("label too long")])
def test_names_that_are_not_known(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(resolving.socket, "getaddrinfo", fail)
    with pytest.raises(OSError, match=r"."):
        SystemResolver()("data.example.org", 1)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch):
    gate = threading.Event()
    calls = []

    def hang(*_, **__):
        calls.append(1)
        gate.wait(5)
        return []

    monkeypatch.setattr(resolving.socket, "getaddrinfo", hang)
    monkeypatch.setattr(resolving, "AT_ONCE", 2)
    resolver = SystemResolver()
    start = time.monotonic()
    for _ in range(4):
        with pytest.raises(TimeoutError):
            resolver("data.example.org", 0.05)
    assert time.monotonic() - start < 1
    assert len(calls) == 2  # no more threads than places, however many ask
    gate.set()
