"""What PRAIS refuses or its reader would question, found before anything is written.

The first three rules are those of the UNCCD PRAIS 4 manual (introduction.md; SO1.md, "Dependencies"), the others are
consistency rules of the tables themselves; the limits are of SO1.md Steps 2 and 3. Tables of population (CP-1.T2,
SO2-3.T1), which do not follow from maps, are checked where they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from indicators.reporting import agreement, bounds
from indicators.reporting.finding import Finding, Tables
from indicators.reporting.table import Table

RULES: Final[Mapping[str, Callable[[Tables], Iterator[Finding]]]] = MappingProxyType(
    {
        "areas-are-numbers": bounds.areas_are_numbers,
        "within-the-country": bounds.within_the_country,
        "country-is-land-and-water": agreement.country_is_land_and_water,
        "extents-fill-the-country": agreement.extents_fill_the_country,
        "changes-agree-with-extents": agreement.changes_agree_with_extents,
        "conditions-fill-the-land": agreement.conditions_fill_the_land,
        "status-agrees-with-indicator": agreement.status_agrees_with_indicator,
        "limits": bounds.limits,
    }
)
"""The rules by name, in the order in which they are checked."""


def check(tables: Sequence[Table]) -> tuple[Finding, ...]:
    """What is wrong with tables; nothing where all rules are kept.

    Args:
        tables: tables of one report; a rule about tables that are not there, or have no rows, says nothing.
    """
    by_id = {table.id: table for table in tables if table.given}
    return tuple(finding for rule in RULES.values() for finding in rule(by_id))
