"""Engines against each other, windows against one pass, and the same work divided in other ways."""

import json

import numpy as np
import pytest
import rasterio

from landcover.bundle import load_bundle
from landcover.errors import DataError, ModelOutputInvalid, ProviderUnavailable, WrongUse
from landcover.precision import Precision
from serving.bench.agreement import compare_engines
from serving.bench.engines import Kind, engine_kinds
from serving.bench.images import images_in
from serving.bench.repeat import compare_repeats
from serving.bench.windows import WindowSize, compare_windows
from serving.cli import main
from serving.engine import Engine, installed
from serving.registry.folders import open_registry
from serving.request import Inputs
from tests.bundles import int8_bundle, reference_answer, tiny_graph, tiny_int8_graph
from tests.scenes import as_shown
from tests.service import make_settings, scene_numbers, write_scene

CPU, CPU8 = Kind("cpu", Precision.FP32), Kind("cpu", Precision.INT8)


@pytest.fixture
def images(tmp_path):
    """Two scenes that windows of 64 tile without sharing a pixel, margins included, and a file that is no image."""
    folder = tmp_path / "images"
    folder.mkdir()
    write_scene(folder / "a.tif", scene_numbers(128, 64, hole=False))
    write_scene(folder / "b.tiff", scene_numbers(40, 50, hole=False))
    (folder / "notes.txt").write_text("no image")
    return folder


def reference_classes(graph, path):
    """Most probable classes (row, col) by ONNX's reference, of the whole image with mirrored margins."""
    with rasterio.open(path) as dataset:
        dn_BHW = dataset.read()
    padded = np.pad(dn_BHW, [(0, 0), (32, 32), (32, 32)], mode="symmetric")
    inside = reference_answer(graph, as_shown(padded)[None])[0][:, 32:-32, 32:-32]
    return inside.argmax(axis=0), (dn_BHW != 0).any(axis=0)


def test_pixels_that_another_precision_maps_otherwise(tmp_path, images):
    settings = make_settings(tmp_path, int8_bundle(tmp_path / "registry").path.parents[1], tmp_path)
    bundle = open_registry(settings).get("tiny")
    found = compare_engines(images_in(images), bundle, [CPU, CPU8], settings).to_json()
    expected = pixels = 0
    for path in (images / "a.tif", images / "b.tiff"):
        (one, valid), (other, _) = (reference_classes(graph, path) for graph in (tiny_graph(), tiny_int8_graph()))
        expected += int(np.count_nonzero((one != other) & valid))
        pixels += int(np.count_nonzero(valid))
    (pair,) = found["pairs"]
    assert expected > 0
    assert (pair["one"], pair["other"], found["pixels"], found["images"]) == ("cpu fp32", "cpu int8", pixels, 2)
    assert abs(pair["different"] - expected) <= 3  # ties that two kernels round differently
    assert pair["percent"] == round(100 * pair["different"] / pixels, 4)


@pytest.mark.skipif("cuda" in installed(), reason="needs an installation without GPUs")
def test_an_engine_that_does_not_work_is_left_out(settings, images):
    bundle = open_registry(settings).get("tiny")
    found = compare_engines(images_in(images), bundle, [CPU, Kind("cuda", Precision.FP32)], settings)
    assert found.pairs == ()
    (line,) = found.left_out
    assert line.startswith("cuda fp32: provider 'cuda' is not in this installation")


@pytest.mark.parametrize("error", [ProviderUnavailable, ModelOutputInvalid])
def test_an_engine_that_fails_at_its_first_window_is_left_out(tmp_path, images, monkeypatch, error):
    """The session of a GPU is built when the first window comes."""
    settings = make_settings(tmp_path, int8_bundle(tmp_path / "registry").path.parents[1], tmp_path)
    run = Engine.run

    def fail(engine, *arrays):
        if engine.precision is Precision.INT8:
            raise error("no kernel for an operator of the graph")
        return run(engine, *arrays)

    monkeypatch.setattr(Engine, "run", fail)
    found = compare_engines(images_in(images), open_registry(settings).get("tiny"), [CPU8, CPU], settings)
    assert (found.pairs, found.pixels > 0) == ((), True)
    assert found.left_out == ("cpu int8: no kernel for an operator of the graph",)


@pytest.fixture
def engine(folders):
    return Engine(load_bundle(next(folders[0].glob("tiny/*"))), provider="cpu", threads=1)


def test_windows_without_shared_pixels_change_more(engine, images):
    """The tiny network sees 3 pixels far: neighbours that share 32 differ only near their borders, where they count
    nearly nothing."""
    sizes = [WindowSize.parse("64/32"), WindowSize.parse("64/0"), WindowSize.parse("256/32")]
    found = compare_windows(images_in(images), engine, sizes).to_json()["sizes"]
    assert found["64/32"]["images"] == 2
    assert found["64/0"]["different"] > 20 > found["64/32"]["different"]
    assert found["64/0"]["worst_image"] in {"a", "b"}
    assert found["64/0"]["percent"] == round(100 * found["64/0"]["different"] / found["64/0"]["pixels"], 4)
    assert found["64/0"]["seam_percent"] is None
    assert found["64/32"]["seam_percent"] > 0
    assert found["256/32"] | {"images": 0, "percent": None} == found["256/32"]


def test_images_too_large_for_one_pass_are_named(engine, images, monkeypatch):
    monkeypatch.setattr("serving.bench.windows.ONE_PASS_PIXELS", 5000)
    bench = compare_windows(images_in(images), engine, [WindowSize(64, 32)])
    assert bench.left_out == ["a: 8,192 pixels, in one pass at most 5,000"]
    assert bench.tallies[WindowSize(64, 32)].images == 1


def test_an_offset_counts_in_one_pass_too(engine, tmp_path):
    """A scene of a later processing baseline, whose numbers are shifted and say so, is the same scene."""
    dn = scene_numbers(100, 130, hole=False)
    tags = {"processing_level": "L2A", "scale": "0.0001"}
    write_scene(tmp_path / "old.tif", dn, tags=tags | {"offset": "0"})
    write_scene(tmp_path / "new.tif", dn + np.uint16(1000), tags=tags | {"offset": "-0.1"})
    (old,), (new,) = (
        compare_windows([tmp_path / name], engine, [WindowSize(64, 32)]).tallies.values()
        for name in ("old.tif", "new.tif")
    )
    assert (old.different, old.disagreeing) == (new.different, new.disagreeing)


def test_a_map_does_not_depend_on_how_the_work_is_divided(settings, scene):
    bundle = open_registry(settings).get("tiny")
    small = settings.model_copy(update={"tile": 64})
    found = compare_repeats(Inputs(source=scene), bundle, small, provider="cpu", precision=None)
    assert (found.different_by_batch, found.different_by_threads) == (0, 0)
    assert (found.pixels, found.tile, found.batch_sizes) == (70 * 90, 64, (1, 3, 8))


def test_maps_that_differ_are_counted(settings, scene, monkeypatch):
    """A runtime whose answer depends on the batch size."""
    run = Engine.run

    def uneven(self, dn_NBHW, overview_1BHW=None):
        answer = run(self, dn_NBHW, overview_1BHW)
        return answer if len(dn_NBHW) == 1 else answer[:, ::-1].copy()

    monkeypatch.setattr(Engine, "run", uneven)
    small = settings.model_copy(update={"tile": 64})
    bundle = open_registry(settings).get("tiny")
    found = compare_repeats(Inputs(source=scene), bundle, small, provider="cpu", precision=None)
    assert found.different_by_batch > 1000
    assert found.different_by_threads == 0


def test_engines_of_a_model_with_the_reference_first(folders):
    manifest = open_registry(make_settings(folders[0].parent, *folders)).get("tiny").manifest
    kinds = engine_kinds(manifest)
    assert kinds[0] == CPU
    assert Precision.INT8 not in {kind.precision for kind in kinds}
    assert engine_kinds(manifest, ["cpu"]) == [CPU]


@pytest.mark.usefixtures("environment")
def test_commands_print_figures_for_people_and_for_pipelines(images, scene, capsys):
    assert main(["bench", "windows", str(images), "64/32", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["sizes"]) == {"64/32"}
    assert main(["bench", "windows", str(images)]) == 0
    assert "64/32" in capsys.readouterr().out
    assert main(["bench", "agreement", str(images), "--provider", "cpu"]) == 0
    assert "in 2 images" in capsys.readouterr().out
    assert main(["bench", "repeat", str(scene)]) == 0
    assert "different_by_batch    0" in capsys.readouterr().out


@pytest.mark.usefixtures("environment")
def test_what_cannot_be_compared_is_one_sentence(tmp_path, images, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["bench", "agreement", str(tmp_path / "empty")]) == DataError.exit_code
    assert "'empty' holds no images: expected a folder" in capsys.readouterr().err
    assert main(["bench", "windows", str(images), "640"]) == WrongUse.exit_code
    assert "'640' is no size of windows: expected TILE/OVERLAP" in capsys.readouterr().err
