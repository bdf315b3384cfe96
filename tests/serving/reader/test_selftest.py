"""The self-test of the start sees what is open, and is content where nothing is."""

from __future__ import annotations

import socket

import pytest

from landcover.errors import ConfigError
from serving.reader import probes, selftest
from serving.reader.answers import Probed, Ready
from serving.reader.process import Reader
from serving.reader.selftest import check_sandbox, write_probes
from serving.sandbox import landlock
from serving.sandbox.limits import Limits
from serving.settings import Settings

ALL_KERNEL = pytest.mark.skipif(landlock.abi() < 4, reason="the kernel has no Landlock of ABI 4")


@ALL_KERNEL
@pytest.mark.usefixtures("nothing_left")
def test_readers_are_closed_in_here():
    found = check_sandbox(Settings())
    assert found.landlock == landlock.abi()
    assert found.filtered
    assert len(found.refused) == 14


def test_a_process_that_is_not_closed_in_does_all_of_it(tmp_path):
    """Otherwise the attempts above might fail for reasons of their own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        question = write_probes(tmp_path) | {"port": server.getsockname()[1]}
        found = probes.probe(question, Limits(256 * 2**20, 1))
    by_steppe_itself = {name for name in found["refused"] if name.startswith("map a raster")}
    assert set(found["refused"]) == by_steppe_itself
    assert len(by_steppe_itself) == 3
    assert len(found["allowed"]) == 12


def without(monkeypatch, **ready):
    """Readers that say of themselves what they are told, and could do everything."""
    everything = (
        *(probes.READ_GOOD, probes.READ_ELSEWHERE, probes.LIST_ELSEWHERE, probes.CREATE, probes.CONNECT),
        *(probes.DATAGRAM, probes.START, probes.SIGNAL, probes.FOLLOW),
    )
    original = Reader.start.__func__

    def start(cls, terms):
        reader = original(cls, terms)
        reader.ready = Ready(**ready)
        return reader

    monkeypatch.setattr(Reader, "start", classmethod(start))
    monkeypatch.setattr(Reader, "ask", lambda *_, **__: Probed(allowed=everything, refused=()))


@pytest.mark.usefixtures("nothing_left")
def test_what_the_kernel_cannot_refuse_is_told_and_no_error(monkeypatch):
    without(monkeypatch, landlock=0, filtered=False)
    found = check_sandbox(Settings())
    assert (found.landlock, found.filtered) == (0, False)


@pytest.mark.parametrize(
    ("ready", "words"),
    [
        ({"landlock": 4, "filtered": False}, "could read a file elsewhere"),
        ({"landlock": 0, "filtered": True}, "could connect to a server, and open a socket"),
    ],
)
def test_what_it_should_refuse_and_does_not_is_an_error(monkeypatch, ready, words):
    without(monkeypatch, **ready)
    with pytest.raises(ConfigError, match=words):
        check_sandbox(Settings())


@pytest.mark.usefixtures("nothing_left")
def test_a_reader_that_cannot_read_is_an_error(monkeypatch):
    monkeypatch.setattr(selftest, "BAND", "B04")
    monkeypatch.setattr(Reader, "ask", lambda *_, **__: Probed(allowed=(), refused=(probes.READ_GOOD,)))
    with pytest.raises(ConfigError, match="cannot read a good one"):
        check_sandbox(Settings())


@pytest.mark.usefixtures("nothing_left")
def test_landlock_can_be_required(monkeypatch):
    monkeypatch.setattr("serving.reader.process._LANDLOCK_ABI", 1000)
    check_sandbox(Settings())
    with pytest.raises(ConfigError, match=r"ABI \d+ .* STEPPE_REQUIRE_LANDLOCK"):
        check_sandbox(Settings(require_landlock=True))


def test_a_reader_that_does_not_start_is_an_error(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(ConfigError, match="does not start"):
        check_sandbox(Settings())
