"""``/models``: what there is, manifests, cards and legends."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote

import pytest

from landcover.legends import get_legend
from landcover.raster.qml import qml_text
from serving.registry.aliases import AliasFiles
from tests.bundles import tiny_bundle
from tests.crew import service
from tests.service import make_settings
from tests.serving.api.check import check_problem


@pytest.fixture
def aliases(tmp_path):
    """Champions and retired versions, as the command line changes them."""
    return AliasFiles(tmp_path / "own")


@pytest.fixture
def own(tmp_path, folders):
    """Settings with two versions and a broken one."""
    for version in ("0.1.0", "0.10.0"):
        tiny_bundle(tmp_path / "own", version=version, title=f"Tiny {version}")
    (tiny_bundle(tmp_path / "own", version="0.2.0").path / "manifest.json").write_text("{}")
    return make_settings(tmp_path, tmp_path / "own", folders[1])


@pytest.fixture
def models(own, readers):
    """A service that has them."""
    with service(own, readers) as client:
        yield client


def test_all_versions_are_listed_newest_first_with_links_that_work(models):
    listed = models.get("/models").json()["models"]
    assert [(entry["version"], entry["title"], entry["current"]) for entry in listed] == [
        ("0.10.0", "Tiny 0.10.0", True),
        ("0.2.0", None, False),
        ("0.1.0", "Tiny 0.1.0", False),
    ]
    assert [entry["problem"] is None for entry in listed] == [True, False, True]
    assert (listed[0]["state"], listed[1]["state"]) == ("ready", "broken")
    for entry in listed:
        for link in entry["links"]:
            answer = models.get(link["href"])
            assert answer.status_code == (200 if entry["problem"] is None else 503)
            assert answer.headers["content-type"].startswith(link["type"] if answer.is_success else "application/prob")


def test_a_model_names_its_versions(models):
    answer = models.get("/models/tiny").json()
    assert [answer[key] for key in ("name", "title", "current", "champion")] == ["tiny", "Tiny 0.10.0", "0.10.0", None]
    assert [entry["version"] for entry in answer["versions"]] == ["0.10.0", "0.2.0", "0.1.0"]
    assert all(models.get(link["href"]).status_code == 200 for link in answer["links"])


def test_the_manifest_is_the_one_on_disk(models, tmp_path):
    content = (tmp_path / "own" / "tiny" / "0.1.0" / "manifest.json").read_bytes()
    response = models.get("/models/tiny/versions/0.1.0")
    assert response.headers["content-type"] == "application/geo+json"
    served = response.json()
    assert served | {"links": []} == json.loads(content)
    assert served["links"][0] == {
        "rel": "self",
        "type": "application/geo+json",
        "href": "http://testserver/models/tiny/versions/0.1.0",
    }
    listed = models.get("/models").json()["models"]
    assert listed[2]["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_card(models):
    for path in ("/models/tiny/card", "/models/tiny/versions/0.1.0/card"):
        response = models.get(path)
        assert response.headers["content-type"].startswith("text/markdown")
        assert response.text.startswith("# Tiny")


def test_a_style_for_qgis(models):
    response = models.get("/models/tiny/versions/0.1.0/legend.qml")
    assert response.text == qml_text(get_legend("unccd7"))
    assert response.headers["content-disposition"] == 'attachment; filename="legend.qml"'


@pytest.mark.parametrize("path", ["", "/card", "/legend", "/legend.qml"])
def test_what_a_client_has_is_not_sent_again(models, path):
    first = models.get(f"/models/tiny/versions/0.1.0{path}")
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = models.get(f"/models/tiny/versions/0.1.0{path}", headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for given in ('"other"', tag.strip('"'), ""):
        again = models.get(f"/models/tiny/versions/0.1.0{path}", headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (200, first.content)
    if path in {"", "/legend", "/legend.qml"}:
        assert models.get(f"/models/tiny/versions/0.10.0{path}").headers["etag"] != tag


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


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", ["fr"]),
        ("de, es;q=0.3, ru;q=0.7", ["ru"]),
        ("zh-Hans-CN", ["zh"]),
        ("fr;q=0, en;q=0.1", ["en"]),
        ("de", ["ar", "en", "es", "fr", "ru", "zh"]),
        ("*", ["ar", "en", "es", "fr", "ru", "zh"]),
        ("fr;q=nan, en;q=x, ru;p=1", ["ar", "en", "es", "fr", "ru", "zh"]),
        ("\u00e9,,;;q=1", ["ar", "en", "es", "fr", "ru", "zh"]),
    ],
)
def test_the_legend_in_the_language_a_client_reads(models, header, languages):
    response = models.get("/models/tiny/legend", headers={"Accept-Language": header.encode("latin-1")})
    assert sorted(response.json()["classes"][0]["titles"]) == languages
    assert response.headers["vary"] == "Accept-Language"
    assert response.headers.get("content-language") == (languages[0] if len(languages) == 1 else None)
    chosen = models.get("/models/tiny/legend", params={"language": "ar"}, headers={"Accept-Language": "fr"})
    assert (chosen.headers["content-language"], list(chosen.json()["classes"][0]["titles"])) == ("ar", ["ar"])


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


NO_NAMES = ["../x", "...", " ", "a\0", "x" * 300, "TINY", "t\u0456ny", "tiny@0.1.0", "-tiny", "\u200btiny", "%2e%2e"]
"""Names that are none, case 116 of the bad inputs: paths, blanks, other case, look-alike letters."""


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_none_touches_no_path(models, name, tmp_path, monkeypatch):
    def touched(*_args, **_keywords):
        raise AssertionError("a path was touched")

    for function in ("landcover.bundle.load_bundle", "landcover.bundle.Bundle.read"):
        monkeypatch.setattr(function, touched)
    for path in ("{}", "{}/card", "{}/legend", "{}/versions/0.1.0", "tiny/versions/{}", "tiny/versions/{}/card"):
        response = models.get("/models/" + path.format(quote(name, safe="")))
        assert response.json()["type"] in {"/problems/model-not-found", "/problems/not-found"}
        check_problem(response, 404, response.json()["type"].rpartition("/")[2], tmp_path)


@pytest.mark.parametrize("path", ["/models/%2e%2e%2fzoo", "/models/../zoo", "/models/%2fetc", "/models/a/b"])
def test_no_way_out_of_the_registry(models, path, tmp_path):
    check_problem(models.get(path), 404, "not-found", tmp_path)


@pytest.mark.parametrize("version", ["9", "0", "-1", "0.1", "latest", "champion", "0.11.0"])
def test_unknown_version(models, version):
    check_problem(models.get(f"/models/tiny/versions/{version}"), 404, "model-not-found")


def test_broken_version(models, tmp_path):
    detail = check_problem(models.get("/models/tiny/versions/0.2.0"), 503, "bundle-invalid", tmp_path)
    assert "manifest" in detail


def test_a_broken_version_is_named_but_the_service_is_ready(models):
    answer = models.get("/readyz")
    assert (answer.status_code, answer.json()["model"]) == (200, "tiny@0.10.0")
    assert "not a Steppe model manifest" in answer.json()["problems"]["tiny@0.2.0"]


def test_a_champion_is_moved_and_rolled_back(models, aliases, body):
    aliases.change("tiny", lambda said: said.promoted("0.1.0"))
    models.app.state.models.poll()
    assert [models.get("/models/tiny").json()[key] for key in ("champion", "current")] == ["0.1.0", "0.1.0"]
    assert models.get("/models/tiny/versions/champion").json()["properties"]["version"] == "0.1.0"
    listed = models.get("/models").json()["models"]
    assert [(entry["champion"], entry["current"]) for entry in listed] == [(False, False)] * 2 + [(True, True)]
    response = models.post("/classify", content=body)
    assert response.headers["steppe-model"] == "tiny@0.1.0"
    assert response.headers["steppe-model-sha256"] == listed[2]["graphs"]["fp32"]
    aliases.change("tiny", lambda said: said.rolled_back(["0.1.0", "0.10.0"]))
    models.app.state.models.poll()
    answer = models.get("/models/tiny").json()
    assert (answer["champion"], answer["current"]) == (None, "0.10.0")
    assert [move["action"] for move in answer["history"]] == ["promote", "rollback"]
    check_problem(models.get("/models/tiny/versions/champion"), 404, "model-not-found")


def test_a_retired_version_is_gone(models, aliases, body):
    aliases.change("tiny", lambda said: said.with_retired("0.1.0"))
    models.app.state.models.poll()
    for path in ("", "/card", "/legend", "/legend.qml"):
        assert "retired since" in check_problem(models.get(f"/models/tiny/versions/0.1.0{path}"), 410, "model-retired")
    query = {"model": "tiny@0.1.0"}
    check_problem(models.post("/classify", content=body, params=query), 410, "model-retired")
    assert models.get("/models").json()["models"][2]["state"] == "retired"
    aliases.change("tiny", lambda said: said.with_restored("0.1.0"))
    models.app.state.models.poll()
    assert models.post("/classify", content=body, params=query).status_code == 200


def test_a_version_that_is_being_copied_is_asked_for_again_later(models, tmp_path, body):
    (tmp_path / "own" / "tiny" / "0.11.0").mkdir()
    models.app.state.models.poll()
    check_problem(models.get("/models/tiny/versions/0.11.0"), 503, "model-not-ready")
    check_problem(models.post("/classify", content=body, params={"model": "tiny@0.11.0"}), 503, "model-not-ready")
    assert models.get("/models").json()["models"][0]["state"] == "loading"
    assert models.post("/classify", content=body).headers["steppe-model"] == "tiny@0.10.0"


def test_a_damaged_alias_file_is_named_and_takes_nothing_down(models, tmp_path, body):
    folder = tmp_path / "own" / ".aliases"
    folder.mkdir()
    (folder / "tiny.json").write_text("{")
    models.app.state.models.poll()
    assert "put the file back" in models.get("/readyz").json()["problems"]["tiny"]
    assert "put the file back" in models.get("/models").json()["problems"]["tiny"]
    assert models.post("/classify", content=body).status_code == 200


def test_no_models(tmp_path, folders, readers):
    with service(make_settings(tmp_path, tmp_path / "absent", folders[1]), readers) as client:
        assert client.get("/models").json()["models"] == []
