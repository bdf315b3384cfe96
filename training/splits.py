"""Which sites are for training, for choosing, and for the final figure.

Pixels of one place look alike, so a split by pixel flatters a model. A split here is by site, it is written in the
config before any result exists, and it refuses to leave a site out or to use it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

from landcover.errors import ConfigError

type SplitName = Literal["train", "val", "test"]
SPLIT_NAMES: Final[tuple[str, ...]] = get_args(SplitName.__value__)
REST: Final = "*"


class SplitError(ConfigError):
    """A site split names a site twice, misses one, or names one that does not exist."""

    slug = "site-split"


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
        """Build from the ``split`` mapping of a config.

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
