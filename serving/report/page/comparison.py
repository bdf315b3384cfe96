"""The page of a comparison: what it shows, as plain values, and ``comparison_page(data, language)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from indicators.codes import DEGRADED, IMPROVED, OUTSIDE, STABLE
from landcover.legends import get_legend
from serving.report.page import bars, matrix
from serving.report.page.data import MapPicture, Notice
from serving.report.page.figures import Figures
from serving.report.page.render import environment, policy_for, sheet
from serving.report.page.words import Words, words_for

LEGEND: Final = "unccd7"
WATER_COLOR: Final = next(item.color for item in get_legend(LEGEND).classes if item.name == "water")
BAR: Final = 60.0
"""Half of the length of the largest bar, in units of its drawing."""

type Table = Sequence[Sequence[float]]
type Effects = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Side:
    """One of both reports.

    Attributes:
        name: of its folder.
        zone: of its area.
        initial: first year.
        final: last year.
        products: of the land-cover maps, without repeats.
        outside_km2: land of it that is not compared.
    """

    name: str
    zone: str
    initial: int
    final: int
    products: tuple[str, ...]
    outside_km2: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Areas by code in both reports.

    Attributes:
        codes: of rows and columns.
        km2: rows: report A, columns: report B.
    """

    codes: tuple[int, ...]
    km2: Table

    @property
    def shown(self) -> tuple[int, ...]:
        """Places of codes with any area in either report; of conditions also degraded, stable and improved."""
        always = (DEGRADED, STABLE, IMPROVED) if DEGRADED in self.codes else ()
        return tuple(
            place for place, code in enumerate(self.codes) if code in always or self.a(place) > 0 or self.b(place) > 0
        )

    def a(self, place: int) -> float:
        """Area in report A."""
        return sum(self.km2[place])

    def b(self, place: int) -> float:
        """Area in report B."""
        return sum(row[place] for row in self.km2)


@dataclass(frozen=True, slots=True)
class Cause:
    """What differs: ``what`` names the word, and what either report has."""

    what: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Effect:
    """One row of effects.

    Attributes:
        factor: its name.
        alike: whether both have the same on this land.
        causes: what differs.
        km2: by condition.
    """

    factor: str
    alike: bool
    causes: tuple[Cause, ...]
    km2: Effects

    @property
    def idle(self) -> bool:
        """Whether it changes no area of a condition."""
        return not any(self.km2.values())


@dataclass(frozen=True, slots=True)
class ClassRow:
    """Land of another class: the class in both, the product's classes behind it, its area and its effect."""

    first: int
    second: int
    sources: tuple[str, ...]
    km2: float
    effect: Effects


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A change that is judged differently: classes, signs, areas in both, and the effect."""

    initial: int
    final: int
    first: int
    second: int
    a_km2: float
    b_km2: float
    effect: Effects


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A combination of layers with two outcomes."""

    case: tuple[int, ...]
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Ground:
    """A rule object or a map in both reports, and whether it is the same."""

    name: str
    first: str
    second: str
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonData:
    """All that the page says.

    Attributes:
        a: report A.
        b: report B.
        created: when it was made.
        software: version of Steppe.
        judged_of: ``indicator`` or ``cover``.
        compared_km2: area that is compared.
        agreed_percent: share on which both say the same.
        agreement: land condition.
        cover: land-cover classes by ``initial`` and ``final``.
        layers: land condition by ``productivity`` and ``soc``.
        effects: by factor.
        classes: land of another class, by year.
        matrix: changes that are judged differently.
        lpd: combinations of trend, state and performance.
        policy: combinations with missing data.
        grounds: what both rest on.
        notices: caveats.
        picture: the map, or None.
        legend: colour and title of the codes that the map has.
    """

    a: Side
    b: Side
    created: datetime
    software: str
    judged_of: str
    compared_km2: float
    agreed_percent: float | None
    agreement: Agreement
    cover: Mapping[str, Agreement]
    layers: Mapping[str, Agreement]
    effects: tuple[Effect, ...]
    classes: Mapping[str, tuple[ClassRow, ...]]
    matrix: tuple[MatrixRow, ...]
    lpd: tuple[CaseRow, ...]
    policy: tuple[CaseRow, ...]
    grounds: tuple[Ground, ...]
    notices: tuple[Notice, ...] = ()
    findings: tuple[()] = ()
    picture: MapPicture | None = None
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def sourced(self) -> bool:
        """Whether crosswalks treat any class of a product differently."""
        return any(row.sources for rows in self.classes.values() for row in rows)

    @property
    def codes(self) -> tuple[int, ...]:
        """Conditions that are shown."""
        return tuple(self.agreement.codes[place] for place in self.agreement.shown)

    def year(self, which: str) -> str:
        """The year of both, or both years: ``2000`` or ``2000 / 2001``."""
        return " / ".join(dict.fromkeys(str(getattr(side, which)) for side in (self.a, self.b)))

    def difference(self, code: int) -> float:
        """Area in B less that in A."""
        place = self.agreement.codes.index(code)
        return self.agreement.b(place) - self.agreement.a(place)

    @property
    def both_maps(self) -> Effects | None:
        """Effect of both land-cover maps together, where both differ."""
        maps = [effect for effect in self.effects if effect.factor in ("initial", "final") and not effect.alike]
        if len(maps) < 2:  # noqa: PLR2004 - both
            return None
        return {code: sum(effect.km2[code] for effect in maps) for code in maps[0].km2}


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from the middle of its drawing."""

    x: float
    width: float
    color: str


def comparison_page(data: ComparisonData, language: str = "en") -> str:
    """The page in one language.

    Args:
        data: all that it says.
        language: one of the six languages, with or without a region.

    Returns:
        HTML, UTF-8; its policy is that of ``serving.report.page.render``.

    Raises:
        ConfigError: the language is not one of the six.
    """
    words = words_for(language)
    return (
        environment()
        .get_template("comparison.html")
        .render(
            d=data,
            t=words,
            n=Figures(words),
            classes=get_legend(LEGEND).classes,
            legend_id=LEGEND,
            glyph=matrix.glyph,
            condition_colors={**bars.COLORS, OUTSIDE: WATER_COLOR},
            name=partial(_name, words),
            bar=_bars(data),
            style=sheet(),
            policy=policy_for(sheet()),
        )
    )


def _name(words: Words, code: int) -> str:
    """Name of a condition, water included."""
    return words("water_area") if code == OUTSIDE else words.condition(code)


def _bars(data: ComparisonData) -> Mapping[str, Bar]:
    """A bar of the effect on degraded land for each factor."""
    most = max((abs(effect.km2[DEGRADED]) for effect in data.effects), default=0.0)
    found = {}
    for effect in data.effects:
        length = BAR * effect.km2[DEGRADED] / most if most > 0 else 0.0
        color = bars.COLORS[DEGRADED] if length > 0 else bars.COLORS[IMPROVED]
        found[effect.factor] = Bar(BAR + min(length, 0.0), abs(length), color)
    return found
