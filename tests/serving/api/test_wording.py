"""What the rooms below say in the words of the command line, and what clients of the service read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import landcover
import serving
from serving.api.wording import PARAMETER, spoken
from serving.client.refusals import options_in

OPTION = re.compile(r"(?<![\w'`-])--[a-z][a-z-]*")

NOT_SAID = ("commands", "client", "bench", "cli.py", "demo.py")
"""Parts of ``serving`` that only the command line has."""

NOT_OF_A_PROCESS = re.compile(
    r"indices\.py|scenebands\.py|report/(sampling|accuracy\w*|population|points|responses|folder|annualndvi"
    r"|productivity\w+|comparing\w*)\.py"
)
"""What only ``steppe indices`` and the sub-commands of ``steppe report`` beside ``make`` load."""

OTHERS = {
    "landcover": {"--calc", "--outfile", "--type"},  # of gdal_calc.py
    "serving": {
        "--data-binary",  # of curl
        "--entry",  # of steppe keys, said at start
        "--resume",  # a job has no folder of rows
        "--server",
        "--json",  # docstrings
    },
}


def said_in(room):
    """All options that strings of a room name."""
    root = Path(room.__path__[0])
    for path in sorted(root.rglob("*.py")):
        here = path.relative_to(root)
        if here.parts[0] in NOT_SAID or NOT_OF_A_PROCESS.fullmatch(here.as_posix()):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for option in OPTION.findall(node.value):
                    yield option, f"{here}:{node.lineno}"


@pytest.mark.parametrize("room", [landcover, serving], ids=lambda room: room.__name__)
def test_every_option_has_a_name_in_requests(room):
    left = {(option, where) for option, where in said_in(room) if "--" in spoken(f"give {option}")}
    assert {(option, where) for option, where in left if option not in OTHERS[room.__name__]} == set()


@pytest.mark.parametrize(
    ("said", "told", "in_address"),
    [
        ("pass --level", "pass the input level", "pass the query parameter level"),
        (
            "leave --quality and --mask-clouds out",
            "leave the output quality and the input mask_clouds out",
            "leave the output quality of the process classify and the input mask_clouds of the process classify out",
        ),
        ("give --aoi or --bbox", "give the input area", "give the input area of the process classify"),
        ("--before-date says 2020-01-01", "the input before_datetime says 2020-01-01", None),
        ("BEFORE: 'BEFORE.tif' is empty", "before: 'BEFORE.tif' is empty", None),
        ("or give both images to steppe degradation", "or execute the process degradation with both images", None),
        ("'--bands' is odd; curl --data-binary", "'--bands' is odd; curl --data-binary", None),
    ],
)
def test_words_of_requests(said, told, in_address):
    assert spoken(said) == told
    if in_address is not None:
        assert spoken(said, PARAMETER) == in_address


@pytest.mark.parametrize(
    "said",
    [
        "need --product, or --level, --bands and --model",
        "give --crs and --resolution, leave --mask-clouds out",
        "choose a part with --bbox or --aoi",
        "leave --quality out",
        "--before-date says nothing",
    ],
)
def test_the_command_line_says_its_own_words_again(said):
    assert options_in(spoken(said)) == said
