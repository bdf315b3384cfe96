"""Which scenes are for training, for choosing, and for the final figure.

Pixels of one place look alike, so a split by pixel flatters a model. A split here is by site (or by spatial block with
a buffer), it is written in the config before any result exists, and it refuses to leave a site out or to use it twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from training.blocks import BlockChoice, check_alike, cut_blocks
from training.folds import read_folds
from training.scenes import Scene
from training.split_error import SplitError

type SplitName = Literal["train", "val", "test"]
SPLIT_NAMES: Final[tuple[str, ...]] = get_args(SplitName.__value__)
REST: Final = "*"
NO_FOLD: Final = "none"


@dataclass(frozen=True, slots=True)
class SplitChoice:
    """How scenes are split; exactly one of ``sites``, ``fractions``, ``folds`` and ``given``.

    Attributes:
        sites: Split name to shell patterns of site names; one split may hold the single pattern ``*``, the rest.
        fractions: Split name to share of the pixels, 0..1; whole sites are drawn.
        folds: YAML file of folds, as ``steppe train folds`` writes it. Validation and test are the held-out fold: the
            last checkpoint of a fixed schedule is scored, nothing is chosen by it.
        fold: Number of the held-out fold, from 0; ``none`` trains on every site (validation then repeats fold 0, only
            to be watched, and there is no test).
        given: The data set's own split.
        blocks: Cut scenes into spatial blocks first, each a site of its own.
        seed: Of the draw by fractions.
    """

    sites: dict[str, list[str]] | None = None
    fractions: dict[str, float] | None = None
    folds: str | None = None
    fold: int | Literal["none"] | None = None
    given: bool = False
    blocks: BlockChoice | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse none or several ways to split.

        Raises:
            SplitError: with the ways that were given.
        """
        ways = {"sites": self.sites, "fractions": self.fractions, "folds": self.folds, "given": self.given}
        chosen = [name for name, value in ways.items() if value]
        if len(chosen) != 1:
            raise SplitError(f"a split is given by exactly one of {', '.join(ways)}; got {', '.join(chosen) or 'none'}")
        if (self.folds is None) != (self.fold is None):
            raise SplitError("a split by folds needs both the file, `folds`, and the number of a fold, `fold`")

    def cut(self, scenes: Sequence[Scene]) -> Sequence[Scene]:
        """What is split: the scenes, or their spatial blocks, each a site of its own.

        Args:
            scenes: All scenes of a source.
        """
        if self.blocks is None:
            return scenes
        check_alike(scenes)
        return [part for scene in scenes for part in cut_blocks(scene, self.blocks)]

    def assign(self, scenes: Sequence[Scene]) -> dict[str, tuple[Scene, ...]]:
        """Give every scene its split.

        Args:
            scenes: All scenes of a source.

        Returns:
            Split name to scenes, in their order; ``train`` and ``val`` share scenes only where ``fold`` is ``none``.

        Raises:
            SplitError: A site is in two splits or in none, or the choice fits no scene.
        """
        scenes = self.cut(scenes)
        if self.given:
            return _pick(scenes, [_given(scene) for scene in scenes])
        if self.folds is not None:
            return self._by_fold(scenes)
        sites = list(dict.fromkeys(scene.info.site for scene in scenes))
        if self.sites is not None:
            splits = SiteSplit.from_config(self.sites).assign(sites)
        else:
            splits = by_fractions(_site_pixels(scenes), self.fractions or {}, seed=self.seed)
        return _pick(scenes, [splits[scene.info.site] for scene in scenes])

    def _by_fold(self, scenes: Sequence[Scene]) -> dict[str, tuple[Scene, ...]]:
        folds = read_folds(Path(str(self.folds)))
        numbers = folds.assign(scene.info.site for scene in scenes)
        if self.fold == NO_FOLD:
            watched = tuple(scene for scene in scenes if numbers[scene.info.site] == 0)
            return {"train": tuple(scenes), "val": watched, "test": ()}
        held_out = folds.check(int(self.fold or 0))
        inside = tuple(scene for scene in scenes if numbers[scene.info.site] == held_out)
        return {
            "train": tuple(scene for scene in scenes if numbers[scene.info.site] != held_out),
            "val": inside,
            "test": inside,
        }


@dataclass(frozen=True, slots=True)
class SiteSplit:
    """Shell patterns of site names, one tuple per split.

    Exactly one split may hold the single pattern ``*``: it takes every site that the other two do not name.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse empty splits, a pattern in two splits, and more than one rest.

        Raises:
            SplitError: The split cannot mean one thing.
        """
        empty = [name for name in SPLIT_NAMES if not self.patterns(name)]
        if empty:
            raise SplitError(f"Split {empty[0]!r} has no site pattern; give at least one.")
        everything = [pattern for name in SPLIT_NAMES for pattern in self.patterns(name)]
        twice = sorted({pattern for pattern in everything if everything.count(pattern) > 1})
        if twice:
            raise SplitError(f"Pattern {twice[0]!r} stands in two splits; a site belongs to one.")

    @classmethod
    def from_config(cls, patterns: Mapping[str, Sequence[str]]) -> SiteSplit:
        """Build from the ``sites`` mapping of a config.

        Args:
            patterns: Split name to shell patterns.

        Returns:
            The split.

        Raises:
            SplitError: A split is missing or unknown.
        """
        if set(patterns) != set(SPLIT_NAMES):
            raise SplitError(f"A split needs exactly {list(SPLIT_NAMES)}, got {sorted(patterns)}.")
        return cls(**{name: tuple(patterns[name]) for name in SPLIT_NAMES})

    def patterns(self, name: str) -> tuple[str, ...]:
        """Patterns of one split."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def assign(self, sites: Iterable[str]) -> dict[str, str]:
        """Give every site its split.

        Args:
            sites: Names of all sites that exist.

        Returns:
            Site name to split name, in the order of the names.

        Raises:
            SplitError: A site is in two splits or in none, or a pattern fits no site.
        """
        names = sorted(set(sites))
        self._refuse_idle_patterns(names)
        return {site: self._split_of(site) for site in names}

    def _split_of(self, site: str) -> str:
        named = [name for name in SPLIT_NAMES if self._names(name, site)]
        if len(named) > 1:
            raise SplitError(f"Site {site!r} is in the splits {named}; a site belongs to one.")
        if named:
            return named[0]
        rest = [name for name in SPLIT_NAMES if REST in self.patterns(name)]
        if not rest:
            raise SplitError(f"Site {site!r} is in no split; name it, or give one split the pattern '*'.")
        return rest[0]

    def _names(self, split: str, site: str) -> bool:
        return any(fnmatchcase(site, pattern) for pattern in self.patterns(split) if pattern != REST)

    def _refuse_idle_patterns(self, names: Sequence[str]) -> None:
        for split in SPLIT_NAMES:
            for pattern in self.patterns(split):
                if not any(fnmatchcase(name, pattern) for name in names):
                    raise SplitError(f"Pattern {pattern!r} of split {split!r} fits no site; known: {list(names)}.")


def by_fractions(pixels: Mapping[str, int], shares: Mapping[str, float], *, seed: int) -> dict[str, str]:
    """Draw whole sites until every split has about its share of the pixels.

    Sites go, largest first and equal ones in random order, to the split that lacks most of its share.

    Args:
        pixels: Site name to pixels.
        shares: Split name to share; they add up to 1, and a share of 0 leaves that split empty.
        seed: Of the order of equal sites.

    Returns:
        Site name to split name.

    Raises:
        SplitError: The shares do not add up to 1, or a split with a share gets no site.
    """
    if set(shares) != set(SPLIT_NAMES) or min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-6:  # noqa: PLR2004
        raise SplitError(f"fractions need {', '.join(SPLIT_NAMES)}, each 0 or more and together 1; got {dict(shares)}")
    order = np.random.default_rng(seed).permutation(sorted(pixels)).tolist()
    order.sort(key=lambda site: -pixels[site])
    lacking = {name: share * sum(pixels.values()) for name, share in shares.items()}
    assigned: dict[str, str] = {}
    for site in order:
        assigned[site] = max(lacking, key=lambda name: lacking[name])
        lacking[assigned[site]] -= pixels[site]
    empty = [name for name, share in shares.items() if share and name not in assigned.values()]
    if empty:
        raise SplitError(
            f"{len(pixels)} sites are too few or too unequal to give split {empty[0]!r} its share; name sites, or cut "
            "scenes into blocks (split.blocks)"
        )
    return assigned


def _pick(scenes: Sequence[Scene], splits: Sequence[str]) -> dict[str, tuple[Scene, ...]]:
    pairs = list(zip(scenes, splits, strict=True))
    return {name: tuple(scene for scene, split in pairs if split == name) for name in SPLIT_NAMES}


def _given(scene: Scene) -> str:
    split = scene.info.split
    if split not in SPLIT_NAMES:
        raise SplitError(
            f"scene {scene.info.name} says it belongs to split {split!r}; a given split needs train, val or test for "
            "every scene"
        )
    return split


def _site_pixels(scenes: Iterable[Scene]) -> dict[str, int]:
    pixels: dict[str, int] = defaultdict(int)
    for scene in scenes:
        pixels[scene.info.site] += scene.info.height * scene.info.width
    return dict(pixels)
