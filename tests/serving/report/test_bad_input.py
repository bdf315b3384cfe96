"""What a report cannot be made of: one clear sentence and one exit code each, and nothing written."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from serving.cli import main
from tests.service import left_in
from tests.serving.report.badreports import BAD_REPORTS
from tests.serving.report.countries import HEIGHT, WIDTH, areas, conditions, layer, maps, raster, sub_indicators, words
from tests.serving.test_cli import ROOT

USAGE = 2


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path


def contents(folder):
    """Everything in a folder, with what files hold."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}, left_in(folder)


def said(printed):
    """A sentence; the words of a box that the command line draws around wrong options."""
    return re.sub(r"[\s│╭╮╰╯─]+", " ", printed).strip()


@pytest.mark.parametrize("bad", BAD_REPORTS, ids=str)
def test_refused(bad, folder, capsys):
    argv = bad.make(folder)
    before = contents(folder)
    code = main(argv)
    printed = capsys.readouterr()
    message = said(printed.err)
    assert code == bad.exit_code, message
    assert printed.out == ""
    assert str(folder) not in printed.err
    assert "Traceback" not in printed.err
    for part in bad.says:
        assert part in message
    if not (code == USAGE and printed.err.startswith("Usage:")):
        assert len(printed.err.splitlines()) == 1
        assert printed.err.startswith("steppe: ")
        assert len(printed.err) <= 1010
    assert contents(folder) == before


def test_names_are_different():
    names = [bad.name for bad in BAD_REPORTS]
    assert len(set(names)) == len(names)


# -- a baseline that does not fit


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    """A good report of the baseline, with the indicator, and the folder of its inputs."""
    folder = tmp_path_factory.mktemp("baseline")
    (folder / "out").mkdir()
    assert main(words(folder, *map(str, sub_indicators(folder)))) == 0
    return folder


def later(folder, baseline, *more, before=None, after=None):
    layers = [str(word) for word in sub_indicators(folder)]
    options = ("--period", "report_1", "--baseline", str(baseline / "out" / "report"))
    return words(folder, *layers, *options, *more, before=before, after=after, years="2015-2019")


def refused(argv, folder, capsys, code):
    before = contents(folder)
    capsys.readouterr()
    assert main(argv) == code
    printed = capsys.readouterr()
    assert contents(folder) == before
    assert len(printed.err.splitlines()) == 1
    assert str(folder) not in printed.err
    return printed.err


def test_baseline_of_another_area(folder, baseline, capsys):
    argv = later(folder, baseline, "--areas", str(areas(folder / "part.geojson", A=(5, 5, 20, 20))))
    message = refused(argv, folder, capsys, 3)
    assert "the baseline's report is of 1.80 km2 and this one of 0.36 km2" in message


def test_baseline_elsewhere(folder, baseline, capsys):
    from affine import Affine  # noqa: PLC0415 (of this test alone)

    place = {"transform": Affine(30, 0, 900_000, 0, -30, 5_500_000)}
    before, after = maps(folder, **place)
    layers = []
    for name in ("trend", "state", "performance", "soc-condition"):
        layers += [f"--{name}", str(layer(folder / f"{name}.tif", conditions(1, codes=(-1, 0)), **place))]
    options = ("--period", "report_1", "--baseline", str(baseline / "out" / "report"))
    argv = words(folder, *layers, *options, before=before, after=after, years="2015-2019")
    assert "lies elsewhere" in refused(argv, folder, capsys, 3)


def test_baseline_of_land_cover_alone(folder, capsys):
    alone = folder / "alone"
    (alone / "out").mkdir(parents=True)
    assert main(words(alone)) == 0
    assert "land productivity and soil carbon first" in refused(later(folder, alone), folder, capsys, 4)


def test_baseline_that_is_a_later_period(folder, baseline, capsys):
    assert main(later(folder, baseline)) == 0
    (folder / "inputs").mkdir()
    argv = words(
        folder / "inputs",
        *map(str, sub_indicators(folder / "inputs")),
        *("--baseline", str(folder / "out" / "report")),
        years="2015-2022",
        out=folder / "out" / "second",
    )
    # the first period's folder holds the baseline's account, but its indicator is that of the period
    assert "is a report of baseline, report_1" in refused(argv, folder, capsys, 4)


def test_periods_out_of_order(folder, baseline, capsys):
    argv = later(folder, baseline)
    argv[argv.index("2015-2019")] = "1999-2019"
    assert "does not follow the baseline (2000-2015)" in refused(argv, folder, capsys, 4)


# -- the disk, and people who have seen enough


def process(argv, *before):
    """The command in a process of its own."""
    program = "\n".join(("import sys", *before, "from serving.cli import main", "sys.exit(main(sys.argv[1:]))"))
    return subprocess.Popen(
        [sys.executable, "-c", program, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


@pytest.mark.parametrize("most", [1_000, 20_000])
def test_disk_full(folder, most):
    """At the first raster, and at the tables and the page after the rasters."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))"
    argv = words(folder)
    before = contents(folder)
    running = process(argv, limit)
    out, err = running.communicate()
    assert running.returncode == 6, err
    assert out == ""
    assert "no room to write" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert contents(folder) == before
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != most


@pytest.mark.skipif("sys.platform != 'linux'")
def test_stopped_in_the_middle(folder):
    """The pass tells a file when it has begun; then comes Ctrl-C."""
    told = folder / "told"
    wait = (
        "import time; from pathlib import Path; from serving.report import streaming",
        "count = streaming._count",
        f"def slow(*args): Path({str(told)!r}).touch(); time.sleep(20)",
        "streaming._count = slow",
    )
    argv = words(folder)
    before = contents(folder)
    running = process(argv, *wait)
    deadline = time.monotonic() + 60
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    told.unlink()
    assert (running.returncode, out) == (130, "")
    assert err.splitlines() == ["steppe: interrupted"]
    assert contents(folder) == before


def test_folder_that_cannot_be_written_to(folder, capsys, monkeypatch):
    """As seen by a user without the right: root may write anywhere."""
    from landcover import staging  # noqa: PLC0415 (of this test alone)

    def denied(*_args, **_keywords):
        raise PermissionError(13, "Permission denied")

    argv = words(folder)
    monkeypatch.setattr(staging.Path, "mkdir", denied)
    assert "cannot be written: Permission denied" in refused(argv, folder, capsys, 4)


def test_full_at_any_file(folder, capsys, monkeypatch):
    """Whichever file of the report finds no room, none of them is left."""
    from pathlib import Path  # noqa: PLC0415 (changed here)

    argv, write = words(folder), Path.write_bytes
    for name in ("so1.xlsx", "so1.json", "report.html", "hotspots.geojson", "item.json"):

        def full(path, content, name=name):
            if path.name == name:
                raise OSError(28, "No space left on device")
            return write(path, content)

        monkeypatch.setattr(Path, "write_bytes", full)
        assert f"no room to write '{name}'" in refused(argv, folder, capsys, 6)


def test_an_error_leaves_the_report_before_as_it_was(folder, capsys):
    argv = words(folder)
    assert main(argv) == 0
    codes = np.full((HEIGHT, WIDTH), 9, np.uint8)
    bad = words(folder, "--replace", before=raster(folder / "bad.tif", codes), after=folder / "after.tif")
    assert "9: 2000" in refused(bad, folder, capsys, 3)
    assert main([*argv, "--replace"]) == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["report"]
