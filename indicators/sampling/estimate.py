"""Accuracies and error-adjusted areas of a map from a stratified random sample whose strata are the map's classes.

Olofsson et al. 2014, "Good practices for estimating area and assessing accuracy of land change", Remote Sensing of
Environment 148, 42-57, doi:10.1016/j.rse.2014.02.015; equation numbers are those of that paper. Strata that are not the
classes of the map: ``stehman``.

Only results of this room are called estimates. What a map alone says is "mapped area (pixel count)".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from indicators.sampling.accuracy import AccuracyEstimate, ClassAccuracy, Estimate
from indicators.sampling.cautions import cautions, check_points
from indicators.sampling.intervals import exact_share, overall_share, wald
from indicators.sampling.strata import Counts, Floats, SampleDesignInvalid, Strata

METHOD: Final = "stratified estimator, Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015, Eq. 4 to 11"


def estimate_olofsson(
    counts: Counts, strata: Strata, titles: Mapping[int, str], *, finite_population: bool = False
) -> AccuracyEstimate:
    """Overall, user's and producer's accuracies and areas of classes, with standard errors and 95 % intervals.

    Args:
        counts: n_ij, int64, shape (strata, classes): rows by class of the map, columns by reference class.
        strata: the classes of the map with their areas, in the order of the rows.
        titles: title of each class by code, in the order of the columns; every stratum is one of them.
        finite_population: with the factor 1 - n_i/N_i, which the paper leaves out.

    Raises:
        TooFewSamples: when a stratum has fewer than two points.
        SampleDesignInvalid: when the matrix does not fit strata and classes.
    """
    sample = _Sample(counts, strata, titles, finite_population=finite_population)
    classes = tuple(sample.accuracy(code) for code in titles)
    return AccuracyEstimate(
        overall=sample.overall(),
        classes=classes,
        counts=counts,
        cells=sample.cells,
        strata=strata,
        strata_are_classes=True,
        method=METHOD,
        finite_population=finite_population,
        caveats=cautions(strata, sample.points, classes),
    )


class _Sample:
    """Counts as shares, and the variance of each share."""

    def __init__(self, counts: Counts, strata: Strata, titles: Mapping[int, str], *, finite_population: bool) -> None:
        self._codes, self._titles, self._strata = tuple(titles), titles, strata
        if counts.shape != (len(strata), len(titles)) or (counts < 0).any() or not set(strata.codes) <= set(titles):
            raise SampleDesignInvalid(
                f"counts of shape {counts.shape} for {len(strata)} strata and {len(titles)} classes; expected a row "
                "for each class of the map and a column for each reference class, those of the map among them"
            )
        check_points(strata, counts.sum(axis=1))
        self._counts, self.points = counts, counts.sum(axis=1)
        self._shares = counts / self.points[:, None]
        unseen = 1.0 - self.points / strata.pixels if finite_population else np.ones(len(strata))
        # n_ij/n_i (1 - n_ij/n_i) / (n_i - 1): the part of Eq. 5 to 10 that they share.
        self._variance = self._shares * (1.0 - self._shares) * (unseen / (self.points - 1))[:, None]

    @property
    def cells(self) -> Floats:
        """p_ij = W_i n_ij / n_i (Eq. 4), shape (strata, classes)."""
        return self._strata.weights[:, None] * self._shares

    def overall(self) -> Estimate:
        """Overall accuracy (Eq. 1) and its standard error (Eq. 5)."""
        places = [(row, self._codes.index(code)) for row, code in enumerate(self._strata.codes)]
        weights = self._strata.weights
        value = math.fsum(weights[row] * self._shares[row, col] for row, col in places)
        variance = math.fsum(weights[row] ** 2 * self._variance[row, col] for row, col in places)
        return overall_share(value, math.sqrt(variance), self.points)

    def accuracy(self, code: int) -> ClassAccuracy:
        """What is known of one class."""
        col, row = self._codes.index(code), self._row(code)
        points = int(self._counts[:, col].sum())
        proportion, area = self._proportion(col)
        return ClassAccuracy(
            code=code,
            title=self._titles[code],
            mapped_km2=0.0 if row is None else self._strata.each[row].area_km2,
            map_points=0 if row is None else int(self.points[row]),
            reference_points=points,
            users=None if row is None else self._users(row, col),
            producers=self._producers(row, col) if points else None,
            proportion=proportion,
            area_km2=area,
        )

    def _row(self, code: int) -> int | None:
        return self._strata.codes.index(code) if code in self._strata.codes else None

    def _users(self, row: int, col: int) -> Estimate:
        """User's accuracy (Eq. 2) and its standard error (Eq. 6)."""
        value, variance = float(self._shares[row, col]), float(self._variance[row, col])
        return wald(value, math.sqrt(variance), most=1.0) if variance > 0 else exact_share(value, int(self.points[row]))

    def _producers(self, row: int | None, col: int) -> Estimate:
        """Producer's accuracy (Eq. 3) and its standard error (Eq. 7)."""
        km2 = self._strata.km2
        estimated = math.fsum((km2 * self._shares[:, col]).tolist())
        found = 0.0 if row is None else float(km2[row] * self._shares[row, col])
        value = found / estimated
        terms = value**2 * km2**2 * self._variance[:, col]
        if row is not None:
            terms[row] = km2[row] ** 2 * (1.0 - value) ** 2 * self._variance[row, col]
        return wald(value, math.sqrt(math.fsum(terms.tolist())) / estimated, most=1.0)

    def _proportion(self, col: int) -> tuple[Estimate, Estimate]:
        """Share of the population (Eq. 9) and area (Eq. 11) of a class, with standard errors (Eq. 10)."""
        weights, total = self._strata.weights, self._strata.total_km2
        value = math.fsum(self.cells[:, col].tolist())
        se = math.sqrt(math.fsum((weights**2 * self._variance[:, col]).tolist()))
        return wald(value, se, most=1.0), wald(value * total, se * total, most=total)
