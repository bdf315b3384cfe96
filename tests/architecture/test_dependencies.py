"""Each room declares what it imports: a package that arrives through another one may leave with it."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import ROOT, pyproject, rooms

EXTRAS = {
    "landcover": ["serve"],
    "indicators": ["serve"],
    "serving": ["serve", "openvino", "bench", "demo", "telemetry"],
    "models": ["train"],
    "training": ["train"],
}
NEEDS_TRAIN = {"models", "training"}


def declared(extras):
    project = pyproject()["project"]
    lines = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported(room):
    """Top-level names that the room's modules import, whether at once or late."""
    names = set()
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - set(rooms())


@pytest.mark.parametrize(
    "room", [pytest.param(room, marks=[pytest.mark.train] if room in NEEDS_TRAIN else []) for room in EXTRAS]
)
def test_a_room_declares_what_it_imports(room):
    distributions = packages_distributions()
    allowed = declared(EXTRAS[room])
    undeclared = {
        name
        for name in imported(room)
        if allowed.isdisjoint(canonicalize_name(distribution) for distribution in distributions.get(name, [name]))
    }
    assert undeclared == set()
