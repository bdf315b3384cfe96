"""docs/api.md: its commands, run by curl against a real server, answer what the page says; nothing is left out."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from serving.api.app import create_app
from serving.settings import Settings
from tests.architecture.tree import ROOT
from tests.bundles import BANDS, pair_bundle, tiny_bundle
from tests.crew import crewed
from tests.rasters import write_tiff
from tests.scenes import smooth_numbers
from tests.service import make_settings, write_scene
from tests.serving.api.live import live, quiet

PAGE = (ROOT / "docs" / "api.md").read_text()
ANSWER = re.compile(r"# (?P<status>\d{3})(?: (?P<kind>[\w.+-]+/[\w.+-]+))?(?:: (?P<members>.+))?")
NAMED = re.compile(r"# (?P<name>[A-Z]+) = (?P<member>[\w.-]+)")
UNTIL = re.compile(r"# until (?P<member>[\w.]+) = (?P<value>\w+)")


@dataclass
class Step:
    """A command of the page, and what it says of the answer."""

    command: str
    line: int
    status: int | None = None
    kind: str | None = None
    members: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    until: tuple[str, str] | None = None

    def __str__(self):
        return f"{self.line}: {self.command.splitlines()[0][:70]}"


def complete(command):
    """Whether all quotes are closed and no line goes on."""
    if command.endswith("\\"):
        return False
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def steps_of(page):
    steps, begun = [], None
    for number, text in enumerate(page.splitlines(), start=1):
        if not text.startswith("    "):
            begun = None
            continue
        line = text.strip()
        if begun is not None:
            begun.command += f"\n{line}"
            begun = None if complete(begun.command) else begun
        elif line.startswith("curl"):
            steps.append(Step(line, number))
            begun = None if complete(line) else steps[-1]
        elif steps and line.startswith("# "):
            note(steps[-1], line)
    return steps


def note(step, line):
    if match := ANSWER.fullmatch(line):
        step.status, step.kind = int(match["status"]), match["kind"]
        step.members = match["members"].split(", ") if match["members"] else []
    elif match := NAMED.fullmatch(line):
        step.names[match["name"]] = match["member"]
    elif match := UNTIL.fullmatch(line):
        step.until = match["member"], match["value"]
    else:
        raise AssertionError(f"line {step.line}: {line!r} says nothing that can be checked")


STEPS = steps_of(PAGE)


def member(document, path):
    for part in path.split("."):
        document = document[int(part)] if part.isdigit() else document[part]
    return document


@pytest.fixture(scope="module")
def app_settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    tiny_bundle(folder / "registry")
    pair_bundle(folder / "registry", name="two-dates")
    (folder / "zoo").mkdir()
    (folder / "data").mkdir()
    write_scene(folder / "data" / "scene.tif")
    changes = {"degradation_model": "two-dates", "data_folder": folder / "data"}
    return make_settings(folder, folder / "registry", folder / "zoo", **changes)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The folder in which somebody types the commands."""
    folder = tmp_path_factory.mktemp("here")
    write_scene(folder / "scene.tif")
    for name, seed, date in (("before", 1, "2016-03-01"), ("after", 2, "2018-04-02")):
        tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0", "datetime": date}
        write_tiff(folder / f"{name}.tif", smooth_numbers(70, 90, seed=seed), names=BANDS, nodata=0, tags=tags)
    for year, seed in ((2000, 3), (2015, 4)):
        codes = np.random.default_rng(seed).integers(1, 8, (1, 70, 90), dtype=np.uint8)
        write_tiff(folder / f"cover{year}.tif", codes, nodata=255)
    windows = np.random.default_rng(0).integers(1, 5000, (1, len(BANDS), 32, 32))
    tensor = {"name": "dn", "shape": list(windows.shape), "datatype": "UINT16", "data": windows.ravel().tolist()}
    (folder / "windows.json").write_text(json.dumps({"inputs": [tensor]}))
    return folder


class Walk:
    """Runs the commands, and remembers what answers are called."""

    def __init__(self, port, folder):
        self.folder = folder
        self.names = {"STEPPE": f"http://127.0.0.1:{port}"}

    def ask(self, step):
        """Status, media type and body."""
        words = "-sS -D .head -w '%{http_code}' --max-time 30"
        kept = "" if " -o " in step.command else " -o .body"
        command = step.command.replace("curl ", f"curl {words} ", 1) + kept
        shell = {**self.names, "PATH": "/usr/bin:/bin"}
        ran = subprocess.run(
            ["bash", "-uc", command], cwd=self.folder, env=shell, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        head = (self.folder / ".head").read_text().lower()
        kind = re.findall(r"^content-type: ([^;\r\n]+)", head, re.MULTILINE)
        body = (self.folder / ".body").read_bytes() if kept and ran.stdout != "204" else b""
        return int(ran.stdout), kind[-1] if kind else None, body

    def take(self, step):
        status, kind, body = self.ask(step)
        assert (status, kind) == (step.status, step.kind), body[:500]
        if not (kind or "").endswith("json"):
            return
        document = json.loads(body)
        for path in step.members:
            member(document, path)
        deadline = time.monotonic() + 20
        while step.until and member(document, step.until[0]) != step.until[1]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            document = json.loads(self.ask(step)[2])
        for name, path in step.names.items():
            self.names[name] = str(member(document, path))


@pytest.mark.slow  # sixty commands, one process each
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_walk(app_settings, readers, here):
    quiet()
    with crewed(app_settings, readers), live(create_app(app_settings), app_settings) as server:
        walk = Walk(server.port, here)
        for step in STEPS:
            assert step.status is not None, f"{step} does not say what is answered"
            try:
                walk.take(step)
            except Exception as error:
                raise AssertionError(f"docs/api.md, line {step}") from error
    with (here / "map.png").open("rb") as file:
        assert file.read(4) == b"\x89PNG"
    assert len((here / "head.bin").read_bytes()) <= 16_384


def test_every_endpoint_is_in_the_walk(app_settings):
    described = create_app(app_settings).openapi()["paths"]
    taken = set()
    for step in STEPS:
        words = shlex.split(step.command.replace("\\\n", " "))
        (address,) = [word for word in words if word.startswith("$STEPPE") or word == "$BEFORE"]
        path = address.removeprefix("$STEPPE").partition("?")[0].replace("$BEFORE", "/uploads/x")
        method = (
            words[words.index("-X") + 1] if "-X" in words else "POST" if {"-d", "--data-binary"} & set(words) else "GET"
        )
        taken.add((method, path))
    missing = [
        f"{method.upper()} {path}"
        for path, item in described.items()
        for method in item
        if not any(
            method.upper() == way and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path.replace(".", r"\.")), place)
            for way, place in taken
        )
    ]
    assert missing == []


def test_every_setting_is_in_the_table():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `STEPPE_")]
    listed = [name for row in rows for name in re.findall(r"`(STEPPE_[A-Z0-9_]+)`", row.split("|")[1])]
    known = {f"STEPPE_{name.upper()}" for name in Settings.model_fields}
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) == known


def test_defaults_in_the_table_are_those_of_the_settings():
    for row in PAGE.splitlines():
        if not row.startswith("| `STEPPE_"):
            continue
        _, names, defaults, *_ = row.split("|")
        names = re.findall(r"`STEPPE_([A-Z0-9_]+)`", names)
        told = [part.strip() for part in defaults.split(",")]
        for name, value in zip(names, told, strict=False):
            default = Settings.model_fields[name.lower()].default
            if isinstance(default, int | float) and not isinstance(default, bool):
                assert float(value) == default, name
