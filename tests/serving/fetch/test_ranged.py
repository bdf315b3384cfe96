"""Files that are read in pieces: 85 of the bad inputs, few requests, one content."""

from __future__ import annotations

import random
import threading
import time

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile
from rasterio.windows import Window

from serving.fetch.errors import SourceChanged, SourceNotFound, SourceTooLarge, Upstream, UpstreamTimeout
from serving.fetch.ranged import RangedFile, RangePolicy
from serving.fetch.sources import DownloadedFile
from tests.websites import in_turn, quick, ranged, raw, redirect, reply

BLOCK = 1024
SMALL = RangePolicy(block=BLOCK, max_request=16 * BLOCK, max_ahead=8 * BLOCK, cache=64 * BLOCK)
CONTENT = random.Random(0).randbytes(100 * BLOCK + 123)  # noqa: S311


@pytest.fixture
def opened(world, tmp_path):
    """Open a route as a source; closed when the test is over."""
    sources = []

    def open_route(route, *, policy=SMALL, budget=None, routes=None, **limits):
        site = world.site(f"s{len(sources)}.example.org", {"/a.tif": route, **(routes or {})})
        source = world.fetcher().open(site.url("/a.tif"), tmp_path / "whole", budget or quick(**limits), policy=policy)
        sources.append(source)
        return source, site

    yield open_route
    for source in sources:
        source.close()
    assert list(tmp_path.iterdir()) == []


def test_the_same_bytes_as_the_file(opened):
    source, site = opened(ranged(CONTENT))
    assert isinstance(source, RangedFile)
    assert (source.size, source.etag) == (len(CONTENT), '"one"')
    chance = random.Random(1)  # noqa: S311
    for _ in range(200):
        offset, length = chance.randrange(len(CONTENT) + 10), chance.randrange(5 * BLOCK)
        assert source.read(offset, length) == CONTENT[offset : offset + length]
    assert source.read(0, len(CONTENT)) == CONTENT
    assert source.read(0, 0) == b""
    assert len(site.asked) < 200
    for offset, length in ((-1, 1), (0, -1)):
        with pytest.raises(ValueError, match="negative"):
            source.read(offset, length)


def test_every_request_pins_the_content(opened):
    source, site = opened(ranged(CONTENT))
    source.read(50 * BLOCK, 10)
    _, _, headers = site.asked[-1]
    assert headers["Range"] == f"bytes={50 * BLOCK}-{51 * BLOCK - 1}"
    assert headers["If-Match"] == headers["If-Range"] == '"one"'


def test_a_date_pins_where_there_is_no_strong_name(opened):
    modified = {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
    source, site = opened(ranged(CONTENT, etag='W/"weak"', headers=modified, ignore_match=True))
    assert source.read(50 * BLOCK, 10) == CONTENT[50 * BLOCK : 50 * BLOCK + 10]
    _, _, headers = site.asked[-1]
    assert headers["If-Unmodified-Since"] == modified["Last-Modified"]
    assert "If-Match" not in headers


def test_reads_that_follow_each_other_take_fewer_and_fewer_requests(opened):
    source, site = opened(ranged(CONTENT))
    for offset in range(0, len(CONTENT), 700):
        assert source.read(offset, 700) == CONTENT[offset : offset + 700]
    assert len(site.asked) <= 18  # 101 blocks


def test_scattered_reads_take_no_more_than_they_need(opened):
    source, _ = opened(ranged(CONTENT), budget=(budget := quick()))
    for block in (90, 10, 70, 30, 50):
        source.read(block * BLOCK, BLOCK)
    assert budget.bytes_spent == 6 * BLOCK


def test_the_cache_has_a_limit(opened):
    policy = RangePolicy(block=BLOCK, max_request=8 * BLOCK, max_ahead=0, cache=4 * BLOCK)
    source, site = opened(ranged(CONTENT), policy=policy)
    assert source.read(0, len(CONTENT)) == CONTENT
    before = len(site.asked)
    assert source.read(97 * BLOCK, 3 * BLOCK) == CONTENT[97 * BLOCK : 100 * BLOCK]
    assert len(site.asked) == before
    assert source.read(0, 10) == CONTENT[:10]
    assert len(site.asked) == before + 1


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_small_files(opened, size):
    source, _ = opened(ranged(CONTENT[:size]))
    assert (source.size, source.read(0, 10**6)) == (size, CONTENT[:size])


def test_an_empty_file(opened):
    source, _ = opened(ranged(b""))
    assert (source.size, source.read(0, 10)) == (0, b"")


def test_threads_share_a_file_and_its_requests(opened):
    def slow(handler):
        time.sleep(0.05)
        ranged(CONTENT)(handler)

    source, site = opened(slow)
    wrong = []

    def read():
        if source.read(50 * BLOCK, 4 * BLOCK) != CONTENT[50 * BLOCK : 54 * BLOCK]:
            wrong.append(1)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(site.asked) == 2


def test_a_failed_read_of_one_thread_is_no_other_threads_failure(opened):
    source, site = opened(in_turn(ranged(CONTENT), reply(status=404), ranged(CONTENT)))
    with pytest.raises(SourceNotFound):
        source.read(50 * BLOCK, 10)
    assert source.read(50 * BLOCK, 10) == CONTENT[50 * BLOCK :][:10]
    assert len(site.asked) == 3


def test_a_closed_file_is_read_no_more(opened):
    source, _ = opened(ranged(CONTENT))
    source.close()
    source.close()
    with pytest.raises(ValueError, match="closed"):
        source.read(0, 1)


def test_redirects_are_followed_once(opened):
    """Later requests go to where the first one ended."""
    source, site = opened(redirect("/b.tif"), routes={"/b.tif": ranged(CONTENT)})
    source.read(50 * BLOCK, 10)
    assert site.paths() == ["/a.tif", "/b.tif", "/b.tif"]


def test_connections_are_kept(opened, world):
    source, _ = opened(ranged(CONTENT))
    for block in (20, 40, 60, 80):
        source.read(block * BLOCK, 1)
    assert len(world.dialled) == 1


def changing(*names):
    """Another name for the content with each request."""
    left = list(names)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def lie(change):
    """A route that changes the headers of a partial answer."""

    def route(handler):
        send = handler.send_header
        handler.send_header = lambda name, value: [send(*pair) for pair in change(name, value)]
        ranged(CONTENT)(handler)

    return route


def content_range(text):
    return lie(lambda name, value: [(name, text if name == "Content-Range" else value)])


def without(*names):
    return lie(lambda name, value: [] if name in names else [(name, value)])


END = len(CONTENT)
PARTIAL = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 51200-52223/102523\r\n"


@pytest.mark.parametrize(
    ("later", "error"),
    [
        (ranged(CONTENT, etag='"two"'), SourceChanged),
        (ranged(CONTENT, etag='"two"', ignore_match=True), SourceChanged),
        (ranged(CONTENT + b"x"), SourceChanged),
        (ranged(CONTENT[:-1]), SourceChanged),
        (ranged(CONTENT[:BLOCK]), SourceChanged),
        (reply(status=412), SourceChanged),
        (reply(CONTENT, headers={"ETag": '"two"'}), SourceChanged),
        (reply(CONTENT, headers={"ETag": '"one"'}), Upstream),
        (reply(status=200), SourceChanged),
        (without("Content-Range"), Upstream),
        (content_range("bytes 0-1023/102523"), Upstream),
        (content_range(f"bytes 51200-52222/{END}"), Upstream),
        (content_range(f"bytes 51200-53000/{END}"), Upstream),
        (content_range("bytes 51200-52223/999"), Upstream),
        (content_range("bytes 51200-52223/999999"), SourceChanged),
        (content_range("items 51200-52223/102523"), Upstream),
        (content_range("bytes */102523"), Upstream),
        (content_range("bytes 5-1/102523"), Upstream),
        (content_range("nonsense"), Upstream),
        (ranged(CONTENT, headers={"Content-Encoding": "gzip"}), Upstream),
        (raw(PARTIAL + b"Content-Length: 5\r\n\r\nabcde"), Upstream),
        (raw(PARTIAL + b"\r\n" + bytes(5000)), Upstream),
        (reply(status=416), SourceChanged),
        (reply(status=500), Upstream),
        (reply(status=404), SourceNotFound),
    ],
)  # fmt: skip
def test_85_answers_that_do_not_fit(opened, later, error):
    source, _ = opened(in_turn(ranged(CONTENT), later))
    with pytest.raises(error) as caught:
        source.read(50 * BLOCK, 10)
    assert type(caught.value) is error
    assert source.read(0, BLOCK) == CONTENT[:BLOCK]  # what was read before is still that


def test_a_host_without_names_is_watched_by_size_and_date(opened):
    modified = "Wed, 21 Oct 2015 07:28:00 GMT"
    first = ranged(CONTENT, etag=None, headers={"Last-Modified": modified})
    later = ranged(CONTENT, etag=None, headers={"Last-Modified": "Thu, 22 Oct 2015 07:28:00 GMT"})
    source, _ = opened(in_turn(first, first, later))
    assert source.read(20 * BLOCK, 1)
    with pytest.raises(SourceChanged):
        source.read(50 * BLOCK, 1)


def test_a_size_that_is_said_only_once_is_enough(opened):
    source, _ = opened(in_turn(ranged(CONTENT), content_range(f"bytes {50 * BLOCK}-{51 * BLOCK - 1}/*")))
    assert source.read(50 * BLOCK, 10) == CONTENT[50 * BLOCK :][:10]


def test_what_passes_is_asked_again(opened):
    broken = raw(PARTIAL + b"Content-Length: 1024\r\n\r\nabc")
    source, site = opened(in_turn(ranged(CONTENT), reply(status=503), broken, ranged(CONTENT)))
    assert source.read(50 * BLOCK, 10) == CONTENT[50 * BLOCK :][:10]
    assert len(site.asked) == 4


@pytest.mark.parametrize(
    "route",
    [
        reply(CONTENT),
        reply(CONTENT, headers={"Accept-Ranges": "none"}),
        raw(b"HTTP/1.1 200 OK\r\n\r\n" + CONTENT),
    ],
)
def test_85_a_host_without_ranges_is_read_whole(opened, tmp_path, route):
    source, site = opened(route)
    assert isinstance(source, DownloadedFile)
    assert (source.size, source.read(5000, 70)) == (len(CONTENT), CONTENT[5000:5070])
    assert source.read(len(CONTENT) - 3, 100) == CONTENT[-3:]
    assert source.read(len(CONTENT) + 3, 100) == b""
    assert len(site.asked) == 1
    source.close()
    with pytest.raises(ValueError, match="closed"):
        source.read(0, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "error"),
    [
        (content_range("bytes 1-1024/102523"), Upstream),
        (content_range("bytes 0-1023/*"), Upstream),
        (content_range("bytes 0-99/102523"), Upstream),
        (without("Content-Range"), Upstream),
        (reply(status=416), Upstream),
        (reply(status=404), SourceNotFound),
        (reply(status=403), Upstream),
        (reply(CONTENT, length=10**12), SourceTooLarge),
    ],
)  # fmt: skip
def test_85_a_beginning_that_does_not_fit(opened, first, error):
    with pytest.raises(error) as caught:
        opened(first)
    assert type(caught.value) is error


def test_bytes_are_limited(opened):
    source, _ = opened(ranged(CONTENT), max_bytes=10 * BLOCK)
    source.read(50 * BLOCK, 3 * BLOCK)
    with pytest.raises(SourceTooLarge):
        source.read(70 * BLOCK, 9 * BLOCK)


def test_time_is_limited(opened):
    def slow(handler):
        time.sleep(0.15)
        ranged(CONTENT)(handler)

    source, _ = opened(slow, seconds=0.5)

    def read_on():
        for block in range(20, 100, 10):
            source.read(block * BLOCK, 1)

    with pytest.raises(UpstreamTimeout):
        read_on()


# --- a cloud-optimized GeoTIFF, as GDAL reads it through a source -----------------------------------------------------


def cog(side=2048):
    """Random numbers hardly pack, so offsets are as in a real scene."""
    data = np.random.default_rng(0).integers(0, 4000, (1, side, side), np.uint16)
    with MemoryFile() as memory:
        profile = {"driver": "COG", "dtype": "uint16", "count": 1, "height": side, "width": side, "blocksize": 512}
        with memory.open(**profile, crs="EPSG:32633", transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5.5e6)) as dataset:
            dataset.write(data)
        return data[0], memory.read()


class Opener:
    """What rasterio's ``opener`` wants of a file."""

    def __init__(self, source):
        self.source, self.place, self.reads = source, 0, 0

    def __call__(self, _path, _mode="rb", **_):
        self.place = 0
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing to give back."""

    close = __exit__

    def read(self, count=-1):
        self.reads += 1
        content = self.source.read(self.place, self.source.size if count < 0 else count)
        self.place += len(content)
        return content

    def seek(self, offset, whence=0):
        self.place = {0: 0, 1: self.place, 2: self.source.size}[whence] + offset
        return self.place

    def tell(self):
        return self.place


@pytest.mark.parametrize(
    ("window", "most"), [((600, 600, 256, 256), 2), ((0, 0, 1024, 1024), 6), ((0, 0, 2048, 2048), 20)]
)
def test_a_window_of_a_cog_costs_few_requests(opened, window, most):
    data, content = cog()
    source, site = opened(ranged(content), policy=RangePolicy(), max_bytes=10**8, seconds=20)
    row, col, height, width = window
    with (
        rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
        rasterio.open("cog.tif", opener=Opener(source), driver="GTiff") as dataset,
    ):
        read = dataset.read(1, window=Window(col, row, width, height))
    assert (read == data[row : row + height, col : col + width]).all()
    assert len(site.asked) <= most
