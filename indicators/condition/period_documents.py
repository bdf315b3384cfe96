"""Period tables of a country's own, from the members of a JSON document. See `indicators.condition.periods`."""

from __future__ import annotations

from collections.abc import Collection
from reprlib import repr as short
from typing import Any, Final

from indicators.condition.periods import WINDOWS, Period, PeriodPreset, PeriodTable, Years

_LETTERS: Final = 100
"""Of an id, a version."""


def from_document(document: Any) -> PeriodPreset:
    """A period table of one's own.

    Args:
        document: ``{"id", "version", "citation", "periods": [{"name", "reported_as", "land_cover": [2000, 2015],
            "soc", "trend", "performance", "state_history", "state_recent"}]}``; every range is two years. The citation
            may be left out, and ``soc`` and ``performance`` too: they are then those of land cover and of the trend.

    Raises:
        PeriodTable: when something is missing, unknown, no year, out of order or overlaps where it must not.
    """
    _check_members(document, "the period table", required=("id", "version", "periods"), optional=("citation",))
    for member in ("id", "version"):
        said = document[member]
        if not isinstance(said, str) or not said.strip() or len(said) > _LETTERS or not said.isprintable():
            raise PeriodTable(f"the period table needs a text of 1 to {_LETTERS} letters in one line as its {member}")
    if not isinstance(document["periods"], list):
        raise PeriodTable("the period table has periods that are no list")
    periods = tuple(_period(entry) for entry in document["periods"])
    citation = document.get("citation", "")
    if not isinstance(citation, str):
        raise PeriodTable("the period table has a citation that is no text")
    return PeriodPreset(document["id"], document["version"], periods, citation)


def _period(entry: Any) -> Period:
    optional = ("soc", "performance")
    required = ("name", "reported_as", *(window for window in WINDOWS if window not in optional))
    _check_members(entry, "a period", required=required, optional=optional)
    entry = {"soc": entry["land_cover"], "performance": entry["trend"]} | entry
    name = _short(entry["name"])
    windows = {window: _years(entry[window], f"{name}: {window}") for window in WINDOWS}
    return Period(name=name, reported_as=_year(entry["reported_as"], "reported_as"), **windows)


def _check_members(entry: Any, what: str, *, required: Collection[str], optional: Collection[str]) -> None:
    if not isinstance(entry, dict):
        raise PeriodTable(f"{what} is no object with members {', '.join(required)}")
    missing = [member for member in required if member not in entry]
    strange = sorted(str(member) for member in set(entry) - {*required, *optional})
    if missing or strange:
        found = f"lacks {', '.join(missing)}" if missing else f"has the unknown member {_short(', '.join(strange))}"
        raise PeriodTable(f"{what} {found}; expected {', '.join(required)} and maybe {', '.join(optional)}")


def _years(value: Any, what: str) -> Years:
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 (the first and the last)
        raise PeriodTable(f"{what} is {short(value)}; expected two years such as [2000, 2015]")
    return Years(*(_year(year, what) for year in value))


def _year(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1900 <= value <= 2100:  # noqa: PLR2004
        raise PeriodTable(f"{what} has {short(value)} for a year; expected a whole number from 1900 to 2100")
    return value


def _short(value: Any) -> str:
    """A value as a word of a message, however long it is."""
    return short(value).strip("'\"")
