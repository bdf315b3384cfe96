"""Addresses that are refused before any network is asked: cases 70 to 79 and 82 of the bad inputs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.errors import ConfigError, DataError
from serving.fetch.errors import UrlBlocked, UrlInvalid, UrlScheme
from serving.fetch.urls import MAX_LENGTH, HostList, Url, parse_url

VRT = "<VRTDataset rasterXSize='1' rasterYSize='1'><VRTRasterBand dataType='Byte' band='1'/></VRTDataset>"

REFUSED = [
    # 70: a document instead of an address
    (70, VRT, UrlInvalid),
    (70, '{"type": "gdal_streamed_alg"}', UrlInvalid),
    # 71: paths
    (71, "file:///etc/passwd", UrlScheme),
    (71, "/etc/passwd", UrlScheme),
    (71, "../secret.tif", UrlScheme),
    (71, "~/secret.tif", UrlScheme),
    (71, "\\\\host\\share\\a.tif", UrlScheme),
    (71, "C:\\a.tif", UrlScheme),
    (71, "c:/a.tif", UrlScheme),
    (71, "", UrlInvalid),
    # 72, 73: what GDAL would understand
    (72, "/vsicurl/https://data.example.org/a.tif", UrlScheme),
    (72, "/vsis3/bucket/a.tif", UrlScheme),
    (72, "/vsizip//a.zip/a.tif", UrlScheme),
    (72, "/vsistdin/", UrlScheme),
    (72, "vrt:///vsicurl/https://data.example.org/a.tif", UrlScheme),
    (72, "GTIFF_DIR:1:a.tif", UrlScheme),
    (72, "MEM:::DATAPOINTER=1", UrlScheme),
    (72, "DERIVED_SUBDATASET:LOGAMPLITUDE:a.tif", UrlScheme),
    (73, "/vsicurl?header_file=/etc/passwd&url=https://data.example.org/a.tif", UrlScheme),
    # 74: other schemes
    (74, "http://data.example.org/a.tif", UrlScheme),
    (74, "ftp://data.example.org/a.tif", UrlScheme),
    (74, "gopher://data.example.org/1", UrlScheme),
    (74, "s3://bucket/a.tif", UrlScheme),
    (74, "gs://bucket/a.tif", UrlScheme),
    (74, "data:image/tiff;base64,SUkqAA==", UrlScheme),
    (74, "//data.example.org/a.tif", UrlScheme),
    # 75, 76: addresses of this machine and of its networks
    *(
        (75, f"https://{host}/a.tif", UrlBlocked)
        for host in ("127.0.0.1", "[::1]", "0", "0.0.0.0", "10.0.0.1", "192.168.1.1", "100.64.0.1", "[fd00::1]")  # noqa: S104
    ),
    (75, "https://localhost/a.tif", UrlBlocked),
    (75, "https://8.8.8.8/a.tif", UrlBlocked),
    (76, "https://169.254.169.254/latest/meta-data/", UrlBlocked),
    (76, "https://[fe80::1%25eth0]/", UrlBlocked),
    # 77: other spellings
    *(
        (77, f"https://{host}/a.tif", UrlBlocked)
        for host in ("2130706433", "0x7f000001", "017700000001", "127.1", "127.0.0.0x1", "0x7f.1")
    ),
    (77, "https://\uff11\uff12\uff17.0.0.1/a.tif", UrlInvalid),
    (77, "https://127\u30020.0.1/a.tif", UrlInvalid),
    # 78: addresses that wrap addresses
    *(
        (78, f"https://[{host}]/", UrlBlocked)
        for host in ("::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fec0::1", "::127.0.0.1")
    ),
    # 79: what programs understand differently
    (79, "https://user@data.example.org/", UrlInvalid),
    (79, "https://user:word@data.example.org/", UrlInvalid),
    (79, "https://data.example.org@127.0.0.1/", UrlInvalid),
    (79, "https://data.example.org\\@127.0.0.1/", UrlInvalid),
    (79, "https://127.0.0.1\\@data.example.org/", UrlInvalid),
    (79, "https://127.0.0.1#@data.example.org/", UrlInvalid),
    (79, "https://data.example.org/#part", UrlInvalid),
    (79, "https://data.example.org/a\tb", UrlInvalid),
    (79, "ht\ttps://data.example.org/", UrlInvalid),
    (79, "https://data.exam\nple.org/", UrlInvalid),
    (79, " https://data.example.org/", UrlInvalid),
    (79, "https://data.example.org/a b", UrlInvalid),
    (79, "https://data.example.org/\x00", UrlInvalid),
    (79, "HTTPS://data.example.org/", UrlScheme),
    (79, "Https://data.example.org/", UrlScheme),
    (79, "https:/data.example.org/", UrlScheme),
    (79, "https:data.example.org/", UrlScheme),
    (79, "https:///data.example.org/", UrlInvalid),
    (79, "https://data%2eexample.org/", UrlInvalid),
    (79, "https://d\u0430ta.example.org/", UrlInvalid),
    (79, "https://data.example.org/%zz", UrlInvalid),
    (79, "https://data.example.org/a/../b", UrlInvalid),
    (79, "https://data.example.org/a/%2e%2E/b", UrlInvalid),
    (79, "https://data.example.org/" + "a" * MAX_LENGTH, UrlInvalid),
    # 82: ports and dots
    (82, "https://data.example.org:/", UrlInvalid),
    (82, "https://data.example.org:0/", UrlInvalid),
    (82, "https://data.example.org:65536/", UrlInvalid),
    (82, "https://data.example.org:0443/", UrlInvalid),
    (82, "https://data.example.org:+443/", UrlInvalid),
    (82, "https://data.example.org:443:443/", UrlInvalid),
    (82, "https://data.example.org./", UrlInvalid),
    (82, "https://.example.org/", UrlInvalid),
    (82, "https://data..example.org/", UrlInvalid),
    (82, "https://-data.example.org/", UrlInvalid),
    (82, "https://", UrlInvalid),
    (82, "https://?a", UrlInvalid),
]

HOSTS = HostList.of(["data.example.org", "*.example.com", "odd.example.net:8443"])


@pytest.mark.parametrize(("case", "text", "error"), REFUSED)
def test_refused_without_a_look_at_the_list(case, text, error):
    with pytest.raises(error) as caught:
        parse_url(text)
    assert type(caught.value) is error, case
    if len(text) > 12:
        assert text[-12:] not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://data.example.org", "data.example.org", 443, "/"),
        ("https://data.example.org?a=1", "data.example.org", 443, "/?a=1"),
        ("https://Data.Example.ORG:443/A", "data.example.org", 443, "/A"),
        ("https://a.b.example.com/x%20y/@z?q=..&r=/../", "a.b.example.com", 443, "/x%20y/@z?q=..&r=/../"),
        ("https://odd.example.net:8443/a.tif", "odd.example.net", 8443, "/a.tif"),
        ("https://xn--mnchen-3ya.example.com/", "xn--mnchen-3ya.example.com", 443, "/"),
    ],
)
def test_understood(text, host, port, target):
    url = parse_url(text)
    assert (url.host, url.port, url.target) == (host, port, target)
    HOSTS.check(url)
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/",
        "https://evil-data.example.org/",
        "https://data.example.org.evil.net/",
        "https://example.com/",
        "https://evilexample.com/",
        "https://data.example.org:22/",
        "https://data.example.org:6379/",
        "https://data.example.org:8443/",
        "https://odd.example.net/",
        "https://a.example.com:8443/",
        "https://xn--dta-5cd.example.org/",
    ],
)
def test_hosts_that_are_not_on_the_list(text):
    with pytest.raises(UrlBlocked, match="not among those"):
        HOSTS.check(parse_url(text))


def test_an_empty_list_lets_nothing_pass():
    with pytest.raises(UrlBlocked, match="allows no hosts"):
        HostList.of(["", " "]).check(parse_url("https://data.example.org/"))


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "*.org",
        "**.example.org",
        "a.*.org",
        "127.0.0.1",
        "localhost",
        "https://data.example.org",
        "data.example.org/",
        "data.example.org/path",
        "a@data.example.org",
        "data.example.org:x",
        "data.example.org?",
        "d\u0430ta.example.org",
    ],
)
def test_entries_that_are_no_hosts(entry):
    with pytest.raises(ConfigError):
        HostList.of([entry])


def test_a_query_is_not_shown():
    url = parse_url("https://data.example.org/a.tif?token=secret")
    assert "secret" not in repr(url)
    assert "secret" in str(url)


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("b.tif", "https://data.example.org/x/y/b.tif"),
        ("./b.tif", "https://data.example.org/x/y/b.tif"),
        ("../b.tif", "https://data.example.org/x/b.tif"),
        ("/b.tif", "https://data.example.org/b.tif"),
        ("?page=2", "https://data.example.org/x/y/item.json?page=2"),
        ("//a.example.com/b", "https://a.example.com/b"),
        ("https://a.example.com/b", "https://a.example.com/b"),
        ("../../../../b.tif", "https://data.example.org/b.tif"),
    ],
)
def test_references_count_from_the_document(reference, wanted):
    assert str(parse_url("https://data.example.org/x/y/item.json?t=1").join(reference)) == wanted


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("file:///etc/passwd", UrlScheme),
        ("http://data.example.org/", UrlScheme),
        ("javascript:alert(1)", UrlScheme),
        ("//127.0.0.1/", UrlBlocked),
        ("\\\\evil.example.net\\a", UrlInvalid),
        ("/\\evil.example.net", UrlInvalid),
        ("//user@a.example.com/", UrlInvalid),
        ("a\nb", UrlInvalid),
        ("b.tif#part", UrlInvalid),
        ("", UrlInvalid),
    ],
)
def test_references_are_refused_like_addresses(reference, error):
    with pytest.raises(error):
        parse_url("https://data.example.org/x/item.json").join(reference)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["", "https://", "https://data.example.org", "https://data.example.org/"]))
def test_any_text_is_an_address_or_refused(text, prefix):
    try:
        url = parse_url(prefix + text)
    except DataError:
        return
    assert isinstance(url, Url)
    assert url.host.isascii()
    assert url.host == url.host.lower()
    assert "." in url.host
    assert parse_url(str(url)) == url
