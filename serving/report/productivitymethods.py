"""How trend, state and performance are computed from annual NDVI: the methods, and what they say of some pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indicators.productivity.ndvi import LONGEST, SHORTEST, Ndvi
from indicators.productivity.performance import performance
from indicators.productivity.performance_methods import PERFORMANCE, PerformanceMethod
from indicators.productivity.positions import Positions, condition_positions
from indicators.productivity.state import STATE, StateMethod, state
from indicators.productivity.trajectory import Trajectory, trajectory
from indicators.productivity.trend_methods import KENDALL, TrendMethod
from indicators.productivity.unit_percentiles import UnitPercentiles
from indicators.productivity.units import Units
from indicators.soilcarbon.annual import check_years
from landcover.errors import WrongUse


@dataclass(frozen=True, slots=True, kw_only=True)
class NdviMethods:
    """Methods for annual NDVI of some years.

    Attributes:
        years: the years, one after the other.
        trend: rule of the trajectory.
        state: windows and threshold of the state.
        performance: percentile and share of the performance.
    """

    years: tuple[int, ...]
    trend: TrendMethod = KENDALL
    state: StateMethod = STATE
    performance: PerformanceMethod = PERFORMANCE

    def __post_init__(self) -> None:
        """Refuse years that the methods cannot use.

        Raises:
            ConfigError: when they do not follow each other.
            WrongUse: when they are too few or too many.
        """
        check_years(self.years)
        least = max(SHORTEST, self.state.historical_years + self.state.recent_years)
        if not least <= len(self.years) <= LONGEST:
            raise WrongUse(
                f"annual NDVI of {len(self.years)} years: trend and state need {least} to {LONGEST}; give more "
                "bands, or state over shorter windows (Trends.Earth's baseline of 2001 to 2015 has 12 historical and 3 "
                "recent years)"
            )


@dataclass(frozen=True, slots=True, eq=False)
class NdviLayers:
    """What annual NDVI says of some pixels.

    Attributes:
        trajectory: slope, significance and trend.
        state: int16 (row, col): -1, 0, 1, -32768.
        performance: int16 (row, col): -1, 0, -32768.
    """

    trajectory: Trajectory
    state: npt.NDArray[np.int16]
    performance: npt.NDArray[np.int16]

    @property
    def positions(self) -> tuple[Positions, Positions, Positions]:
        """Trend, state and performance in positions of a condition axis."""
        return _positions(self.trajectory.trend), _positions(self.state), _positions(self.performance)


def ndvi_layers(methods: NdviMethods, annual_YRC: Ndvi, units_RC: Units, percentiles: UnitPercentiles) -> NdviLayers:
    """Trend, state and performance of a few rows; takes some hundred bytes a pixel.

    Args:
        methods: the methods.
        annual_YRC: (year, row, col) int16, NDVI x 10000, -32768 = missing.
        units_RC: (row, col), see ``indicators.productivity.units``.
        percentiles: of the first pass.

    Raises:
        NdviUnfit: when the stack cannot be used.
        GridMismatch: when the shapes differ.
    """
    return NdviLayers(
        trajectory(annual_YRC, methods.trend),
        state(annual_YRC, methods.state).state,
        performance(annual_YRC, units_RC, percentiles),
    )


def _positions(codes: npt.NDArray[np.int16]) -> Positions:
    return condition_positions(codes, owner="a computed layer")
