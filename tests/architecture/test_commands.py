"""The commands that the documents name exist."""

from __future__ import annotations

import re

from tests.architecture.tree import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_the_makefile_has_the_promised_targets():
    assert {"help", "demo", "test", "check", "lock", "format", "clean", "env", "serve-env"} <= TARGETS


def test_every_make_command_in_the_documents_exists():
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / ".ci" / "run", *(ROOT / "docs").rglob("*.md")]
    named = {
        name
        for path in documents
        for name in re.findall(r"(?:^|`) *make (?:--[a-z-]+ )*([a-z-]+)", path.read_text(), re.MULTILINE)
    }
    assert {"demo", "test"} <= named
    assert named <= TARGETS


def test_every_named_target_is_phony():
    phony = re.search(r"^\.PHONY: ((?:.+\\\n)*.+)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].replace("\\", " ").split()) == TARGETS
