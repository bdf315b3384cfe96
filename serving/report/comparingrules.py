"""The rules in which two reports differ, with the land on which it matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from indicators.codes import NODATA
from indicators.comparison.difference import Difference
from indicators.comparison.effects import Effect, Part
from indicators.comparison.factors import MATRIX, POLICY
from indicators.comparison.rulebooks import Rule, crosswalk_rules, matrix_rules, policy_rules, productivity_rules
from indicators.joint import FINAL, INITIAL, PRODUCTIVITY
from serving.report.comparingfolder import ReadReport
from serving.report.grounds import MapGround

YEARS: Final = (INITIAL, FINAL)


@dataclass(frozen=True, slots=True)
class Source:
    """A class of a product.

    Attributes:
        code: value in the map.
        title: English name; empty where the legend is not known.
    """

    code: int
    title: str


@dataclass(frozen=True, slots=True)
class ClassPair:
    """Land that is one class in report A and another in report B.

    Attributes:
        first: class in A; -32768 for no data.
        second: class in B.
        sources: classes of the product that the crosswalks send there; empty where it is the maps that differ.
        km2: area.
        effect: change of the area of each condition that it causes.
    """

    first: int
    second: int
    sources: tuple[Source, ...]
    km2: float
    effect: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the transition matrix with two signs.

    Attributes:
        initial: class before.
        final: class after.
        first: sign in A.
        second: sign in B.
        a_km2: land that changes so by the maps of A.
        b_km2: by those of B.
        effect: change of the area of each condition that it causes.
    """

    initial: int
    final: int
    first: int
    second: int
    a_km2: float
    b_km2: float
    effect: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Combination:
    """A combination of layers with two outcomes.

    Attributes:
        case: trend, state and performance, or productivity, land cover and soil carbon.
        first: outcome in A.
        second: outcome in B.
    """

    case: tuple[int, ...]
    first: int
    second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All rules that differ.

    Attributes:
        crosswalks: whether the crosswalks of one legend differ, by year.
        classes: pairs of classes, by year, the largest first.
        matrix: cells of the transition matrix.
        lpd_table: rows of the table of productivity.
        productivity: land whose productivity differs, by condition in A and in B.
        policy: combinations of sub-indicators with missing ones.
    """

    crosswalks: Mapping[str, bool]
    classes: Mapping[str, tuple[ClassPair, ...]]
    matrix: tuple[Cell, ...]
    lpd_table: tuple[Combination, ...]
    productivity: tuple[Part, ...]
    policy: tuple[Combination, ...]


def rulebook_of(first: ReadReport, second: ReadReport, difference: Difference) -> Rulebook:
    """What differs in the rules of two reports.

    Args:
        first: report A.
        second: report B.
        difference: what it comes to.
    """
    effects = {effect.factor: effect for effect in difference.effects}
    maps = dict(zip(YEARS, zip(first.grounds.maps, second.grounds.maps, strict=True), strict=True))
    rules = {year: _crosswalk_rules(*pair) for year, pair in maps.items()}
    return Rulebook(
        crosswalks={year: bool(rules[year]) for year in YEARS},
        classes={year: _pairs(effects[year], rules[year], maps[year]) for year in YEARS},
        matrix=_cells(first, second, effects[MATRIX]),
        lpd_table=_lpd_rows(first, second),
        productivity=effects[PRODUCTIVITY].parts if PRODUCTIVITY in effects else (),
        policy=_policy_rows(first, second) if POLICY in effects else (),
    )


def _crosswalk_rules(first: MapGround, second: MapGround) -> tuple[Rule, ...]:
    """Only crosswalks from one legend can be held against each other rule by rule."""
    if first.crosswalk.source_legend != second.crosswalk.source_legend:
        return ()
    return crosswalk_rules(first.crosswalk, second.crosswalk)


def _pairs(effect: Effect, rules: tuple[Rule, ...], maps: tuple[MapGround, MapGround]) -> tuple[ClassPair, ...]:
    sources: dict[tuple[int, int], list[Source]] = {}
    for rule in rules:
        sources.setdefault((_code(rule.first), _code(rule.second)), []).append(_source(rule.case[0], maps))
    found = {part.pair: part for part in effect.parts}
    nothing = dict.fromkeys(effect.km2, 0.0)
    pairs = (
        ClassPair(
            *pair,
            sources=tuple(sources.get(pair, ())),
            km2=found[pair].a_km2 if pair in found else 0.0,
            effect=found[pair].km2 if pair in found else nothing,
        )
        for pair in dict.fromkeys((*found, *sources))
        if pair[0] != pair[1]
    )
    return tuple(sorted(pairs, key=lambda pair: (-pair.km2, pair.first, pair.second)))


def _code(outcome: int | None) -> int:
    """Class of a rule; a code that a crosswalk does not have cannot be in its map."""
    return NODATA if outcome is None else outcome


def _source(code: int, maps: tuple[MapGround, MapGround]) -> Source:
    for each in maps:
        if each.legend is not None and code in each.legend:
            return Source(code, each.legend.by_code(code).title)
    return Source(code, "")


def _cells(first: ReadReport, second: ReadReport, effect: Effect) -> tuple[Cell, ...]:
    found = {part.pair: part for part in effect.parts}
    nothing = dict.fromkeys(effect.km2, 0.0)
    rules = matrix_rules(first.matrix, second.matrix, first.matrix.legend.codes)
    cells = []
    for rule in rules:
        pair, part = (rule.case[0], rule.case[1]), found.get((rule.case[0], rule.case[1]))
        a_km2, b_km2, km2 = (0.0, 0.0, nothing) if part is None else (part.a_km2, part.b_km2, part.km2)
        cells.append(Cell(*pair, _code(rule.first), _code(rule.second), a_km2, b_km2, km2))
    return tuple(cells)


def _lpd_rows(first: ReadReport, second: ReadReport) -> tuple[Combination, ...]:
    one, other = first.grounds.lpd_table, second.grounds.lpd_table
    return () if one is None or other is None else tuple(map(_combination, productivity_rules(one, other)))


def _policy_rows(first: ReadReport, second: ReadReport) -> tuple[Combination, ...]:
    one, other = first.grounds.policy, second.grounds.policy
    return () if one is None or other is None else tuple(map(_combination, policy_rules(one, other)))


def _combination(rule: Rule) -> Combination:
    return Combination(rule.case, _code(rule.first), _code(rule.second))
