"""The shape of the source tree."""

from __future__ import annotations

import ast
import os
import re

import pytest

from tests.architecture.tree import ROOT, rooms, source_files

MACHINE_PATH = re.compile(r"(?<![\w.\-])/(?:" + "|".join(["work", "root", "tmp", "home", "Users"]) + r")/\w")
"""Absolute folders of one person's machine. Written without a literal example, or this file would find itself."""

TEXT = {"", ".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".in", ".lock", ".html", ".css", ".js", ".ts"}

ALLOWED_MACHINE_PATHS: frozenset[str] = frozenset()
"""Files, relative to the root, that may name one; with the reason beside each."""


def python_folders(top):
    return sorted({path.parent for path in (ROOT / top).rglob("*.py") if "__pycache__" not in path.parts})


@pytest.mark.parametrize("top", ["tests", *rooms()])
def test_every_folder_with_modules_is_a_package(top):
    """Without its ``__init__`` tests/models would shadow models."""
    missing = [
        str(folder.relative_to(ROOT)) for folder in python_folders(top) if not (folder / "__init__.py").is_file()
    ]
    assert missing == []


@pytest.mark.parametrize("top", ["tests", *rooms()])
def test_init_files_hold_a_docstring_at_most(top):
    """Importing a sub-module runs them, so whatever they import, every user of the room loads."""
    for folder in python_folders(top):
        body = ast.parse((folder / "__init__.py").read_text()).body
        rest = body[1:] if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else body
        assert rest == [], f"{folder.relative_to(ROOT)}/__init__.py does more than say what the package is"


@pytest.mark.parametrize("room", rooms())
def test_rooms_ship_their_types(room):
    assert (ROOT / room / "py.typed").is_file()


def test_no_file_names_a_folder_of_one_machine():
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in source_files()
        if path.suffix in TEXT and str(path.relative_to(ROOT)) not in ALLOWED_MACHINE_PATHS
        for match in MACHINE_PATH.finditer(path.read_text(errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize("name", [".ci/run", "scripts/find-python"])
def test_scripts_can_be_run(name):
    assert os.access(ROOT / name, os.X_OK)
