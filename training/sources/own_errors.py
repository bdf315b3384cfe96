"""What can be wrong with a user's own files, before a pixel is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landcover.errors import DataError, UnmappedCodes
from training.scenes import Scene

_LISTED: Final = 5


class NoTrainingScenes(DataError):
    """Nothing is found where the options point to."""

    slug = "no-training-scenes"


class LabelFormat(DataError):
    """A label file holds something else than one band of class codes."""

    slug = "label-format"


class StrayCodes(UnmappedCodes):
    """The data holds class codes that the crosswalk or legend does not have.

    Attributes:
        counts: Pixels (or features) of each value.
    """

    def __init__(self, message: str, counts: Mapping[str, int]) -> None:
        super().__init__(message)
        self.counts = dict(counts)

    def __reduce__(self) -> tuple[type[StrayCodes], tuple[str, dict[str, int]]]:
        """Loader processes hand errors over by pickle."""
        return type(self), (str(self), self.counts)


@dataclass(frozen=True, slots=True)
class SceneProblem:
    """Why a scene cannot be used.

    Attributes:
        scene: Name of the scene.
        error: What is wrong.
        files: Its files.
    """

    scene: str
    error: DataError
    files: tuple[Path, ...] = ()


class UnusableScenes(DataError):
    """Some scenes cannot be opened, or their files do not fit together.

    Attributes:
        problems: One per scene.
        usable: The other scenes.
    """

    slug = "unusable-scenes"

    def __init__(self, problems: Sequence[SceneProblem], usable: Sequence[Scene]) -> None:
        self.problems = tuple(problems)
        self.usable = tuple(usable)
        listed = "; ".join(f"{problem.scene}: {problem.error}" for problem in self.problems[:_LISTED])
        more = f"; and {len(self.problems) - _LISTED} more" if len(self.problems) > _LISTED else ""
        count = f"{len(self.problems)} of {len(self.problems) + len(self.usable)} scenes cannot be used"
        super().__init__(f"{count}: {listed}{more} (`steppe train check` lists everything)")
