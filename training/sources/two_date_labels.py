"""What a change between two dates means: from the classes of both dates to degraded, stable or improved.

A person who draws a change mask says *that* land changed; two class maps and the transition matrix say *which way*. The
class maps are often a model's, and inside a mask they often name one class for both dates: a car park on sand that was
sand, or a new block where the model saw a city before and after. Such a pair contradicts the person and says nothing
about the sign, so it is no evidence. (Water to water is: whatever water becomes, the matrix calls it stable.)

The three masses of a pixel are the probabilities of a degrading, a stable and an improving change under both dates'
class probabilities, taken as independent. Axes: S sign (-1, 0, 1), K class, H row, W column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from indicators.codes import DEGRADED, IMPROVED, STABLE
from indicators.transitions import TransitionMatrix
from landcover.errors import ConfigError
from landcover.legends import get_legend
from training.scenes import IGNORE

type Masses = NDArray[np.float32]

SIGNS: Final = (DEGRADED, STABLE, IMPROVED)
STABLE_INDEX: Final = get_legend("degradation3").index_of(STABLE)
_EIGHT_NEIGHBOURS: Final = np.ones((3, 3), dtype=bool)
_NOTHING: Final = 1e-6
"""Masses below this are no evidence."""


@dataclass(frozen=True, slots=True)
class SignChoice:
    """How pixels inside a change mask get their sign.

    Attributes:
        evidence: ``labels`` takes the two class maps as they are, ``probabilities`` the teacher's probabilities of both
            dates.
        vote: ``pixel``: every pixel by its own evidence. ``fill``: pixels without evidence take that of their connected
            change object. ``object``: all pixels of an object take the mean of its evidence.
        quorum: Evidence per pixel that an object needs for a vote, from 0 to 1: with labels, the share of its pixels
            whose class maps differ.
        margin: Share of the evidence, from 0 to 1, that the strongest sign needs; pixels below it are unsigned.
        unsigned: What becomes of changed pixels without a sign: ``ignore`` leaves them out of training and scores,
            because a person saw a change that nobody can name; ``stable`` counts them as stable.
    """

    evidence: Literal["labels", "probabilities"] = "labels"
    vote: Literal["pixel", "fill", "object"] = "fill"
    quorum: float = 0.1
    margin: float = 0.5
    unsigned: Literal["ignore", "stable"] = "ignore"

    def __post_init__(self) -> None:
        """Refuse shares that are none.

        Raises:
            ConfigError: with the number.
        """
        for name in ("quorum", "margin"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigError(f"signs.{name} is {value}; a share from 0 to 1 is expected")


def one_hot(index_HW: NDArray[np.uint8], classes: int) -> NDArray[np.float32]:
    """Class indices as probabilities KHW; all 0 where there is no class."""
    known: NDArray[np.float32] = (np.arange(classes)[:, None, None] == index_HW).astype(np.float32)
    return known


def sign_masses(
    matrix: TransitionMatrix, older_KHW: NDArray[np.float32], younger_KHW: NDArray[np.float32], *, changed: bool
) -> Masses:
    """Probability of each sign: the sum over pairs of classes with that sign.

    Args:
        matrix: Signs of all pairs.
        older_KHW: Class probabilities of the older date, in the order of the matrix's legend; all 0 for unknown.
        younger_KHW: The same of the younger date.
        changed: Whether it is known that something changed: then a class that stays is no evidence, unless no change of
            it has a sign.

    Returns:
        float32 (3, H, W), in the order of `SIGNS`.
    """
    signs_KK = np.array(matrix.signs)
    signless_K = ~signs_KK.any(axis=0) & ~signs_KK.any(axis=1)
    counts_KK = ~np.eye(len(signs_KK), dtype=bool) | signless_K if changed else np.ones_like(signs_KK, dtype=bool)
    masses = []
    for sign in SIGNS:
        pairs_KK = ((signs_KK == sign) & counts_KK).astype(np.float32)
        masses.append((older_KHW * np.einsum("kj,jhw->khw", pairs_KK, younger_KHW)).sum(axis=0))
    return np.stack(masses)


def vote(masses_SHW: Masses, changed_HW: NDArray[np.bool_], choice: SignChoice) -> Masses:
    """Masses after the vote of the connected change objects, eight neighbours.

    Args:
        masses_SHW: See `sign_masses`.
        changed_HW: True where a person saw a change.
        choice: How they vote.

    Returns:
        float32 (3, H, W); what lies outside the objects is as before.
    """
    if choice.vote == "pixel":
        return masses_SHW
    objects_HW, count = ndimage.label(changed_HW, _EIGHT_NEIGHBOURS)
    means_SO = np.stack([ndimage.mean(mass_HW, objects_HW, np.arange(count + 1)) for mass_HW in masses_SHW])
    means_SO[:, means_SO.sum(axis=0) < choice.quorum] = 0
    takes_HW = changed_HW if choice.vote == "object" else changed_HW & (masses_SHW.sum(axis=0) <= _NOTHING)
    return np.where(takes_HW, means_SO[:, objects_HW], masses_SHW).astype(np.float32)


def shares(masses_SHW: Masses) -> Masses:
    """Masses that add up to 1; all 0 where there is no evidence."""
    total_HW = masses_SHW.sum(axis=0)
    return np.where(total_HW > _NOTHING, masses_SHW / np.maximum(total_HW, _NOTHING), 0).astype(np.float32)


def decide(shares_SHW: Masses, changed_HW: NDArray[np.bool_], choice: SignChoice) -> NDArray[np.uint8]:
    """Labels of changed pixels by their evidence; all others are stable.

    Args:
        shares_SHW: See `shares`.
        changed_HW: True where a person saw a change.
        choice: Margin, and what unsigned pixels become.

    Returns:
        uint8 indices of ``degradation3``, `IGNORE` where the choice says so.
    """
    best_HW = shares_SHW.argmax(axis=0).astype(np.uint8)
    strongest_HW = shares_SHW.max(axis=0)
    alone_HW = (shares_SHW == strongest_HW).sum(axis=0) == 1  # of two that are equal neither is the sign
    signed_HW = alone_HW & (strongest_HW > 0) & (strongest_HW >= choice.margin)
    unsigned = IGNORE if choice.unsigned == "ignore" else STABLE_INDEX
    return np.where(changed_HW, np.where(signed_HW, best_HW, unsigned), STABLE_INDEX).astype(np.uint8)
