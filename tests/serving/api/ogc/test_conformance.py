"""The conformance page claims only classes whose abstract tests are here, as docs/conformance.md lists them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from serving.api.ogc.landing import CONFORMS_TO

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[3] / "docs" / "conformance.md"
CLASSES = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
ROW = re.compile(r"\| `(/conf/[\w/-]+)` \| `(/req/[\w/-]+)` \| `(test_\w+\.py)::(test_\w+)` \|")

ABSTRACT_TESTS = {
    "core": """
        landingpage-op landingpage-success api-definition-op api-definition-success conformance-op conformance-success
        http process-list pl-limit-definition process-list-success pl-links pl-limit-response process process-success
        process-exception-no-such-process job-creation-op job-creation-auto-execution-mode
        job-creation-default-execution-mode job-creation-request job-creation-inputs job-creation-input-inline
        job-creation-input-ref job-creation-input-array job-creation-input-inline-object job-creation-input-inline-mixed
        job-creation-input-inline-binary job-creation-input-inline-bbox job-creation-input-validation
        job-creation-default-outputs job-creation-sync-raw-value-one job-creation-sync-raw-value-multi
        job-creation-sync-raw-ref job-creation-sync-raw-mixed-multi job-creation-sync-document
        job-creation-success-async job-op job-success job-exception-no-such-job job-results job-results-sync
        job-results-async-raw-value-one job-results-async-raw-value-multi job-results-async-raw-ref
        job-results-async-raw-mixed-multi job-results-async-document job-results-exception-no-such-job
        job-results-exception-results-not-ready job-results-failed
    """,
    "ogc-process-description": "json-encoding inputs-def input-def input-mixed-type outputs-def output-def "
    "output-mixed-type",
    "json": "definition",
    "job-list": """
        job-list-op type-definition type-response processID-mandatory processID-definition processID-response
        status-definition status-response datetime-definition datetime-response duration-definition duration-response
        limit-definition limit-response links job-list-success
    """,
    "callback": "job-callback",
    "dismiss": "job-dismiss-op job-dismiss-success",
}
"""Abstract tests of each class that can be claimed: annex A of 18-062r2."""


def rows():
    """Abstract test, requirement, file and test of each line of the page."""
    return ROW.findall(PAGE.read_text())


def requirements_of(tests):
    """Requirements that each test of this folder names in its docstring, by file and name."""
    found = {}
    for path in tests.glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named = re.findall(r"/req/[\w./-]+", ast.get_docstring(node) or "")
                found[path.name, node.name] = {name.rstrip("./") for name in named}
    return found


def test_the_claimed_classes_are_those_of_the_page(house):
    claimed = house.client.get("/conformance").json()["conformsTo"]
    assert claimed == list(CONFORMS_TO)
    assert claimed == [f"{CLASSES}{name}" for name in re.findall(r"^### `([\w-]+)`$", PAGE.read_text(), re.MULTILINE)]


def test_every_abstract_test_of_the_claimed_classes_has_its_test():
    wanted = [
        f"/conf/{name.removeprefix(CLASSES)}/{word}"
        for name in CONFORMS_TO
        for word in ABSTRACT_TESTS[name.removeprefix(CLASSES)].split()
    ]
    assert sorted(row[0] for row in rows()) == sorted(wanted)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_test_of_the_page_exists_and_names_its_requirement(row):
    _, requirement, file, test = row
    assert requirement in requirements_of(FOLDER)[file, test]


def test_tests_name_requirements_that_exist():
    known = {row[1] for row in rows()}
    assert set().union(*requirements_of(FOLDER).values()) == known
