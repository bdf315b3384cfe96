"""Folds for cross-validation by group: which sites are held out together, written to a file before any result exists.

``steppe train folds -c CONFIG.yaml -k 5 -o FOLDS.yaml`` makes it; ``split: {folds: FOLDS.yaml, fold: 0}`` uses it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from landcover.errors import ConfigError, OutputNotWritable
from landcover.staging import os_errors
from training.split_error import SplitError


@dataclass(frozen=True, slots=True)
class Folds:
    """Sites of each fold.

    Attributes:
        folds: Site names of each fold.
        name: What errors call the file.
    """

    folds: tuple[tuple[str, ...], ...]
    name: str = "folds"

    def __post_init__(self) -> None:
        """Refuse fewer than two folds, an empty one, and a site in two.

        Raises:
            SplitError: with the offending site.
        """
        if len(self.folds) < 2 or not all(self.folds):  # noqa: PLR2004 (a fold and the rest)
            raise SplitError(f"{self.name} needs at least two folds, none of them empty; got {len(self.folds)}")
        sites = [site for fold in self.folds for site in fold]
        twice = sorted({site for site in sites if sites.count(site) > 1})
        if twice:
            raise SplitError(f"site {twice[0]!r} stands twice in {self.name}; a site belongs to one fold")

    def check(self, number: int) -> int:
        """The number of a fold that exists.

        Raises:
            SplitError: There is no such fold.
        """
        if not 0 <= number < len(self.folds):
            raise SplitError(f"{self.name} has the folds 0 to {len(self.folds) - 1}, there is no fold {number}")
        return number

    def assign(self, sites: Iterable[str]) -> dict[str, int]:
        """Fold of every site.

        Args:
            sites: All sites that exist.

        Raises:
            SplitError: A site has no fold, or a fold names a site that does not exist.
        """
        numbers = {site: number for number, fold in enumerate(self.folds) for site in fold}
        existing = set(sites)
        for what, names in (
            ("is in no fold of", existing - set(numbers)),
            ("does not exist but is in", set(numbers) - existing),
        ):
            if names:
                raise SplitError(f"site {min(names)!r} {what} {self.name} ({len(names)} in all); write the folds anew")
        return numbers


def read_folds(path: Path) -> Folds:
    """Read a file of folds.

    Args:
        path: YAML with the key ``folds``, a list of lists of site names.

    Raises:
        SplitError: The file is not there or is no such list.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SplitError(f"cannot read the folds {path.name}: {str(error).splitlines()[0]}") from error
    folds = content.get("folds") if isinstance(content, dict) else None
    if not isinstance(folds, list) or not all(isinstance(fold, list) for fold in folds):
        raise SplitError(f"{path.name} has no list of lists of sites under `folds`; make one with steppe train folds")
    return Folds(tuple(tuple(str(site) for site in fold) for fold in folds), path.name)


def make_folds(pixels_GK: Mapping[str, NDArray[np.int64]], count: int) -> list[list[str]]:
    """Groups to folds of about equal size and class mixture.

    Groups go, largest first, to the fold where they disturb the balance least: the sum over classes of the squared
    share of the class that each fold holds grows least. No chance is involved.

    Args:
        pixels_GK: Group name to labelled pixels of each class, shape (K,).
        count: Folds, at least 2.

    Returns:
        Group names of each fold, sorted.

    Raises:
        SplitError: There are fewer groups than folds.
    """
    if not 2 <= count <= len(pixels_GK):  # noqa: PLR2004 (a fold and the rest)
        raise SplitError(f"{count} folds of {len(pixels_GK)} groups; take 2 to {len(pixels_GK)}")
    totals_K = np.maximum(np.sum(list(pixels_GK.values()), axis=0), 1)
    shares = {group: pixels_K / totals_K for group, pixels_K in pixels_GK.items()}
    # Size counts as one more class, so that groups without labels are spread too.
    total = totals_K.sum()
    sizes = {group: float(pixels_K.sum() / total) for group, pixels_K in pixels_GK.items()}
    folds: list[list[str]] = [[] for _ in range(count)]
    held = np.zeros((count, len(totals_K) + 1))
    for group in sorted(shares, key=lambda name: (-sizes[name], name)):
        row = np.append(shares[group], sizes[group])
        growth = ((held + row) ** 2 - held**2).sum(axis=1)
        chosen = int(np.argmin(growth))
        folds[chosen].append(group)
        held[chosen] += row
    return [sorted(fold) for fold in folds]


def grouped(sites: Sequence[str], together: Sequence[str]) -> dict[str, list[str]]:
    """Sites that must stay in one fold.

    Args:
        sites: Site names.
        together: Groups, each some shell patterns with commas between them; a site that none fits is its own group.

    Returns:
        Group name to sites.

    Raises:
        SplitError: A site fits two groups, or a pattern fits none.
    """
    groups: dict[str, list[str]] = {}
    left = set(sites)
    for patterns in together:
        names = [pattern.strip() for pattern in patterns.split(",")]
        found = sorted(site for site in sites if any(fnmatchcase(site, name) for name in names))
        if not found or not left.issuperset(found):
            raise SplitError(f"group {patterns!r} fits {'sites of another group' if found else 'no site'}")
        groups[patterns] = found
        left -= set(found)
    return groups | {site: [site] for site in sorted(left)}


def main(arguments: Sequence[str]) -> int:
    """Write a file of folds: ``steppe train folds``.

    Args:
        arguments: Everything after ``steppe train folds``.

    Returns:
        Exit code.
    """
    options = _parser().parse_args(arguments)
    from training.config import data_from_config  # noqa: PLC0415 (torch takes seconds; --help must not wait)

    _check_output(options.output)
    data = data_from_config(options.config)
    counted = data.class_pixels_by_site()
    groups = grouped(tuple(counted), options.together)
    folds = make_folds(
        {name: np.sum([counted[site] for site in sites], axis=0) for name, sites in groups.items()}, options.k
    )
    named = [sorted(site for group in fold for site in groups[group]) for fold in folds]
    text = yaml.dump({"together": options.together, "folds": named}, Dumper=_Indented, sort_keys=False)
    with os_errors(options.output):
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(f"{_comment(options)}\n{text}", encoding="utf-8")
    for number, sites in enumerate(named):
        share = np.sum([counted[site] for site in sites], axis=0) / np.maximum(
            np.sum(list(counted.values()), axis=0), 1
        )
        shares = ", ".join(f"{name} {value:.0%}" for name, value in zip(data.facts.legend.names, share, strict=True))
        sys.stdout.write(f"fold {number}: {len(sites)} sites, share of each class: {shares}\n")
    return 0


def _check_output(path: Path) -> None:
    """A new division may replace an older one, and nothing else."""
    if not path.exists():
        return
    try:
        read_folds(path)
    except ConfigError as error:
        raise OutputNotWritable(f"{path.name!r} exists and is no file of folds; give -o another name") from error


class _Indented(yaml.SafeDumper):
    """Lists stand deeper than their key, as in configs written by hand."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _comment(options: argparse.Namespace) -> str:
    """The command that made the file; its groups are below."""
    return f"# steppe train folds -c {options.config.name} -k {options.k}, with --together for each group"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe train folds",
        description="Assign sites to folds of equal size and class mixture, once and for all.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration: the data")
    parser.add_argument("-k", type=int, default=5, help="number of folds, default 5")
    parser.add_argument(
        "--together",
        action="append",
        default=[],
        metavar="PATTERNS",
        help="sites that must stay in one fold: shell patterns, commas between; may be repeated",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="YAML file to write")
    return parser
