"""Hosts that misbehave: cases 75 to 87 of the bad inputs, each within its budget, each with its noun."""

from __future__ import annotations

import gzip
import time
import zlib
from ipaddress import ip_address

import httpcore2
import pytest
import trustme

from serving.fetch.errors import (
    SourceNotFound,
    SourceTooLarge,
    Upstream,
    UpstreamTimeout,
    UpstreamTls,
    UrlBlocked,
    UrlInvalid,
    UrlScheme,
)
from serving.fetch.line import retry_after
from tests.websites import PUBLIC, in_turn, quick, raw, redirect, reply, silent_port

GOOD = b"good" * 1000
HEAD = b"HTTP/1.1 200 OK\r\n"


def pause(seconds):
    return lambda _handler: time.sleep(seconds)


def drip(handler):
    """One byte at a time, as long as the other side listens."""
    for _ in range(40):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def drip_headers(handler):
    for _ in range(40):
        handler.wfile.write(b"X-Drip: 1\r\n")
        handler.wfile.flush()
        time.sleep(0.05)


def reset(handler):
    """Close so that the other side is told that something was lost."""
    handler.connection.close()


def fetch(fetcher, url, folder, budget=None):
    """All bytes of a file, read as the service reads files."""
    with fetcher.open(url, folder / "file", budget or quick()) as source:
        return source.read(0, source.size)


def refused(fetcher, url, path, error, **budget):
    """The error, in time; nothing is left on the disk."""
    start = time.monotonic()
    with pytest.raises(error) as caught:
        fetch(fetcher, url, path, quick(**budget))
    assert type(caught.value) is error
    assert time.monotonic() - start < 2.5
    assert list(path.iterdir()) == []
    assert url not in str(caught.value)
    return caught.value


def test_a_good_host(world, tmp_path):
    site = world.site(routes={"/a.tif": reply(GOOD, headers={"ETag": '"x"'})})
    with world.fetcher().open(site.url("/a.tif"), tmp_path / "file", quick()) as source:
        assert source.read(0, 10**6) == GOOD
        assert (source.size, source.etag) == (len(GOOD), '"x"')
    assert list(tmp_path.iterdir()) == []
    (method, _, headers) = site.asked[0]
    assert method == "GET"
    assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Range"}  # no cookies, no credentials


@pytest.mark.parametrize(
    ("case", "addresses"),
    [
        (75, ["127.0.0.1"]),
        (75, ["::1"]),
        (75, ["0.0.0.0"]),  # noqa: S104 - refused
        (75, ["10.1.2.3"]),
        (75, ["192.168.0.1"]),
        (75, ["100.64.0.1"]),
        (75, ["fd00::1"]),
        (76, ["169.254.169.254"]),
        (76, ["fe80::1%eth0"]),
        (78, ["::ffff:127.0.0.1"]),
        (78, ["64:ff9b::a9fe:a9fe"]),
        (78, ["2002:7f00:1::"]),
        (78, ["fec0::1"]),
        (78, ["::127.0.0.1"]),
        (81, ["192.0.43.8", "10.0.0.1"]),
        (81, ["10.0.0.1", "192.0.43.8"]),
        (81, ["2606:4700::1", "::1"]),
    ],
)
def test_a_name_with_an_address_that_is_not_public(world, tmp_path, case, addresses):
    site = world.site(routes={"/*": reply(GOOD)})
    world.addresses[site.name] = [ip_address(text) for text in addresses]
    refused(world.fetcher(), site.url("/a.tif"), tmp_path, UrlBlocked)
    assert (world.dialled, site.asked) == ([], []), case


def test_what_was_checked_is_what_is_dialled(world, tmp_path):
    """81: the second answer of a rebinding resolver is never used; only one look-up is made for a connection."""
    answers = iter([[PUBLIC], [ip_address("127.0.0.1")], [ip_address("127.0.0.1")]])
    site = world.site(routes={"/a.tif": reply(GOOD), "/b.tif": reply(GOOD)})
    world.addresses[site.name] = lambda: next(answers)
    fetcher = world.fetcher()
    assert fetch(fetcher, site.url("/a.tif"), tmp_path) == GOOD
    assert world.dialled == [PUBLIC]
    refused(fetcher, site.url("/b.tif"), tmp_path, UrlBlocked)
    assert world.dialled == [PUBLIC]
    assert site.paths() == ["/a.tif"]


def test_a_check_that_asks_the_resolver(world):
    site = world.site()
    fetcher = world.fetcher()
    assert fetcher.verify(site.url("/hook"), quick()).host == site.name
    world.addresses[site.name] = [ip_address("10.0.0.1")]
    with pytest.raises(UrlBlocked):
        fetcher.verify(site.url("/hook"), quick())
    del world.addresses[site.name]
    with pytest.raises(Upstream, match="cannot be resolved"):
        fetcher.verify(site.url("/hook"), quick())
    assert world.dialled == []


def test_the_next_address_is_tried_when_one_is_dead(world, tmp_path):
    site = world.site(routes={"/a.tif": reply(GOOD)})
    dead = ip_address("192.0.43.7")
    world.addresses[site.name] = [dead, PUBLIC]

    def dial(address, port, seconds):
        if address == dead:
            raise httpcore2.ConnectError("refused")
        return world.dial(address, port, seconds)

    assert fetch(world.fetcher(dial=dial), site.url("/a.tif"), tmp_path) == GOOD


BAD_HOPS = [
    ("https://127.0.0.1/x", UrlBlocked),
    ("https://[::1]/x", UrlBlocked),
    ("https://2130706433/x", UrlBlocked),
    ("https://169.254.169.254/latest/", UrlBlocked),
    ("https://elsewhere.example.net/x", UrlBlocked),
    ("https://data.example.org:22/x", UrlBlocked),
    ("//127.0.0.1/x", UrlBlocked),
    ("http://data.example.org/x", UrlScheme),
    ("file:///etc/passwd", UrlScheme),
    ("/vsicurl/\\x", UrlInvalid),
    ("https://user@data.example.org/x", UrlInvalid),
]


@pytest.mark.parametrize(("place", "error"), BAD_HOPS)
@pytest.mark.parametrize("hop", [1, 2, 3])
def test_80_each_hop_is_checked(world, tmp_path, place, error, hop):
    routes = {f"/{number}": redirect(f"/{number + 1}") for number in range(1, hop)}
    site = world.site(routes={**routes, f"/{hop}": redirect(place)})
    refused(world.fetcher(), site.url("/1"), tmp_path, error)
    assert site.paths() == [f"/{number}" for number in range(1, hop + 1)]


def test_80_a_hop_to_a_private_network(world, tmp_path):
    """The list allows the host; its address does not pass."""
    inner = world.site("inner.example.org", {"/*": reply(b"secret")})
    world.addresses[inner.name] = [ip_address("10.0.0.7")]
    site = world.site(routes={"/a": redirect(inner.url("/secret"), 307)})
    refused(world.fetcher(), site.url("/a"), tmp_path, UrlBlocked)
    assert inner.asked == []


def test_80_three_hops_are_followed_over_hosts(world, tmp_path):
    far = world.site("far.example.org", {"/3": redirect("/end", 303), "/end": reply(GOOD)})
    site = world.site(routes={"/1": redirect("2?x=1", 301), "/2": redirect(far.url("/3"), 308)})
    assert fetch(world.fetcher(), site.url("/1"), tmp_path) == GOOD
    assert (site.paths(), far.paths()) == (["/1", "/2?x=1"], ["/3", "/end"])


@pytest.mark.parametrize(
    "routes",
    [
        {f"/{number}": redirect(f"/{number + 1}") for number in range(1, 6)},
        {"/1": redirect("/1")},
        {"/1": redirect("/2"), "/2": redirect("/1")},
        {"/1": reply(status=302)},
        {"/1": redirect("")},
    ],
    ids=["four", "itself", "circle", "nowhere", "empty"],
)
def test_80_redirects_without_end(world, tmp_path, routes):
    site = world.site(routes=routes)
    refused(world.fetcher(), site.url("/1"), tmp_path, Upstream)
    assert len(site.asked) <= 4


@pytest.mark.parametrize("certificate", ["other.example.org", "*.example.net"])
def test_83_a_certificate_of_another_name(world, tmp_path, certificate):
    site = world.site(routes={"/*": reply(GOOD)}, certificate=certificate)
    assert not refused(world.fetcher(), site.url("/a"), tmp_path, UpstreamTls).passing
    assert site.asked == []


def test_83_a_certificate_that_nobody_trusts(world, tmp_path):
    site = world.site(routes={"/*": reply(GOOD)}, ca=trustme.CA())
    refused(world.fetcher(), site.url("/a"), tmp_path, UpstreamTls)


@pytest.mark.parametrize(
    ("route", "error"),
    [
        (raw(b"", then=pause(1.2)), UpstreamTimeout),
        (raw(HEAD, then=pause(1.2)), UpstreamTimeout),
        (raw(HEAD + b"Content-Length: 100\r\n\r\n", then=pause(1.2)), UpstreamTimeout),
        (raw(HEAD + b"Content-Length: 100\r\n\r\n", then=drip), UpstreamTimeout),
        (raw(HEAD, then=drip_headers), UpstreamTimeout),
        (raw(HEAD + b"Content-Length: 100\r\n\r\nhalf", then=reset), Upstream),
        (raw(HEAD, then=reset), Upstream),
        (raw(b"", then=reset), Upstream),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), Upstream),
        (raw(b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n"), Upstream),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"y" * 300_000), Upstream),
    ],
    ids=["silent", "headers", "body", "drip", "drip-headers", "reset", "half-header", "gone", "ssh", "odd", "huge"],
)
def test_84_hosts_that_are_slow_or_go_away(world, tmp_path, route, error):
    site = world.site(routes={"/a": route})
    refused(world.fetcher(), site.url("/a"), tmp_path, error, seconds=0.9, tries=2)


def test_84_nobody_shakes_hands(world, tmp_path):
    world.addresses["mute.example.org"] = [PUBLIC]
    with silent_port() as port:
        fetcher = world.fetcher(f"mute.example.org:{port}")
        refused(fetcher, f"https://mute.example.org:{port}/a", tmp_path, UpstreamTimeout, seconds=0.6)


def test_84_a_name_that_is_resolved_too_slowly(world, tmp_path):
    def slow(_host, seconds):
        time.sleep(min(seconds, 0.1))
        raise TimeoutError

    site = world.site()
    refused(world.fetcher(resolve=slow), site.url("/a"), tmp_path, UpstreamTimeout, seconds=0.5)


def test_84_a_name_that_is_not_known(world, tmp_path):
    refused(world.fetcher("gone.example.org"), "https://gone.example.org/a", tmp_path, Upstream)
    assert world.looked_up == ["gone.example.org"] * 3  # it may be passing, so it is asked again


@pytest.mark.parametrize(
    ("status", "error", "tries"),
    [
        (400, Upstream, 1),
        (401, Upstream, 1),
        (403, Upstream, 1),
        (404, SourceNotFound, 1),
        (410, SourceNotFound, 1),
        (429, Upstream, 3),
        (500, Upstream, 3),
        (503, Upstream, 3),
        (206, Upstream, 1),
        (204, Upstream, 1),
        (304, Upstream, 1),
    ],
)
def test_86_statuses(world, tmp_path, status, error, tries):
    site = world.site(routes={"/a": reply(b"secret words", status=status)})
    caught = refused(world.fetcher(), site.url("/a"), tmp_path, error)
    assert len(site.asked) == tries
    assert "secret" not in str(caught)


@pytest.mark.parametrize(("text", "seconds"), [("120", 120), ("99999999999", 3600), ("soon", None), ("-1", None)])
def test_86_what_the_host_wants_is_passed_on(world, tmp_path, text, seconds):
    site = world.site(routes={"/a": reply(status=429, headers={"Retry-After": text})})
    assert refused(world.fetcher(), site.url("/a"), tmp_path, Upstream).retry_after_s == seconds
    assert len(site.asked) == (1 if seconds else 3)  # who wants a long pause is not asked again


def test_86_a_pause_until_a_date():
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("Wed, 21 Oct 2099 07:28:00 GMT") == 3600


def test_86_what_passes_is_waited_for(world, tmp_path):
    cut = raw(HEAD + b"Content-Length: 9\r\n\r\n1234")
    site = world.site(routes={"/a": in_turn(reply(status=503), cut, reply(GOOD))})
    assert fetch(world.fetcher(), site.url("/a"), tmp_path) == GOOD
    assert len(site.asked) == 3


@pytest.mark.parametrize(
    ("route", "error"),
    [
        (reply(b"four", length=100), Upstream),
        (reply(GOOD, length=10**12), SourceTooLarge),
        (raw(HEAD + b"Content-Length: -1\r\n\r\nabc"), Upstream),
        (raw(HEAD + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc"), Upstream),
        (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"), Upstream),
        (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"), Upstream),
        (reply(bytes(20_000), length=False), SourceTooLarge),
        (reply(gzip.compress(bytes(10**6)), headers={"Content-Encoding": "gzip"}), SourceTooLarge),
        (reply(zlib.compress(bytes(10**6)), headers={"Content-Encoding": "deflate"}), SourceTooLarge),
        (reply(gzip.compress(GOOD)[:-12], headers={"Content-Encoding": "gzip"}), Upstream),
        (reply(gzip.compress(b"a") * 2, headers={"Content-Encoding": "gzip"}), Upstream),
        (reply(b"not packed", headers={"Content-Encoding": "gzip"}), Upstream),
        (reply(GOOD, headers={"Content-Encoding": "br"}), Upstream),
        (reply(GOOD, headers={"Content-Encoding": "gzip, gzip"}), Upstream),
    ],
    ids=["short", "long", "negative", "two", "chunk", "bad-chunk", "endless", "bomb", "zlib-bomb", "cut", "two-streams",
         "no-gzip", "br", "twice"],
)  # fmt: skip
def test_87_lengths_and_codings_that_lie(world, tmp_path, route, error):
    site = world.site(routes={"/a": route})
    refused(world.fetcher(), site.url("/a"), tmp_path, error, max_bytes=15_000)


def test_87_no_more_than_announced_is_read(world, tmp_path):
    site = world.site(routes={"/a": reply(b"four and more", length=4)})
    assert fetch(world.fetcher(), site.url("/a"), tmp_path) == b"four"


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "identity"])
def test_packed_bodies_are_unpacked(world, tmp_path, coding):
    packed = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}.get(coding, bytes)
    content = bytes(range(256)) * 2000
    site = world.site(routes={"/a": reply(packed(content), headers={"Content-Encoding": coding})})
    assert fetch(world.fetcher(), site.url("/a"), tmp_path) == content


def test_the_budget_is_shared(world, tmp_path):
    site = world.site(routes={"/a": reply(GOOD)})
    budget, fetcher = quick(max_bytes=10_000), world.fetcher()
    for _ in range(2):
        fetch(fetcher, site.url("/a"), tmp_path, budget)
    with pytest.raises(SourceTooLarge, match="10,000 bytes"):
        fetch(fetcher, site.url("/a"), tmp_path, budget)
    assert budget.bytes_spent == 8_000


def test_time_is_shared_and_only_waiting_counts(world, tmp_path):
    site = world.site(routes={"/a": raw(HEAD + b"Content-Length: 1\r\n\r\n", then=pause(1))})
    budget, fetcher = quick(seconds=0.5, tries=1), world.fetcher()
    with pytest.raises(UpstreamTimeout):
        fetch(fetcher, site.url("/a"), tmp_path, budget)
    site.routes["/a"] = reply(GOOD)
    time.sleep(0.3)  # nobody waits for a host now
    fetch(fetcher, site.url("/a"), tmp_path, budget)
    site.routes["/a"] = raw(HEAD + b"Content-Length: 1\r\n\r\n", then=pause(1))
    for _ in range(2):
        with pytest.raises(UpstreamTimeout) as caught:
            fetch(fetcher, site.url("/a"), tmp_path, budget)
    assert "0.5 seconds" in str(caught.value)


def test_the_environment_changes_nothing(world, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine data.example.org login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    first = reply(GOOD, headers={"Set-Cookie": "a=b"})
    site = world.site(routes={"/a": first})
    fetcher = world.fetcher()
    for _ in range(2):
        fetch(fetcher, site.url("/a"), tmp_path)
    assert all({"Cookie", "Authorization"}.isdisjoint(headers) for _, _, headers in site.asked)
