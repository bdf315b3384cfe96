"""The period tables of the reporting process of 2026.

UNCCD fills in its default data with those of Trends.Earth, although its manual writes other years; both are here, so
that a report can say which it used. See `indicators.condition.periods`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from indicators.condition.periods import (
    BASELINE,
    REPORT_1,
    REPORT_2,
    Period,
    PeriodPreset,
    PeriodTable,
    Years,
)

PRAIS_2026: Final = PeriodPreset(
    id="prais_2026",
    version="1",
    periods=(
        Period(
            name=BASELINE,
            reported_as=2015,
            land_cover=Years(2000, 2015),
            soc=Years(2000, 2015),
            trend=Years(2000, 2015),
            performance=Years(2000, 2015),
            state_history=Years(2000, 2012),
            state_recent=Years(2013, 2015),
        ),
        Period(
            name=REPORT_1,
            reported_as=2019,
            land_cover=Years(2016, 2019),
            soc=Years(2016, 2019),
            trend=Years(2004, 2019),
            performance=Years(2004, 2019),
            state_history=Years(2004, 2016),
            state_recent=Years(2017, 2019),
        ),
        Period(
            name=REPORT_2,
            reported_as=2023,
            land_cover=Years(2016, 2023),
            soc=Years(2016, 2023),
            trend=Years(2008, 2023),
            performance=Years(2008, 2023),
            state_history=Years(2008, 2020),
            state_recent=Years(2021, 2023),
        ),
    ),
    citation="UNCCD PRAIS 4 reporting manual, SO1.md Tables 6 and 12, SO 1-1 steps 5 and 6, SO 1-3 step 5",
)
"""The years that the manual writes. Where land cover of 2023 is missing, 2022 stands in: ``for_land_cover``."""

_WANTED: Final = 2023
_STAND_IN: Final = 2022

TRENDS_EARTH_2026: Final = PeriodPreset(
    id="trends_earth_2026",
    version="1",
    periods=(
        Period(
            name=BASELINE,
            reported_as=2015,
            land_cover=Years(2000, 2015),
            soc=Years(2000, 2015),
            trend=Years(2001, 2015),
            performance=Years(2001, 2015),
            state_history=Years(2001, 2012),
            state_recent=Years(2013, 2015),
        ),
        Period(
            name=REPORT_1,
            reported_as=2019,
            land_cover=Years(2015, 2019),
            soc=Years(2015, 2019),
            trend=Years(2004, 2019),
            performance=Years(2004, 2019),
            state_history=Years(2004, 2016),
            state_recent=Years(2017, 2019),
        ),
        Period(
            name=REPORT_2,
            reported_as=2023,
            land_cover=Years(2015, 2022),
            soc=Years(2015, 2022),
            trend=Years(2008, 2023),
            performance=Years(2008, 2023),
            state_history=Years(2008, 2020),
            state_recent=Years(2021, 2023),
        ),
    ),
    citation="Trends.Earth 2.3.2, LDMP/calculate_ldn.py, presets of the UNCCD default data",
)
"""The years of the data that UNCCD fills in beforehand.

Its vegetation index begins in 2001, and the historical years of state begin with the trend, so in 2001 too.
"""

PRESETS: Final = MappingProxyType({preset.id: preset for preset in (PRAIS_2026, TRENDS_EARTH_2026)})


def period_preset(preset_id: str) -> PeriodPreset:
    """The preset of a name.

    Raises:
        PeriodTable: listing the names.
    """
    if preset_id not in PRESETS:
        raise PeriodTable(f"period preset {preset_id!r} is not known; choose one of {', '.join(PRESETS)}")
    return PRESETS[preset_id]


def for_land_cover(preset: PeriodPreset, role: str, years: tuple[int, int]) -> PeriodPreset:
    """The preset as it holds for land cover of two years: 2022 stands in for 2023 where that is missing.

    UNCCD PRAIS 4 manual, SO1.md, SO 1-1 step 4: of the second reporting period, and of the manual's own table only.

    Args:
        preset: a table of periods.
        role: which period of it.
        years: of the two maps.

    Returns:
        The preset, or what ``PeriodPreset.with_land_cover_until`` makes of it.

    Raises:
        PeriodTable: when the preset does not have the period, or its land cover is of other years.
    """
    wanted = preset.period(role).land_cover
    if years == (wanted.first, wanted.last):
        return preset
    if preset == PRAIS_2026 and wanted.last == _WANTED and years == (wanted.first, _STAND_IN):
        return preset.with_land_cover_until(role, _STAND_IN)
    raise PeriodTable(
        f"the maps are of {years[0]} and {years[1]}, {role} of {preset.id!r} compares {wanted}; give maps of these "
        "years, another period or table of periods, or none"
    )
