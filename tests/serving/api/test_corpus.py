"""Every bad raster over HTTP: the documented problem and nothing else, soon, nothing left; every odd one is mapped."""

from __future__ import annotations

import io
import os
import resource
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio

from landcover.raster.opening import gdal_env
from landcover.raster.protocol import DEFAULT_POLICY
from tests.corpus.cases import CASES, write_models
from tests.corpus.metadata import NOBODY
from tests.crew import service
from tests.service import left_in, make_settings, write_scene
from tests.serving.api.check import check_problem

SENT = [case for case in CASES if case.over_http]
MEMORY_KB = 2**20
"""A gigabyte, as ``getrusage`` counts memory."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    write_models(folder / "registry")
    (folder / "zoo").mkdir()
    # As many pixels as the header check allows by itself, so that cases of large blocks get that far.
    return make_settings(folder, folder / "registry", folder / "zoo", max_pixels=DEFAULT_POLICY.max_pixels)


@pytest.fixture(scope="module")
def client(settings, readers):
    """A client of the running service, whose processes must stay small."""
    with service(settings, readers) as client:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        yield client
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KB
        assert max(reader_memory()) < MEMORY_KB


def reader_memory():
    """Most memory that each process below this one has had, in kilobytes."""
    parents, most = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it ended
            said = dict(line.split(":", 1) for line in status.read_text().splitlines())
            pid = int(status.parent.name)
            parents[pid] = int(said["PPid"])
            most[pid] = int(said.get("VmHWM", "0 kB").split()[0])
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return [most[pid] for pid in below if pid != os.getpid()]


def left(settings):
    """Files of requests that are still there."""
    names = [name for name in left_in(settings.state) if not name.startswith("steppe.db")]
    return [name for name in names if (settings.state / name).is_file()] + left_in(settings.scratch)


@pytest.fixture(scope="module")
def plain(client, tmp_path_factory):
    """Codes of the plain scene's map."""
    body = write_scene(tmp_path_factory.mktemp("plain") / "scene.tif").read_bytes()
    return the_map(client.post("/classify", content=body))[0]


def the_map(response):
    """Codes, transform and CRS of an answer."""
    assert response.status_code == 200, response.text
    with rasterio.open(io.BytesIO(response.content)) as dataset:
        return dataset.read(1), dataset.transform, dataset.crs


def post(client, case, body):
    """Send a case's file; what is refused must be soon, or a second time where the machine was busy."""
    model = {} if case.model == "tiny" else {"model": case.model}
    for _ in range(2):
        start = time.perf_counter()
        response = client.post("/classify", content=body, params=case.options | model)
        if response.status_code == 200 or time.perf_counter() - start < 2:
            return response
    raise AssertionError(f"{case} is not answered within two seconds")


@pytest.mark.parametrize("case", SENT, ids=str)
def test_case(client, plain, settings, tmp_path, case):
    path = case.write(tmp_path)
    response = post(client, case, path.read_bytes())
    assert left(settings) == []
    if case.slugs:
        slug = response.json()["type"].rpartition("/")[2]
        assert slug in case.slugs
        (status,) = {status for status, known in case.answers if known == slug}
        check_problem(response, status, slug, tmp_path, settings.scratch, settings.state, NOBODY, "secret", "127.0.0.1")
        return
    codes, transform, crs = the_map(response)
    with gdal_env(), rasterio.open(path) as scene:  # no side-car files
        assert crs == scene.crs
        assert transform.almost_equals(scene.transform)
    if case.valid:
        np.testing.assert_array_equal(codes != 255, case.valid())
    if case.like_plain:
        np.testing.assert_array_equal(codes, plain)
