"""Sums of pixels that stream by: a straight line, and a histogram. Memory does not depend on the number of pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from landcover.errors import NoValidData

type Floats = npt.NDArray[np.float64]


class LineFit:
    """Least squares of y on x.

    Blocks are merged with means and squared deviations of their own (Chan, Golub and LeVeque 1983,
    doi:10.1080/00031305.1983.10483115), so that digits are not lost over many pixels.

    Attributes:
        count: pixels so far.
        low: least x and y.
        high: greatest x and y.
    """

    def __init__(self) -> None:
        self.count = 0
        self.low, self.high = np.full(2, np.inf), np.full(2, -np.inf)
        self._mean, self._squares = np.zeros(2), np.zeros((2, 2))

    def add(self, x: Floats, y: Floats) -> None:
        """Take some pixels in.

        Args:
            x: finite, any shape.
            y: finite, the same shape.
        """
        if not x.size:
            return
        points = np.stack([x.ravel(), y.ravel()])
        mean, count = points.mean(axis=1), points.shape[1]
        apart, deviations = mean - self._mean, points - mean[:, None]
        total = self.count + count
        self._squares += deviations @ deviations.T + np.outer(apart, apart) * (self.count * count / total)
        self._mean += apart * (count / total)
        self.count = total
        self.low, self.high = np.minimum(self.low, points.min(axis=1)), np.maximum(self.high, points.max(axis=1))

    def line(self) -> tuple[float, float]:
        """Slope and intercept.

        Raises:
            NoValidData: when x does not vary.
        """
        if self.count < 2 or not self._squares[0, 0] > 0:  # noqa: PLR2004 - a line needs two points
            raise NoValidData(f"{self.count} pixels do not make a line: the vegetation index does not vary among them")
        slope = float(self._squares[0, 1] / self._squares[0, 0])
        return slope, float(self._mean[1] - slope * self._mean[0])


class Histogram:
    """Counts of values in bins of equal width.

    Args:
        low: lower edge of the first bin.
        high: upper edge of the last one; values beyond both ends fall into the outermost bins.
        bins: how many.
    """

    def __init__(self, low: float, high: float, bins: int) -> None:
        self.edges = np.linspace(low, high, bins + 1)
        self.counts = np.zeros(bins, np.int64)

    def add(self, values: Floats) -> None:
        """Take some pixels in.

        Args:
            values: finite, any shape.
        """
        low, bins = self.edges[0], len(self.counts)
        width = (self.edges[-1] - low) / bins or 1.0
        place = np.floor((values.ravel() - low) / width).astype(np.int64)
        self.counts += np.bincount(np.clip(place, 0, bins - 1), minlength=bins)

    @property
    def centres(self) -> Floats:
        """Middle of each bin."""
        middle: Floats = (self.edges[1:] + self.edges[:-1]) / 2.0
        return middle

    def percentile(self, percent: float) -> float:
        """The value below which so many percent lie; linear within its bin, so exact to a bin's width.

        Args:
            percent: 0 to 100.

        Raises:
            NoValidData: when nothing was counted.
        """
        total = int(self.counts.sum())
        if not total:
            raise NoValidData("no pixel was counted, so that there is no percentile")
        target, upto = percent / 100.0 * total, np.cumsum(self.counts)
        place = int(np.searchsorted(upto, target, side="left" if target > 0 else "right"))
        share = 1.0 - (int(upto[place]) - target) / int(self.counts[place])
        return float(self.edges[place] + share * (self.edges[place + 1] - self.edges[place]))
