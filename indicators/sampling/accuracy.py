"""What is estimated of a map: value objects that all estimators fill.

Names and units as in Olofsson et al. 2014, section 4, doi:10.1016/j.rse.2014.02.015 (LDN facts 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from indicators.caveats import Caveat
from indicators.sampling.strata import Counts, Floats, Strata


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        value: the estimate; a share, or km2.
        se: its standard error, the same unit.
        low: lower end of the 95 % interval; None where the sample holds no variation to take an interval from.
        high: upper end.
    """

    value: float
    se: float
    low: float | None
    high: float | None

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {"value": self.value, "se": self.se, "low_95": self.low, "high_95": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAccuracy:
    """One class.

    Attributes:
        code: in the legend.
        title: for people.
        mapped_km2: mapped area (pixel count); None where it is not known.
        map_points: points that the map calls so.
        reference_points: points that are so by the interpreters.
        users: user's accuracy, a share; None where the map does not have the class.
        producers: producer's accuracy, a share; None where the reference does not have the class.
        proportion: estimated share of the population.
        area_km2: estimated (error-adjusted) area, km2.
    """

    code: int
    title: str
    mapped_km2: float | None
    map_points: int
    reference_points: int
    users: Estimate | None
    producers: Estimate | None
    proportion: Estimate
    area_km2: Estimate

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "code": self.code,
            "title": self.title,
            "mapped_area_km2": self.mapped_km2,
            "map_points": self.map_points,
            "reference_points": self.reference_points,
            "users_accuracy": self.users and self.users.to_document(),
            "producers_accuracy": self.producers and self.producers.to_document(),
            "estimated_proportion": self.proportion.to_document(),
            "estimated_area_km2": self.area_km2.to_document(),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AccuracyEstimate:
    """Accuracy of a map and areas of its classes.

    Attributes:
        overall: overall accuracy, a share.
        classes: every class of the map or of the reference, in the order of the legend.
        counts: n_ij, points, int64, shape (strata, classes).
        cells: p_ij, estimated shares of the population, float64, the same shape; they sum to 1.
        strata: rows of both.
        strata_are_classes: whether the rows are the classes of the map.
        method: estimator, with its source.
        finite_population: whether the factor 1 - n_i/N_i is in the standard errors.
        caveats: what to know of the estimates.
    """

    overall: Estimate
    classes: tuple[ClassAccuracy, ...]
    counts: Counts
    cells: Floats
    strata: Strata
    strata_are_classes: bool
    method: str
    finite_population: bool
    caveats: tuple[Caveat, ...]

    @property
    def n(self) -> int:
        """Points."""
        return int(self.counts.sum())

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "method": self.method,
            "finite_population_correction": self.finite_population,
            "interval": "95 %, 1.96 standard errors on each side; exact (Clopper-Pearson) where all points agree",
            "points": self.n,
            "overall_accuracy": self.overall.to_document(),
            "classes": [one.to_document() for one in self.classes],
            "error_matrix": {
                "rows": "strata, which are the classes of the map" if self.strata_are_classes else "strata",
                "row_codes": list(self.strata.codes),
                "column_codes": [one.code for one in self.classes],
                "points": self.counts.tolist(),
                "area_proportions": self.cells.tolist(),
            },
        }
