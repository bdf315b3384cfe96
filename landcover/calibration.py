"""Whether confidences mean what they say: a streaming reliability table and the expected calibration error.

ECE = sum over bins of n_b / n * |accuracy_b - mean confidence_b|, with equal-width bins ((b-1)/B, b/B]; the first bin
also holds 0. Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602; Guo et al. 2017, https://arxiv.org/abs/1706.04599.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover.errors import ConfigError, DataError, ModelOutputInvalid
from landcover.legends import CLASS_NODATA

_ROUNDING: Final = 1e-4  # how far a confidence may leave 0..1: float32 softmax and float16 storage round


@dataclass(frozen=True, slots=True)
class Reliability:
    """The reliability table and what follows from it; None means that a bin, or everything, is empty.

    Attributes:
        edges: B+1 bin edges from 0 to 1; a bin holds its upper edge.
        counts: pixels in each bin.
        confidence: mean confidence in each bin.
        accuracy: share of right pixels in each bin.
        ece: expected calibration error, 0 (calibrated) to 1.
        mean_confidence: over all pixels.
        overall_accuracy: over all pixels; below ``mean_confidence`` means overconfident.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    confidence: tuple[float | None, ...]
    accuracy: tuple[float | None, ...]
    ece: float | None
    mean_confidence: float | None
    overall_accuracy: float | None


class Calibration:
    """Sums confidence and hits per bin over any number of arrays in constant memory."""

    def __init__(self, bins: int = 15) -> None:
        """Start empty.

        Args:
            bins: number of equal-width bins.

        Raises:
            ConfigError: when there is no bin.
        """
        if bins < 1:
            raise ConfigError(f"{bins} calibration bins: expected 1 or more")
        self._edges = np.arange(bins + 1) / bins
        self._counts = np.zeros(bins, dtype=np.int64)
        self._hits = np.zeros(bins, dtype=np.int64)
        self._confidence = np.zeros(bins, dtype=np.float64)

    def update(
        self,
        confidence: npt.NDArray[np.floating[Any]],
        truth_index: npt.NDArray[np.integer[Any]],
        predicted_index: npt.NDArray[np.integer[Any]],
        *,
        ignore: int = CLASS_NODATA,
    ) -> None:
        """Count more pixels; those whose truth or prediction is ``ignore`` are left out.

        Args:
            confidence: probability of the predicted class, 0..1, any shape.
            truth_index: class indices or ``ignore``, the same shape.
            predicted_index: class indices or ``ignore``, the same shape.
            ignore: index that means "no class".

        Raises:
            DataError: when the shapes differ.
            ModelOutputInvalid: when a confidence of a counted pixel is not a number from 0 to 1.
        """
        if not confidence.shape == truth_index.shape == predicted_index.shape:
            shapes = confidence.shape, truth_index.shape, predicted_index.shape
            raise DataError(f"confidence, truth and prediction have shapes {shapes}; expected the same")
        counted = (truth_index != ignore) & (predicted_index != ignore)
        sure = confidence[counted].astype(np.float64)
        if not ((sure >= -_ROUNDING) & (sure <= 1 + _ROUNDING)).all():
            raise ModelOutputInvalid(f"confidences from {sure.min()} to {sure.max()}: expected 0 to 1")
        hit = truth_index[counted] == predicted_index[counted]
        place = np.searchsorted(self._edges[1:-1], sure, side="left")
        size = len(self._counts)
        self._counts += np.bincount(place, minlength=size)
        self._hits += np.bincount(place[hit], minlength=size)
        self._confidence += np.bincount(place, weights=sure.clip(0, 1), minlength=size)

    def update_probabilities(
        self,
        probabilities_KHW: npt.NDArray[np.floating[Any]],
        truth_HW: npt.NDArray[np.integer[Any]],
        *,
        ignore: int = CLASS_NODATA,
    ) -> None:
        """Count more pixels from class probabilities; the class axis is the third from the end.

        Args:
            probabilities_KHW: class probabilities, (K, H, W) or (N, K, H, W).
            truth_HW: class indices or ``ignore``, (H, W) or (N, H, W).
            ignore: index that means "no class".

        Raises:
            DataError: when the shapes do not fit.
            ModelOutputInvalid: when a probability of a counted pixel is not a number from 0 to 1.
        """
        predicted = probabilities_KHW.argmax(axis=-3)
        self.update(probabilities_KHW.max(axis=-3), truth_HW, predicted, ignore=ignore)

    def add(self, table: Reliability) -> None:
        """Count the pixels of another table.

        Args:
            table: with the same bins.

        Raises:
            ConfigError: when the bins differ.
        """
        if table.edges != tuple(self._edges.tolist()):
            raise ConfigError(f"a reliability table of {len(table.counts)} bins: expected {len(self._counts)}, alike")
        counts = np.array(table.counts, dtype=np.int64)
        self._counts += counts
        self._hits += np.rint(counts * _filled(table.accuracy)).astype(np.int64)
        self._confidence += counts * _filled(table.confidence)

    def result(self) -> Reliability:
        """The table of everything counted so far."""
        total = int(self._counts.sum())
        gaps = float(np.abs(self._hits - self._confidence).sum())
        return Reliability(
            edges=tuple(self._edges.tolist()),
            counts=tuple(self._counts.tolist()),
            confidence=_means(self._confidence, self._counts),
            accuracy=_means(self._hits, self._counts),
            ece=gaps / total if total else None,
            mean_confidence=float(self._confidence.sum()) / total if total else None,
            overall_accuracy=int(self._hits.sum()) / total if total else None,
        )


def pool_reliability(tables: Sequence[Reliability]) -> Reliability:
    """One table of all pixels of several tables.

    Args:
        tables: tables with the same bins, at least one.

    Raises:
        ConfigError: when there is none, or the bins differ.
    """
    if len({table.edges for table in tables}) != 1:
        raise ConfigError(f"{len(tables)} reliability tables to pool: expected at least one, all with the same bins")
    pooled = Calibration(len(tables[0].counts))
    for table in tables:
        pooled.add(table)
    return pooled.result()


def tempered(probabilities_KP: npt.NDArray[np.floating[Any]], temperature: float) -> npt.NDArray[np.float32]:
    """Probabilities as if their logits had been divided by a temperature: p^(1/T), made to sum to 1.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599. A temperature of 1/T undoes T. The winning class stays.

    Args:
        probabilities_KP: probabilities with the class axis first, any further axes.
        temperature: above 0; above 1 means less confident.

    Returns:
        float32 of the same shape.

    Raises:
        ConfigError: when the temperature is not above 0.
    """
    if not temperature > 0:
        raise ConfigError(f"temperature {temperature}: expected a number above 0")
    # Through the largest, so that a power never makes all of them vanish.
    raised: npt.NDArray[np.float32] = (probabilities_KP / probabilities_KP.max(axis=0)).astype(np.float32)
    raised **= np.float32(1 / temperature)
    return raised / raised.sum(axis=0)


def _means(sums: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> tuple[float | None, ...]:
    return tuple(part / count if count else None for part, count in zip(sums.tolist(), counts.tolist(), strict=True))


def _filled(values: tuple[float | None, ...]) -> npt.NDArray[np.float64]:
    return np.array([value or 0.0 for value in values])
