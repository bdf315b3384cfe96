"""Which plot is held out in which fold: fixed rules, the same on every machine and in every version of every library.

Plots whose spectra are the same pixel by pixel (one place measured twice within the same satellite pass) never part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from training.severity.plots import Plots
from training.split_error import SplitError

type FoldRule = Literal["random", "blocks", "bright"]

SALT: Final = "steppe-field-cover-1"
"""Changes every random assignment; never change it, or figures are no longer comparable."""


def fold_of_plots(plots: Plots, rule: FoldRule, folds: int) -> NDArray[np.int64]:
    """Fold of every plot, 0 to folds - 1.

    Args:
        plots: The plots.
        rule: ``random``: by a hash of the plot's number; ``blocks``: runs of consecutive numbers; ``bright``: by the
            mean digital number of all bands, darkest to brightest, so that each fold's soils are unlike the others'.
        folds: How many.

    Returns:
        int64 (P,).

    Raises:
        SplitError: Fewer than two folds, or fewer distinct spectra than folds.
    """
    groups = same_spectrum(plots)
    count = int(groups.max()) + 1 if len(plots) else 0
    if not 2 <= folds <= count:  # noqa: PLR2004 (a fold and the rest)
        raise SplitError(f"{folds} folds of {count} distinct spectra; take 2 to {count}")
    order = np.argsort(_KEYS[rule](plots, groups), kind="stable")
    ranks = np.empty(count, dtype=np.int64)
    ranks[order] = np.arange(count)
    return (ranks % folds if rule == "random" else ranks * folds // count)[groups]


def same_spectrum(plots: Plots) -> NDArray[np.int64]:
    """Group number of every plot; plots with equal digital numbers in all bands share one, int64 (P,)."""
    _, groups = np.unique(plots.dn_PB, axis=0, return_inverse=True)
    return groups.reshape(-1).astype(np.int64)


def _first_sites(plots: Plots, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Smallest plot number of every group."""
    first = np.full(int(groups.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, groups, plots.sites)
    return first


def _by_hash(plots: Plots, groups: NDArray[np.int64]) -> NDArray[np.uint64]:
    hashes = (hashlib.sha256(f"{SALT}:{site}".encode()).digest()[:8] for site in _first_sites(plots, groups).tolist())
    return np.array([int.from_bytes(part, "big") for part in hashes], dtype=np.uint64)


def _by_brightness(plots: Plots, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    totals = np.bincount(groups, weights=plots.dn_PB.astype(np.float64).mean(axis=1))
    return totals / np.bincount(groups)


_KEYS: Final[Mapping[str, Callable[[Plots, NDArray[np.int64]], NDArray[np.generic]]]] = MappingProxyType(
    {"random": _by_hash, "blocks": _first_sites, "bright": _by_brightness}
)
