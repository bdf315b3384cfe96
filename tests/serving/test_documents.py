"""What the documents say of the command line is so: options exist, and every exit code has a line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

import serving
from landcover.errors import SteppeError
from serving.cli import build_app

ROOT = Path(serving.__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
USE = re.compile(r"^ {4}steppe (classify|degradation|serve)( .*)$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_in_the_documents_exist(page):
    commands = get_command(build_app()).commands
    for command, words in USE.findall(page.read_text(encoding="utf-8")):
        known = {option for parameter in commands[command].params for option in parameter.opts}
        used = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", words.partition(" #")[0]))
        assert used <= known, (command, words)


def test_every_exit_code_of_an_error_is_documented():
    page = (ROOT / "docs" / "classify.md").read_text(encoding="utf-8")
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    errors = [SteppeError]
    for error in errors:
        errors += error.__subclasses__()
    assert {error.exit_code for error in errors} | {0, 2, 130, 143} <= told
    assert len(errors) > 20
