"""``steppe report productivity`` and a report of the layers it made; bad input is one sentence, and nothing is left."""

import json

import numpy as np
import pytest

from landcover.raster.categorical import open_codes
from serving.cli import main
from tests.indicators.productivity.series import noisy
from tests.rasters import cut, north_up, write_tiff
from tests.service import left_in
from tests.serving.report.classmaps import class_codes, write_map

SHAPE = (30, 34)
PLACE = {"crs": "EPSG:32633", "transform": north_up(250)}

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """The command with its rasters, all but the years and the folder."""
    folder = tmp_path_factory.mktemp("ndvi")
    ndvi = write_tiff(folder / "ndvi.tif", noisy(16, *SHAPE), nodata=-32768, **PLACE)
    soil = write_tiff(folder / "soil.tif", np.ones((1, *SHAPE), np.uint8), **PLACE)
    cover = write_tiff(folder / "lc.tif", np.full((1, *SHAPE), 30, np.uint8), **PLACE)
    return ["report", "productivity", str(ndvi), "--soil", str(soil), "--land-cover", str(cover)]


@pytest.fixture
def run(capsys):
    def run(*argv):
        code = main([str(part) for part in argv])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def refused(run, tmp_path):
    def refused(code, text, *argv):
        before = left_in(tmp_path)
        found, out, err = run(*argv)
        assert (found, out) == (code, ""), err
        assert text in err
        assert len(err.splitlines()) == 1
        assert str(tmp_path) not in err
        assert left_in(tmp_path) == before

    return refused


def test_layers_and_a_report_of_them(command, run, tmp_path):
    code, out, err = run(*command, "--years", "2000-2015", "-o", tmp_path / "p", "--json")
    assert code == 0, err
    document = json.loads(out)
    assert set(document["files"]) == {path.name for path in (tmp_path / "p").iterdir()}
    assert document["lpd_km2"]["1"] > 0
    with open_codes(tmp_path / "p" / "lpd.tif") as lpd:
        grid = lpd.grid
    maps = [write_map(tmp_path / f"{year}.tif", class_codes(*SHAPE, seed=year), grid=grid) for year in (2000, 2015)]
    three = [part for name in ("trend", "state", "performance") for part in (f"--{name}", tmp_path / f"p/{name}.tif")]
    five = ["--lpd", tmp_path / "p" / "lpd.tif", "--lpd-source", "national"]
    for name, layers in (("three", three), ("five", five)):
        code, _, err = run("report", *maps, "--years", "2000-2015", *layers, "-o", tmp_path / name, "--json")
        assert code == 0, err
        account = json.loads((tmp_path / name / "account.json").read_text())
        assert lpd_km2(account) == pytest.approx(document["lpd_km2"])


def lpd_km2(account):
    """Km2 of each class of productivity dynamics in the table of a report."""
    joint = account["accounts"][0]["joint"]
    shape = [len(axis["codes"]) for axis in joint["axes"]]
    place = [axis["name"] for axis in joint["axes"]].index("lpd")
    found = dict.fromkeys(map(str, joint["axes"][place]["codes"]), 0.0)
    for cell, _, km2 in joint["cells"]:
        found[str(joint["axes"][place]["codes"][np.unravel_index(cell, shape)[place]])] += km2
    return found


def test_for_people(command, run, tmp_path):
    code, out, err = run(*command, "--years", "2000-2015", "-o", tmp_path / "p")
    assert code == 0, err
    assert "mapped area (pixel count)" in out
    assert "Moderate decline" in out
    code, _, err = run(*command, "--years", "2000-2015", "-o", tmp_path / "p", "--replace")
    assert code == 0, err


def test_years(command, refused, tmp_path):
    out = ["-o", tmp_path / "p"]
    refused(2, "12 historical", *command, "--years", "2001-2015", *out)
    refused(3, "16 bands for the 18 years", *command, "--years", "2000-2017", *out)
    refused(2, "the first year must be the earlier one", *command, "--years", "2015-2000", *out)
    preset = ["--preset", "prais_2026", "--period"]
    refused(4, "lack 2000", *command, "--years", "2001-2016", *preset, "baseline", *out)
    refused(4, "lack 2016, 2017", *command, "--years", "2000-2015", *preset, "report_1", *out)
    refused(
        2,
        "leave --historical-years",
        *command,
        "--years",
        "2000-2015",
        *preset,
        "baseline",
        "--recent-years",
        "3",
        *out,
    )


def test_folders_that_are_not_ours_stay(command, refused, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "metadata.json").write_text("{}")
    refused(2, "holds other files", *command, "--years", "2000-2015", "-o", tmp_path / "mine", "--replace")


def test_damaged_and_wrong_rasters(command, refused, tmp_path):
    numbers = noisy(16, *SHAPE)
    short = cut(write_tiff(tmp_path / "short.tif", numbers, **PLACE), 0.6)
    bad = [*command[:2], short, *command[3:]]
    refused(3, "pixels are missing", *bad, "--years", "2000-2015", "-o", tmp_path / "p")
    floats = write_tiff(tmp_path / "float.tif", (numbers / 10_000).astype(np.float32), **PLACE)
    refused(3, "scale of 10000", *command[:2], floats, *command[3:], "--years", "2000-2015", "-o", tmp_path / "p")
    soil = write_tiff(tmp_path / "soil.tif", np.ones((1, *SHAPE), np.float32), **PLACE)
    refused(3, "codes of classes", *command[:4], soil, *command[5:], "--years", "2000-2015", "-o", tmp_path / "p")
    refused(3, "legend 'unccd7'", *command, "--legend", "unccd7", "--years", "2000-2015", "-o", tmp_path / "p")
    refused(4, "nolegend", *command, "--legend", "nolegend", "--years", "2000-2015", "-o", tmp_path / "p")
