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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover.calibration import Calibration, Reliability
from landcover.errors import ConfigError, DataError
from landcover.intervals import Interval, bootstrap_interval
from landcover.legends import CLASS_NODATA, Legend
from landcover.lookup import unmapped_codes

__all__ = [
    "Calibration",
    "ConfusionMatrix",
    "Interval",
    "Reliability",
    "Scores",
    "bootstrap_interval",
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
