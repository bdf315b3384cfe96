"""``POST /classify``: maps, pictures and areas, and a problem document for everything that goes wrong."""

from __future__ import annotations

import hashlib
import io
import time

import numpy as np
import pytest
import rasterio
from PIL import Image
from starlette.testclient import TestClient

from serving.api.app import create_app
from tests.bundles import tiny_bundle
from tests.crew import service
from tests.service import left_in, make_settings, scene_numbers, valid_of, write_scene
from tests.serving.api.check import check_problem
from tests.serving.badscenes import BAD_SCENES

COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"


def read_answer(response):
    """Codes, profile and tags of a map in an answer."""
    with rasterio.open(io.BytesIO(response.content)) as dataset:
        return dataset.read(1), dataset.profile, dataset.tags()


def test_the_map(client, body, scene):
    response = client.post("/classify", content=body)
    assert (response.status_code, response.headers["content-type"]) == (200, COG_TYPE)
    assert response.headers["content-disposition"] == 'attachment; filename="map.tif"'
    assert (response.headers["steppe-model"], response.headers["steppe-provider"]) == ("tiny@0.1.0", "cpu")
    assert "steppe-warning" not in response.headers
    codes, profile, tags = read_answer(response)
    with rasterio.open(scene) as dataset:
        assert (profile["crs"], profile["transform"]) == (dataset.crs, dataset.transform)
    np.testing.assert_array_equal(codes != 255, valid_of(scene_numbers()))
    assert tags["steppe_model"] == "tiny@0.1.0"
    assert tags["steppe_input_sha256"] == hashlib.sha256(body).hexdigest()


def test_the_picture(client, body):
    response = client.post("/classify", content=body, headers={"Accept": "image/png"})
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(response.content)) as image:
        image.load()
        assert min(image.size) > 100


def test_the_areas(client, body):
    response = client.post("/classify", content=body, headers={"Accept": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    document = response.json()
    assert document["valid"]["pixels"] == 6300 - 400
    assert document["model"] == {"name": "tiny", "version": "0.1.0"}
    assert sum(entry["pixels"] for entry in document["classes"]) == 6300 - 400


def test_bands_level_and_product_from_the_query(client, tmp_path):
    dn_BRC = scene_numbers()[::-1].copy()
    scene = write_scene(tmp_path / "plain.tif", dn_BRC, names=None, tags=None)
    query = {"bands": "B08, B04,B03,B02", "level": "L1C"}
    response = client.post("/classify", content=scene.read_bytes(), params=query)
    assert response.status_code == 200
    assert "was assumed" in response.headers["steppe-warning"]
    named = client.post("/classify", content=write_scene(tmp_path / "named.tif").read_bytes())
    np.testing.assert_array_equal(read_answer(response)[0], read_answer(named)[0])
    query = {"bands": "B08,B04,B03,B02", "product": "sentinel-2-l1c"}
    response = client.post("/classify", content=scene.read_bytes(), params=query)
    assert (response.status_code, "steppe-warning" in response.headers) == (200, False)


def test_model_and_version(tmp_path, folders, body, readers):
    for version in ("0.1.0", "0.2.0"):
        tiny_bundle(tmp_path / "own", version=version)
    settings = make_settings(tmp_path, tmp_path / "own", folders[1])
    with service(settings, readers) as client:
        for wanted, used in (({}, "0.2.0"), ({"model": "tiny@0.1.0"}, "0.1.0"), ({"model": "tiny"}, "0.2.0")):
            response = client.post("/classify", content=body, params=wanted)
            assert response.headers["steppe-model"] == f"tiny@{used}"
            assert read_answer(response)[2]["steppe_model"] == f"tiny@{used}"


def test_a_model_that_is_dropped_in_is_there_without_a_restart(tmp_path, folders, body, readers):
    settings = make_settings(tmp_path, tmp_path / "own", folders[1])
    with service(settings, readers) as client:
        check_problem(client.post("/classify", content=body), 404, "model-not-found")
        tiny_bundle(tmp_path / "own")
        client.app.state.models.poll()
        assert client.post("/classify", content=body).status_code == 200


def test_a_range_is_not_for_a_post(client, body):
    for asked in ("bytes=0-9", "bytes=nonsense"):
        response = client.post("/classify", content=body, headers={"Range": asked})
        assert (response.status_code, response.content[:4]) == (200, b"II*\0")


@pytest.mark.parametrize("bad", BAD_SCENES, ids=str)
def test_bad_scene(client, tmp_path, bad):
    bad.make(tmp_path / "bad.tif")
    response = client.post("/classify", content=(tmp_path / "bad.tif").read_bytes(), params=bad.options)
    detail = check_problem(response, bad.status, bad.slug, tmp_path, "bad.tif", "--")
    assert bad.says in detail


def test_unnamed_bands_are_told_the_parameter(client, tmp_path):
    scene = write_scene(tmp_path / "scene.tif", names=None)
    detail = check_problem(client.post("/classify", content=scene.read_bytes()), 422, "band-mapping")
    assert "with the query parameter bands" in detail


def test_an_empty_body(client):
    check_problem(client.post("/classify"), 422, "raster-empty")
    check_problem(client.post("/classify", content=b"", headers={"Content-Type": "image/tiff"}), 422, "raster-empty")


@pytest.mark.parametrize(
    "declared", ["multipart/form-data; boundary=x", "application/json", "text/html", "image/png", "application/zip"]
)
def test_a_body_of_another_type(client, body, declared):
    response = client.post("/classify", content=body, headers={"Content-Type": declared})
    assert "curl --data-binary" in check_problem(response, 415, "media-type", declared)


@pytest.mark.parametrize(
    "declared", ["image/tiff", "IMAGE/TIFF; application=geotiff", "application/octet-stream", "image/geotiff"]
)
def test_types_a_geotiff_goes_by(client, body, declared):
    assert client.post("/classify", content=body, headers={"Content-Type": declared}).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP", "gzip, identity"])
def test_a_compressed_body(client, body, coding):
    response = client.post("/classify", content=body, headers={"Content-Encoding": coding})
    check_problem(response, 415, "media-type")


def test_a_coding_that_is_none(client, body):
    assert client.post("/classify", content=body, headers={"Content-Encoding": "Identity"}).status_code == 200


@pytest.fixture
def small_limits(tmp_path, folders, readers):
    settings = make_settings(tmp_path, *folders, max_upload_bytes=1000, max_pixels=6000)
    with service(settings, readers) as client:
        yield client
    assert left_in(settings.scratch) == []


def test_body_too_large_by_its_header(small_limits, body):
    response = small_limits.post("/classify", content=body)
    assert f"{len(body):,} bytes" in check_problem(response, 413, "raster-too-large")


def test_body_too_large_without_content_length(small_limits, body):
    response = small_limits.post("/classify", content=(body[at : at + 300] for at in range(0, len(body), 300)))
    assert "more than 1,000 bytes" in check_problem(response, 413, "raster-too-large")


def test_scene_too_large(tmp_path, folders, body, readers):
    settings = make_settings(tmp_path, *folders, max_pixels=6000)
    with service(settings, readers) as client:
        detail = check_problem(client.post("/classify", content=body), 413, "raster-too-large")
    assert "70 x 90 = 6,300 pixels" in detail
    assert left_in(settings.scratch) == []


@pytest.mark.parametrize("model", ["other", "tiny@9", "../../etc", "tiny/../../x", "tiny\0", "TINY", "tiny@../0.1.0"])
def test_unknown_model(client, body, model, folders):
    response = client.post("/classify", content=body, params={"model": model})
    assert "there is: tiny@0.1.0" in check_problem(response, 404, "model-not-found", *folders)


@pytest.mark.parametrize("name", ["model", "bands", "level", "product"])
def test_parameters_have_a_limit(client, body, name):
    response = client.post("/classify", content=body, params={name: "x" * 5000})
    assert f"query.{name}" in check_problem(response, 422, "invalid-request", "xxxx")


def test_a_misspelt_parameter_is_not_passed_over(client, body):
    response = client.post("/classify", content=body, params={"band": "B02,B03,B04,B08"})
    assert "query.band" in check_problem(response, 422, "invalid-request", "B02")
    response = client.post("/classify", content=body, params={"y" * 5000: "1"})
    check_problem(response, 422, "invalid-request", "y" * 65)
    response = client.post("/classify", content=body, params={f"z{index}": "1" for index in range(500)})
    assert len(response.json()["errors"]) <= 10


def test_tampered_bundle(tmp_path, folders, body, readers):
    bundle = tiny_bundle(tmp_path / "own")
    graph = bytearray((bundle.path / "model.onnx").read_bytes())
    graph[-40] ^= 1
    (bundle.path / "model.onnx").write_bytes(graph)
    settings = make_settings(tmp_path, tmp_path / "own", folders[1])
    with service(settings, readers) as client:
        detail = check_problem(client.post("/classify", content=body), 503, "bundle-invalid", tmp_path)
    assert "sha256" in detail
    assert left_in(settings.scratch) == []


def test_a_bundle_that_changes_while_it_serves(tmp_path, folders, body, readers):
    bundle = tiny_bundle(tmp_path / "own")
    settings = make_settings(tmp_path, tmp_path / "own", folders[1])
    with service(settings, readers) as client:
        before = client.post("/classify", content=body).content
        (bundle.path / "model.onnx").write_bytes(b"garbage")
        after = client.post("/classify", content=body)
    assert after.status_code == 200
    with rasterio.open(io.BytesIO(before)) as one, rasterio.open(io.BytesIO(after.content)) as other:
        np.testing.assert_array_equal(one.read(1), other.read(1))


def test_a_state_folder_that_cannot_be_written(client, body, settings):
    (settings.state / "uploads").write_bytes(b"no folder")
    check_problem(client.post("/classify", content=body), 500, "output-not-writable", settings.state)
    (settings.state / "uploads").unlink()


def test_disk_full_while_the_body_comes(client, body, settings, monkeypatch):
    def full(_uploads, _owner):
        part = settings.state / "full.part"
        part.symlink_to("/dev/full")
        return part

    monkeypatch.setattr("serving.uploads.Uploads.begin", full)
    check_problem(client.post("/classify", content=body * 20), 507, "disk-full", ".part", "STEPPE")


def test_disk_full_while_the_map_is_drawn(client, body, monkeypatch):
    def full(*_args, **_keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("landcover.raster.cog.MapWriter._create_raw", full)
    check_problem(client.post("/classify", content=body), 507, "disk-full", "map", "run again")


def test_an_error_nobody_thought_of(client, body, monkeypatch, caplog):
    def broken(*_args, **_keywords):
        raise ZeroDivisionError("the secret of /etc/steppe.key")

    monkeypatch.setattr("serving.work.performing.classify_scene", broken)
    detail = check_problem(client.post("/classify", content=body), 500, "internal", "secret", "steppe.key", "Zero")
    assert detail == "an error of the service; its log has the details"
    assert "ZeroDivisionError" in caplog.text


def test_an_error_while_the_answer_is_sent(client, body, monkeypatch, settings):
    async def broken(*_args, **_keywords):
        raise RuntimeError("the socket went away")

    monkeypatch.setattr("fastapi.responses.FileResponse.__call__", broken)
    assert client.post("/classify", content=body).status_code == 500
    assert left_in(settings.state / "results") == []


def test_work_that_takes_longer_than_its_sender_is_to_wait(tmp_path, folders, readers, body):
    settings = make_settings(tmp_path, *folders, sync_timeout_s=0.2)
    with TestClient(create_app(settings)) as client:  # and nobody who does the job
        detail = check_problem(client.post("/classify", content=body), 504, "took-too-long")
        assert "/uploads" in detail
        assert client.get("/jobs").json()["jobs"] == []
    with service(settings, readers):
        time.sleep(0.3)  # the worker finds nothing
    assert [path for path in left_in(settings.state) if (settings.state / path).is_file() and ".db" not in path] == []
