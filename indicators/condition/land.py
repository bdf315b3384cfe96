"""What counts as land in the accounts.

Total land area is the country without inland water (UNCCD PRAIS 4 reporting manual, SO1.md 1.4.1 and table CP-1.T1).
Land without data stays land. Water is told by the land cover of the initial year, as in Trends.Earth's code; it has no
data in the indicator and must not be taken for land without data. The same holds in a later period for water of the
baseline's initial year, which ``indicators.condition.status.cell_statuses`` tells apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from indicators.codes import WATER
from indicators.joint import INITIAL, JointTable
from landcover.errors import DataError


class AreaImpossible(DataError):
    """An area is negative, no number, or larger than the land it is a part of."""

    slug = "area-impossible"


def check_areas(what: str, **km2: float) -> None:
    """Refuse areas that cannot be.

    Raises:
        AreaImpossible: naming the area.
    """
    for name, value in km2.items():
        if not math.isfinite(value) or value < 0:
            raise AreaImpossible(f"{what}: {name} is {value} km2; areas are numbers of at least 0")


def share_of(part_km2: float, whole_km2: float) -> float:
    """Share of a whole, 0 to 1; 0 of nothing."""
    return part_km2 / whole_km2 if whole_km2 else 0.0


def land_only(table: JointTable, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """km2 of land over some axes, water of the initial year left out.

    Args:
        table: a table with an axis ``initial``.
        names: axes wanted, in the order of the result's axes.

    Returns:
        float64 with one axis for each name.

    Raises:
        ConfigError: when the table lacks an axis.
    """
    rest = [name for name in names if name != INITIAL]
    km2 = table.over([INITIAL, *rest]).km2.copy()
    km2[[code == WATER for code in table.axis(INITIAL).codes]] = 0.0
    if INITIAL not in names:
        return np.asarray(km2.sum(axis=0))
    return np.moveaxis(km2, 0, list(names).index(INITIAL))
