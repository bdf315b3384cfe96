"""State: whether recent NDVI lies in another percentile class of the pixel's own history.

Trends.Earth, gee/productivity.py, ``productivity_state``; UNCCD PRAIS 4 manual, SO1.md, SO 1-2.

The history is extended by two values, its least less 5 % of its range and its largest plus 5 %. The cut points are the
10th, 20th to 90th percentiles of that, by linear interpolation between order statistics at rank p (m - 1); Earth
Engine does not document its own definition. The class of a mean is 1 plus the number of cut points strictly below it.
All of it is computed in whole numbers, in units of a 200th of a step of NDVI x 10000.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA
from indicators.productivity.ndvi import LONGEST, NDVI_NODATA, NDVI_SCALE, Ndvi, NdviUnfit, check_ndvi, chunks
from indicators.productivity.recodes import recode_state
from landcover.errors import ConfigError
from landcover.identity import identity

type Whole = npt.NDArray[np.int32]
"""Enough for 200 x 10000 x 59."""

_HIGHEST: Final = 2 * NDVI_SCALE  # no means are further apart
_LAST: Final = np.iinfo(np.int16).max
"""Stands for missing years while sorting: above every NDVI, so that they come last."""


@dataclass(frozen=True, slots=True)
class StateMethod:
    """Windows and threshold of the state.

    Attributes:
        id: short name.
        version: changes whenever a number changes.
        historical_years: length of the history, which ends where the recent window begins.
        recent_years: length of the recent window, the last years of the stack.
        min_change: differences of the two means up to this, NDVI x 10000, are no change of class.
        max_missing_years: windows with more years missing have no data; each window has one year at least.
        citation: where the rule comes from.
    """

    id: str
    version: str
    historical_years: int
    recent_years: int
    min_change: int
    max_missing_years: int
    citation: str

    def __post_init__(self) -> None:
        """Refuse windows without years, and numbers that cannot be of NDVI.

        Raises:
            ConfigError: with the numbers.
        """
        windows = (self.historical_years, self.recent_years)
        if not (min(windows) >= 1 and max(windows) <= LONGEST and self.max_missing_years >= 0):
            raise ConfigError(
                f"state over {self.historical_years} historical and {self.recent_years} recent years, of which "
                f"{self.max_missing_years} may be missing: expected 1 to {LONGEST} years in each window"
            )
        if not 0 <= self.min_change <= _HIGHEST:
            raise ConfigError(f"least change of NDVI x 10000 of {self.min_change}: expected 0 to {_HIGHEST}")

    def to_document(self) -> dict[str, Any]:
        """The method as JSON-ready data."""
        return {
            "id": self.id,
            "version": self.version,
            "historical_years": self.historical_years,
            "recent_years": self.recent_years,
            "min_change_ndvi_x10000": self.min_change,
            "max_missing_years": self.max_missing_years,
            "percentiles": "linear interpolation between order statistics at rank p (m - 1)",
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """State of a block of pixels, all int16 of shape (row, col), -32768 where there is no data.

    Attributes:
        historical: percentile class 1 to 10 of the mean of the history.
        recent: percentile class of the mean of the recent window.
        change: classes gained, -9 to 9; 0 where the means are as good as equal.
        state: -1, 0, 1.
    """

    historical: npt.NDArray[np.int16]
    recent: npt.NDArray[np.int16]
    change: npt.NDArray[np.int16]
    state: npt.NDArray[np.int16]


STATE: Final = StateMethod(
    id="percentile-classes",
    version="1",
    historical_years=13,
    recent_years=3,
    min_change=100,
    max_missing_years=0,
    citation="Trends.Earth, gee/productivity.py, productivity_state; UNCCD PRAIS 4 manual, SO1.md, SO 1-2",
)
"""The default: 13 years of history, the three last years, at least 0.01 NDVI apart."""


def state(ndvi_YRC: Ndvi, method: StateMethod = STATE) -> State:
    """State of each pixel.

    Args:
        ndvi_YRC: (year, row, col) int16, NDVI x 10000, -32768 = missing; consecutive years. Of more years than the two
            windows have, the first are left out.
        method: windows and threshold.

    Returns:
        classes, change and state.

    Raises:
        NdviUnfit: when the stack is not int16 (year, row, col), or has fewer years than the windows.
    """
    check_ndvi(ndvi_YRC)
    years, wanted = len(ndvi_YRC), method.historical_years + method.recent_years
    if years < wanted:
        raise NdviUnfit(
            f"annual NDVI of {years} years: the state needs {method.historical_years} historical and "
            f"{method.recent_years} recent ones"
        )
    flat_YP = ndvi_YRC[years - wanted :].reshape(wanted, -1)
    found_KP = np.full((3, flat_YP.shape[1]), NODATA, np.int16)
    for part in chunks(flat_YP.shape[1]):
        _classify(flat_YP[:, part], method, found_KP[:, part])
    historical, recent, change = found_KP.reshape(3, *ndvi_YRC.shape[1:])
    return State(historical, recent, change, recode_state(change))


def _classify(ndvi_YP: Ndvi, method: StateMethod, found_KP: npt.NDArray[np.int16]) -> None:
    """Write classes and change of some pixels, those with as many years in each window together."""
    history, recent = _sorted(ndvi_YP[: method.historical_years]), _sorted(ndvi_YP[method.historical_years :])
    for members, n_history, n_recent in _alike(history, recent, method.max_missing_years):
        found_KP[:, members] = _of_complete(
            history[:n_history, members].astype(np.int32), recent[:n_recent, members].astype(np.int32), method
        )


def _sorted(ndvi_YP: Ndvi) -> Ndvi:
    """Years of each pixel in ascending order, missing ones last.

    Neighbouring years change places until all are in order (odd-even transposition): for windows of some years that is
    six times as fast as sorting along an axis, as all pixels take the same steps.
    """
    rows = list(np.where(ndvi_YP == NDVI_NODATA, np.int16(_LAST), ndvi_YP))
    for turn in range(len(rows)):
        for low in range(turn % 2, len(rows) - 1, 2):
            pair = rows[low], rows[low + 1]
            rows[low], rows[low + 1] = np.minimum(*pair), np.maximum(*pair)
    return np.stack(rows)


def _alike(history: Ndvi, recent: Ndvi, max_missing: int) -> Iterator[tuple[npt.NDArray[np.intp], int, int]]:
    """Pixels by the number of years in their windows; pixels with too few are left out."""
    n_history, n_recent = (history != _LAST).sum(axis=0), (recent != _LAST).sum(axis=0)
    for n_h in range(max(1, len(history) - max_missing), len(history) + 1):
        for n_r in range(max(1, len(recent) - max_missing), len(recent) + 1):
            members = np.flatnonzero((n_history == n_h) & (n_recent == n_r))
            if members.size:
                yield members, n_h, n_r


def _of_complete(history: Whole, recent: Whole, method: StateMethod) -> npt.NDArray[np.int16]:
    """Classes of both means and the change, of pixels without missing years, sorted along the first axis."""
    n_h, n_r = len(history), len(recent)
    sum_h, sum_r = history.sum(axis=0, dtype=np.int32), recent.sum(axis=0, dtype=np.int32)
    class_h, class_r = np.ones((2, len(sum_h)), np.int16)
    for cut in _cuts(history):
        class_h += cut * n_h < 200 * sum_h
        class_r += cut * n_r < 200 * sum_r
    alike = np.abs(sum_h * n_r - sum_r * n_h) <= method.min_change * n_h * n_r
    return np.stack([class_h, class_r, np.where(alike, np.int16(0), class_r - class_h)])


def _cuts(history: Whole) -> Iterator[Whole]:
    """The nine cut points of sorted histories, in 200ths of a step."""
    spread = history[-1] - history[0]
    extended = [20 * history[0] - spread, *(20 * history), 20 * history[-1] + spread]
    for tenth in range(1, 10):
        low, part = divmod(tenth * (len(extended) - 1), 10)
        yield extended[low] * (10 - part) + extended[low + 1] * part
