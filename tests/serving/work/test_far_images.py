"""Jobs whose images lie on other hosts: the same maps, pieces of files only, and every failure under its own name."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import rasterio

from landcover.sensors import Radiometry
from serving.catalog.scene import SceneAssets
from serving.fetch.reference import Kind, Reference
from serving.jobs.record import State
from serving.jobs.store import JobGone
from serving.processes.orders import AssetsSource, FolderSource, Place
from serving.work.worker import Worker
from tests.bundles import BANDS, pair_bundle
from tests.crew import no_overdue, open_test_shop, working
from tests.rasters import north_up, numbers, write_tiff
from tests.service import left_in, make_settings, scene_numbers, write_scene
from tests.serving.work.conftest import at, classify, compare
from tests.stacserver import SQUARE, polygon
from tests.websites import ranged, raw, reply

TAGS = {"processing_level": "L1C", "scale": "0.0001", "offset": "0"}
BLOCKS = {"compress": "deflate", "tiled": True, "blockxsize": 64, "blockysize": 64}
QUICK = {"fetch_seconds": 20, "fetch_idle_s": 5, "fetch_connect_s": 2}


@contextmanager
def shop_of(settings, readers, world, folder, **changes):
    chosen = settings.model_copy(update=QUICK | {"data_folder": folder} | changes)
    with open_test_shop(chosen, readers, fetcher=world.fetcher()) as shop:
        yield shop


def done(shop, new):
    """The job after a worker has done it, and the folder of its result."""
    job, _ = shop.store.accept(new)
    reports = []
    while shop.store.get(job.id, None).state is State.ACCEPTED:
        Worker("worker", shop, report=reports.append, overdue=no_overdue).step()
    job = shop.store.get(job.id, None)
    assert left_in(shop.scratch) == []
    return job, shop.results.root / job.result if job.result else None


def pixels(folder):
    found = {}
    for path in sorted(folder.glob("*.tif")):
        with rasterio.open(path) as dataset:
            found[path.name] = (dataset.transform, dataset.crs, dataset.read().tobytes())
    return found


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


@pytest.fixture
def single(images):
    return write_scene(images / "scene.tif", scene_numbers(300, 320), **BLOCKS)


@pytest.fixture
def per_band(images):
    folder = images / "33UUP"
    folder.mkdir()
    for band, dn_RC in zip(BANDS, numbers(4, 256, 256), strict=True):
        data, pixel = (dn_RC[::2, ::2], 20.0) if band == "B08" else (dn_RC, 10.0)
        write_tiff(folder / f"33UUP_{band}.tif", data[None], tags=TAGS, transform=north_up(pixel), **BLOCKS)
    return folder


def host(world, *files, route=ranged):
    return world.site(routes={f"/{path.name}": route(path.read_bytes()) for path in files})


def scene_at(site, folder):
    """The folder as a catalogue's scene with files on a host."""
    files = {path.stem.rpartition("_")[2]: path.name for path in folder.iterdir()}
    scene = SceneAssets(
        id="33UUP",
        collection=None,
        bands={band: Reference(Kind.URL, site.url(f"/{files[band]}")) for band in BANDS},
        datetime="2020-06-01T10:20:30Z",
        level="L1C",
        radiometry=Radiometry(1e-4, 0.0),
        cloud_cover=None,
        tile=None,
        footprint=polygon(*SQUARE),
    )
    return AssetsSource(scene=json.loads(json.dumps(scene.to_json())))


WAYS = {
    "plain": {},
    "area": {"place": Place(bbox=(500_300, 5_498_000, 501_200, 5_499_000), crs="EPSG:32633")},
    "warped": {"crs": "EPSG:32634", "resolution": 10.0},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["single", "per_band"])
def test_maps_are_those_of_files_here(settings, readers, world, images, request, kind, way):
    image = request.getfixturevalue(kind)
    site = host(world, *(image.iterdir() if image.is_dir() else [image]))
    far = scene_at(site, image) if image.is_dir() else at(site, "/scene.tif")
    with shop_of(settings, readers, world, images) as shop:
        there, result = done(shop, classify(far, **WAYS[way]))
        assert there.problem is None
        here, expected = done(shop, classify(FolderSource(path=image.name), **WAYS[way]))
        assert here.problem is None
        assert pixels(result) == pixels(expected)
        tags = _tags(result)
        assert "steppe_input_sha256" not in tags
        assert len(tags["steppe_input_identity_sha256"]) == 64
        item = json.loads((result / "item.json").read_text())["properties"]
        assert item["steppe:input_identity_sha256"] == tags["steppe_input_identity_sha256"]
        assert "steppe:input_sha256" not in item
        assert "steppe_input_sha256" in _tags(expected)
        if way != "plain":
            (part,) = item["steppe:composition"]["inputs"]
            assert part["identity_sha256"] == tags["steppe_input_identity_sha256"]
            assert "sha256" not in part


def _tags(folder):
    with rasterio.open(folder / "map.tif") as dataset:
        return dataset.tags()


def test_addresses_may_end_in_anything(settings, readers, world, per_band, images):
    """What follows the last dot of an address is no ending of a file, and may be longer than any name can be."""
    odd = "x" * 300
    site = world.site(routes={f"/{path.name}.{odd}": ranged(path.read_bytes()) for path in per_band.iterdir()})
    source = scene_at(site, per_band)
    for place in source.scene["files"].values():
        place["place"] += f".{odd}"
    with shop_of(settings, readers, world, images) as shop:
        job, _ = done(shop, classify(source))
    assert job.problem is None


def test_a_small_area_costs_a_small_part_of_the_file(settings, readers, world, images):
    path = write_scene(images / "scene.tif", numbers(4, 2048, 2048), **BLOCKS)
    site = host(world, path)
    box = Place(bbox=(510_000, 5_489_000, 510_300, 5_489_300), crs="EPSG:32633")
    with shop_of(settings, readers, world, images, fetch_max_bytes=path.stat().st_size // 5) as shop:
        job, _ = done(shop, classify(at(site, "/scene.tif"), place=box))
    assert job.problem is None
    assert len(site.asked) < 40


def test_two_dates_from_a_host(tmp_path, readers, world, images):
    tmp_path.joinpath("zoo").mkdir()
    pair_bundle(tmp_path / "models")
    settings = make_settings(tmp_path, tmp_path / "models", tmp_path / "zoo", model="pair")
    dates = [
        write_scene(images / f"{year}.tif", numbers(4, 70, 90, seed=year), tags=TAGS | {"datetime": f"{year}-06-01"})
        for year in (2019, 2021)
    ]
    site = host(world, *dates, write_scene(images / "bare.tif", tags=TAGS))
    with shop_of(settings, readers, world, images) as shop:
        job, result = done(shop, compare(at(site, "/2019.tif"), at(site, "/2021.tif")))
        assert job.problem is None
        assert "steppe_input_identity_sha256" in _tags(result)
        same, _ = done(shop, compare(at(site, "/bare.tif"), at(site, "/bare.tif")))
        assert same.problem["type"] == "/problems/same-image"


def test_a_host_without_ranges_is_read_whole_and_once(settings, readers, world, single, images):
    site = host(world, single, route=reply)
    with shop_of(settings, readers, world, images) as shop:
        job, result = done(shop, classify(at(site, "/scene.tif")))
        assert job.problem is None
        assert "steppe_input_sha256" in _tags(result)
        assert len(site.asked) == 1
        small = shop.settings.model_copy(update={"fetch_max_bytes": 1000})
    with open_test_shop(small, readers, fetcher=world.fetcher()) as shop:
        job, _ = done(shop, classify(at(site, "/scene.tif")))
        assert job.problem["type"] == "/problems/source-too-large"


class Fickle:
    """A host that serves a file well a few times, and then does something else."""

    def __init__(self, content, instead, *, good):
        self._route, self._instead, self._left = ranged(content), instead, good
        self.failing = threading.Event()

    def __call__(self, handler):
        self._left -= 1
        if self._left >= 0:
            self._route(handler)
        else:
            self.failing.set()
            self._instead(handler)


FAILURES = {
    "upstream": (reply(status=503), {}),
    "upstream-timeout": (lambda _handler: time.sleep(1), {"fetch_idle_s": 0.2, "fetch_seconds": 2}),
    "source-changed": (ranged(bytes(10**6), etag='"two"'), {}),
    "source-not-found": (reply(status=404), {}),
    "source-too-large": (None, {"fetch_max_bytes": 200_000}),
}


@pytest.mark.parametrize(
    ("slug", "good"),
    [(slug, good) for slug in FAILURES for good in (0, 2) if (slug, good) != ("source-changed", 0)],
)
def test_what_a_host_does_wrong_is_the_jobs_problem(settings, readers, world, images, slug, good):
    path = write_scene(images / "scene.tif", numbers(4, 300, 320), **BLOCKS)
    instead, changes = FAILURES[slug]
    route = Fickle(path.read_bytes(), instead, good=10**6 if instead is None else good)
    site = world.site(routes={"/scene.tif": route})
    with shop_of(settings, readers, world, images, **changes) as shop:
        job, result = done(shop, classify(at(site, "/scene.tif")))
    assert (job.state, result) == (State.FAILED, None)
    assert job.problem["type"] == f"/problems/{slug}"


def test_a_raster_that_is_bad_is_said_as_ever(settings, readers, world, images):
    path = write_scene(images / "scene.tif", numbers(4, 300, 320), **BLOCKS)
    site = world.site(routes={"/cut.tif": ranged(path.read_bytes()[:200_000]), "/text.tif": ranged(b"<html>" * 99)})
    with shop_of(settings, readers, world, images) as shop:
        cut, _ = done(shop, classify(at(site, "/cut.tif")))
        text, _ = done(shop, classify(at(site, "/text.tif")))
    assert cut.problem["type"] == "/problems/raster-truncated"
    assert text.problem["type"] == "/problems/raster-unreadable"


@pytest.mark.parametrize("good", [0, 2])
def test_a_dismissed_job_does_not_wait_for_a_silent_host(settings, readers, world, images, good):
    def silent(handler):
        handler.connection.settimeout(30)
        handler.connection.recv(1)

    path = write_scene(images / "scene.tif", numbers(4, 300, 320), **BLOCKS)
    route = Fickle(path.read_bytes(), silent, good=good)
    site = world.site(routes={"/scene.tif": route})
    patient = {"fetch_seconds": 300, "fetch_idle_s": 60}
    with shop_of(settings, readers, world, images, **patient) as shop, working(shop):
        job, _ = shop.store.accept(classify(at(site, "/scene.tif")))
        assert route.failing.wait(20)
        shop.store.dismiss(job.id, None)
        started = time.monotonic()
        while left_in(shop.scratch) and time.monotonic() < started + 10:
            time.sleep(0.05)
        assert time.monotonic() - started < 5
        with pytest.raises(JobGone):
            shop.store.get(job.id, None)
    deadline = time.monotonic() + 3
    while _bytes_threads() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _bytes_threads() == []
    assert left_in(shop.results.root) == []


def _bytes_threads():
    return [thread for thread in threading.enumerate() if thread.name == "steppe-bytes"]


def test_a_broken_connection_is_asked_again(settings, readers, world, single, images):
    broken = []

    def route(content):
        good, bad = ranged(content), raw(b"HTTP/1.1 206 Par")

        def answer(handler):
            broken.append(1)
            (bad if len(broken) == 2 else good)(handler)

        return answer

    site = host(world, single, route=route)
    with shop_of(settings, readers, world, images) as shop:
        job, _ = done(shop, classify(at(site, "/scene.tif")))
    assert job.problem is None
    assert np.sum(broken) > 2
