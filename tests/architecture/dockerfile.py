"""Read a Dockerfile into stages. Enough for Steppe's own: no heredocs, no parser directives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Stage:
    """One FROM and what follows it.

    Attributes:
        name: the name after AS.
        parent: an image reference or the name of an earlier stage.
        instructions: (keyword, arguments) in file order.
    """

    name: str
    parent: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [arguments for word, arguments in self.instructions if word == keyword]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    stages: dict[str, Stage]

    @classmethod
    def read(cls, path: Path) -> Self:
        stages: dict[str, Stage] = {}
        stage = None
        for line in _logical_lines(path.read_text()):
            keyword, _, arguments = line.partition(" ")
            if keyword == "FROM":
                parent, _, name = arguments.partition(" AS ")
                stage = stages[name] = Stage(name, parent)
            elif stage is not None:
                stage.instructions.append((keyword, arguments))
        return cls(stages)

    def lineage(self, name: str) -> list[Stage]:
        """A stage, its parent stage and so on; what is built or inherited, nearest first."""
        found = []
        while name in self.stages:
            found.append(self.stages[name])
            name = self.stages[name].parent
        return found

    def in_force(self, name: str, keyword: str) -> str | None:
        """The last arguments of an instruction that holds in the finished image, such as USER."""
        return next((stage.all(keyword)[-1] for stage in self.lineage(name) if stage.all(keyword)), None)

    def environment(self, name: str) -> dict[str, str]:
        """ENV of the finished image."""
        lines = [line for stage in reversed(self.lineage(name)) for line in stage.all("ENV")]
        return dict(pair.split("=", 1) for line in lines for pair in line.split())


def _logical_lines(text: str) -> list[str]:
    """Lines without comments and blank lines, continuations joined and inner spaces single."""
    kept = "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return [re.sub(r"\s+", " ", line) for line in re.sub(r"\\\n", " ", kept).splitlines()]
