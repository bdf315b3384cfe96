"""Land cover in the summary JSON of Trends.Earth: areas by year and change, the legend's nesting, the matrix.

Names and nesting of ``te_schemas.land_cover`` (LCClass, LCLegend, LCTransitionDefinitionDeg) and of
``te_schemas.reporting.LandCoverReport``. Classes go by the names of Trends.Earth's own UNCCD legend
(LDMP/data/land_cover_nesting_unccd_esa.json).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from indicators.codes import NODATA
from indicators.reporting.account import PeriodAccount
from indicators.reporting.period import Years
from indicators.transitions import TransitionMatrix
from landcover.legends import Legend

_NAMES: Final = {
    1: "Tree-covered",
    2: "Grassland",
    3: "Cropland",
    4: "Wetland",
    5: "Artificial",
    6: "Other land",
    7: "Water body",
    NODATA: "No data",
}

_MEANINGS: Final = {-1: "degradation", 0: "stable", 1: "improvement"}


def names_of(legend: Legend) -> dict[int, str]:
    """Trends.Earth's name of each class, and of no data."""
    return {code: _NAMES[code] for code in (*legend.codes, NODATA)}


def land_cover(account: PeriodAccount, areas: Mapping[str, Any], nesting: Mapping[str, Any]) -> dict[str, Any]:
    """The LandCoverReport of an account.

    Args:
        account: in UNCCD-7.
        areas: the AreaList of conditions by land cover.
        nesting: the LCLegendNesting; its parent gets the names that areas and changes go by.
    """
    codes, names = account.legend.codes, names_of(account.legend)
    cells = [(before, after, km2) for (before, after), km2 in account.changes.items() if {before, after} <= set(codes)]
    cells.sort(key=lambda cell: -cell[2])
    ends = {account.period.initial: account.extent("initial"), account.period.final: account.extent("final")}
    by_year = {str(year): {names[code]: km2 for code, km2 in extent.items()} for year, extent in ends.items()}
    return {
        "summary": dict(areas),
        "legend_nesting": {**nesting, "parent": _lc_legend(account.legend)},
        "transition_matrix": transition_definition(account.matrices[0]),
        "crosstabs_by_land_cover_class": [
            crosstab("Land area by land cover transition type", account.period.years, cells)
        ],
        "land_cover_areas_by_year": {
            "name": "Area by year by land cover class",
            "unit": "sq km",
            "values": by_year,
        },
    }


def crosstab(name: str, years: Years, cells: Iterable[tuple[int, int, float]]) -> dict[str, Any]:
    """A CrossTab of km2 by (initial class, final class, km2)."""
    values = [
        {"initial_label": _NAMES[before], "final_label": _NAMES[after], "value": km2} for before, after, km2 in cells
    ]
    return {"name": name, "unit": "sq km", "initial_year": years[0], "final_year": years[1], "values": values}


def transition_definition(matrix: TransitionMatrix) -> dict[str, Any]:
    """The LCTransitionDefinitionDeg of a matrix over UNCCD-7: its legend and the meaning of each change."""
    legend = _lc_legend(matrix.legend)
    transitions = [
        {"initial": before, "final": after, "meaning": _MEANINGS[matrix.sign(before["code"], after["code"])]}
        for before in legend["key"]
        for after in legend["key"]
    ]
    return {
        "legend": legend,
        "name": "Land cover transition definition matrix",
        "definitions": {"name": f"{matrix.id} {matrix.version}", "transitions": transitions},
    }


def same_nesting(legend: Legend) -> dict[str, Any]:
    """The LCLegendNesting of maps that came in UNCCD-7: every class is its own parent."""
    whole = _lc_legend(legend)
    return {"parent": whole, "child": whole, "nesting": {str(code): [code] for code in (*legend.codes, NODATA)}}


def _lc_legend(legend: Legend) -> dict[str, Any]:
    key = [_lc_class(row.code, row.color) for row in legend.classes]
    return {"name": "UNCCD Land Cover", "key": key, "nodata": _lc_class(NODATA, "#000000")}


def _lc_class(code: int, color: str) -> dict[str, Any]:
    name = _NAMES[code]
    return {"code": code, "name_short": name, "name_long": name, "description": None, "color": color}
