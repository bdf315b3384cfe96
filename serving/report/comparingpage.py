"""What the page of a comparison says; sums and names, nothing computed anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, NODATA
from indicators.comparison.factors import FIRST, SECOND
from indicators.reporting.assumptions import Assumption
from landcover.labels import Language
from landcover.legends import get_legend
from landcover.raster.decimated import read_decimated
from serving.report.comparing import Comparison
from serving.report.comparingrules import YEARS, Combination
from serving.report.page import comparison as page
from serving.report.page.data import MapPicture, Notice
from serving.report.page.disagreement import disagreement_legend, shown_titles
from serving.report.page.pictures import map_picture
from serving.report.pagedata import MOST_PIXELS
from serving.report.request import REPORT_LEGEND
from serving.version import VERSION

_CODES = (*CONDITIONS, NODATA)
_SHORT = 12


def comparison_data(made: Comparison, raster: Path, language: Language) -> page.ComparisonData:
    """All that the page says.

    Args:
        made: the comparison.
        raster: the raster of disagreement.
        language: of its legend.

    Raises:
        DataError: when the raster cannot be read.
    """
    rules, difference = made.rules, made.difference
    picture, legend = _picture(raster, language)
    return page.ComparisonData(
        a=_side(made, FIRST),
        b=_side(made, SECOND),
        created=made.time,
        software=VERSION,
        judged_of="indicator" if made.compared.indicator else "cover",
        compared_km2=made.compared_km2,
        agreed_percent=difference.agreed_percent,
        agreement=_agreement(difference.codes, difference.agreement_km2),
        cover={
            year: _agreement((*get_legend(REPORT_LEGEND).codes, NODATA), km2)
            for year, km2 in difference.cover_km2.items()
        },
        layers={name: _agreement(_CODES, km2) for name, km2 in made.layers_km2.items()},
        effects=tuple(
            page.Effect(
                effect.factor,
                effect.alike,
                tuple(page.Cause(cause.what, cause.first, cause.second) for cause in made.causes[effect.factor]),
                effect.km2,
            )
            for effect in difference.effects
        ),
        classes={year: tuple(_class_rows(made, year)) for year in YEARS},
        matrix=tuple(
            page.MatrixRow(cell.initial, cell.final, cell.first, cell.second, cell.a_km2, cell.b_km2, cell.effect)
            for cell in rules.matrix
        ),
        lpd=_cases(rules.lpd_table),
        policy=_cases(rules.policy),
        grounds=tuple(_grounds(made)),
        notices=tuple(Notice(caveat.slug, caveat.text) for caveat in made.caveats),
        picture=picture,
        legend=legend,
    )


def _side(made: Comparison, account: str) -> page.Side:
    report = made.reports[account]
    products = (" ".join(filter(None, (each.source.product, each.source.version))) for each in report.grounds.maps)
    period = report.account.period
    return page.Side(
        name=made.name(account),
        zone=report.account.zone,
        initial=period.initial,
        final=period.final,
        products=tuple(dict.fromkeys(products)),
        outside_km2=made.outside_km2(account),
    )


def _agreement(codes: Sequence[int], km2: npt.NDArray[np.float64]) -> page.Agreement:
    return page.Agreement(tuple(codes), km2.tolist())


def _class_rows(made: Comparison, year: str) -> Iterator[page.ClassRow]:
    for pair in made.rules.classes[year]:
        sources = tuple(f"{source.code} {source.title}".strip() for source in pair.sources)
        yield page.ClassRow(pair.first, pair.second, sources, pair.km2, pair.effect)


def _cases(rows: Sequence[Combination]) -> tuple[page.CaseRow, ...]:
    return tuple(page.CaseRow(row.case, row.first, row.second) for row in rows)


def _grounds(made: Comparison) -> Iterator[page.Ground]:
    """Assumptions of both by name, in the order of report A."""
    first, second = (_by_name(report.account.assumptions) for report in (made.first, made.second))
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name), second.get(name)
        yield page.Ground(name, _told(one), _told(other), same=one == other)


def _by_name(assumptions: Sequence[Assumption]) -> dict[str, Assumption]:
    return {each.name: each for each in assumptions}


def _told(assumption: Assumption | None) -> str:
    if assumption is None:
        return "\N{EN DASH}"
    short = f"({assumption.sha256[:_SHORT]})" if assumption.sha256 else ""
    return " ".join(filter(None, (assumption.id, assumption.version, short)))


def _picture(raster: Path, language: Language) -> tuple[MapPicture, tuple[tuple[str, str], ...]]:
    """The map, and colour and title of the codes that it has."""
    codes_HW, grid = read_decimated(raster, MOST_PIXELS)
    picture = map_picture(codes_HW, grid, disagreement_legend(language))
    return picture, shown_titles(np.unique(codes_HW).tolist(), language)
