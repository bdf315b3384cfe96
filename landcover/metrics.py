"""How good a map is: a streaming confusion matrix and the scores read from it.

Rows of a matrix are the truth, columns the prediction (as in scikit-learn; Olofsson et al. 2014 print the map in rows).
With n_tp the diagonal, n_t the row sums and n_p the column sums of the matrix, and n its total:

- overall accuracy = sum(n_tp) / n, user's accuracy = n_tp / n_p, producer's accuracy = n_tp / n_t
  (Congalton 1991, https://doi.org/10.1016/0034-4257(91)90048-B);
- IoU = n_tp / (n_t + n_p - n_tp) (Everingham et al. 2010, https://doi.org/10.1007/s11263-009-0275-4);
- F1 = 2 n_tp / (n_t + n_p), the harmonic mean of user's and producer's accuracy.

A quotient by zero is None, "undefined": a class that never occurs is neither perfect nor worthless. Macro means leave
undefined classes out. All of these describe the pixels that were compared; they are not area estimates.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover.calibration import Calibration, Reliability
from landcover.errors import ConfigError, DataError
from landcover.intervals import Interval, bootstrap_interval
from landcover.legends import CLASS_NODATA, Legend
from landcover.lookup import unmapped_codes

__all__ = [
    "BinaryScores",
    "Calibration",
    "ConfusionMatrix",
    "Interval",
    "Reliability",
    "Scores",
    "binary_score",
    "bootstrap_interval",
    "labelled_only",
    "macro_iou",
    "score",
]

type OptionalScores = tuple[float | None, ...]

_CHUNK: Final = 1 << 18  # pixels widened to int64 at a time


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one confusion matrix; per-class tuples are in class-index order, None means undefined.

    Attributes:
        names: machine names of the classes.
        matrix: pixel counts, (truth, prediction).
        overall_accuracy: share of pixels that are right.
        iou: intersection over union of each class.
        f1: F1 of each class.
        users_accuracy: of the pixels mapped as the class, the share that is it (precision).
        producers_accuracy: of the pixels that are the class, the share mapped as it (recall).
        support: truth pixels of each class.
        macro_iou: mean IoU of the defined classes.
        macro_f1: mean F1 of the defined classes.
        unpredicted: pixels that have a truth but no prediction; they are in no other number here.
    """

    names: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    overall_accuracy: float | None
    iou: OptionalScores
    f1: OptionalScores
    users_accuracy: OptionalScores
    producers_accuracy: OptionalScores
    support: tuple[int, ...]
    macro_iou: float | None
    macro_f1: float | None
    unpredicted: int = 0


def score(matrix: npt.ArrayLike, names: Sequence[str] | None = None, *, unpredicted: int = 0) -> Scores:
    """Scores of a confusion matrix.

    Args:
        matrix: pixel counts, K x K, rows = truth, columns = prediction.
        names: K machine names; "0", "1", ... when not given.
        unpredicted: pixels with a truth but no prediction, handed through.

    Returns:
        Every score of the module docstring.

    Raises:
        ConfigError: when the matrix is not square or the names do not fit it.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:  # noqa: PLR2004  a matrix has two axes
        raise ConfigError(f"confusion matrix of shape {counts.shape}: expected K x K")
    labels = tuple(names) if names is not None else tuple(map(str, range(len(counts))))
    if len(labels) != len(counts):
        raise ConfigError(f"{len(labels)} class names for a confusion matrix of {len(counts)} classes")
    right, truth, mapped = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    iou, f1 = _ratios(right, truth + mapped - right), _ratios(2 * right, truth + mapped)
    return Scores(
        names=labels,
        matrix=tuple(tuple(row) for row in counts.tolist()),
        overall_accuracy=_ratios(right.sum(keepdims=True), counts.sum(keepdims=True).reshape(1))[0],
        iou=iou,
        f1=f1,
        users_accuracy=_ratios(right, mapped),
        producers_accuracy=_ratios(right, truth),
        support=tuple(truth.tolist()),
        macro_iou=_mean(iou),
        macro_f1=_mean(f1),
        unpredicted=unpredicted,
    )


def labelled_only(scores: Scores) -> Scores:
    """The scores with IoU and F1 undefined for a class that no truth pixel has, and the means without it.

    Such a class cannot be found, only mapped where it is not; those pixels already count against the classes they are.

    Args:
        scores: scores of a confusion matrix.
    """
    iou, f1 = (
        tuple(value if pixels else None for value, pixels in zip(values, scores.support, strict=True))
        for values in (scores.iou, scores.f1)
    )
    return replace(scores, iou=iou, f1=f1, macro_iou=_mean(iou), macro_f1=_mean(f1))


def macro_iou(scores: Scores, *, min_share: float) -> float | None:
    """Mean IoU of the classes that hold at least a share of the truth pixels.

    Args:
        scores: scores of a confusion matrix.
        min_share: share of the truth pixels, 0..1; a class without any is always left out.

    Returns:
        The mean, None when no class is that frequent.
    """
    fewest = max(1.0, min_share * sum(scores.support))
    return _mean(tuple(iou for iou, pixels in zip(scores.iou, scores.support, strict=True) if pixels >= fewest))


@dataclass(frozen=True, slots=True)
class BinaryScores:
    """Scores of "one of these classes" against all others; None means undefined.

    Attributes:
        precision: of the pixels mapped as one of the classes, the share that is one of them.
        recall: of the pixels that are one of the classes, the share mapped as one of them.
        f1: harmonic mean of both.
        iou: intersection over union.
        truth: pixels that are one of the classes.
        mapped: pixels mapped as one of the classes.
        right: pixels that are both.
        total: pixels compared.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    iou: float | None
    truth: int
    mapped: int
    right: int
    total: int


def binary_score(matrix: npt.ArrayLike, positive: Collection[int]) -> BinaryScores:
    """Scores of a group of classes against the rest, for example "changed" against "stable".

    A pixel of one class of the group that is mapped as another class of it counts as right.

    Args:
        matrix: pixel counts, K x K, rows = truth, columns = prediction.
        positive: class indices of the group.

    Raises:
        ConfigError: when the group is empty, holds every class, or names one that the matrix does not have.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    group = np.isin(np.arange(len(counts)), list(positive))
    if not 0 < group.sum() < len(counts) or group.sum() != len(set(positive)):
        raise ConfigError(f"classes {sorted(positive)} of {len(counts)}: expected some of them, and not all")
    right = int(counts[np.ix_(group, group)].sum())
    truth, mapped = int(counts[group].sum()), int(counts[:, group].sum())
    parts = np.array([right, right, 2 * right, right])
    wholes = np.array([mapped, truth, mapped + truth, mapped + truth - right])
    precision, recall, f1, iou = _ratios(parts, wholes)
    return BinaryScores(precision, recall, f1, iou, truth, mapped, right, int(counts.sum()))


class ConfusionMatrix:
    """Counts (truth, prediction) pairs of any number of arrays in constant memory."""

    def __init__(self, classes: Legend | int) -> None:
        """Start empty.

        Args:
            classes: a legend, or the number of classes.

        Raises:
            ConfigError: when the number of classes is below 1 or reaches the ignore index.
        """
        self.names = classes.names if isinstance(classes, Legend) else tuple(map(str, range(classes)))
        if not 1 <= len(self.names) < CLASS_NODATA:
            raise ConfigError(f"confusion matrix of {len(self.names)} classes: expected 1 to {CLASS_NODATA - 1}")
        self._counts = np.zeros((len(self.names), len(self.names)), dtype=np.int64)
        self._unpredicted = 0

    @property
    def matrix(self) -> npt.NDArray[np.int64]:
        """A copy of the counts, K x K, rows = truth, columns = prediction."""
        return self._counts.copy()

    def update(
        self,
        truth_index: npt.NDArray[np.integer[Any]],
        predicted_index: npt.NDArray[np.integer[Any]],
        *,
        ignore: int = CLASS_NODATA,
    ) -> None:
        """Count more pixels.

        Pixels whose truth is ``ignore`` are left out. Pixels that have a truth but whose prediction is ``ignore`` are
        left out too and counted in ``Scores.unpredicted``: look at that number before you believe the others.

        Args:
            truth_index: class indices 0..K-1 or ``ignore``, any shape.
            predicted_index: class indices 0..K-1 or ``ignore``, the same shape.
            ignore: index that means "no class".

        Raises:
            DataError: when the shapes differ.
            UnmappedCodes: when an index is neither a class nor ``ignore``.
        """
        if truth_index.shape != predicted_index.shape:
            raise DataError(
                f"truth of shape {truth_index.shape} and prediction of shape {predicted_index.shape} differ"
            )
        truth, predicted = truth_index.reshape(-1), predicted_index.reshape(-1)
        counts, unpredicted = np.zeros_like(self._counts), 0
        for start in range(0, truth.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            block, missed = self._count(truth[part], predicted[part], ignore)
            counts += block
            unpredicted += missed
        self._counts += counts  # only now: a refused array leaves nothing behind
        self._unpredicted += unpredicted

    def scores(self) -> Scores:
        """The scores of everything counted so far."""
        return score(self._counts, self.names, unpredicted=self._unpredicted)

    def _count(
        self, truth: npt.NDArray[Any], predicted: npt.NDArray[Any], ignore: int
    ) -> tuple[npt.NDArray[np.int64], int]:
        size = len(self.names)
        labelled = truth != ignore
        both = labelled & (predicted != ignore)
        pairs = [values[both] for values in (truth, predicted)]
        for what, values in zip(("truth", "prediction"), pairs, strict=True):
            stray = (values < 0) | (values >= size)
            if stray.any():
                raise unmapped_codes(values[stray], owner=f"a confusion matrix of {size} classes as {what}")
        joint = pairs[0].astype(np.intp) * size + pairs[1]
        block = np.bincount(joint, minlength=size * size).reshape(size, size)
        return block, int(np.count_nonzero(labelled)) - int(np.count_nonzero(both))


def _ratios(parts: npt.NDArray[np.int64], wholes: npt.NDArray[np.int64]) -> OptionalScores:
    return tuple(part / whole if whole else None for part, whole in zip(parts.tolist(), wholes.tolist(), strict=True))


def _mean(values: OptionalScores) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None
