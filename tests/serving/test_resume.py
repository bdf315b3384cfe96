"""Runs that are killed go on where they stopped, and every file gets the bytes of a run that was not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import serving
from landcover.augmentation import Augmentation
from landcover.errors import DiskFull
from serving import cli, rowstore
from serving.classify import classify_scene
from serving.engine import Engine
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from serving.rowstore import OtherJob, RowStore, work_folder
from serving.treatment import DEFAULT_TREATMENT, MinimumPatch, Treatment
from tests.bundles import BANDS, pair_bundle, tiny_bundle, tiny_graph
from tests.rasters import write_band_folder, write_tiff
from tests.scenes import smooth_numbers
from tests.service import left_in, make_settings, write_scene

ROOT = Path(serving.__file__).parents[1]
HEIGHT, WIDTH = 260, 90
NEVER = 10**9

KILLED = """
import json, os, signal, sys
import serving.classify, serving.degradation
from serving.cli import main

limits, folder, argv = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:]
real, calls = os.fsync, []

def flush(descriptor):
    calls.append(descriptor)
    if len(calls) == limit:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)

os.fsync = flush
ends = []
for limit in limits:
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(main(argv))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ends.append([code, sorted(name for name in os.listdir(folder) if name[0] != ".")])
print(json.dumps(ends))
"""
"""Runs a command again and again, each time in a process that kills itself before it flushes for the nth time: what a
killed process leaves depends on what it has flushed and named."""


FULL = """
import resource, sys
from serving import rowstore
from serving.cli import main

save = rowstore._save

def full(file, part):
    if part.row > 100:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    save(file, part)

rowstore._save = full
sys.exit(main(sys.argv[1:]))
"""
"""Runs a command; from row 101 on no file may have more than 3000 bytes, and 32 rows of 90 pixels have 5760."""


def killed(limits, folder, argv):
    """How each run ended, and what could be seen in the folder then."""
    command = [sys.executable, "-W", "ignore", "-c", KILLED, json.dumps(limits), str(folder), *map(str, argv)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def contents(folder):
    """Every file's bytes; of the STAC Item without the time of the run."""
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    item = json.loads(found["item.json"])
    for moment in ("created", "processing:datetime"):
        del item["properties"][moment]
    return found | {"item.json": item}


def scene_with_mask(path, *, seed=0, **profile):
    """The tiny model's bands and a scene classification with clouds."""
    dn = smooth_numbers(HEIGHT, WIDTH, seed=seed)
    dn[:, 100:170, :80] = 0  # a row of windows with little data
    classes = np.random.default_rng(seed).choice(np.array([4, 5, 8, 9], np.uint16), (HEIGHT // 4 + 1, WIDTH // 4 + 1))
    mask = np.kron(classes, np.ones((4, 4), np.uint16))[:HEIGHT, :WIDTH]
    return write_scene(path, np.concatenate([dn, mask[None]]), names=(*BANDS, "SCL"), **profile)


def outputs(folder, *options):
    """Command line options that ask for these files, in a folder."""
    suffixes = {"preview": "map.png", "areas": "areas.json", "stac": "item.json"}
    files = [argument for name in options for argument in (f"--{name}", folder / suffixes.get(name, f"{name}.tif"))]
    return ["-o", folder / "map.tif", *files]


EVERYTHING = ("confidence", "probabilities", "uncertainty", "quality", "preview", "areas", "stac")


@pytest.fixture
def commands(tmp_path, environment):
    """Command lines by name, without their outputs."""
    for name, value in {"TILE": 64, "OVERLAP": 32}.items():
        environment.setenv(f"STEPPE_{name}", str(value))
    one, other = (scene_with_mask(tmp_path / f"{seed}.tif", seed=seed) for seed in (1, 2))
    tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0"}
    dates = [
        write_tiff(tmp_path / f"{day}.tif", smooth_numbers(HEIGHT, WIDTH, seed=seed), names=BANDS, nodata=0,
                   tags=tags | {"datetime": day})
        for seed, day in ((3, "2016-01-20"), (4, "2018-03-28"))
    ]  # fmt: skip
    pair_bundle(tmp_path / "pairs")
    return {
        "one": ["classify", one, "--mask-clouds", "--min-area", "9px"],
        "mean": ["classify", one, other, "--mosaic", "mean", "--resolution", "9.5"],
        "pair": ["degradation", *dates, "-m", "pair"],
    }


@pytest.mark.parametrize(
    ("name", "options", "limits"),
    [
        ("one", EVERYTHING, [1, 2, 3, 6, 5, 20, 35, NEVER]),
        ("mean", ("confidence", "stac"), [8, 5, NEVER]),
        ("pair", ("confidence", "areas", "stac"), [7, 4, NEVER]),
    ],
)
def test_a_killed_run_goes_on_to_the_same_bytes(commands, out, tmp_path, environment, name, options, limits):
    if name == "pair":
        environment.setenv("STEPPE_REGISTRY", str(tmp_path / "pairs"))
    plain = tmp_path / "plain"
    plain.mkdir()
    assert cli.main([*map(str, commands[name]), *map(str, outputs(plain, *options))]) == 0
    ends = killed(limits, out, [*commands[name], *outputs(out, *options), "--resume"])
    assert [code for code, _ in ends] == [-signal.SIGKILL] * (len(limits) - 1) + [0]
    assert contents(out) == contents(plain)
    for _, seen in ends[:-1]:  # the last kills of the first case come while files are published
        assert seen == [] or len(seen) < len(ends[-1][1])
    assert ends[0][1] == ends[1][1] == []
    assert all(not item.startswith(".") for item in left_in(out))


class Stopped(Exception):
    """The caller of the progress gave up."""


def stop(done, _total):
    if done == 3:
        raise Stopped


@pytest.fixture(scope="module")
def engines(folders, tmp_path_factory):
    """The tiny model, the same with test-time augmentation, and another one."""
    bundle = open_registry(make_settings(tmp_path_factory.mktemp("engine"), *folders)).get("tiny")
    other = tiny_bundle(tmp_path_factory.mktemp("other"), graph=tiny_graph(seed=5), version="0.2.0")
    return {
        "same": Engine(bundle, provider="cpu", threads=1),
        "flips": Engine(bundle, provider="cpu", threads=1, augmentation=Augmentation.FLIPS),
        "other": Engine(other, provider="cpu", threads=1),
    }


@pytest.fixture
def classify(engines, settings, out, tmp_path):
    """Classifies with rows kept; what is given changes the job."""
    scene = scene_with_mask(tmp_path / "scene.tif")

    def run(*, engine="same", files=None, treatment=DEFAULT_TREATMENT, progress=None, tile=64, overlap=32, **asked):
        sizes = {"tile": tile, "overlap": overlap, "batch_size": asked.pop("batch_size", 2)}
        inputs = Inputs(**{"source": scene} | asked)
        wanted = Outputs(map=out / "map.tif", **{role: out / f"{role}.tif" for role in files or ()})
        chosen = settings.model_copy(update=sizes)
        keywords = {"treatment": treatment, "progress": progress, "work": work_folder(wanted.map)}
        return classify_scene(inputs, wanted, engines[engine], chosen, **keywords)

    with pytest.raises(Stopped):
        run(progress=stop)
    assert [name for name in left_in(out) if "/" not in name] == [".steppe-resume-map.tif"]
    return run


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tile": 96}, "tile was 64, is 96"),
        ({"overlap": 0}, "overlap was 32, is 0"),
        ({"engine": "flips"}, "test-time augmentation was none, is flips"),
        ({"engine": "other"}, "another bundle of the model; .*model was tiny@0.1.0, is tiny@0.2.0"),
        ({"bands": (*BANDS, "SCL")}, "bands was by their names, is B02,B03,B04,B08,SCL"),
        ({"bbox": (0.0, 5_000_000.0, 1e6, 6e6), "area_crs": "EPSG:32633"}, "another area"),
        ({"resolution": 9.5}, "another grid; resampling was none, is "),
        (
            {"files": ("uncertainty",)},
            r"set of rasters was neither --probab\w+ nor --uncertainty, is --uncertainty \(entropy\)",
        ),
    ],
)
def test_rows_of_another_job_are_not_taken(classify, out, change, says):
    before = left_in(out)
    with pytest.raises(OtherJob, match=says):
        classify(**change)
    assert left_in(out) == before
    assert classify().kept == 64


def test_an_input_that_was_replaced_is_another_job(classify, tmp_path):
    stamp = (tmp_path / "scene.tif").stat()
    scene_with_mask(tmp_path / "scene.tif", seed=9)
    os.utime(tmp_path / "scene.tif", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(OtherJob, match="another input"):
        classify()


def test_rows_in_an_older_format_are_refused(classify, out):
    """The first format held no statement of itself; its files had the confidence beside the codes."""
    job = work_folder(out / "map.tif") / "steppe-job.json"
    facts = json.loads(job.read_bytes())
    del facts["format of kept rows"]
    job.write_text(json.dumps(facts))
    with pytest.raises(OtherJob, match=f"format of kept rows was unknown, is {rowstore.FORMAT}"):
        classify()


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("serving.resumption.instructions", lambda: ("avx2",), "another processor|processor was .*, is .* avx2"),
        ("numpy.__version__", "1.0", r"NumPy was .*, is 1\.0"),
        ("rasterio.__gdal_version__", "1.0", r"GDAL was .*, is 1\.0 of rasterio"),
        ("pyproj.proj_version_str", "1.0", r"PROJ was .*, is .*, 1\.0 of pyproj"),
    ],
)
def test_rows_of_another_processor_or_library_are_not_taken(classify, monkeypatch, place, value, says):
    """A work folder may lie on storage that several machines share."""
    with monkeypatch.context() as patch:
        patch.setattr(place, value)
        with pytest.raises(OtherJob, match=says):
            classify()
    assert classify().kept == 64


def test_what_does_not_change_the_rows_may_change(classify, tmp_path, out):
    """The map is that of a run that asked for all of it from the start."""
    copy = shutil.copy(tmp_path / "scene.tif", tmp_path / "copy.tif")
    changes = {
        "source": Path(copy),
        "name": "another name",
        "batch_size": 5,
        "files": ("confidence", "quality"),
        "treatment": Treatment(mask_clouds=True, min_patch=MinimumPatch(9, "px")),
    }
    outcome = classify(**changes)
    assert outcome.kept == outcome.to_json()["kept_rows"] == 64
    assert "64 rows of them kept from an earlier run" in outcome.summary()
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert classify(**changes).kept == 0
    assert first == {path.name: path.read_bytes() for path in out.iterdir()}
    assert left_in(out) == ["confidence.tif", "map.qml", "map.tif", "quality.qml", "quality.tif"]


def test_a_mask_that_was_replaced_uses_the_same_rows(engines, settings, out, tmp_path):
    """Rows are kept before they are masked; the map, and the digest of the mask that is told, are of the new one."""
    bands = dict(zip(BANDS, smooth_numbers(HEIGHT, WIDTH), strict=True))
    folder = write_band_folder(tmp_path / "bands", bands, suffix=".tif")
    chosen = settings.model_copy(update={"tile": 64, "overlap": 32})

    def run(cloudy_rows, **keywords):
        scl = np.full((1, HEIGHT, WIDTH), 4, np.uint8)
        scl[:, :cloudy_rows] = 9
        path = write_tiff(folder / "T33UUU_20170216T102101_SCL.tif", scl)
        wanted = Outputs(map=out / "map.tif", stac=out / "item.json")
        asked = {"treatment": Treatment(mask_clouds=True), **keywords}
        outcome = classify_scene(Inputs(source=folder, level="L1C"), wanted, engines["same"], chosen, **asked)
        told = contents(out)["item.json"]["properties"]["steppe:quality"]["sha256"]
        assert told == hashlib.sha256(path.read_bytes()).hexdigest()
        return outcome.kept, contents(out)

    work = work_folder(out / "map.tif")
    with pytest.raises(Stopped):
        run(100, progress=stop, work=work)
    kept, resumed = run(30, work=work)
    assert kept == 64
    assert resumed == run(30)[1]
    assert resumed != run(100)[1]


def test_a_full_disk_ends_a_run_that_goes_on_when_there_is_room(commands, out, tmp_path, capsys):
    argv = [*map(str, commands["one"]), *map(str, outputs(out)), "--resume", "--work", str(tmp_path / "work")]
    done = subprocess.run([sys.executable, "-c", FULL, *argv], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 6
    assert "steppe: no room to write 'work' (File too large); make room and run again" in done.stderr
    assert left_in(out) == []
    capsys.readouterr()
    assert cli.main([*argv, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept_rows"] == 128
    assert left_in(out) == ["map.qml", "map.tif"]
    assert not (tmp_path / "work").exists()


def test_a_scene_without_data_leaves_no_rows(out, tmp_path, environment, capsys):
    """It fails alike every time, so nothing of it is worth to be kept."""
    environment.setenv("STEPPE_TILE", "64")
    scene = write_scene(tmp_path / "empty.tif", np.zeros((len(BANDS), HEIGHT, WIDTH), np.uint16))
    for _ in range(2):
        assert cli.main(["classify", str(scene), *map(str, outputs(out)), "--resume"]) == 3
        assert "nodata" in capsys.readouterr().err
        assert left_in(out) == []


def test_a_full_disk_after_the_last_row_leaves_the_rows(commands, out, environment, capsys):
    argv = [*map(str, commands["one"]), *map(str, outputs(out)), "--resume"]
    with environment.context() as patch:
        patch.setattr("serving.pipeline.write_products", lambda *_: (_ for _ in ()).throw(DiskFull("no room")))
        assert cli.main(argv) == 6
    capsys.readouterr()
    assert cli.main([*argv, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept_rows"] == HEIGHT


def test_an_interrupt_says_how_to_go_on(commands, out, environment, capsys):
    argv = [*map(str, commands["one"]), *map(str, outputs(out))]
    said = {}
    for option in ([], ["--resume"]):
        with environment.context() as patch:
            patch.setattr("serving.pipeline.write_products", lambda *_: signal.raise_signal(signal.SIGINT))
            assert cli.main([*argv, *option]) == 130
        said[len(option)] = capsys.readouterr().err
    assert said[0] == "steppe: interrupted, nothing was published\n"
    assert said[1] == (
        "steppe: interrupted, nothing was published, finished rows are kept: the same command goes on from them\n"
    )
    assert cli.main([*argv, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept_rows"] == HEIGHT


def test_a_work_folder_without_resume(commands, out, capsys):
    assert cli.main([*map(str, commands["one"]), *map(str, outputs(out)), "--work", str(out)]) == 2
    assert "--work says where --resume keeps its rows, but there is no --resume" in capsys.readouterr().err
    assert left_in(out) == []


def test_a_second_process_is_refused(commands, out, capsys):
    argv = [*map(str, commands["pair"]), *map(str, outputs(out)), "--resume"]
    with RowStore(work_folder(out / "map.tif")):
        assert cli.main([*map(str, commands["one"]), *argv[-3:]]) == 4
    assert "another process is working in '.steppe-resume-map.tif'" in capsys.readouterr().err
    assert left_in(out) == []
