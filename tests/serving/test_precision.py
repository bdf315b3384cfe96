"""The int8 variant through the doors of the service: command line, settings, products, readiness."""

import hashlib
import json

import pytest
import rasterio

from serving.cli import main
from serving.engine import PROVIDERS
from serving.settings import load_settings
from tests.bundles import int8_bundle, tiny_bundle, tiny_graph, tiny_sample
from tests.crew import service
from tests.service import left_in

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def registry(environment, tmp_path):
    """A registry whose tiny model has both variants."""
    int8_bundle(tmp_path / "own")
    environment.setenv("STEPPE_REGISTRY", str(tmp_path / "own"))
    return tmp_path / "own"


def classified(scene, out, *more):
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), "--stac", str(out / "item.json"), *more]) == 0
    with rasterio.open(out / "map.tif") as dataset:
        return dataset.tags(), json.loads((out / "item.json").read_text())["properties"]


@pytest.mark.parametrize(("precision", "file"), [("fp32", "model.onnx"), ("int8", "model.int8.onnx")])
def test_products_say_which_variant_made_them(registry, scene, out, precision, file, capsys):
    tags, properties = classified(scene, out, "--precision", precision)
    digest = hashlib.sha256((registry / "tiny/0.1.0" / file).read_bytes()).hexdigest()
    assert (tags["steppe_model_precision"], tags["steppe_model_sha256"]) == (precision, digest)
    assert tags["steppe_provider"] == properties["steppe:provider"] in PROVIDERS
    assert (properties["steppe:model_precision"], properties["steppe:model_sha256"]) == (precision, digest)
    assert f"tiny@0.1.0 on {properties['steppe:provider']} in {precision}" in capsys.readouterr().out


def test_fp32_is_the_default_and_the_option_wins_over_the_setting(environment, registry, scene, out):
    assert registry.is_dir()
    assert classified(scene, out)[0]["steppe_model_precision"] == "fp32"
    environment.setenv("STEPPE_PRECISION", "int8")
    assert classified(scene, out)[0]["steppe_model_precision"] == "int8"
    assert classified(scene, out, "--precision", "fp32")[0]["steppe_model_precision"] == "fp32"


def test_a_model_without_the_variant_is_one_sentence(scene, out, capsys):
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), "--precision", "int8"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("steppe: model tiny@0.1.0 has no int8 variant, it has fp32; use --precision fp32")
    assert left_in(out) == []


def test_a_precision_that_does_not_exist_is_wrong_use(environment, scene, out, capsys):
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), "--precision", "int4"]) == 2
    environment.setenv("STEPPE_PRECISION", "int4")
    capsys.readouterr()
    assert main(["classify", str(scene), "-o", str(out / "map.tif")]) == 4
    assert "STEPPE_PRECISION" in capsys.readouterr().err
    assert left_in(out) == []


@pytest.mark.usefixtures("registry")
def test_bench_and_verify_know_the_variants(scene, capsys):
    assert main(["bench", "scene", str(scene), "--precision", "int8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == "int8"
    assert main(["models", "verify", "tiny"]) == 0
    printed = capsys.readouterr().out
    assert "4 files match" in printed
    assert "golden sample reproduced by fp32 on cpu to" in printed
    assert ", int8 on cpu to" in printed
    assert main(["models", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["precisions"] == ["fp32", "int8"]


def test_verify_refuses_a_variant_that_does_not_reproduce_its_golden_output(registry, capsys):
    wrong = tiny_sample(tiny_graph(), int8=tiny_graph(seed=8))
    int8_bundle(registry, version="0.2.0", sample=wrong)
    assert main(["models", "verify", "tiny"]) == 4
    assert "(int8) on cpu differs from its golden output" in capsys.readouterr().err


def test_the_service_runs_the_configured_variant(environment, registry, scene, tmp_path, readers):
    assert registry.is_dir()
    environment.setenv("STEPPE_PRECISION", "int8")
    with service(load_settings(scratch=tmp_path), readers) as client:
        assert client.get("/readyz").status_code == 200
        answer = client.post("/classify", content=scene.read_bytes(), headers={"Content-Type": "image/tiff"})
    assert answer.status_code == 200
    (tmp_path / "answer.tif").write_bytes(answer.content)
    with rasterio.open(tmp_path / "answer.tif") as dataset:
        assert dataset.tags()["steppe_model_precision"] == "int8"


def test_the_service_is_not_ready_without_the_configured_variant(environment, tmp_path, readers):
    environment.setenv("STEPPE_PRECISION", "int8")
    with service(load_settings(scratch=tmp_path), readers) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "has no int8 variant" in answer.json()["detail"]


def test_a_model_of_two_dates_does_not_map_one_image(environment, tmp_path, scene, out, capsys):
    graph = tiny_graph(bands=8)
    tiny_bundle(tmp_path / "own", dates=2, graph=graph, sample=tiny_sample(graph, bands=8))
    environment.setenv("STEPPE_REGISTRY", str(tmp_path / "own"))
    assert main(["classify", str(scene), "-o", str(out / "map.tif")]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("steppe: model tiny@0.1.0 compares images of 2 dates, one image was given; choose a model")
    assert left_in(out) == []
