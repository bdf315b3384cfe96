"""``comparison.json`` and the CSV files of a comparison.

``comparison.json`` (format ``steppe-comparison/1``); areas are km2 of mapped area (pixel count), not rounded::

    {"format", "made", "version", "quantity", "method",
     "judged_by": "indicator" or "land_cover",
     "a": {"name", "zone", "role", "initial", "final", "outside_km2",
           "maps": [{"product", "version", "year", "crosswalk"}], "matrix", "lpd_table", "nodata_policy"},
     "b": the same,
     "compared_km2", "resampled": [raster],
     "agreed_percent": share of land with a condition in both on which both say the same, or null,
     "agreement": {"conditions": [name], "km2": rows A, columns B},
     "conditions": [{"condition", "a_km2", "b_km2", "difference_km2"}],
     "layers": {"productivity": as "agreement", "soc": ...},
     "land_cover": {"initial": {"codes": [code, null for no data], "km2": rows A, columns B}, "final": ...},
     "classes": [{"year", "code", "name", "a_km2", "b_km2", "difference_km2"}],
     "effects": [{"factor", "alike", "causes": [{"what", "a", "b"}], "km2": {condition: change of its area}}],
     "rules": {
        "classes": {"initial": [{"a", "b", "sources": [{"code", "title"}], "km2", "effect_km2": {condition: km2}}],
                    "final": the same},
        "matrix": [{"initial", "final", "a", "b", "a_km2", "b_km2", "effect_km2"}],
        "lpd_table": [{"trend", "state", "performance", "a", "b"}],
        "productivity": [{"a", "b", "km2", "effect_km2"}],
        "nodata_policy": [{"productivity", "land_cover", "soc", "a", "b"}]},
     "caveats": [{"slug", "text"}]}

Conditions are ``degraded``, ``stable``, ``improved``, ``no_data`` and, with the indicator, ``water``; codes in rules
are null for no data. Differences and effects are B less A; effects of all factors add up to the differences.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import DEGRADED, IMPROVED, NODATA, OUTSIDE, STABLE
from indicators.comparison.factors import FIRST, SECOND
from landcover.legends import get_legend
from serving.report import files
from serving.report.comparing import Comparison
from serving.report.comparingrules import YEARS, Cell, ClassPair
from serving.report.request import REPORT_LEGEND
from serving.report.tablefiles import stamp
from serving.version import VERSION

FORMAT: Final = "steppe-comparison/1"
"""Changes whenever a reader of before would be wrong."""

NAMES: Final = {DEGRADED: "degraded", STABLE: "stable", IMPROVED: "improved", NODATA: "no_data", OUTSIDE: "water"}
"""Of conditions, for machines."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

type Cells = Sequence[object]


def comparison_document(made: Comparison) -> dict[str, Any]:
    """``comparison.json``: see above."""
    difference = made.difference
    return {
        "format": FORMAT,
        "made": stamp(made.time),
        "version": VERSION,
        "quantity": "mapped area (pixel count)",
        "method": made.compared.joint.method,
        "judged_by": "indicator" if made.compared.indicator else "land_cover",
        **{account: _side(made, account) for account in (FIRST, SECOND)},
        "compared_km2": made.compared_km2,
        "resampled": list(made.compared.resampled),
        "agreed_percent": difference.agreed_percent,
        "agreement": _agreement(difference.agreement_km2, difference.codes),
        "conditions": [dict(zip(_CONDITIONS, row, strict=True)) for row in _conditions(made)],
        "layers": {
            name: _agreement(km2, (DEGRADED, STABLE, IMPROVED, NODATA)) for name, km2 in made.layers_km2.items()
        },
        "land_cover": {
            year: {"codes": [*get_legend(REPORT_LEGEND).codes, None], "km2": km2.tolist()}
            for year, km2 in difference.cover_km2.items()
        },
        "classes": [dict(zip(_CLASSES, row, strict=True)) for row in _classes(made)],
        "effects": [
            {
                "factor": effect.factor,
                "alike": effect.alike,
                "causes": [
                    {"what": cause.what, "a": cause.first, "b": cause.second} for cause in made.causes[effect.factor]
                ],
                "km2": _named(effect.km2),
            }
            for effect in difference.effects
        ],
        "rules": _rules(made),
        "caveats": [{"slug": caveat.slug, "text": caveat.text} for caveat in made.caveats],
    }


def comparison_csv(made: Comparison) -> dict[str, bytes]:
    """The CSV files by name (RFC 4180, UTF-8); a text that a spreadsheet would take for a formula begins with ``'``."""
    named = [NAMES[code] for code in made.difference.codes]
    agreement = [f"{name}_in_b_km2" for name in named]
    return {
        files.CONDITIONS_CSV: _csv(
            (*_CONDITIONS, *agreement),
            (
                (*row, *map(float, together))
                for row, together in zip(_conditions(made), made.difference.agreement_km2, strict=True)
            ),
        ),
        files.CLASSES_CSV: _csv(_CLASSES, _classes(made)),
        files.EFFECTS_CSV: _csv(("factor", "alike", "a", "b", *(f"{name}_km2" for name in named)), _effects(made)),
        files.RULES_CSV: _csv((*_RULES, *(f"effect_{name}_km2" for name in named)), _rule_rows(made)),
    }


_CONDITIONS: Final = ("condition", "a_km2", "b_km2", "difference_km2")
_CLASSES: Final = ("year", "code", "name", "a_km2", "b_km2", "difference_km2")
_RULES: Final = ("rule", "case", "sources", "a", "b", "a_km2", "b_km2")


def _side(made: Comparison, account: str) -> dict[str, Any]:
    report = made.reports[account]
    period, grounds = report.account.period, report.grounds
    return {
        "name": made.name(account),
        "zone": report.account.zone,
        "role": period.role,
        "initial": period.initial,
        "final": period.final,
        "outside_km2": made.outside_km2(account),
        "maps": [
            {
                "product": each.source.product,
                "version": each.source.version,
                "year": each.source.year,
                "crosswalk": each.crosswalk.identity,
            }
            for each in grounds.maps
        ],
        "matrix": report.matrix.identity,
        "lpd_table": None if grounds.lpd_table is None else grounds.lpd_table.identity,
        "nodata_policy": None if grounds.policy is None else grounds.policy.identity,
    }


def _agreement(km2: npt.NDArray[np.float64], codes: Sequence[int]) -> dict[str, Any]:
    return {"conditions": [NAMES[code] for code in codes], "km2": km2.tolist()}


def _conditions(made: Comparison) -> Iterator[Cells]:
    for code in made.difference.codes:
        first, second = (made.difference.area_km2(account, code) for account in (FIRST, SECOND))
        yield NAMES[code], first, second, second - first


def _classes(made: Comparison) -> Iterator[Cells]:
    legend = get_legend(REPORT_LEGEND)
    names = [*((item.code, item.name) for item in legend.classes), (None, "no_data")]
    for year, km2 in made.difference.cover_km2.items():
        for (code, name), first, second in zip(names, km2.sum(axis=1), km2.sum(axis=0), strict=True):
            yield year, code, name, float(first), float(second), float(second - first)


def _effects(made: Comparison) -> Iterator[Cells]:
    for effect in made.difference.effects:
        causes = made.causes[effect.factor]
        told = (
            "; ".join(f"{cause.what}: {side}" for cause, side in _sides(causes, end)) for end in ("first", "second")
        )
        yield effect.factor, effect.alike, *told, *effect.km2.values()


def _sides(causes: Iterable[Any], end: str) -> Iterator[tuple[Any, str]]:
    for cause in causes:
        yield cause, getattr(cause, end)


def _rules(made: Comparison) -> dict[str, Any]:
    rules = made.rules
    return {
        "classes": {year: [_pair(pair) for pair in rules.classes[year]] for year in YEARS},
        "matrix": [_cell(cell) for cell in rules.matrix],
        "lpd_table": [
            {**dict(zip(("trend", "state", "performance"), row.case, strict=True)), "a": row.first, "b": row.second}
            for row in rules.lpd_table
        ],
        "productivity": [
            {
                "a": _code(part.pair[0]),
                "b": _code(part.pair[1]),
                "km2": part.a_km2,
                "effect_km2": _named(part.km2),
            }
            for part in rules.productivity
        ],
        "nodata_policy": [
            {
                **dict(zip(("productivity", "land_cover", "soc"), map(_code, row.case), strict=True)),
                "a": _code(row.first),
                "b": _code(row.second),
            }
            for row in rules.policy
        ],
    }


def _pair(pair: ClassPair) -> dict[str, Any]:
    return {
        "a": _code(pair.first),
        "b": _code(pair.second),
        "sources": [{"code": source.code, "title": source.title} for source in pair.sources],
        "km2": pair.km2,
        "effect_km2": _named(pair.effect),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "initial": cell.initial,
        "final": cell.final,
        "a": cell.first,
        "b": cell.second,
        "a_km2": cell.a_km2,
        "b_km2": cell.b_km2,
        "effect_km2": _named(cell.effect),
    }


def _rule_rows(made: Comparison) -> Iterator[Cells]:
    rules, empty = made.rules, [None] * len(made.difference.codes)
    for year in YEARS:
        for pair in rules.classes[year]:
            sources = "; ".join(f"{source.code} {source.title}".strip() for source in pair.sources)
            outcome = (_code(pair.first), _code(pair.second))
            yield f"land_cover_{year}", "", sources, *outcome, pair.km2, pair.km2, *pair.effect.values()
    for cell in rules.matrix:
        case = f"{cell.initial} to {cell.final}"
        yield "matrix", case, "", cell.first, cell.second, cell.a_km2, cell.b_km2, *cell.effect.values()
    for part in rules.productivity:
        outcome = (_code(part.pair[0]), _code(part.pair[1]))
        yield "productivity", "", "", *outcome, part.a_km2, part.b_km2, *part.km2.values()
    for name, rows in (("lpd_table", rules.lpd_table), ("nodata_policy", rules.policy)):
        for row in rows:
            case = " ".join("no_data" if code == NODATA else str(code) for code in row.case)
            yield name, f"({case})", "", _code(row.first), _code(row.second), None, None, *empty


def _named(km2: Mapping[int, float]) -> dict[str, float]:
    return {NAMES[code]: value for code, value in km2.items()}


def _code(code: int) -> int | None:
    return None if code == NODATA else code


def _csv(header: Sequence[str], rows: Iterable[Cells]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return stream.getvalue().encode()


def _plain(cell: object) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) and len(cell) > 1 else cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else repr(cell)
