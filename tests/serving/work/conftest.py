"""A worker whose fetcher asks hosts of the test, and jobs for it."""

import pytest

from serving.jobs.record import NewJob
from serving.processes.orders import (
    Answering,
    ClassifyOrder,
    DegradationOrder,
    Image,
    Making,
    Place,
    Request,
    UrlSource,
)
from serving.reader.pool import ReaderPool
from serving.reader.terms import Terms
from tests.service import make_settings

MAKING = Making(outputs=("map", "confidence", "item"), max_pixels=10**7)


@pytest.fixture(scope="package")
def readers(tmp_path_factory, folders):
    settings = make_settings(tmp_path_factory.mktemp("readers"), *folders)
    with ReaderPool(Terms.of(settings)) as pool:
        yield pool


def classify(*sources, place=None, **members):
    """The job of mapping images."""
    images = tuple(Image(source=source) for source in sources)
    order = ClassifyOrder(images=images, place=place or Place(), making=MAKING, **members)
    return _job("classify", order)


def compare(before, after):
    images = Image(source=before, date="2019-06-01"), Image(source=after, date="2021-06-01")
    return _job("degradation", DegradationOrder(before=images[0], after=images[1], making=MAKING))


def at(site, path):
    return UrlSource(href=site.url(path))


def _job(process, order):
    request = Request(order=order, answering=Answering(modes={}))
    return NewJob(owner="anonymous", process=process, request=request.model_dump(mode="json"))
