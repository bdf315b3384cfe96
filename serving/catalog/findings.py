"""What a catalogue answered: the scenes that fit, the best first, and why others were left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from landcover.errors import DataError, SteppeError
from serving.catalog.errors import NoScenes
from serving.catalog.item import check_item
from serving.catalog.library import Library, Place
from serving.catalog.query import SceneQuery
from serving.catalog.scene import SceneAssets, scene_of
from serving.fetch.budget import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The answer to a question.

    Attributes:
        scenes: those that fit, clearest first.
        looked_at: Items that were read.
        unusable: how many fitted, but could not be used.
        reason: why the first of these could not.
        complete: whether everything the catalogue has was looked at.
    """

    scenes: tuple[SceneAssets, ...]
    looked_at: int
    unusable: int = 0
    reason: str | None = None
    complete: bool = True

    @property
    def warnings(self) -> tuple[str, ...]:
        """What has to be said about the search itself."""
        said = []
        if not self.complete:
            said.append(f"the catalogue has more than the {self.looked_at} Items that were read; ask for less time")
        if self.unusable:
            said.append(f"{self.unusable} scenes were left out, the first because {self.reason}")
        return tuple(said)


class Catalogue(Protocol):
    """Anything in which scenes are found."""

    def search(self, query: SceneQuery, budget: Budget) -> Findings:
        """Look for scenes.

        Raises:
            Upstream: when the catalogue does not answer.
        """


@dataclass(slots=True)
class Collector:
    """Takes Items one by one and keeps what fits.

    Attributes:
        query: what is looked for.
        library: follows the Items' references.
        looked_at: Items so far.
    """

    query: SceneQuery
    library: Library
    looked_at: int = 0
    _scenes: dict[str, SceneAssets] = field(default_factory=dict)
    _unusable: int = 0
    _reason: str | None = None

    def take(self, documents: Iterable[tuple[Place, Any]]) -> None:
        """Look at Items, with the places they were read from."""
        for place, document in documents:
            self.looked_at += 1
            try:
                item = check_item(document)
                if self.query.fits(item):
                    scene = scene_of(item, place, self.library, self.query.bands)
                    self._scenes.setdefault(scene.id, scene)
            except DataError as error:
                self.leave_out(error)

    def leave_out(self, error: SteppeError) -> None:
        """Count a scene that cannot be used: it does not hide the good ones, and is the answer when there are none."""
        self._unusable += 1
        self._reason = self._reason or str(error)

    def findings(self, *, complete: bool) -> Findings:
        """What was found."""
        best = sorted(self._scenes.values(), key=lambda scene: scene.order)
        return Findings(
            scenes=tuple(best[: self.query.max_scenes]),
            looked_at=self.looked_at,
            unusable=self._unusable,
            reason=self._reason,
            complete=complete,
        )


def scenes_found(findings: Findings, query: SceneQuery) -> tuple[SceneAssets, ...]:
    """The scenes, or why there are none.

    Raises:
        NoScenes: saying what was searched.
    """
    if findings.scenes:
        return findings.scenes
    why = f"; {findings.unusable} could not be used, the first because {findings.reason}" if findings.unusable else ""
    raise NoScenes(
        f"no scene {query.words} was found among {findings.looked_at} Items of the catalogue{why}; choose other dates, "
        "another place or more clouds"
    )


def found(query: SceneQuery, catalogue: Catalogue, budget: Budget) -> Sequence[SceneAssets]:
    """Search, and refuse when nothing fits; see ``scenes_found``."""
    return scenes_found(catalogue.search(query, budget), query)
