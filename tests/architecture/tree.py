"""Where things are in the source tree, for the tests that look at the tree itself."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]

OUTPUTS: Final = frozenset({"build", "demo", "dist", "lightning_logs", "node_modules", "runs"})
"""Folders that hold results, never sources."""

HIDDEN_SOURCES: Final = frozenset({".ci"})

NOT_OURS: Final = frozenset({".git"})
"""Files that tools keep in the tree; in a worktree of git ``.git`` is one, and names a folder of this machine."""


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def rooms() -> list[str]:
    """The packages that Steppe ships."""
    packages: list[str] = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return packages


def source_files() -> Iterator[Path]:
    """Every file of the tree but environments, caches and results."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if _is_source(name)]
        yield from (Path(folder, name) for name in files if _is_text(name))


def _is_text(file: str) -> bool:
    return file not in NOT_OURS and not file.endswith((".pyc", ".log"))


def _is_source(folder: str) -> bool:
    return folder in HIDDEN_SOURCES or not (folder.startswith((".", "__pycache__")) or folder in OUTPUTS)
