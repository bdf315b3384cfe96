"""How good an estimate of bare ground is, and the map of levels made from it.

Axes: P plot, K level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.calibration import Calibration, Reliability
from landcover.metrics import Scores, score
from training.severity.table import SeverityTable

INTERVALS: Final = (0.5, 0.8, 0.9)
"""Central intervals whose coverage is reported."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """What was predicted for plots that training did not see, in the order of the plots.

    Attributes:
        bare: Measured bare fraction, float64 (P,), 0..1.
        mean: Expected bare fraction, float64 (P,).
        at_most: Probability that the bare fraction is at most the measured one, float64 (P,).
        levels_PK: Probability of each level, float32.
    """

    bare: NDArray[np.float64]
    mean: NDArray[np.float64]
    at_most: NDArray[np.float64]
    levels_PK: NDArray[np.float32]

    def part(self, chosen_P: NDArray[np.bool_]) -> Estimates:
        """The estimates of some plots."""
        return Estimates(self.bare[chosen_P], self.mean[chosen_P], self.at_most[chosen_P], self.levels_PK[chosen_P])


def join(parts: Sequence[Estimates]) -> Estimates:
    """The estimates of several folds, one after the other."""
    return Estimates(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("bare", "mean", "at_most", "levels_PK"))
    )


@dataclass(frozen=True, slots=True)
class CoverScores:
    """Scores of the bare fraction; all in units of cover (0..1).

    Attributes:
        plots: Number of plots.
        rmse: Root mean square error.
        bias: Mean of estimate minus measurement.
        r2: 1 - squared error / variance of the measurements; None where they are all the same.
        coverage: Share of the plots inside each central interval of `INTERVALS`.
    """

    plots: int
    rmse: float
    bias: float
    r2: float | None
    coverage: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Rounded for a report."""
        return {
            "plots": self.plots,
            "rmse": round(self.rmse, 5),
            "bias": round(self.bias, 5),
            "r2": None if self.r2 is None else round(self.r2, 4),
            "interval_coverage": {
                f"{share:.0%}": round(part, 4) for share, part in zip(INTERVALS, self.coverage, strict=True)
            },
        }


def cover_scores(estimates: Estimates) -> CoverScores:
    """Scores of the bare fraction.

    A plot without bare ground lies in every interval that reaches down to 0, one without anything else in every
    interval that reaches up to 1.
    """
    error = estimates.mean - estimates.bare
    variance = float(estimates.bare.var())
    return CoverScores(
        plots=len(error),
        rmse=float(np.sqrt((error**2).mean())),
        bias=float(error.mean()),
        r2=1 - float((error**2).mean()) / variance if variance > 0 else None,
        coverage=tuple(_coverage(estimates, share) for share in INTERVALS),
    )


def level_scores(estimates: Estimates, table: SeverityTable) -> tuple[Scores, Reliability]:
    """Confusion of the levels, and whether their probabilities mean what they say.

    Args:
        estimates: With level probabilities of this table.
        table: Says which measured fraction is which level.
    """
    truth, mapped = table.levels(estimates.bare), estimates.levels_PK.argmax(axis=1)
    count = len(table.legend)
    matrix = np.bincount(truth * count + mapped, minlength=count**2).reshape(count, count)
    calibration = Calibration()
    calibration.update_probabilities(np.ascontiguousarray(estimates.levels_PK.T)[:, None], truth[None])
    return score(matrix, table.legend.names), calibration.result()


def within_one(scores: Scores) -> float | None:
    """Share of the plots that are mapped as their own level or a neighbouring one."""
    matrix = np.array(scores.matrix)
    near = sum(int(np.trace(matrix, offset)) for offset in (-1, 0, 1))
    return near / int(matrix.sum()) if matrix.sum() else None


def _coverage(estimates: Estimates, share: float) -> float:
    tail = (1 - share) / 2
    below = np.where(estimates.bare <= 0, 0.0, estimates.at_most)  # no probability lies below 0
    return float(((estimates.at_most >= tail) & (below <= 1 - tail)).mean())
