"""Keys are random, known by a digest, and end when they should."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from landcover.errors import ConfigError, DiskFull
from serving.access.authenticator import Authenticator
from serving.access.keyfile import Entry, KeyFile
from serving.access.keys import digest, key_id, mint
from serving.access.keystore import KeyStore, new_key, now
from serving.access.noting import UseNotes
from serving.access.principal import ANONYMOUS, Principal, Scope
from serving.access.refusals import KeyNotFound, ScopeMissing
from serving.access.ring import LIFETIME_S, KeyRing
from serving.database.protocol import StoreUnavailable


def made(**changes):
    """A key as its owner has it, and what is kept of it."""
    minted = mint()
    return minted.text, new_key(minted, "test", changes.pop("scopes", [Scope.RUN]), **changes)


class Drawer:
    """Keys in memory."""

    def __init__(self, *keys):
        self.keys, self.loads, self.used, self.failure = list(keys), 0, set(), None

    def load(self):
        self.loads += 1
        if self.failure:
            raise self.failure
        return list(self.keys)

    def note(self, used):
        if self.failure:
            raise self.failure
        self.used |= set(used)


class Clock:
    def __init__(self):
        self.s = 0.0

    def __call__(self):
        return self.s


def test_a_key_has_256_random_bits_and_says_what_it_is():
    minted = mint()
    assert re.fullmatch(r"stp_[a-z2-7]{8}_[a-z2-7]{52}", minted.text)
    assert key_id(minted.text) == minted.id
    assert minted.sha256 == digest(minted.text)
    assert minted.text not in repr(new_key(minted, "x", [Scope.RUN]))
    assert len({mint().text for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "text", ["", "stp_", "stp_a_b", "stp_abcdefgh_", "x", "stp_abcdefgh_" + "a" * 51, "\ud800", "é"]
)
def test_what_is_no_key(text):
    ring = KeyRing([Drawer()])
    ring.refresh()
    assert key_id(text) is None
    assert ring.find(text) is None


def test_the_ring_finds_who_comes_with_a_key():
    text, key = made(scopes=[Scope.RUN, Scope.TILES], pixels_per_minute=7, max_jobs=2)
    ring = KeyRing([Drawer(key)])
    ring.refresh()
    assert ring.find(text) == Principal(
        id=key.id, scopes=frozenset({Scope.RUN, Scope.TILES}), pixels_per_minute=7, max_jobs=2
    )
    assert ring.find(text[:-1] + ("a" if text[-1] != "a" else "b")) is None
    other, _ = made()
    assert ring.find(other) is None
    assert ring.find(f"stp_{key.id}_{other[13:]}") is None


def test_a_key_that_is_over_opens_nothing_but_keeps_the_service_closed():
    text, key = made(expires=now() + timedelta(hours=1))
    moment = [now()]
    drawer = Drawer(key)
    ring = KeyRing([drawer], now=lambda: moment[0])
    ring.refresh()
    assert ring.find(text) is not None
    moment[0] += timedelta(hours=1)
    assert ring.find(text) is None
    assert (ring.any, ring.any_usable) == (True, False)


def test_the_copy_is_renewed_once_a_second_at_most():
    text, key = made()
    drawer, clock = Drawer(key), Clock()
    ring = KeyRing([drawer], clock=clock)
    for _ in range(5):
        ring.refresh()
    assert (drawer.loads, ring.fresh) == (1, True)
    drawer.keys.clear()
    clock.s = LIFETIME_S
    assert not ring.fresh
    ring.refresh()
    assert ring.find(text) is None
    assert LIFETIME_S <= 1.5


def test_without_the_database_nobody_comes_in_and_it_is_not_asked_all_the_time():
    text, key = made()
    drawer, clock = Drawer(key), Clock()
    ring = KeyRing([drawer], clock=clock)
    ring.refresh()
    drawer.failure, clock.s = StoreUnavailable("gone"), 2
    for _ in range(5):
        ring.refresh()
        with pytest.raises(StoreUnavailable):
            ring.find(text)
        with pytest.raises(StoreUnavailable):
            _ = ring.any
        with pytest.raises(StoreUnavailable):  # so that whoever waits for the service to be ready waits for keys, too
            Authenticator(ring, local=True).check()
    assert drawer.loads == 2
    drawer.failure, clock.s = None, 4
    assert Authenticator(ring, local=True).check()
    assert ring.find(text) is not None


def test_the_last_use_is_told_coarsely():
    text, key = made()
    drawer, clock = Drawer(key), Clock()
    ring = KeyRing([drawer], clock=clock)
    ring.refresh()
    for _ in range(100):
        ring.find(text)
    drawer.failure = DiskFull("the disk is full")
    with pytest.raises(DiskFull):
        ring.note_use()
    drawer.failure = None
    ring.note_use()  # what could not be written is written the next time
    assert drawer.used == {key.id}
    drawer.used.clear()
    ring.note_use()
    assert drawer.used == set()


def test_a_key_that_comes_while_uses_are_noted():
    """On another thread: the set that is being written down is nobody else's, and none is lost."""
    text, key = made()
    drawer = Drawer(key)
    ring = KeyRing([drawer])

    class Guarded(set):
        def add(self, one):
            assert ring._noting.locked()
            super().add(one)

    ring._used = Guarded()
    ring.refresh()
    assert ring.find(text)
    drawer.note = lambda used: [ring.find(text) for _ in used]
    ring.note_use()
    assert ring._used == {key.id}


def test_scopes():
    who = Principal(id="a", scopes=frozenset({Scope.RUN}))
    who.require()
    who.require(Scope.RUN)
    who.require(Scope.RUN, Scope.ADMIN)
    with pytest.raises(ScopeMissing, match="the scope tiles"):
        who.require(Scope.TILES)
    assert (who.sees, ANONYMOUS.sees) == ("a", None)
    assert all(scope.meaning for scope in Scope)


def test_the_table(database):
    store = KeyStore(lambda: database)
    assert list(store.load()) == []
    _, first = made(scopes=[Scope.TILES, Scope.RUN], expires=now() + timedelta(days=1), pixels_per_minute=5, max_jobs=1)
    _, second = made(scopes=[Scope.ADMIN])
    store.add(first)
    store.add(second)
    assert {key.id: key for key in store.load()} == {first.id: first, second.id: second}
    store.note({first.id})
    (used,) = [key for key in store.load() if key.id == first.id]
    assert abs(used.last_used - datetime.now(UTC)) < timedelta(seconds=60)
    revoked = store.revoke(first.id)
    assert revoked.revoked is not None
    assert store.revoke(first.id).revoked == revoked.revoked
    with pytest.raises(KeyNotFound):
        store.revoke("x'; DROP TABLE api_key; --")
    with database.reading() as transaction:
        rows = transaction.run("SELECT * FROM api_key")
    assert len(rows) == 2


def test_a_last_use_that_cannot_be_noted_keeps_nobody_out(database, monkeypatch, caplog):
    """A full disk: what is there can still be read."""
    minted = mint()
    KeyStore(lambda: database).add(new_key(minted, "", [Scope.RUN]))

    @contextmanager
    def full():
        raise DiskFull("the disk is full")
        yield

    monkeypatch.setattr(database, "transaction", full)
    ring = KeyRing([KeyStore(lambda: database)])
    authenticator = Authenticator(ring, local=False)
    authenticator.refresh()
    for _ in range(2):
        assert authenticator.identify([minted.text]).id == minted.id
        UseNotes(authenticator).attempt()
    assert caplog.text.count("full") == 2


def test_who_comes_waits_for_no_writer(database, monkeypatch):
    """The database lets one write at a time, perhaps for seconds."""
    minted = mint()
    KeyStore(lambda: database).add(new_key(minted, "", [Scope.RUN]))
    clock = Clock()
    ring = KeyRing([KeyStore(lambda: database)], clock=clock)

    def busy():
        raise AssertionError("a request writes")

    monkeypatch.setattr(database, "transaction", busy)
    for _ in range(3):
        ring.refresh()
        assert ring.find(minted.text).id == minted.id
        clock.s += 2


def test_uses_are_noted_beside_the_requests(database, monkeypatch):
    monkeypatch.setattr("serving.access.noting.EVERY_S", 0.01)
    minted, store = mint(), KeyStore(lambda: database)
    store.add(new_key(minted, "", [Scope.RUN]))
    authenticator = Authenticator(KeyRing([store]), local=False)
    with UseNotes(authenticator):
        authenticator.refresh()
        authenticator.identify([minted.text])
    (key,) = store.load()
    assert key.last_used is not None


def test_a_scope_of_a_later_version_opens_nothing(database):
    store = KeyStore(lambda: database)
    _, key = made()
    store.add(key)
    with database.transaction() as transaction:
        transaction.run("UPDATE api_key SET scopes = 'run teleport'")
    assert store.load()[0].scopes == {Scope.RUN}


def test_a_file_of_digests(tmp_path):
    path = tmp_path / "keys"
    text, key = made(scopes=[Scope.METRICS], pixels_per_minute=3)
    path.write_text(f"# of the pipeline\n\n{Entry.of(key).model_dump_json(exclude_none=True)}\n")
    clock = Clock()
    ring = KeyRing([KeyFile(path)], clock=clock)
    ring.refresh()
    assert ring.find(text) == key.principal
    path.write_text("# nobody\n")
    clock.s = 2
    ring.refresh()
    assert ring.find(text) is None


@pytest.mark.parametrize("line", ["x", "{}", '{"id": "../../etc"}', "\xff"])
def test_a_file_that_is_none(tmp_path, line):
    path = tmp_path / "keys"
    path.write_bytes(line.encode("latin1"))
    with pytest.raises(ConfigError) as caught:
        KeyFile(path).load()
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(ConfigError):
        KeyFile(tmp_path / "absent").load()
