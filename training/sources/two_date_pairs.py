"""Find the two dates of every place among scenes of single dates.

One place that cannot be used does not stop the others: what is wrong is collected, as sources of own images do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landcover.errors import ConfigError, GridMismatch
from landcover.raster.pair import GRID_TOLERANCE
from training.scenes import Scene, Source
from training.sources.own_errors import SceneProblem, UnusableScenes

_DATE: Final = re.compile(r"(?<!\d)((?:19|20)\d{2})[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d)")
"""From 1900 to 2099, so that a number of a plot or a tile is rarely one."""


class NoPairs(ConfigError):
    """A source of single dates has no place with two dates, or none of them has a change mask."""

    slug = "no-pairs"


@dataclass(frozen=True, slots=True)
class PairFiles:
    """Two dates of a place, the older first, and the mask of changes between them."""

    site: str
    older: Scene
    younger: Scene
    change_mask: Path | None

    @property
    def dates(self) -> tuple[str, str]:
        """Both days, such as 20180328."""
        return date_of(self.older.info.name), date_of(self.younger.info.name)


@dataclass(frozen=True, slots=True)
class Places:
    """What a source of single dates holds.

    Attributes:
        pairs: The oldest and the youngest date of each place.
        problems: Scenes and places that cannot be used.
        without_mask: Places with two dates that have no change mask, where one is asked for.
    """

    pairs: tuple[PairFiles, ...]
    problems: tuple[SceneProblem, ...]
    without_mask: tuple[str, ...]


def find_pairs(source: Source, mask_of: Callable[[str], Path | None], *, masked: bool) -> Places:
    """Put the dates of each place together.

    Args:
        source: Scenes of single dates.
        mask_of: Change mask of a place, or none.
        masked: Whether a place needs one.

    Raises:
        ConfigError: A name has no date, or the data set itself puts both dates of a place into different splits.
    """
    scenes, problems = _opened(source)
    places: dict[str, list[Scene]] = defaultdict(list)
    for scene in scenes:
        places[scene.info.site].append(scene)
    pairs, without_mask = [], []
    for site, dates in places.items():
        mask = mask_of(site)
        if len(dates) < 2:  # noqa: PLR2004 (a pair)
            continue
        if masked and mask is None:
            without_mask.append(site)
            continue
        ordered = sorted(dates, key=lambda scene: date_of(scene.info.name))
        pair = PairFiles(site, ordered[0], ordered[-1], mask)
        if len(set(pair.dates)) == 1:  # two images of one day show no change of land
            continue
        try:
            pairs.append(_checked(pair))
        except GridMismatch as error:
            files = (*pair.older.info.files, *pair.younger.info.files)
            problems.append(SceneProblem(f"{site}_{'_'.join(pair.dates)}", error, files))
    return Places(tuple(pairs), tuple(problems), tuple(sorted(without_mask)))


def _opened(source: Source) -> tuple[Sequence[Scene], list[SceneProblem]]:
    try:
        return source.scenes(), []
    except UnusableScenes as found:
        return found.usable, list(found.problems)


def date_of(name: str) -> str:
    """Day in the name of a scene, such as 20180328.

    Raises:
        ConfigError: There is none.
    """
    found = _DATE.search(name)  # the first: product names end with the day of processing
    if found is None:
        raise ConfigError(f"scene {name} has no date in its name; two-date samples need one such as 20180328")
    return "".join(found.groups())


def _checked(pair: PairFiles) -> PairFiles:
    older, younger = pair.older.info, pair.younger.info
    same_size = (older.height, older.width) == (younger.height, younger.width)
    grids = older.grid, younger.grid
    if not same_size or (grids[0] and grids[1] and not grids[0].aligned_with(grids[1], tolerance_px=GRID_TOLERANCE)):
        sizes = f"{older.height} x {older.width} and {younger.height} x {younger.width} pixels"
        raise GridMismatch(
            f"{older.name} and {younger.name} ({sizes}) do not lie on one pixel grid; bring both to one grid first"
        )
    if older.split != younger.split:
        raise ConfigError(
            f"{older.name} is of split {older.split!r} and {younger.name} of {younger.split!r}; a pair has one split"
        )
    return pair
