"""The report: all rows from real measurements of small scenes, and what is said when something is missing."""

import json
import re
import signal
import sys
import threading
import time
from contextlib import redirect_stdout
from io import StringIO

import pytest

from landcover.errors import ConfigError, DiskFull, OutputNotWritable
from serving import cli
from serving.bench import campaign
from serving.bench.figures import Verdict
from serving.bench.machine import describe_machine
from serving.bench.measure import rounded
from serving.bench.plan import FULL, QUICK, Extent, Sizes, make_task, plan_steps, room_needed
from serving.bench.report import make_report
from serving.bench.runs import Answer, RunFailed, parse_figures, run_command, run_process, shown
from tests.bundles import int8_bundle, tiny_manifest
from tests.service import left_in, make_settings, scene_numbers, write_scene
from tests.serving.bench.records import made_up_task

TINY = Sizes(
    tile=Extent(96, 130),
    cuts=(Extent(64, 64), Extent(64, 130)),
    wide=Extent(64, 200),
    start=Extent(64, 64),
    small=Extent(64, 64),
    repeat=Extent(64, 64),
    goals_apply=False,
)


ANSWERS = {}
"""What commands have answered already; only scenes are made again, because a report removes its own."""


def run_here(words, _scratch=None):
    """A command in this process: the same figures in a fraction of the time, but for memory and start-up."""
    if shown(words) in ANSWERS:
        return ANSWERS[shown(words)]
    started, said = time.perf_counter(), StringIO()
    with redirect_stdout(said):
        code = cli.main([str(word) for word in words])
    if code:
        raise RunFailed(f"{shown(words)!r} ended with exit code {code}")
    answer = Answer(parse_figures(said.getvalue(), words), time.perf_counter() - started)
    if "make-scene" not in words:
        ANSWERS[shown(words)] = answer
    return answer


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    write_scene(folder / "a.tif", scene_numbers(80, 90))
    return folder


@pytest.fixture
def world(tmp_path, environment):
    """Settings of a registry whose tiny model has an int8 variant, in the environment, too."""
    bundle = int8_bundle(tmp_path / "registry8")
    environment.setenv("STEPPE_REGISTRY", str(tmp_path / "registry8"))
    environment.setattr("serving.bench.measure.MODEL_SECONDS", 0.01)
    return make_settings(tmp_path, tmp_path / "registry8", tmp_path), bundle.manifest


def tiny_task(manifest, **changes):
    return make_task("tiny", manifest, TINY, **({"providers": ["cpu"]} | changes))


def report_in(folder, world, run=run_here, **changes):
    settings, manifest = world
    moments = []
    report = make_report(tiny_task(manifest, **changes), folder, settings, run, moments.append, command="steppe bench")
    return report, moments


@pytest.mark.needs("matplotlib")
def test_a_report_with_all_rows(world, images, out):
    report, moments = report_in(out, world, images=images, rounds=2)
    assert left_in(out) == ["memory.png", "rate.png", "report.json", "report.md", "stages.png"]
    assert left_in(world[0].scratch) == []
    missing = {figure.title for figure in report.figures if figure.verdict is Verdict.NOT_MEASURED}
    assert missing == {
        "CUDA and TensorRT, with decoding as the limit",
        "pixels with another class, another runtime than ONNX Runtime",
        "pixels with another class in windows of 512/32 than in one pass",  # the image is smaller
        "seam score with windows of 512/32",
    }
    assert all(figure.commands for figure in report.figures if figure.verdict is not Verdict.NOT_MEASURED)
    assert [moment.number for moment in moments] == list(range(1, len(report.records) + 1))
    assert moments[0].share == 0 < moments[-1].share < 1
    for name in ("memory.png", "rate.png", "stages.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    stages = next(each.figures["stages"] for each in report.records if "stages" in each.figures)
    busy = stages["busy_s"]
    assert sum(busy.values()) == pytest.approx(stages["busy_total_s"], abs=0.01)
    assert min(busy[name] for name in ("decode", "model", "blend", "write", "finish")) > 0
    assert 0 < stages["finish_wall_s"] < stages["wall_s"]


def test_the_text_says_the_same_numbers_as_the_json(world, images, out):
    report, _ = report_in(out, world, images=images)
    text, numbers = (out / "report.md").read_text(), json.loads((out / "report.json").read_text())
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \| [^|]+ \| [^|]* \| [^|]* \|$", text, re.MULTILINE))
    for figure in numbers["figures"]:
        value = rows[figure["title"]].removesuffix(figure["unit"]).strip().replace(",", "")
        assert (None if value == "-" else float(value)) == figure["value"], figure["title"]
    assert f"| numpy | {numbers['machine']['numpy']} |" in text
    engine = next(run for run in numbers["runs"] if run["key"] == ["engine", "cpu", "int8"])
    assert f"| cpu int8 | {engine['figures']['decode_mpx_s']:.2f} |" in text
    assert [run["problem"] for run in numbers["runs"]] == [None] * len(numbers["runs"])
    assert len(numbers["figures"]) == len(report.figures)


def test_every_command_of_the_report_can_be_run_alone(world, images, out, tmp_path, environment):
    report, _ = report_in(out, world, images=images)
    environment.chdir(tmp_path)
    figure = next(each for each in report.figures if each.title.startswith("time end to end with --tta"))
    for command in figure.commands:
        assert command.startswith("steppe ")
        assert run_here(command.split()[1:]).seconds > 0


def test_without_matplotlib_there_is_a_report_and_an_advice(world, out, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    report, _ = report_in(out, world)
    assert left_in(out) == ["report.json", "report.md"]
    assert report.plots == ()
    assert "There are no plots: plots need matplotlib" in (out / "report.md").read_text()
    assert "install steppe[bench]" in report.plots_note


def test_one_failing_measurement_does_not_stop_the_others(world, out):
    def run(words, _scratch):
        if "int8" in words:
            raise RunFailed(f"{shown(words)!r} ended with exit code 4: no such arithmetic")
        return run_here(words)

    report, _ = report_in(out, world, run)
    figure = next(each for each in report.figures if each.title.startswith("cpu: end to end in int8"))
    assert figure.verdict is Verdict.NOT_MEASURED
    assert figure.note.startswith("'steppe bench scene scene_130x96.tif --model tiny --provider cpu --precision int8")
    assert figure.note.endswith("ended with exit code 4: no such arithmetic")
    assert figure.note in (out / "report.md").read_text()
    assert left_in(world[0].scratch) == []


def test_when_nothing_works_there_is_no_report(world, out):
    def run(words, _scratch):
        if "make-scene" in words:
            return run_here(words)
        raise RunFailed("the first reason")

    with pytest.raises(RunFailed, match="no measurement worked; the first one: the first reason"):
        report_in(out, world, run)
    assert left_in(out) == left_in(world[0].scratch) == []


def test_a_disk_without_room_is_found_before_anything_is_made(world, out, monkeypatch):
    monkeypatch.setattr(campaign.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 200_000_000})())
    with pytest.raises(DiskFull, match=r"need 2\.3 GB of disk, 0\.2 GB are free in the scratch folder; make room"):
        make_report(make_task("tiny", world[1], FULL), out, world[0], lambda *_: pytest.fail("ran"), print, command="")
    assert left_in(out) == left_in(world[0].scratch) == []


def test_room_is_counted_for_scenes_that_are_there_together(tmp_path):
    steps = plan_steps(made_up_task(), tmp_path)
    assert room_needed(steps) == FULL.tile.needed_bytes
    first, second = (next(step for step in steps if step.scene == size) for size in (FULL.start, FULL.repeat))
    assert room_needed([first, second, first]) == FULL.start.needed_bytes + FULL.repeat.needed_bytes
    assert room_needed([first, second]) == max(FULL.start.needed_bytes, FULL.repeat.needed_bytes)


def test_places_that_cannot_take_a_report(world, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputNotWritable, match="'file' is a file; name a folder"):
        report_in(tmp_path / "file", world)


def test_a_model_for_other_scenes_is_refused():
    bands, plain = ("SR_B2", "SR_B3"), tiny_manifest()
    landsat = tiny_manifest(
        product="landsat-8-l2",
        bands=bands,
        statistics=dict.fromkeys(bands, plain.statistics["B02"]),
        value_scaling=plain.value_scaling[:2],
    )
    with pytest.raises(ConfigError, match="it wants SR_B2, SR_B3; choose a model for one Sentinel-2 image"):
        make_task("tiny", landsat, QUICK)
    with pytest.raises(ConfigError, match="it compares images of 2 dates"):
        make_task("tiny", tiny_manifest(dates=2), QUICK)
    with pytest.raises(ConfigError, match="provider 'gpu' is not known"):
        make_task("tiny", tiny_manifest(), QUICK, providers=["gpu"])


@pytest.mark.usefixtures("environment")
def test_a_command_that_fails_in_its_process_is_one_sentence(tmp_path):
    with pytest.raises(RunFailed) as caught:
        run_command(("bench", "scene", tmp_path / "absent.tif", "--json"), tmp_path)
    assert str(caught.value) == (
        "'steppe bench scene absent.tif --json' ended with exit code 3: 'absent.tif' does not exist"
    )


@pytest.mark.usefixtures("environment")
def test_a_command_in_its_process_answers_its_figures(tmp_path, scene):
    answer = run_command(("bench", "repeat", scene, "--json"), tmp_path)
    assert answer.figures["different_by_batch"] == 0
    assert answer.seconds > 0.1


SLOW = """
import os, pathlib, signal, sys, time

def leave(*_):
    time.sleep(0.5)
    made.unlink()
    sys.exit(130)

signal.signal(signal.SIGTERM, leave)
made = pathlib.Path(os.environ["STEPPE_SCRATCH"], "made")
made.touch()
time.sleep(60)
"""
"""A command that needs half a second to remove what it made."""


def test_an_interrupted_measurement_ends_its_process_in_good_order(tmp_path):
    def interrupt():
        while not (tmp_path / "made").exists():
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_process([sys.executable, "-c", SLOW], tmp_path)
    thread.join()
    assert left_in(tmp_path) == []


def test_what_is_no_json_object_is_refused():
    for text in ("Segmentation fault", "[1, 2]"):
        with pytest.raises(RunFailed, match="'steppe bench scene' printed no JSON"):
            parse_figures(text, ("bench", "scene"))


def test_rates_of_slow_machines_do_not_become_nothing():
    """Others are divided by them."""
    assert [rounded(value) for value in (12.34567, 0.98765, 0.00012345, 0.0, 7, "cpu")] == [
        12.346,
        0.988,
        0.000123,
        0.0,
        7,
        "cpu",
    ]


def test_the_machine_without_its_name(tmp_path):
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx2 avx512_vnni amx_tile\n")
    machine = describe_machine(tmp_path / "cpuinfo")
    assert (machine["processor"], machine["instructions"]) == ("Some CPU @ 2 GHz", ["avx2", "avx512_vnni"])
    assert describe_machine(tmp_path / "absent")["instructions"] == []


@pytest.mark.usefixtures("world")
def test_the_command_shows_all_figures_and_where_the_report_is(out, environment, capsys):
    environment.setattr("serving.bench.plan.QUICK", TINY)
    environment.setattr("serving.bench.runs.run_command", run_here)
    assert cli.main(["bench", "report", "-o", str(out), "--quick", "--provider", "cpu"]) == 0
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert "1/11 start-up on 64 x 64 (about" in printed.err
    assert "not judged" in printed.out
    assert printed.out.splitlines()[-1].endswith(f"not measured: {out / 'report.md'}")
    assert "by `steppe bench report -o FOLDER --provider cpu --quick`" in (out / "report.md").read_text()
