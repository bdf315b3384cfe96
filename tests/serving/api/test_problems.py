"""Errors as RFC 9457 problem documents, and the addresses that explain them."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

from landcover import errors
from landcover.errors import BundleInvalid, DataError, DiskFull, NoCrs, SteppeError, WindowError
from serving.api import problems, refusals
from serving.api.problems import STATUS, Busy, kinds
from serving.jobs import store
from serving.processes import process
from tests.serving.api.check import check_problem

OGC_TYPES = {
    slug: f"http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/{slug}"
    for slug in ("no-such-process", "no-such-job", "result-not-ready")
}
"""Types that 18-062r2 names itself (requirements 19, 40, 44)."""


def test_every_error_has_an_address_that_explains_it(client):
    listed = client.get("/problems").json()["problems"]
    found = {entry["href"]: entry for entry in listed}
    named = {
        kind
        for module in (errors, problems, refusals, store, process)
        for _, kind in inspect.getmembers(module, inspect.isclass)
    }
    for kind in {kind for kind in named if issubclass(kind, SteppeError) and "slug" in vars(kind)}:
        entry = found[f"/problems/{kind.slug}"]
        assert entry["title"] == inspect.getdoc(kind).splitlines()[0].rstrip(".")
        assert 400 <= entry["status"] < 600
        assert entry["type"] == (OGC_TYPES.get(kind.slug) or entry["href"])
        response = client.get(entry["href"])
        assert (response.status_code, response.json()) == (200, entry)


FRESH = """
import json
from importlib import import_module
from pkgutil import walk_packages

import landcover
import serving
import serving.api.app
from landcover.errors import SteppeError
from serving.api.problems import kinds

known = {kind.slug for kind in kinds()}
for room in (landcover, serving):
    for module in walk_packages(room.__path__, room.__name__ + "."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
waiting, unknown = [SteppeError], []
while waiting:
    error = waiting.pop()
    waiting += error.__subclasses__()
    if error.slug not in known:
        unknown.append([error.slug, error.__module__])
print(json.dumps(unknown))
"""
"""Errors that a fresh process which has only loaded the service does not know, and where they are defined."""

COMMANDS = (
    *("serving.commands.", "serving.client.", "serving.bench.", "serving.signals", "serving.cli"),
    *("indicators.sampling.", "indicators.spectral.", "indicators.productivity.ndvi", "indicators.productivity.units"),
)
"""What only a command raises, never a worker."""


def test_every_error_of_a_job_is_known_to_the_service():
    """A worker is another process: what it loads to raise an error, the service has to load to know it."""
    done = subprocess.run([sys.executable, "-c", FRESH], check=True, capture_output=True, text=True)
    unknown = [(slug, module) for slug, module in json.loads(done.stdout) if not module.startswith(COMMANDS)]
    assert unknown == []


def test_slugs_are_addresses():
    slugs = [kind.slug for kind in kinds()]
    assert all(slug == slug.lower() and slug.replace("-", "").isalnum() for slug in slugs)
    assert {"internal", "invalid-request", "not-found", "method-not-allowed", "busy", "no-crs"} <= set(slugs)


@pytest.mark.parametrize(
    ("error", "status"),
    [(NoCrs, 422), (WindowError, 422), (DataError, 422), (DiskFull, 507), (BundleInvalid, 503), (Busy, 503)],
)
def test_the_nearest_class_decides_the_status(client, error, status):
    assert client.get(f"/problems/{error.slug}").json()["status"] == status
    assert all(issubclass(kind, SteppeError) for kind in STATUS)


@pytest.mark.parametrize(
    "path", ["/problems/nonsense", "/nothing", "/models/a/b/c", "/models/../../etc/passwd", "/%00"]
)
def test_nothing_there(client, path):
    assert "GET /" in check_problem(client.get(path), 404, "not-found", "passwd")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/classify", "POST"),
        ("PUT", "/classify", "POST"),
        ("POST", "/models", "GET"),
        ("DELETE", "/livez", "GET"),
    ],
)
def test_wrong_method(client, method, path, allowed):
    response = client.request(method, path)
    check_problem(response, 405, "method-not-allowed")
    assert allowed in response.headers["allow"]


def test_the_description_of_the_service_names_its_problems(client):
    description = client.get("/openapi.json").json()
    for path, item in description["paths"].items():
        for operation in item.values():
            assert list(operation["responses"]["422"]["content"]) == ["application/problem+json"], path
    answers = description["paths"]["/classify"]["post"]["responses"]
    assert {"200", "404", "406", "408", "413", "415", "422", "503", "507"} <= set(answers)
    assert len(answers["200"]["content"]) == 4
    assert "HTTPValidationError" not in description.get("components", {}).get("schemas", {})


@pytest.mark.parametrize(
    ("slug", "says", "not_this"),
    [
        ("not-ready", "The service cannot do its work for now", "model"),  # it may be the disk
        ("model-retired", "This version was taken out of service; GET /models lists those that answer", "for good"),
    ],
)
def test_titles_say_no_more_than_is_true(client, slug, says, not_this):
    title = client.get(f"/problems/{slug}").json()["title"]
    assert title == says
    assert not_this not in title
