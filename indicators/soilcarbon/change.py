"""Change of soil carbon as -1, 0 and 1: how many percent are a loss or a gain.

Trends.Earth, land_deg_numba, ``recode_deg_soc`` and ``calc_deg_soc``; UNCCD PRAIS 4 manual, SO1.md, SO 1-3, which calls
10 % a suggested starting point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import DEGRADED, IMPROVED, NODATA, OUTSIDE, STABLE
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch
from landcover.identity import identity

type Numbers = npt.NDArray[np.integer[Any]] | npt.NDArray[np.floating[Any]]
type Mask = npt.NDArray[np.bool_]

DIGITS: Final = 9
"""Decimals of percent that are kept: more are noise of the sums, and would decide over a change of exactly 10 %."""


@dataclass(frozen=True, slots=True)
class CarbonRule:
    """How large a change of the stock is a loss or a gain.

    Attributes:
        id: short name.
        version: changes whenever the reading of the threshold changes.
        soc_threshold_percent: losses and gains of this many percent or more count.
        citation: where the rule comes from.
    """

    id: str
    version: str
    soc_threshold_percent: float
    citation: str

    def __post_init__(self) -> None:
        """Refuse thresholds that nothing or everything reaches.

        Raises:
            ConfigError: with the threshold.
        """
        if not 0 < self.soc_threshold_percent <= 100:  # noqa: PLR2004
            raise ConfigError(f"threshold of {self.soc_threshold_percent} % of soil carbon: expected above 0, to 100")

    def to_document(self) -> dict[str, Any]:
        """The rule as JSON-ready data."""
        return {
            "id": self.id,
            "version": self.version,
            "soc_threshold_percent": self.soc_threshold_percent,
            "inclusive": True,
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())


CARBON_RULE: Final = CarbonRule(
    id="soc-threshold",
    version="1",
    soc_threshold_percent=10.0,
    citation="UNCCD PRAIS 4 manual, SO1.md, SO 1-3; Trends.Earth, land_deg_numba, recode_deg_soc",
)
"""The default: 10 %, inclusive."""


def percent_change(initial: Numbers, final: Numbers) -> npt.NDArray[np.float64]:
    """Change of the stock in percent of the initial one.

    Args:
        initial: t/ha; NaN and values below 0 mean missing, and so does 0. Any shape, floats or integers.
        final: t/ha, the same shape; NaN and values below 0 mean missing.

    Returns:
        float64 of the same shape, rounded to 9 decimals; NaN = no data.

    Raises:
        GridMismatch: when the shapes differ.
        DtypeMismatch: when stocks are not numbers.
    """
    if initial.shape != final.shape:
        raise GridMismatch(f"stocks of shape {initial.shape} and {final.shape}; bring both to one grid first")
    _check_numbers(initial, final)
    before, after = initial.astype(np.float64), final.astype(np.float64)
    known = (before > 0) & (after >= 0)
    change = (after - before) / np.where(known, before, 1.0) * 100.0
    return np.where(known, np.round(change, DIGITS), np.nan)


def stored_percent(percent: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.int16]:
    """Percent as layers of Trends.Earth store it: int16, cut off towards zero, -32768 = no data.

    For layers in Trends.Earth's form; accounts take the exact percent. The class does not change by it, the percent
    comes up to a point closer to zero. Changes of more than 32767 % are stored as that.
    """
    whole = np.trunc(np.minimum(percent, np.iinfo(np.int16).max))
    return np.where(np.isnan(percent), NODATA, np.nan_to_num(whole)).astype(np.int16)


def condition_of_percent(
    percent: Numbers, *, water: Mask | None = None, rule: CarbonRule = CARBON_RULE
) -> npt.NDArray[np.int16]:
    """Change in percent as -1, 0 and 1.

    Losses beyond -101 % cannot be; they are -1 here. Trends.Earth lets them through as they are, and it lets through
    -32767 (outside the area), which is no data here.

    Args:
        percent: exact or stored percent, floats or integers of any shape; -32768, -32767 and NaN mean no data.
        water: True where the land cover of the initial year is water (class 7), the same shape.
        rule: the threshold.

    Returns:
        int16 of the same shape: -1, 0, 1; -32768 without data and on water.

    Raises:
        GridMismatch: when the shapes differ.
        DtypeMismatch: when percents are not numbers.
    """
    _check_numbers(percent)
    found = np.full(percent.shape, STABLE, np.int16)
    found[percent <= -rule.soc_threshold_percent] = DEGRADED
    found[percent >= rule.soc_threshold_percent] = IMPROVED
    missing = (percent == NODATA) | (percent == OUTSIDE)
    if percent.dtype.kind == "f":
        missing |= np.isnan(percent)
    if water is not None:
        if water.shape != percent.shape:
            raise GridMismatch(f"water of shape {water.shape} for percents of {percent.shape}; expected one grid")
        missing |= water
    found[missing] = NODATA
    return found


def condition_of_stocks(
    initial: Numbers, final: Numbers, *, water: Mask | None = None, rule: CarbonRule = CARBON_RULE
) -> npt.NDArray[np.int16]:
    """Two stocks as -1, 0 and 1: ``condition_of_percent`` of ``percent_change``.

    The rule in one step for two arrays of stocks (Trends.Earth, calc_deg_soc). Reports, which know by which share a
    stock changed, look that share up.

    Args:
        initial: t/ha, see ``percent_change``.
        final: t/ha, the same shape.
        water: True where the land cover of the initial year is water, the same shape.
        rule: the threshold.

    Returns:
        int16 of the same shape: -1, 0, 1; -32768 without data and on water.

    Raises:
        GridMismatch: when the shapes differ.
        DtypeMismatch: when stocks are not numbers.
    """
    return condition_of_percent(percent_change(initial, final), water=water, rule=rule)


def _check_numbers(*layers: Numbers) -> None:
    for layer in layers:
        if layer.dtype.kind not in "iuf":
            raise DtypeMismatch(f"soil carbon came as {layer.dtype}: expected numbers")
