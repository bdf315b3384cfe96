"""Accuracies and areas from a stratified random sample whose strata are not the classes of the map.

Stehman 2014, "Estimating area and map accuracy for stratified random sampling when the strata are different from the
map classes", International Journal of Remote Sensing 35, 4923-4939, doi:10.1080/01431161.2014.930207. Areas and overall
accuracy are means of indicators (there Eq. 2 and 25), user's and producer's accuracies ratios of such means (Eq. 27 and
28). With strata that are the classes, all of it equals the estimator of Olofsson et al. 2014.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.sampling.accuracy import AccuracyEstimate, ClassAccuracy, Estimate
from indicators.sampling.cautions import cautions, check_points
from indicators.sampling.intervals import exact_share, overall_share, wald
from indicators.sampling.response import Responses
from indicators.sampling.strata import Floats, Strata

type Mask = npt.NDArray[np.bool_]

METHOD: Final = (
    "stratified estimator for strata that are not the map's classes, Stehman 2014, doi:10.1080/01431161.2014.930207"
)


def estimate_stehman(
    responses: Responses,
    strata: Strata,
    titles: Mapping[int, str],
    *,
    mapped_km2: Mapping[int, float] | None = None,
    finite_population: bool = False,
) -> AccuracyEstimate:
    """Overall, user's and producer's accuracies and areas of classes, with standard errors and 95 % intervals.

    Args:
        responses: interpreted points with stratum, class of the map and reference class.
        strata: the population; a stratum counts by its area.
        titles: title of each class by code, in the order of tables; all classes of map and reference that occur.
        mapped_km2: mapped area (pixel count) of classes, where it is known.
        finite_population: with the factor 1 - n_h/N_h.

    Raises:
        TooFewSamples: when a stratum has fewer than two points.
        SampleDesignInvalid: when one has more points than pixels.
    """
    sample = _Sample(responses, strata, finite_population=finite_population)
    known = mapped_km2 or {}
    classes = tuple(sample.accuracy(code, title, known.get(code)) for code, title in titles.items())
    counts = responses.counts(strata.codes, tuple(titles))
    return AccuracyEstimate(
        overall=sample.overall(),
        classes=classes,
        counts=counts,
        cells=strata.weights[:, None] * counts / sample.points[:, None],
        strata=strata,
        strata_are_classes=False,
        method=METHOD,
        finite_population=finite_population,
        caveats=cautions(strata, sample.points, classes),
    )


class _Sample:
    """Points as indicators, and their means and variances within strata."""

    def __init__(self, responses: Responses, strata: Strata, *, finite_population: bool) -> None:
        self._strata, self._mapped, self._reference = strata, responses.mapped, responses.reference
        position = {code: index for index, code in enumerate(strata.codes)}
        self._stratum = np.array([position[code] for code in responses.strata.tolist()], np.intp)
        self.points = np.bincount(self._stratum, minlength=len(strata))
        check_points(strata, self.points)
        unseen = 1.0 - self.points / strata.pixels if finite_population else np.ones(len(strata))
        self._factor: Floats = strata.weights**2 * unseen / (self.points - 1)

    def overall(self) -> Estimate:
        """Share of the population where map and reference agree."""
        agree = self._mapped == self._reference
        return overall_share(*self._mean(agree), self.points)

    def accuracy(self, code: int, title: str, mapped_km2: float | None) -> ClassAccuracy:
        """What is known of one class."""
        mapped, reference = self._mapped == code, self._reference == code
        both, total = mapped & reference, self._strata.total_km2
        share, se = self._mean(reference)
        return ClassAccuracy(
            code=code,
            title=title,
            mapped_km2=mapped_km2,
            map_points=int(mapped.sum()),
            reference_points=int(reference.sum()),
            users=self._users(both, mapped),
            producers=self._ratio(both, reference),
            proportion=wald(share, se, most=1.0),
            area_km2=wald(share * total, se * total, most=total),
        )

    def _users(self, both: Mask, mapped: Mask) -> Estimate | None:
        """User's accuracy; exact where all points of the class lie in one stratum and agree."""
        found = self._ratio(both, mapped)
        if found is None or found.se > 0 or len(np.unique(self._stratum[mapped])) > 1:
            return found
        return exact_share(found.value, int(mapped.sum()))

    def _within(self, values: npt.NDArray[Any]) -> Floats:
        """Mean of a number within each stratum."""
        sums: Floats = np.bincount(self._stratum, weights=values.astype(np.float64), minlength=len(self.points))
        return sums / self.points

    def _mean(self, indicator: Mask) -> tuple[float, float]:
        """Share of the population that has a property (Eq. 2), and its standard error (Eq. 25)."""
        shares = self._within(indicator)
        value = math.fsum((self._strata.weights * shares).tolist())
        variance = math.fsum((self._factor * shares * (1.0 - shares)).tolist())
        return value, math.sqrt(variance)

    def _ratio(self, part: Mask, whole: Mask) -> Estimate | None:
        """Share of what has one property that has another as well (Eq. 27), and its standard error (Eq. 28).

        None when no point has the first one.
        """
        if not whole.any():
            return None
        weights, mean_part, mean_whole = self._strata.weights, self._within(part), self._within(whole)
        size = math.fsum((weights * mean_whole).tolist())
        ratio = math.fsum((weights * mean_part).tolist()) / size
        # s2_y + R^2 s2_x - 2 R s_xy is the variance of y - R x, without the cancellation.
        residual = part.astype(np.float64) - ratio * whole
        spread = self._within(residual**2) - self._within(residual) ** 2
        variance = math.fsum((self._factor * np.maximum(spread, 0.0)).tolist())
        return wald(ratio, math.sqrt(variance) / size, most=1.0)
