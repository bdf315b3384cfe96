"""The command line: what it writes and prints, and one clear sentence for everything that goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import rasterio
import typer
from affine import Affine

import serving
import serving.cli
from landcover.labels import LANGUAGES, nodata_title, titles
from serving.cli import INTERRUPTED, main
from serving.outputs.typeface import typeface_for
from tests.bundles import tiny_bundle
from tests.rasters import north_up, write_band_folder
from tests.service import left_in, scene_numbers, write_scene
from tests.serving.badscenes import BAD_SCENES

ROOT = Path(serving.__file__).parents[1]

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def refused(capsys, tmp_path):
    """Runs a command that must fail with one clean line; answers the line."""

    def run(argv, exit_code):
        code = main([str(part) for part in argv])
        printed = capsys.readouterr()
        assert printed.out == ""
        lines = printed.err.splitlines()
        assert len(lines) == 1, printed.err
        assert lines[0].startswith("steppe: ")
        assert lines[0].isprintable()
        assert len(lines[0]) <= 1010
        assert str(tmp_path) not in lines[0]
        assert code == exit_code
        return lines[0]

    return run


def options_of(bad):
    return [part for name, value in bad.options.items() for part in (f"--{name}", value)]


def all_outputs(out):
    return [
        *("-o", out / "map.tif", "--confidence", out / "confidence.tif", "--preview", out / "map.png"),
        *("--areas", out / "areas.json", "--stac", out / "item.json"),
    ]


def test_all_products_and_what_is_printed(scene, out, capsys):
    assert main([str(part) for part in ["classify", scene, *all_outputs(out)]]) == 0
    assert left_in(out) == ["areas.json", "confidence.tif", "item.json", "map.png", "map.qml", "map.tif"]
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "scene: 6,300 pixels" in printed.out
    assert "tiny@0.1.0 on cpu" in printed.out
    assert str(out / "map.tif") in printed.out


def test_optional_rasters_and_what_is_printed_of_them(scene, out, capsys):
    names = ("probabilities", "uncertainty", "quality")
    wanted = [part for name in names for part in (f"--{name}", str(out / f"{name}.tif"))]
    argv = ["classify", str(scene), "-o", str(out / "map.tif"), *wanted, "--min-area", "6px"]
    assert main([*argv, "--uncertainty-measure", "margin"]) == 0
    files = ["map.qml", "map.tif", "probabilities.tif", "quality.qml", "quality.tif", "uncertainty.tif"]
    assert left_in(out) == files
    printed = capsys.readouterr()
    assert printed.err.startswith("warning: the input has no mask band")
    assert "\npatches below 6px (6 pixels) merged: " in printed.out
    assert "\nobservation quality (no mask band: valid and no data only): valid 100.0 %\n" in printed.out
    with rasterio.open(out / "uncertainty.tif") as dataset:
        assert dataset.tags()["steppe_uncertainty"].startswith("margin")


def test_areas_and_table_in_another_language(scene, out, capsys):
    argv = ["classify", str(scene), "-o", str(out / "map.tif"), "--areas", str(out / "areas.json")]
    for language in LANGUAGES:
        assert main([*argv, "--language", language]) == 0
        printed = capsys.readouterr().out
        document = json.loads((out / "areas.json").read_text())
        names = titles("unccd7", language)
        assert document["language"] == language
        assert [entry["title"] for entry in document["classes"]] == list(names.values())
        assert document["nodata"]["title"] == nodata_title(language)
        for name in names.values():
            assert name[:4] in printed


def test_a_picture_in_another_language(scene, out):
    """What stands in it is tested where it is drawn; here, that the language reaches it."""
    pictures = set()
    for language in ("en", "fr", "es", "ru"):
        argv = ["classify", scene, "-o", out / "map.tif", "--preview", out / "map.png", "--language", language]
        assert main([str(part) for part in argv]) == 0
        pictures.add((out / "map.png").read_bytes())
    assert len(pictures) == (1 if typeface_for(titles("unccd7", "ru").values()) is None else 4)


@pytest.mark.parametrize("language", ["ar", "zh"])
def test_a_picture_in_a_language_that_cannot_be_drawn(scene, out, refused, language):
    argv = ["classify", scene, "-o", out / "map.tif", "--preview", out / "map.png", "--language", language]
    assert f"a picture cannot be drawn in the language {language!r}" in refused(argv, 2)
    assert left_in(out) == []


def test_options_of_the_optional_rasters_that_are_wrong(scene, out, refused):
    line = refused(["classify", scene, "-o", out / "map.tif", "--min-area", "small"], 2)
    assert line.endswith("'small' is no least area; give for example 0.5ha, 5000m2, 0.01km2 or 50px")
    line = refused(["classify", scene, "-o", out / "map.tif", "--uncertainty-measure", "margin"], 2)
    assert line.endswith("there is no --uncertainty; give it, too")
    assert "to mask clouds by" in refused(["classify", scene, "-o", out / "map.tif", "--mask-clouds"], 3)
    assert left_in(out) == []


@pytest.mark.needs("openvino")
def test_auto_maps_with_openvino_where_it_is_installed(environment, scene, out, capsys):
    """The tiny model's classes are nowhere so close that another runtime would choose another one."""
    assert main(["classify", str(scene), "-o", str(out / "cpu.tif")]) == 0
    environment.delenv("STEPPE_PROVIDER")
    assert main(["classify", str(scene), "-o", str(out / "auto.tif")]) == 0
    assert "on openvino in fp32" in capsys.readouterr().out
    with rasterio.open(out / "cpu.tif") as one, rasterio.open(out / "auto.tif") as other:
        assert (one.read() == other.read()).all()


@pytest.mark.parametrize(
    "option", ["--crs", "--bbox-crs", "--aoi-crs", "--level", "--product", "--model", "--provider", "--name"]
)
def test_options_without_a_value(scene, out, refused, option):
    area = {"--bbox-crs": ["--bbox", "14,49,15,50"], "--aoi-crs": ["--aoi", "area.geojson"]}.get(option, [])
    line = refused(["classify", scene, "-o", out / "map.tif", *area, option, ""], 2)
    assert "was given without a value; give it one, or leave it out" in line
    assert option in line
    assert left_in(out) == []


def test_no_memory_is_one_sentence(scene, out, refused, monkeypatch):
    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr("serving.pipeline.predict_rows", full)
    assert "too little free memory" in refused(["classify", scene, "-o", out / "map.tif"], 3)
    assert left_in(out) == []


def test_json_is_for_pipelines(scene, out, capsys):
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), "--json"]) == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert (answer["pixels"], answer["valid_pixels"]) == (6300, 6300 - 400)
    assert answer["files"] == {"map": str(out / "map.tif"), "style": str(out / "map.qml")}
    assert answer["warnings"] == []


def test_assumed_radiometry_is_said(tmp_path, out, capsys):
    scene = write_scene(tmp_path / "scene.tif", tags={"processing_level": "L1C"})
    assert main(["classify", str(scene), "-o", str(out / "map.tif")]) == 0
    err = capsys.readouterr().err
    assert err.startswith("warning: the input does not state scale and offset")
    assert "--product" in err


@pytest.mark.parametrize("bad", BAD_SCENES, ids=str)
def test_bad_scene(bad, tmp_path, out, refused):
    bad.make(tmp_path / "bad.tif")
    line = refused(["classify", tmp_path / "bad.tif", *all_outputs(out), *options_of(bad)], bad.exit_code)
    assert bad.says in line
    assert left_in(out) == []


def test_unnamed_bands_are_told_the_option(tmp_path, out, refused):
    scene = write_scene(tmp_path / "scene.tif", names=None)
    assert "--bands" in refused(["classify", scene, "-o", out / "map.tif"], 3)
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), "--bands", "B02, B03,B04,B08"]) == 0


@pytest.mark.parametrize("content", [None, b""], ids=["missing", "0 bytes"])
def test_input_that_is_not_there(tmp_path, out, refused, content):
    if content is not None:
        (tmp_path / "scene.tif").write_bytes(content)
    assert "'scene.tif'" in refused(["classify", tmp_path / "scene.tif", "-o", out / "map.tif"], 3)
    assert left_in(out) == []


@pytest.mark.parametrize("name", ["x" * 300, "loop.tif", "a\nb\x1b[31m.tif"], ids=["too long", "loop", "control"])
def test_odd_input_names(tmp_path, out, refused, name):
    if name == "loop.tif":
        (tmp_path / name).symlink_to(tmp_path / name)
    refused(["classify", tmp_path / name, "-o", out / "map.tif"], 3)
    assert left_in(out) == []


def test_names_that_are_no_text(tmp_path, scene, out, refused):
    odd = b"sc\xffne.tif".decode(errors="surrogateescape")
    assert "not UTF-8" in refused(
        ["classify", write_scene(tmp_path / "a.tif").rename(tmp_path / odd), "-o", out / "map.tif"], 3
    )
    assert "not UTF-8" in refused(["classify", scene, "-o", out / odd], 4)
    assert left_in(out) == []


def test_empty_folder(tmp_path, out, refused):
    assert "holds no band files" in refused(["classify", tmp_path / "out", "-o", out / "map.tif"], 3)
    assert left_in(out) == []


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["other", "tiny@9", "../tiny", "tiny@../0.1.0", "x" * 5000, "a\nb"])
def test_unknown_model(scene, out, refused, model):
    line = refused(["classify", scene, "-o", out / "map.tif", "--model", model], 4)
    assert "there is: tiny@0.1.0" in line
    assert left_in(out) == []


def test_model_and_version_can_be_chosen(environment, tmp_path, scene, out):
    tiny_bundle(tmp_path / "own", version="0.1.0")
    tiny_bundle(tmp_path / "own", version="0.2.0")
    environment.setenv("STEPPE_REGISTRY", str(tmp_path / "own"))
    for wanted, used in (("tiny", "tiny@0.2.0"), ("tiny@0.1.0", "tiny@0.1.0")):
        assert main(["classify", str(scene), "-o", str(out / "map.tif"), "-m", wanted]) == 0
        with rasterio.open(out / "map.tif") as dataset:
            assert dataset.tags()["steppe_model"] == used


@pytest.mark.parametrize("change", ["flip a bit", "cut", "remove", "manifest"])
def test_tampered_bundle(environment, tmp_path, scene, out, refused, change):
    bundle = tiny_bundle(tmp_path / "own")
    graph = bundle.path / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    if change == "flip a bit":
        graph.write_bytes(content)
    elif change == "cut":
        graph.write_bytes(content[:100])
    elif change == "remove":
        graph.unlink()
    else:
        (bundle.path / "manifest.json").write_text("{")
    environment.setenv("STEPPE_REGISTRY", str(tmp_path / "own"))
    line = refused(["classify", scene, "-o", out / "map.tif"], 4)
    assert {"flip a bit": "sha256", "cut": "sha256", "remove": "cannot be read", "manifest": "not JSON"}[change] in line
    assert left_in(out) == []
    if change != "manifest":
        refused(["models", "verify", "tiny"], 4)


@pytest.mark.parametrize("provider", ["tpu", "", "x" * 5000])
def test_unknown_provider(scene, out, refused, provider):
    assert "provider" in refused(
        ["classify", scene, "-o", out / "map.tif", "--provider", provider], 4 if provider else 2
    )


def test_models_list_show_and_verify(capsys, environment, tmp_path):
    broken = tiny_bundle(tmp_path / "own", version="0.3.0")
    (broken.path / "manifest.json").write_text("{}")
    tiny_bundle(tmp_path / "own", version="0.2.0")
    environment.setenv("STEPPE_REGISTRY", str(tmp_path / "own"))
    assert main(["models", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(entry["version"], entry["problem"] is None) for entry in listed] == [("0.3.0", False), ("0.2.0", True)]
    assert main(["models", "list"]) == 0
    assert "broken" in capsys.readouterr().out
    assert main(["models", "show", "tiny"]) == 0
    assert capsys.readouterr().out.startswith("# Tiny")
    assert main(["models", "show", "tiny@0.2.0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["mlm:name"] == "tiny"
    assert main(["models", "verify", "tiny"]) == 0
    assert "tiny@0.2.0: 3 files match their sha256" in capsys.readouterr().out


def test_no_models_at_all(environment, tmp_path, scene, out, refused, capsys):
    environment.setenv("STEPPE_REGISTRY", str(tmp_path / "absent"))
    assert "there is: none" in refused(["classify", scene, "-o", out / "map.tif"], 4)
    assert main(["models", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_output_folder_is_missing(scene, out, refused):
    assert "folder does not exist" in refused(["classify", scene, "-o", out / "absent" / "map.tif"], 4)
    assert left_in(out) == []


@pytest.mark.parametrize("place", ["/proc/map.tif", "/dev/null/map.tif", "/sys/map.tif"])
def test_output_folder_is_not_writable(scene, refused, place):
    assert "'map.tif'" in refused(["classify", scene, "-o", place], 4)


def test_second_output_is_not_writable(scene, out, refused):
    argv = ["classify", scene, "-o", out / "map.tif", "--areas", out / "absent" / "areas.json"]
    assert "'areas.json'" in refused(argv, 4)
    assert left_in(out) == []


@pytest.mark.parametrize("name", ["map", "map.png", "map.TIF.gz"])
def test_map_name_that_is_no_tiff(scene, out, refused, name):
    assert "must end in .tif" in refused(["classify", scene, "-o", out / name], 2)


@pytest.mark.parametrize(
    ("option", "name", "says"),
    [
        ("--preview", "map.jpg", "the picture is a PNG, its name 'map.jpg' must end in .png"),
        ("--areas", "areas.csv", "the table of areas is JSON, its name 'areas.csv' must end in .json"),
        ("--stac", "item.xml", "the STAC Item is JSON, its name 'item.xml' must end in .json or .geojson"),
    ],
)
def test_names_of_small_files_say_what_they_are(scene, out, refused, option, name, says):
    assert says in refused(["classify", scene, "-o", out / "map.tif", option, out / name], 2)
    assert left_in(out) == []


def test_map_name_that_is_too_long(scene, out, refused):
    refused(["classify", scene, "-o", out / ("x" * 300 + ".tif")], 4)
    assert left_in(out) == []


def test_a_folder_has_the_name_of_an_output(scene, out, refused):
    (out / "map.tif").mkdir()
    assert "folder has that name" in refused(["classify", scene, "-o", out / "map.tif"], 4)
    assert left_in(out) == ["map.tif"]


def test_two_outputs_of_one_name(scene, out, refused):
    same = refused(["classify", scene, "-o", out / "map.tif", "--confidence", out / ".." / "out" / "map.tif"], 2)
    assert "two outputs have the same name 'map.tif'" in same
    argv = ["classify", scene, "-o", out / "map.tif", "--areas", out / "same.json", "--stac", out / "same.json"]
    assert "two outputs have the same name 'same.json'" in refused(argv, 2)
    assert left_in(out) == []


def test_output_that_is_the_input(scene, out, refused):
    before = scene.read_bytes()
    (out / "link.tif").symlink_to(scene)
    for name in (scene, out / "link.tif"):
        assert "is the input itself" in refused(["classify", scene, "-o", name], 2)
    assert scene.read_bytes() == before
    assert left_in(out) == ["link.tif"]


def test_output_that_is_a_band_of_the_input(tmp_path, refused):
    bands = dict(zip(("B02", "B03", "B04", "B08"), scene_numbers(), strict=True))
    folder = write_band_folder(tmp_path / "bands", bands, suffix=".tif")
    before = left_in(folder)
    band = folder / "T33UUU_20170216T102101_B02.tif"
    content = band.read_bytes()
    assert "is the input itself" in refused(["classify", folder, "-o", band], 2)
    assert (left_in(folder), band.read_bytes()) == (before, content)
    assert main(["classify", str(folder), "-o", str(folder / "map.tif")]) == 0


def test_output_that_is_one_of_the_inputs(tmp_path, scene, out, refused):
    other = write_scene(tmp_path / "other.tif", transform=north_up() @ Affine.translation(90, 0))
    area = tmp_path / "area.json"
    area.write_text("{}")
    for argv in (["-o", other], ["-o", out / "map.tif", "--aoi", area, "--areas", area]):
        assert "is the input itself" in refused(["classify", scene, other, *argv], 2)
    assert area.read_text() == "{}"


def test_several_scenes_an_area_and_another_grid(tmp_path, scene, out, capsys):
    other = write_scene(tmp_path / "other.tif", transform=north_up() @ Affine.translation(80, 0))
    argv = ["classify", scene, other, "-o", out / "map.tif", "--mosaic", "mean", "--bbox", "14.9,49.64,15.1,49.66"]
    assert main([str(part) for part in [*argv, "--crs", "EPSG:32632", "--resolution", "10"]]) == 0
    printed = capsys.readouterr().out
    assert "scene and other" in printed
    with rasterio.open(out / "map.tif") as made:
        assert made.crs.to_epsg() == 32632
        assert set(np.unique(made.read(1))) - {255}


@pytest.mark.parametrize(
    ("argv", "exit_code", "says"),
    [
        (["--bbox", "1,2,3"], 2, "expected four numbers"),
        (["--bbox", "1,2,3,north"], 2, "expected four numbers"),
        (["--bbox", "-1,-2,1,2"], 3, "do not touch"),
        (["--bbox", "14,50,16,40"], 2, "south below north"),
        (["--bbox", "nan,40,16,60"], 2, "no number"),
        (["--bbox", "14,40,14,60"], 2, "is empty"),
        (["--bbox", "49,14,50,16"], 3, "swapped"),
        (["--bbox-crs", "EPSG:32633"], 2, "no --bbox"),
        (["--aoi-crs", "EPSG:32633", "--bbox", "14,40,16,60"], 2, "no --aoi"),
        (["--aoi", "none.geojson"], 3, "No such file"),
        (["--crs", "EPSG:4326"], 2, "--resolution"),
        (["--crs", "mars"], 4, "no coordinate reference system"),
        (["--resolution", "-10"], 2, "above 0"),
        (["--resolution", "nan"], 2, "above 0"),
    ],
    ids=str,
)
def test_areas_and_grids_that_cannot_be(scene, out, refused, argv, exit_code, says):
    assert says in refused(["classify", scene, "-o", out / "map.tif", *argv], exit_code)
    assert left_in(out) == []


def test_older_results_are_replaced_only_by_finished_ones(tmp_path, scene, out, refused):
    (out / "map.tif").write_bytes(b"old map")
    bad = tmp_path / "bad.tif"
    next(bad_scene for bad_scene in BAD_SCENES if bad_scene.name == "truncated").make(bad)
    refused(["classify", bad, *all_outputs(out)], 3)
    assert left_in(out) == ["map.tif"]
    assert (out / "map.tif").read_bytes() == b"old map"
    assert main(["classify", str(scene), "-o", str(out / "map.tif")]) == 0
    with rasterio.open(out / "map.tif") as dataset:
        assert dataset.shape == (70, 90)


def test_disk_full(scene, out):
    """A file size limit fails writes as a full disk does; in a process of its own, because it cannot be lifted.

    It is noticed before anything is computed. What happens when the room goes later is in the tests of ``MapWriter``;
    then libtiff, which asks nobody, may print a line of its own before the sentence.
    """
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "from serving.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    assert scene.stat().st_size > 4000
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, ["classify", scene, *all_outputs(out)])],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert done.stderr.startswith("steppe: no room to write ")
    assert len(done.stderr.splitlines()) == 1
    assert left_in(out) == []


@pytest.mark.parametrize("name", ["map.png", "areas.json", "item.json", "map.qml"])
def test_disk_full_at_a_small_file(scene, out, refused, environment, name):
    write = Path.write_bytes

    def full(path, content):
        if path.name == name:
            raise OSError(28, "No space left on device")
        return write(path, content)

    environment.setattr(Path, "write_bytes", full)
    environment.setattr("landcover.raster.qml.Path.write_text", lambda path, *_, **__: full(path, b""))
    assert f"'{name}'" in refused(["classify", scene, *all_outputs(out)], 6)
    assert left_in(out) == []


def test_interrupted(scene, out, environment, capsys):
    def stop(*_args, **_keywords):
        raise KeyboardInterrupt

    environment.setattr("serving.pipeline.write_products", stop)
    assert main([str(part) for part in ["classify", scene, *all_outputs(out)]]) == INTERRUPTED
    assert capsys.readouterr().err.splitlines() == ["steppe: interrupted, nothing was published"]
    assert left_in(out) == []


# --- settings, usage, start-up ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("BATCH_SIZE", "many"), ("TILE", "100"), ("OVERLAP", "-32"), ("PORT", "70000"), ("THREADS", "0")],
)
def test_settings_that_cannot_be_used(scene, out, refused, environment, name, value):
    environment.setenv(f"STEPPE_{name}", value)
    line = refused(["classify", scene, "-o", out / "map.tif"], 4)
    assert f"STEPPE_{name}" in line
    assert value == "0" or value not in line
    refused(["models", "list"], 4)
    refused(["serve"], 4)


def test_windows_that_do_not_fit_together(scene, out, refused, environment):
    environment.setenv("STEPPE_TILE", "64")
    environment.setenv("STEPPE_OVERLAP", "64")
    line = refused(["classify", scene, "-o", out / "map.tif"], 4)
    assert "STEPPE_TILE and STEPPE_OVERLAP do not go together: overlap of 64 pixels" in line
    assert left_in(out) == []


@pytest.mark.parametrize(
    ("argv", "exit_code", "says"),
    [
        (["windows", ".", "640"], 2, "expected TILE/OVERLAP"),
        (["windows", ".", "100/64"], 2, "'100/64' is no size of windows: tile of 100 pixels"),
        (["windows", ".", "64/64"], 2, "'64/64' is no size of windows: overlap of 64 pixels"),
        (["windows", "out"], 3, "'out' holds no images"),
        (["repeat", "."], 3, "; steppe bench repeat takes one scene, not a folder of scenes"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("scene", "out")
def test_bench_says_what_it_wants(tmp_path, refused, environment, argv, exit_code, says):
    environment.chdir(tmp_path)
    assert says in refused(["bench", *argv], exit_code)


def test_settings_from_the_environment_hold(scene, environment, capsys):
    environment.setenv("STEPPE_TILE", "96")
    environment.setenv("STEPPE_BATCH_SIZE", "3")
    assert main(["bench", "scene", str(scene), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["tile"], figures["batch_size"], figures["threads"]) == (96, 3, 1)
    assert figures["end_to_end_mpx_s"] > 0
    assert main(["bench", "scene", str(scene)]) == 0
    assert "model_mpx_s" in capsys.readouterr().out


def test_bench_without_scratch(scene, tmp_path, refused, environment):
    environment.setenv("STEPPE_SCRATCH", str(tmp_path / "absent"))
    refused(["bench", "scene", scene], 4)


@pytest.mark.parametrize(
    "argv",
    [
        ["classify", "scene.tif", "-o"],
        ["classify", "scene.tif", "-o", "map.tif", "--nonsense"],
        ["classify", "a.tif", "-o", "map.tif", "--mosaic", "median"],
        ["nonsense"],
        ["models", "nonsense"],
        ["models", "show"],
        ["serve", "--port", "70000"],
        ["bench", "nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_use(argv, capsys):
    assert main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert "Error" in printed.err or "Usage: steppe" in printed.err


@pytest.mark.parametrize(
    "argv",
    [["--help"], ["-h"], ["classify", "--help"], ["degradation", "-h"], ["models", "verify", "-h"], ["serve", "-h"]],
)
def test_help(argv, capsys):
    assert main(argv) == 0
    assert "Usage: steppe" in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("steppe ")


def test_a_command_of_a_room_that_is_not_installed(environment, refused):
    plugin = EntryPoint("train", "absent_room.cli:train", serving.cli.PLUGIN_GROUP)
    environment.setattr(serving.cli, "entry_points", lambda **_: (plugin,))
    assert "absent_room is missing" in refused(["train", "fit", "--config", "x.yaml"], 4)


def test_a_command_of_another_room_gets_its_arguments(environment):
    seen = []
    environment.setattr(EntryPoint, "load", lambda _self: lambda argv: seen.append(argv) or 5)
    plugin = EntryPoint("train", "room.cli:train", serving.cli.PLUGIN_GROUP)
    environment.setattr(serving.cli, "entry_points", lambda **_: (plugin,))
    assert main(["train", "fit", "-c", "x.yaml", "--help"]) == 5
    assert seen == [["fit", "-c", "x.yaml", "--help"]]


def test_serve_starts_what_it_was_told(environment, capsys, caplog):
    started = {}

    def run(server, sockets):
        started.update(app=server.config.app, address=sockets[0].getsockname())
        assert "listening" not in caplog.text  # it is not before the application has started
        server._ready()

    environment.setattr("uvicorn.Server.run", run)
    environment.setattr("serving.telemetry.logs.configure_logs", lambda *words: started.update(logs=words))
    environment.setenv("STEPPE_HOST", "127.0.0.2")
    environment.setenv("STEPPE_WORKRES", "3")
    assert main(["serve", "--port", "0"]) == 0
    host, port = started["address"]
    assert host == "127.0.0.2"
    assert started["app"].state.settings.model == "tiny"
    assert started["logs"] == ("info", "auto")
    assert f"listening on http://127.0.0.2:{port} with documentation at /docs" in caplog.messages
    assert "STEPPE_WORKRES is no setting and has no effect; is STEPPE_WORKERS meant?" in caplog.messages
    assert capsys.readouterr().err == ""
    assert started["app"].state.settings.state.is_dir()


def test_serve_says_at_once_what_keeps_it_from_starting(environment, refused, tmp_path):
    assert "cannot listen on 999.1.1.1, port 8080 (" in refused(["serve", "--host", "999.1.1.1"], 4)
    environment.setenv("STEPPE_DATA_FOLDER", str(tmp_path / "scenes"))
    assert "STEPPE_DATA_FOLDER names no folder that is there" in refused(["serve", "--port", "0"], 4)


def test_starting_up_loads_no_runtime():
    """``--help`` must answer at once; rasters, models and HTTP are loaded by the commands that need them."""
    heavy = ["onnxruntime", "onnx", "fastapi", "uvicorn", "rasterio", "pyproj", "pystac", "PIL", "rich", "torch"]
    program = f"import serving.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_only_commands_of_other_rooms_are_looked_for_among_what_is_installed(environment, capsys):
    looked = []
    environment.setattr(serving.cli, "entry_points", lambda **_: looked.append(1) or ())
    for own in serving.cli._OWN:
        assert main([own, "--help"]) == 0
    assert looked == []
    assert main(["--help"]) == 0
    assert main([]) == main(["train"]) == 2
    assert len(looked) == 3
    printed = capsys.readouterr().out
    assert all(own in printed for own in serving.cli._OWN)
    commands = typer.main.get_command(serving.cli.build_app(plugins=False)).commands
    assert set(commands) == serving.cli._OWN
