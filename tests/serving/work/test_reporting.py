"""Jobs that make reports: what is left of them, how they stop, what they cost, and where their files may come from."""

from __future__ import annotations

import json
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from affine import Affine

from landcover.errors import ConfigError, RasterTooLarge
from serving.jobs.record import NewJob, State
from serving.processes.earlier import BaselineNotFound, EarlierReports
from serving.processes.orders import (
    Answering,
    Baseline,
    Cover,
    Image,
    Making,
    Place,
    ReportOrder,
    Request,
    SpotsWanted,
    UploadSource,
)
from serving.report.streaming import BLOCK_ROWS
from serving.uploads import UploadNotFound
from serving.work import reporting
from serving.work.gathering import gather
from serving.work.rehearsal import rehearse
from tests.crew import open_test_shop
from tests.serving.report import inputs as made
from tests.serving.report.classmaps import UTM, class_codes, write_map
from tests.serving.work.conftest import at
from tests.serving.work.test_far_images import QUICK, done
from tests.serving.work.test_worker import in_thread
from tests.websites import ranged

COARSE = replace(UTM, transform=UTM.transform @ Affine.scale(2), height=30, width=40)


class Listening:
    """A heart that keeps what it is told."""

    attempt = "attempt"

    def __init__(self):
        self.said, self.pixels = [], None

    def say(self, percent, message):
        self.said.append((percent, message))

    def check(self):
        pass

    def measure(self, pixels):
        self.pixels = pixels

    def ending(self, _end):
        return nullcontext()


@pytest.fixture
def files(tmp_path):
    """Two maps, the first of which has larger pixels."""
    folder = tmp_path / "maps"
    folder.mkdir()
    before = write_map(folder / "before.tif", class_codes(30, 40, seed=1), grid=COARSE)
    return SimpleNamespace(before=before, after=write_map(folder / "after.tif", class_codes(seed=2)))


def order_of(before, after, *, layers=None, max_pixels=10**7, **members):
    base = {
        "making": Making(outputs=("map",), max_pixels=max_pixels),
        "before": Cover(image=Image(source=before, role="before"), year=2000),
        "after": Cover(image=Image(source=after, role="after"), year=2015),
        "layers": {name: Image(source=source, role=name) for name, source in (layers or {}).items()},
        "lpd_table": "prais2026",
        "nodata_policy": "strict",
        "spots": SpotsWanted(min_km2=0.001, most=10),
    }
    return ReportOrder(**(base | members))


def job_of(order, owner="anonymous"):
    request = Request(order=order, answering=Answering(modes={}))
    return NewJob(owner=owner, process="report", request=request.model_dump(mode="json"), pixels=1200)


@pytest.fixture
def order(yard, files):
    """A report of the two maps, as uploads."""
    return order_of(
        *(UploadSource(file=yard.upload(path.read_bytes()), name=path.name) for path in vars(files).values())
    )


def test_a_report_is_made_and_measured(yard, order):
    job, _ = yard.store.accept(job_of(order))
    assert yard.worker().step()
    found = yard.get(job)
    assert (found.state, found.new.model) == (State.SUCCESSFUL, None)
    assert [extra.pixels for extra in yard.store.extras("anonymous", 60)] == [3600], (
        "of the finer map, on whose grid it is"
    )
    assert yard.scratch() == []
    (report,) = yard.reports
    assert (report.process, report.model, report.pixels, report.images) == ("report", None, 4800, ())
    outcome = yard.shop.results.outcome(found.result)
    assert {"map", "tables", "account", "page", "item"} <= set(outcome["outputs"])
    assert outcome["outputs"]["map"]["file"] == "degradation.tif"


def test_steps_are_told(yard, order, tmp_path):
    heart, folder = Listening(), tmp_path / "out"
    folder.mkdir()
    with gather(order.images, yard.shop, heart) as gathered:
        outcome = reporting.make(order, gathered, yard.shop, heart, folder)
    percents = [percent for percent, _ in heart.said]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (10, 95)
    assert "1 of 1 blocks of rows are counted" in [message for _, message in heart.said]
    assert heart.pixels == 4800 <= BLOCK_ROWS**2
    assert {path.name for path in folder.iterdir()} == set(outcome.made.names)


def test_too_many_pixels(yard, order):
    job, _ = yard.store.accept(job_of(order.within(4799)))
    yard.worker().step()
    problem = yard.get(job).problem
    assert problem["type"] == "/problems/raster-too-large"
    assert "4,800 pixels" in problem["detail"]
    assert (yard.results(), yard.scratch()) == ([], [])
    with pytest.raises(RasterTooLarge):
        rehearse(order.within(4799), None, yard.shop)
    small = Place(bbox=(500_300, 5_498_600, 501_200, 5_499_200), crs="EPSG:32633")
    rehearse(order.within(4799).model_copy(update={"areas": small}), None, yard.shop)


@pytest.fixture
def slow(monkeypatch):
    """A report that is gone over without end."""
    began, go_on = threading.Event(), threading.Event()

    def hold(_pairing, _plan, *, progress):
        began.set()
        while not go_on.wait(0.01):
            progress(1, 4)
        raise ZeroDivisionError

    monkeypatch.setattr("serving.report.passing.run_account", hold)
    yield SimpleNamespace(began=began, go_on=go_on)
    go_on.set()


@pytest.mark.usefixtures("quick_heart")
def test_dismissed_while_it_runs(yard, order, slow):
    job, _ = yard.store.accept(job_of(order))
    thread = in_thread(yard.worker().step)
    assert slow.began.wait(15)
    began = time.monotonic()
    yard.store.dismiss(job.id, None)
    thread.join(10)
    assert time.monotonic() - began < 5
    assert (yard.results(), yard.scratch(), yard.reports) == ([], [], [])
    assert not yard.hard.is_set()


@pytest.mark.usefixtures("quick_heart")
def test_dismissed_while_a_reader_is_waited_for(yard, order, monkeypatch):
    """Nobody waits for the process that reads: it is ended."""
    began = threading.Event()

    def digested(cover):
        began.set()
        while True:
            cover.codes.scene.read(cover.codes.grid.extent)

    monkeypatch.setattr("serving.report.covering.OpenedCover.digested", digested)
    job, _ = yard.store.accept(job_of(order))
    thread = in_thread(yard.worker().step)
    assert began.wait(15)
    yard.store.dismiss(job.id, None)
    thread.join(10)
    assert not thread.is_alive()
    assert (yard.results(), yard.scratch()) == ([], [])


def kept(yard, folder, **content):
    """The files of a baseline as uploads that go with a job."""
    folder.mkdir()
    for name, text in content.items():
        (folder / name).write_bytes(text)
    sources = [UploadSource(file=yard.shop.uploads.adopt("anonymous", folder / name), once=True) for name in content]
    return Baseline(job="5", account=sources[0], indicator=sources[1], transitions=sources[2])


def test_a_baseline_that_is_none(yard, order, tmp_path):
    layers = made.write_inputs(tmp_path)
    given = {name: UploadSource(file=yard.upload(layers[name].read_bytes())) for name in ("lpd", "soc_change")}
    images = {name: Image(source=source, role=name) for name, source in given.items()}
    other = json.dumps({"format": "other"}).encode()
    broken = kept(yard, tmp_path / "b", account=other, indicator=b"no raster", transitions=b"none")
    later = order.model_copy(update={"layers": images, "lpd_source": "jrc", "baseline": broken, "period": "report_1"})
    job, _ = yard.store.accept(job_of(later))
    yard.worker().step()
    problem = yard.get(job).problem
    assert problem["type"].startswith("/problems/account-")
    assert (yard.results(), yard.scratch()) == ([], [])
    assert Request.model_validate(job.new.request).uploads[-3:] == broken.kept
    yard.shop.uploads.remove(broken.indicator.file)
    with pytest.raises(UploadNotFound):
        rehearse(later, None, yard.shop)


def succeeded(yard, owner, *names, process="report"):
    """A job that has ended well, with some files."""
    job, _ = yard.store.accept(
        replace(job_of(order_of(UploadSource(file="a"), UploadSource(file="b")), owner), process=process)
    )
    leased = yard.store.lease("one", 60)
    folder = yard.shop.results.root / leased.folder
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("{}")
    yard.store.succeed(leased.id, leased.fence, leased.folder)
    return job.id


def test_only_ones_own_reports_with_the_indicator_are_baselines(yard):
    both = "account.json", "indicator.tif", "transitions.tif"
    reports = EarlierReports(yard.store, yard.shop.results, "one")
    assert tuple(path.name for path in reports.baseline(succeeded(yard, "one", *both))) == both
    plain = succeeded(yard, "one", "account.json", "transitions.tif")
    with pytest.raises(ConfigError, match="without the indicator"):
        reports.baseline(plain)
    gone = succeeded(yard, "one", *both)
    absent = [gone, succeeded(yard, "two", *both), succeeded(yard, "one", *both, process="classify")]
    absent.append(succeeded(yard, "one"))
    yard.store.dismiss(gone, "one")
    waiting, _ = yard.store.accept(job_of(order_of(UploadSource(file="a"), UploadSource(file="b")), "one"))
    for job in (*absent, waiting.id, "nonsense", ""):
        with pytest.raises(BaselineNotFound) as refused:
            reports.baseline(job)
        assert job not in str(refused.value) or not job


def test_maps_on_other_hosts(settings, readers, world, files, tmp_path):
    """Pieces of a map are fetched, provenance says where it was, and what is no raster is refused by name."""
    site = world.site(routes={f"/{path.name}": ranged(path.read_bytes()) for path in vars(files).values()})
    chosen = settings.model_copy(update=QUICK | {"data_folder": tmp_path})
    with open_test_shop(chosen, readers, fetcher=world.fetcher()) as shop:
        job, folder = done(shop, job_of(order_of(at(site, "/before.tif"), at(site, "/after.tif?sig=secret"))))
        assert job.state is State.SUCCESSFUL, job.problem
        item = json.loads((folder / "item.json").read_text())
        links = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
        assert links == [site.url("/before.tif"), site.url("/after.tif")]
        assert "secret" not in (folder / "so1.json").read_text()
        site.routes["/none.tif"] = ranged(b"no raster" * 100)
        job, folder = done(shop, job_of(order_of(at(site, "/before.tif"), at(site, "/none.tif"))))
        assert (job.state, folder) == (State.FAILED, None)
        assert "'after.tif'" in job.problem["detail"]
