"""scripts/find-python: takes a Python that fits, and says in one line why there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT

OTHER_PYTHON = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; *) echo {version} ;; esac\n'
BROKEN_SHIM = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"


@pytest.fixture
def bin_folder(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def put(folder, name, content):
    path = folder / name
    path.write_text(content)
    path.chmod(0o755)


def find_python(folder, *arguments):
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "find-python"), *arguments],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fitting_python3_is_taken_past_a_broken_shim(bin_folder):
    put(bin_folder, "python3.12", BROKEN_SHIM)
    put(bin_folder, "python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    run = find_python(bin_folder)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, str(bin_folder / "python3"), "")


def test_a_named_python_is_taken_without_looking_further(bin_folder):
    run = find_python(bin_folder, sys.executable)
    assert (run.returncode, run.stdout.strip()) == (0, sys.executable)


@pytest.mark.parametrize(
    ("pythons", "said"),
    [
        ({}, "no Python"),
        ({"python3.12": BROKEN_SHIM}, "no Python"),
        ({"python3": OTHER_PYTHON.format(version="3.11.9")}, "python3 is Python 3.11.9"),
        ({"python3": OTHER_PYTHON.format(version="3.14.0")}, "python3 is Python 3.14.0"),
        ({"python3": OTHER_PYTHON.format(version="3.12.3")}, "without the venv module"),
    ],
    ids=["nothing", "broken shim", "too old", "too new", "no venv"],
)
def test_no_fitting_python_is_said_in_one_line(bin_folder, pythons, said):
    for name, content in pythons.items():
        put(bin_folder, name, content)
    run = find_python(bin_folder)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.count("\n") == 1
    assert said in run.stderr
    assert "3.12" in run.stderr
    assert "make PYTHON=" in run.stderr
