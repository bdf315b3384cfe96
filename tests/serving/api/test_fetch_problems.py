"""What goes wrong at other hosts and in catalogues, as problem documents."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.api import problems
from serving.catalog import errors as catalog
from serving.fetch import errors as fetch
from tests.serving.api.check import check_problem

STATUSES = [
    (fetch.UrlInvalid, "url-invalid", 422),
    (fetch.UrlScheme, "url-scheme", 422),
    (fetch.UrlBlocked, "url-blocked", 422),
    (fetch.SourceNotFound, "source-not-found", 422),
    (fetch.SourceTooLarge, "source-too-large", 413),
    (fetch.Upstream, "upstream", 502),
    (fetch.UpstreamTls, "upstream-tls", 502),
    (fetch.UpstreamTimeout, "upstream-timeout", 504),
    (fetch.SourceChanged, "source-changed", 502),
    (fetch.NotJson, "upstream-document", 502),
    (catalog.StacInvalid, "stac-invalid", 422),
    (catalog.NoScenes, "no-scenes", 422),
    (catalog.TileInvalid, "tile-invalid", 422),
    (catalog.DatesInvalid, "datetime", 422),
    (catalog.AreaTooLarge, "area-too-large", 413),
    (catalog.NoCatalogue, "no-catalogue", 422),
    (catalog.CatalogueUnusable, "catalogue-unusable", 502),
]


def answer(error):
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def fail() -> None:
        raise error

    return TestClient(app, raise_server_exceptions=False).get("/")


@pytest.mark.parametrize(("error", "slug", "status"), STATUSES)
def test_statuses(error, slug, status):
    response = answer(error("what came, what was expected; what to do"))
    check_problem(response, status, slug)
    assert "Retry-After" not in response.headers


def test_the_pause_a_host_wants_is_passed_on():
    assert answer(fetch.Upstream("try again later", retry_after_s=7)).headers["Retry-After"] == "7"
