"""Class weights from class balance: how much more a pixel of a rare class counts.

Axes: K class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from landcover.errors import ConfigError, NoValidData

Rule = Literal["balanced", "sqrt", "effective"]
"""Name of a rule; no type alias statement, because jsonargparse reads it from configs."""

type Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """Weights of the classes and what a person should know of them.

    Attributes:
        values: One per class, in the order of the legend; their mean over all labelled pixels is 1.
        warning: A sentence, where something is odd.
    """

    values: tuple[float, ...]
    warning: str | None = None


def class_weights(
    rule: Rule, pixels: Sequence[int], *, largest: float | None = None, names: Sequence[str] | None = None
) -> ClassWeights:
    """Weights from the labelled training pixels of each class.

    - ``balanced``: inverse frequency, 1 / n, as scikit-learn's ``compute_class_weight`` over the classes that occur
      (King and Zeng 2001, https://doi.org/10.1093/oxfordjournals.pan.a004868).
    - ``sqrt``: 1 / sqrt(n), half way to it on a logarithmic scale (Mahajan et al. 2018,
      https://arxiv.org/abs/1805.00932, repeat rare classes by this rule).
    - ``effective``: (1 - beta) / (1 - beta^n) (Cui et al. 2019, https://arxiv.org/abs/1901.05555), beta = (N - 1) / N
      with N, the number of different pixels that a class can have, taken as the mean pixels of a class that
      occurs. Rare classes are weighted as by ``balanced``; common ones more evenly.

    Args:
        rule: Which of them.
        pixels: Labelled pixels of each class.
        largest: No weight exceeds this, 1 or more; the others are raised in proportion, so that the mean stays 1.
        names: Class names, for the warning.

    Returns:
        The weights; a class without pixels has weight 0 and is named in the warning.

    Raises:
        ConfigError: The rule is not known, a count is negative or the limit is below 1.
        NoValidData: No class has a pixel.
    """
    count_K = np.asarray(pixels, dtype=np.float64)
    _check(count_K, largest)
    occurs_K = count_K > 0
    weight_K = np.zeros_like(count_K)
    weight_K[occurs_K] = _raw(rule, count_K[occurs_K])
    share_K = count_K / count_K.sum()
    weight_K /= (share_K * weight_K).sum()
    if largest is not None:
        weight_K = _limited(weight_K, share_K, largest)
    return ClassWeights(tuple(weight_K.tolist()), _warning(occurs_K, names))


def _raw(rule: Rule, count_K: Vector) -> Vector:
    """Weights before they are normalised, of the classes that occur."""
    match rule:
        case "balanced":
            return 1 / count_K
        case "sqrt":
            return 1 / np.sqrt(count_K)
        case "effective":
            # beta^n by logarithms: beta lies so close to 1 that 1 - beta^n would lose its digits. And not beta = 0,
            # which has no logarithm.
            log_beta = np.log1p(-1 / max(count_K.mean(), 2.0))
            return np.asarray(1 / -np.expm1(count_K * log_beta))
    raise ConfigError(f"class weights {rule!r} are not known; take balanced, sqrt or effective")


def _limited(weight_K: Vector, share_K: Vector, largest: float) -> Vector:
    """The same weights times one factor, cut at the limit, with a mean of 1 again."""
    for _ in weight_K:  # every turn cuts at least one more class, or nothing changes any more
        cut_K = weight_K >= largest
        room = 1 - largest * share_K[cut_K].sum()
        free = (share_K * weight_K)[~cut_K].sum()
        weight_K = np.where(cut_K, largest, weight_K * (room / free if free else 1.0))
    return np.minimum(weight_K, largest)


def _check(count_K: Vector, largest: float | None) -> None:
    if (count_K < 0).any():
        raise ConfigError(f"pixels of a class are {count_K.min():.0f}; counts of at least 0 are expected")
    if not count_K.any():
        raise NoValidData("no training pixel has a label, so there are no class weights; check masks and crosswalk")
    if largest is not None and not largest >= 1:
        raise ConfigError(f"largest class weight {largest}: at least 1 is expected, the mean of all weights")


def _warning(occurs_K: NDArray[np.bool_], names: Sequence[str] | None) -> str | None:
    missing = [str(index) if names is None else names[index] for index in np.flatnonzero(~occurs_K).tolist()]
    if not missing:
        return None
    return f"no training pixel of class {', '.join(missing)}: its weight is 0, and the model cannot learn it"
