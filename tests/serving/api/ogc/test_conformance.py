"""The conformance page claims only classes whose abstract tests are here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from serving.api.ogc.landing import CONFORMS_TO

FOLDER = Path(__file__).parent
CLASSES = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"

REQUIREMENTS = {
    "core": """
        landingpage-op landingpage-success api-definition-op api-definition-success conformance-op conformance-success
        http process-list pl-limit-definition process-list-success pl-links pl-limit-response process process-success
        process-exception/no-such-process process-execute-op process-execute-default-execution-mode
        process-execute-auto-execution-mode process-execute-request process-execute-inputs process-execute-input-array
        process-execute-input-inline-object process-execute-input-mixed-type process-execute-input-inline-binary
        process-execute-input-inline-bbox process-execute-input-validation process-execute-default-outputs
        process-execute-sync-raw-value-one process-execute-sync-raw-value-multi process-execute-sync-raw-ref
        process-execute-sync-raw-mixed-multi process-execute-sync-document process-execute-success-async
        job job-success job-exception-no-such-job job-results job-results-success-sync
        job-results-async-raw-value-one job-results-async-raw-value-multi job-results-async-raw-ref
        job-results-async-raw-mixed-multi job-results-async-document job-results-exception/no-such-job
        job-results-exception/results-not-ready job-results-failed
    """,
    "ogc-process-description": "json-encoding inputs-def input-def input-mixed-type outputs-def output-def "
    "output-mixed-type",
    "json": "definition content",
    "job-list": """
        job-list-op type-definition type-response processID-definition processid-response processID-mandatory
        status-definition status-response datetime-definition datetime-response duration-definition duration-response
        limit-definition limit-response job-list-success links
    """,
    "callback": "job-callback",
    "dismiss": "job-dismiss-op job-dismiss-success",
}
"""Requirements of each class that can be claimed."""


def covered():
    """Requirements that the tests of this folder name in their docstrings."""
    found = set()
    for path in FOLDER.glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found |= set(re.findall(r"/req/[\w./-]+", ast.get_docstring(node) or ""))
    return {name.rstrip("./") for name in found}


def test_claimed_classes_have_tests():
    claimed = {name.removeprefix(CLASSES) for name in CONFORMS_TO}
    assert claimed <= set(REQUIREMENTS)
    wanted = {f"/req/{name}/{word}" for name in claimed for word in REQUIREMENTS[name].split()}
    assert wanted - covered() == set()


def test_tests_name_requirements_that_exist():
    known = {f"/req/{name}/{word}" for name, words in REQUIREMENTS.items() for word in words.split()}
    assert covered() - known == set()
