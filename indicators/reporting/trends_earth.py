"""The summary JSON of Trends.Earth, which PRAIS imports.

Names and nesting are those of ``te_schemas.reporting.TrendsEarthLandConditionSummary``
(https://github.com/ConservationInternational/trends.earth-schemas): each period has a ``period_assessment`` and, but
for the baseline, a ``status_assessment`` and a ``change_assessment``. What was not given has empty lists and objects,
never zeros. No carbon by transition is given, as the schema has no place for it any more; status and change are of the
indicator alone, as a joint table holds no other baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE
from indicators.joint import INITIAL, LPD
from indicators.reporting.account import PeriodAccount
from indicators.reporting.period import Years
from indicators.reporting.submission import Submission
from indicators.reporting.totals import Status, Totals
from indicators.reporting.trends_earth_cover import crosstab, land_cover, names_of
from landcover.errors import ConfigError

CONDITION_NAMES: Final = {IMPROVED: "Improved", STABLE: "Stable", DEGRADED: "Degraded", NODATA: "No data"}
"""Names of areas, in their order."""

LPD_NAMES: Final = {
    5: "Increasing",
    4: "Stable",
    3: "Stressed",
    2: "Moderate decline",
    1: "Declining",
    NODATA: "No data",
}
"""Names of cross-tabulations by productivity, in their order."""

_TIME: Final = "%Y-%m-%dT%H:%M:%S+00:00"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when a summary was made.

    Attributes:
        title: title of the report.
        time: when it was made, with a time zone.
        version: version of Steppe.
        revision: revision of Steppe, maybe empty.
        released: when that version was made, with a time zone.
        area: GeoJSON of the area of interest.
        crs_wkt: its coordinate reference system as WKT.
    """

    title: str
    time: datetime
    version: str
    revision: str
    released: datetime
    area: Mapping[str, Any]
    crs_wkt: str


def summary(submission: Submission, origin: Origin, nesting: Mapping[str, Any]) -> dict[str, Any]:
    """The summary as JSON-ready data.

    Args:
        submission: the accounts, in UNCCD-7.
        origin: where and when it was made.
        nesting: the legend's nesting as Trends.Earth writes it, of ``landcover.crosswalk_files``.

    Raises:
        ConfigError: for another legend than UNCCD-7, or more than one matrix, which this format has no place for.
    """
    for account in submission.accounts:
        if account.legend_id != "unccd7" or len(account.matrices) != 1:
            raise ConfigError(
                f"a Trends.Earth summary takes one matrix and legend 'unccd7'; got {len(account.matrices)} and "
                f"{account.legend_id!r}"
            )
    return {
        "metadata": _metadata(submission, origin),
        "land_condition": {
            account.period.role: {
                "period_assessment": _assessment(account, nesting),
                "status_assessment": _status(account.status),
                "change_assessment": _change(account, account.status),
            }
            for account in submission.ordered
        },
        "affected_population": {},
    }


def _metadata(submission: Submission, origin: Origin) -> dict[str, Any]:
    released, time = (each.astimezone(UTC).strftime(_TIME) for each in (origin.released, origin.time))
    return {
        "title": origin.title,
        "date": time,
        "trends_earth_version": {"version": origin.version, "revision": origin.revision, "release_date": released},
        "area_of_interest": {"name": submission.zone, "geojson": dict(origin.area), "crs_wkt": origin.crs_wkt},
        "affected_areas_only": False,
    }


def _assessment(account: PeriodAccount, nesting: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sdg": {"summary": area_list("SDG Indicator 15.3.1", account.sdg)},
        "productivity": {
            "summaries": _summaries("Productivity", account.productivity_all, account.productivity),
            "crosstabs_by_productivity_class": _productivity(account),
        },
        "land_cover": land_cover(account, area_list("Land cover", account.cover), nesting),
        "soil_organic_carbon": {
            "summaries": _summaries("Soil organic carbon", account.soc_all, account.soc),
            "soc_stock_by_year": _stocks(account),
        },
        "error_recode": None,
        "sdg_error_recode": None,
    }


def area_list(name: str, totals: Totals | None) -> dict[str, Any]:
    """An AreaList: Improved, Stable, Degraded, No data; without areas where they are not known."""
    rows = ((title, code) for code, title in CONDITION_NAMES.items())
    areas = [{"name": title, "area": totals.of(code)} for title, code in rows] if totals else []
    return {"name": name, "unit": "sq km", "areas": areas}


def _summaries(name: str, everywhere: Totals | None, land: Totals | None) -> dict[str, Any]:
    if everywhere is None:
        return {}
    return {"all_cover_types": area_list(name, everywhere), "non_water": area_list(name, land)}


def _productivity(account: PeriodAccount) -> list[dict[str, Any]]:
    if not account.has(LPD):
        return []
    years, table = account.period.productivity or account.period.years, account.joint.over([LPD, "initial", "final"])
    codes, classes = table.axis(LPD), table.axis(INITIAL).codes
    return [
        crosstab(
            name,
            years,
            [
                (before, after, float(table.km2[codes.index(code), row, col]))
                for row, before in enumerate(classes)
                for col, after in enumerate(classes)
                if NODATA not in (before, after)
            ],
        )
        for code, name in LPD_NAMES.items()
    ]


def _stocks(account: PeriodAccount) -> dict[str, Any]:
    names = names_of(account.legend)
    values = {str(stock.year): {names[code]: tonnes for code, tonnes in stock.tonnes} for stock in account.soc_stocks}
    return {"name": "Soil organic carbon by year by land cover class", "unit": "tonnes", "values": values}


def _status(status: Status | None) -> dict[str, Any] | None:
    if status is None:
        return None
    return {
        "sdg": area_list("SDG Indicator 15.3.1 (progress since baseline)", status.totals),
        "productivity": {},
        "land_cover": area_list("Land cover (progress since baseline)", None),
        "soil_organic_carbon": {},
    }


def _change(account: PeriodAccount, status: Status | None) -> dict[str, Any] | None:
    if status is None:
        return None
    period = account.period
    years, soc = period.productivity or period.years, period.soc or period.years
    cells = [
        {"initial_label": before, "final_label": now, "value": status.of(first, last)}
        for first, before in CONDITION_NAMES.items()
        for last, now in CONDITION_NAMES.items()
    ]
    return {
        "sdg": _by_status("Land area by change in degradation status (one-out all-out layer)", years, cells),
        "productivity": _by_status("Land area by change in land productivity degradation status", years, []),
        "land_cover": _by_status("Land area by change in land cover degradation status", period.years, []),
        "soil_organic_carbon": _by_status("Land area by change in soil organic carbon degradation status", soc, []),
    }


def _by_status(name: str, years: Years, cells: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "unit": "sq km", "initial_year": years[0], "final_year": years[1], "values": cells}
