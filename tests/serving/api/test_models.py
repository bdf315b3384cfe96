"""``/models``: what there is, manifests, cards and legends."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from landcover.legends import get_legend
from serving.api.app import create_app
from tests.bundles import tiny_bundle
from tests.service import make_settings
from tests.serving.api.check import check_problem


@pytest.fixture
def models(tmp_path, folders):
    """A service with two versions and a broken one."""
    for version in ("0.1.0", "0.10.0"):
        tiny_bundle(tmp_path / "own", version=version, title=f"Tiny {version}")
    (tiny_bundle(tmp_path / "own", version="0.2.0").path / "manifest.json").write_text("{}")
    with TestClient(create_app(make_settings(tmp_path, tmp_path / "own", folders[1]))) as client:
        yield client


def test_all_versions_are_listed_newest_first_with_links_that_work(models):
    listed = models.get("/models").json()["models"]
    assert [(entry["version"], entry["title"]) for entry in listed] == [
        ("0.10.0", "Tiny 0.10.0"),
        ("0.2.0", None),
        ("0.1.0", "Tiny 0.1.0"),
    ]
    assert [entry["problem"] is None for entry in listed] == [True, False, True]
    for entry in listed:
        for link in entry["links"]:
            assert models.get(link["href"]).status_code == (200 if entry["problem"] is None else 503)


def test_the_manifest_is_the_one_on_disk(models, tmp_path):
    on_disk = json.loads((tmp_path / "own" / "tiny" / "0.1.0" / "manifest.json").read_bytes())
    assert models.get("/models/tiny", params={"version": "0.1.0"}).json() == on_disk
    assert models.get("/models/tiny@0.1.0").json() == on_disk
    assert models.get("/models/tiny").json()["properties"]["version"] == "0.10.0"


def test_the_card(models):
    response = models.get("/models/tiny/card")
    assert response.headers["content-type"].startswith("text/markdown")
    assert response.text.startswith("# Tiny")


def test_the_legend_in_six_languages(models):
    answer = models.get("/models/tiny/legend").json()
    legend = get_legend("unccd7")
    assert (answer["id"], answer["version"], answer["nodata"]) == ("unccd7", legend.version, 255)
    assert [(entry["code"], entry["name"], entry["color"]) for entry in answer["classes"]] == [
        (entry.code, entry.name, entry.color) for entry in legend.classes
    ]
    assert all(set(entry["titles"]) == {"ar", "en", "es", "fr", "ru", "zh"} for entry in answer["classes"])


@pytest.mark.parametrize("language", ["ar", "en", "es", "fr", "ru", "zh"])
def test_the_legend_in_one_language(models, language):
    answer = models.get("/models/tiny/legend", params={"language": language}).json()
    assert all(list(entry["titles"]) == [language] and entry["titles"][language] for entry in answer["classes"])


@pytest.mark.parametrize("language", ["de", "", "EN", "x" * 5000, "../en"])
def test_unknown_language(models, language):
    response = models.get("/models/tiny/legend", params={"language": language})
    assert "query.language" in check_problem(response, 422, "invalid-request", "xxxx", "../")
    assert response.json()["errors"][0]["in"] == ["query", "language"]


@pytest.mark.parametrize("part", ["", "/legend", "/card"])
@pytest.mark.parametrize("name", ["other", "Tiny", "tiny@9", "tiny@..%5C0.1.0", "x" * 5000, "%00", "tiny%20", "%2e%2e"])
def test_unknown_model(models, name, part, tmp_path):
    response = models.get(f"/models/{name}{part}")
    assert "there is: tiny@0.10.0" in check_problem(response, 404, "model-not-found", tmp_path)


@pytest.mark.parametrize("path", ["/models/%2e%2e%2fzoo", "/models/../zoo", "/models/%2fetc", "/models/a/b"])
def test_no_way_out_of_the_registry(models, path, tmp_path):
    check_problem(models.get(path), 404, "not-found", tmp_path)


@pytest.mark.parametrize("version", ["9", "../0.1.0", "0.1", "latest", " "])
def test_unknown_version(models, version):
    check_problem(models.get("/models/tiny", params={"version": version}), 404, "model-not-found")


def test_a_version_has_a_limit(models):
    check_problem(models.get("/models/tiny", params={"version": "1" * 5000}), 422, "invalid-request", "1111")


def test_broken_version(models, tmp_path):
    detail = check_problem(models.get("/models/tiny", params={"version": "0.2.0"}), 503, "bundle-invalid", tmp_path)
    assert "manifest" in detail


def test_no_models(tmp_path, folders):
    with TestClient(create_app(make_settings(tmp_path, tmp_path / "absent", folders[1]))) as client:
        assert client.get("/models").json() == {"models": []}
