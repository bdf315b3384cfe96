"""Counterbalancing: whether gains of land make up for losses, land type by land type.

Good Practice Guidance for SDG 15.3.1, Addendum, steps 4 and 5, as Trends.Earth computes them (counterbalancing_numba):
gains are land with status 6 or 7, losses land with status 1 or 2, each in km2; neutrality is achieved in a land type
where gains are not smaller than losses. For a country two totals are in use, and they may differ. Both are given, each
under its own name: Trends.Earth's workbook adds the balances of all land types up, while counterbalancing like for like
(Scientific Conceptual Framework for LDN) wants every land type balanced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indicators.caveats import Caveat, may_state_neutrality, nodata_caveats
from indicators.codes import NODATA, WATER
from indicators.condition.land import (
    AreaImpossible,
    check_areas,
    land_only,
    share_of,
)
from indicators.condition.status import GAINS, LOSSES, cell_statuses
from indicators.joint import BASELINE, INITIAL, SDG, JointTable


@dataclass(frozen=True, slots=True, kw_only=True)
class LandTypeBalance:
    """Gains and losses of one land type: mapped area (pixel count), unrounded km2.

    Attributes:
        land_type: its code; -32768 is land of which the type is not known.
        land_km2: all its land, with and without data.
        gains_km2: land with recent or persistent improvement.
        losses_km2: land with persistent or recent degradation.
        nodata_km2: land without status, but for what is or was water (-32767, see ``indicators.joint.BASELINE``).
    """

    land_type: int
    land_km2: float
    gains_km2: float
    losses_km2: float
    nodata_km2: float

    def __post_init__(self) -> None:
        """Refuse areas that cannot be.

        Raises:
            AreaImpossible: for a negative area, or parts that exceed the land type.
        """
        what = f"land type {self.land_type}"
        parts = {"gains": self.gains_km2, "losses": self.losses_km2, "no_data": self.nodata_km2}
        check_areas(what, land=self.land_km2, **parts)
        rest = self.land_km2 - math.fsum(parts.values())
        # Sums of the same pixels in another order differ in the last digits.
        check_areas(what, land_without_gains_losses_and_no_data=0.0 if abs(rest) < 1e-9 * self.land_km2 else rest)

    @property
    def delta_km2(self) -> float:
        """Gains less losses."""
        return self.gains_km2 - self.losses_km2

    @property
    def nodata_share(self) -> float:
        """Land without status as a share of the land type, 0 to 1."""
        return share_of(self.nodata_km2, self.land_km2)

    @property
    def achieved(self) -> bool | None:
        """Whether neutrality is achieved here; None, no statement, where more than 20 % of the land has no data."""
        return _verdict(self.delta_km2, self.nodata_share)

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """What must be said beside the balance."""
        return nodata_caveats(self.nodata_share)


@dataclass(frozen=True, slots=True)
class Balance:
    """Gains and losses of a country.

    Attributes:
        land_types: one entry for each land type that has land, in the order of its axis.
    """

    land_types: tuple[LandTypeBalance, ...]

    @property
    def total(self) -> LandTypeBalance:
        """All land types together, as if they were one; its ``land_type`` is -32768."""
        sums = {
            name: math.fsum(getattr(row, name) for row in self.land_types)
            for name in ("land_km2", "gains_km2", "losses_km2", "nodata_km2")
        }
        return LandTypeBalance(land_type=NODATA, **sums)

    @property
    def sum_of_balances_km2(self) -> float:
        """Gains less losses of the country."""
        return math.fsum(row.delta_km2 for row in self.land_types)

    @property
    def sum_of_balances(self) -> bool | None:
        """Whether the balances of all land types add up to 0 or more; None where too much land has no data.

        A gain of grassland then makes up for a loss of forest.
        """
        return _verdict(self.sum_of_balances_km2, self.total.nodata_share)

    @property
    def every_land_type(self) -> bool | None:
        """Whether neutrality is achieved in each land type for itself, like for like.

        False as soon as it is not in one of them; None where no statement can be made on one of the others, or on the
        country. Land of unknown type counts towards land without data only.
        """
        known = [row.achieved for row in self.land_types if row.land_type != NODATA]
        if False in known:
            return False
        if None in known or not known or not may_state_neutrality(self.total.nodata_share):
            return None
        return True

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """What must be said beside the totals."""
        return nodata_caveats(self.total.nodata_share)


def balance(table: JointTable, *, by: str = INITIAL) -> Balance:
    """The balance of each land type of a joint table.

    Args:
        table: a joint table with axes ``initial``, ``baseline`` and ``sdg``; water of the initial year is no land.
        by: axis that tells land types apart: land cover of the initial year, or another one of the table.

    Raises:
        ConfigError: when the table lacks an axis.
    """
    km2_LBS = land_only(table, [by, BASELINE, SDG])
    statuses = np.array(cell_statuses(table))
    rows = [
        _row(code, statuses, km2_BS.reshape(-1))
        for code, km2_BS in zip(table.axis(by).codes, km2_LBS, strict=True)
        if not (by == INITIAL and code == WATER) and km2_BS.any()
    ]
    return Balance(tuple(rows))


def balance_of(rows: Sequence[LandTypeBalance]) -> Balance:
    """The balance of areas that come from elsewhere.

    Raises:
        AreaImpossible: when a land type comes twice.
    """
    codes = [row.land_type for row in rows]
    for code in codes:
        if codes.count(code) > 1:
            raise AreaImpossible(f"land type {code} comes {codes.count(code)} times; give each land type once")
    return Balance(tuple(row for row in rows if row.land_km2))


def _row(code: int, statuses: npt.NDArray[np.int_], km2: npt.NDArray[np.float64]) -> LandTypeBalance:
    return LandTypeBalance(
        land_type=code,
        land_km2=float(km2.sum()),
        gains_km2=float(km2[np.isin(statuses, GAINS)].sum()),
        losses_km2=float(km2[np.isin(statuses, LOSSES)].sum()),
        nodata_km2=float(km2[statuses == NODATA].sum()),
    )


def _verdict(delta_km2: float, nodata_share: float) -> bool | None:
    return delta_km2 >= 0 if may_state_neutrality(nodata_share) else None
