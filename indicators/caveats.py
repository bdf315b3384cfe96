"""What a reader of a result must know before comparing it: warnings that go into every output.

Two maps differ for many reasons besides change on the ground. Each caveat names one of them and what to do about it, in
one sentence, with a short name for machines. Nothing here stops an account; what stops one is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from indicators.transitions import UNCCD7_TRANSITIONS, TransitionMatrix
from indicators.wording import said
from landcover.errors import WrongUse

NODATA_FLAG: Final = 0.05
"""Share of the land without data above which a result is flagged."""

NODATA_LIMIT: Final = 0.20
"""Share of the land without data above which nothing is said about neutrality being achieved."""

_SAME_SIZE: Final = 1.01
"""Pixels whose sides differ by less than this factor are of one size."""

_SHORT_YEARS: Final = 1
_WHOLE: Final = 0.999
_BASELINE_END: Final = 2015
_FIRST_REPORTED: Final = 2016
_WORLDCOVER: Final = "worldcover"
_DYNAMIC_WORLD: Final = "dynamic-world"
_CGLS: Final = "cgls-lc100"
_WORLDCOVER_YEARS: Final = frozenset({2020, 2021})
_SPARSE: Final = frozenset({_WORLDCOVER, _DYNAMIC_WORLD, _CGLS})
"""Products that put land with less than about 10 % vegetation with bare land; ESA CCI's sparse vegetation is below 15 %
and is UNCCD's Grassland."""


@dataclass(frozen=True, slots=True)
class Caveat:
    """One thing to know before a result is used.

    Attributes:
        slug: short name for machines; the same reason always has the same one.
        text: one English sentence that says what is the matter and what to do.
    """

    slug: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSource:
    """Where a land-cover map comes from.

    Attributes:
        product: legend or product id, for example ``worldcover``; of a model, its name and version.
        crosswalk: identity of the crosswalk that it went through, ``id@version#sha256``.
        version: the producer's version, where it is stated, for example ``v200``.
        year: the year that it shows, where it is known.
        resolution_m: length on the ground of a pixel's side in metres, where it is known.
    """

    product: str
    crosswalk: str
    version: str | None = None
    year: int | None = None
    resolution_m: float | None = None


def compare_maps(
    before: MapSource, after: MapSource, *, matrices: Sequence[TransitionMatrix] = (UNCCD7_TRANSITIONS,)
) -> tuple[Caveat, ...]:
    """Caveats of a pair of maps and the matrices that judge their difference; each slug at most once.

    Args:
        before: the map of the initial year.
        after: the map of the final year.
        matrices: the transition matrix, or the regional ones.

    Raises:
        WrongUse: when the final year is before the initial one.
    """
    if before.year is not None and after.year is not None and after.year < before.year:
        raise WrongUse(f"the final map shows {after.year}, the initial one {before.year}; swap them")
    found = (
        *_of_products(before, after),
        *_of_crosswalks(before, after),
        *_of_versions(before, after),
        *_of_resolution(before, after),
        *_of_years(before, after),
        *_of_matrices(matrices),
    )
    return tuple({caveat.slug: caveat for caveat in reversed(found)}.values())[::-1]


def _of_products(before: MapSource, after: MapSource) -> Sequence[Caveat]:
    """Two products, and what single ones are known for."""
    products = {before.product, after.product}
    found = []
    if len(products) > 1:
        found.append(
            Caveat(
                "two-products",
                f"The maps are two products, {before.product} and {after.product}, so part of their difference is "
                "between producers and not on the ground; use one product for both years, or verify the changes with a "
                "reference sample.",
            )
        )
    if _DYNAMIC_WORLD in products:
        found.append(
            Caveat(
                "dynamic-world-scenes",
                "Dynamic World is made scene by scene, so a label may be of one day and snow of one season, which is "
                "taken as no data; use the most frequent label of many scenes of the same season in both years.",
            )
        )
    if _CGLS in products:
        found.append(
            Caveat(
                "cgls-oceans",
                "CGLS-LC100 maps oceans as a class of its own, which becomes water bodies; cut the account to the land "
                "area of the country, so that the sea is in no total.",
            )
        )
    return found


def _of_crosswalks(before: MapSource, after: MapSource) -> Iterator[Caveat]:
    """Two crosswalks, and the break at sparse vegetation."""
    if before.crosswalk == after.crosswalk:
        return
    one, other = (source.crosswalk.partition("#")[0] for source in (before, after))
    names = f"{one} and {other}" if one != other else f"two editions of {one} with different rules"
    yield Caveat(
        "two-crosswalks",
        f"The maps came to one legend by two crosswalks, {names}, so a class may not mean the same in both years; use "
        "one product and one crosswalk for both, or compare the rules class by class.",
    )
    if (before.product in _SPARSE) != (after.product in _SPARSE):
        yield Caveat(
            "sparse-vegetation",
            "The products draw the line between sparse vegetation and bare land at different cover (about 10 or 15 %), "
            "so that drylands move between Grassland and Other land without any change; do not report transitions "
            "between these two classes, or recode one product to the line of the other.",
        )


def _of_versions(before: MapSource, after: MapSource) -> Iterator[Caveat]:
    """One product in two versions of its algorithm."""
    if before.product != after.product:
        return
    stated = before.version is not None and after.version is not None
    years = {before.year, after.year}
    if before.product == _WORLDCOVER and (
        (stated and before.version != after.version) or (not stated and years == _WORLDCOVER_YEARS)
    ):
        yield Caveat(
            "worldcover-versions",
            "WorldCover 2020 and 2021 were made by different versions of its algorithm, so that their difference mixes "
            "change on the ground with change of the algorithm, as the producer says; use them as two single maps, or "
            "verify each class of change with a reference sample.",
        )
    elif stated and before.version != after.version:
        yield Caveat(
            "two-versions",
            f"The maps are versions {before.version} and {after.version} of {before.product}, so part of their "
            "difference may be the algorithm's; use one version for both years where the producer offers it.",
        )


def _of_resolution(before: MapSource, after: MapSource) -> Iterator[Caveat]:
    """Pixels of two sizes."""
    if before.resolution_m is None or after.resolution_m is None:
        return
    fine, coarse = sorted((before.resolution_m, after.resolution_m))
    if coarse > _SAME_SIZE * fine:
        yield Caveat(
            "two-resolutions",
            f"The maps have pixels of {said(fine)} m and {said(coarse)} m and the coarser one was resampled to the "
            "finer grid by the nearest pixel, so that borders of classes and small patches seem to change; aggregate "
            "the finer map to the coarser grid by majority before comparing.",
        )


def _of_years(before: MapSource, after: MapSource) -> Iterator[Caveat]:
    """Years that are missing, close together, or of one of two presets."""
    if before.year is None or after.year is None:
        yield Caveat(
            "years-missing",
            "The year of a map is not known, so the period of the result is not either; state the years of both maps.",
        )
        return
    if after.year - before.year <= _SHORT_YEARS:
        yield Caveat(
            "short-period",
            f"The maps are of {before.year} and {after.year}, one year or less apart, in which land cover seldom "
            "changes for good; verify every change of class before it is reported.",
        )
    yield from _of_preset(before.year, after.year)


def _of_preset(initial: int, final: int) -> Iterator[Caveat]:
    """Where UNCCD's manual and the data that it is pre-filled with begin reporting periods in different years."""
    if final <= _FIRST_REPORTED or initial not in (_BASELINE_END, _FIRST_REPORTED):
        return
    manual, filled = "the PRAIS manual", "Trends.Earth and the data that PRAIS is pre-filled with"
    like, unlike, year = (
        (f"{filled} have", f"{manual} begins", _FIRST_REPORTED)
        if initial == _BASELINE_END
        else (f"{manual} has", f"{filled} begin", _BASELINE_END)
    )
    yield Caveat(
        "period-preset",
        f"The reporting period begins in {initial} as {like} it, while {unlike} it in {year}; compare only with "
        "results of the same preset.",
    )


def _of_matrices(matrices: Sequence[TransitionMatrix]) -> Iterator[Caveat]:
    """Matrices that are not UNCCD's example, and those that judge land without change."""
    edited = [matrix for matrix in matrices if matrix.signs != UNCCD7_TRANSITIONS.signs]
    if edited:
        names = ", ".join(f"{matrix.id} {matrix.version}" for matrix in edited)
        yield Caveat(
            "edited-matrix",
            f"The transition matrix {names} differs from UNCCD's default in {_differing(edited)}; report the matrix "
            "with the result, and compare only with results of the same matrix.",
        )
    if any(sign for matrix in matrices for sign in _diagonal(matrix)):
        yield Caveat(
            "matrix-judges-stability",
            "The transition matrix calls land whose class did not change degraded or improved; set the cells of its "
            "diagonal to stable unless that is meant.",
        )


def _diagonal(matrix: TransitionMatrix) -> Iterator[int]:
    return (row[index] for index, row in enumerate(matrix.signs))


def _differing(edited: Sequence[TransitionMatrix]) -> str:
    """How many signs differ, "3 of 49 signs"; on other legends there is nothing to count."""
    counts = []
    for matrix in edited:
        if matrix.legend_id != UNCCD7_TRANSITIONS.legend_id:
            return "its legend"
        pairs = (
            zip(row, default, strict=True) for row, default in zip(matrix.signs, UNCCD7_TRANSITIONS.signs, strict=True)
        )
        counts.append(sum(one != other for row in pairs for one, other in row))
    return f"{' and '.join(map(str, counts))} of {len(UNCCD7_TRANSITIONS.legend) ** 2} signs"


def nodata_caveats(share: float) -> tuple[Caveat, ...]:
    """Caveats of land without data, which stays in the denominator of SDG indicator 15.3.1 (PRAIS 4 manual, SO1.md).

    Args:
        share: land without data as a share of all land, 0 to 1. Water is no land: it is not counted on either side.

    Raises:
        WrongUse: when the share is none.
    """
    if not 0 <= share <= 1:
        raise WrongUse(f"{share} is no share of land: expected 0 to 1")
    if share > NODATA_LIMIT:
        return (
            Caveat(
                "nodata-land-much",
                f"{_percent(share)} of the land has no data, more than {NODATA_LIMIT:.0%}, so nothing is said about "
                "land degradation neutrality being achieved; fill the gaps with another year or product first.",
            ),
        )
    if share > NODATA_FLAG:
        return (
            Caveat(
                "nodata-land",
                f"{_percent(share)} of the land has no data, more than {NODATA_FLAG:.0%}; the shares of degraded and "
                "improved land are lower bounds, so fill the gaps or report them with the result.",
            ),
        )
    return ()


def may_state_neutrality(share: float) -> bool:
    """Whether so little land lacks data that neutrality may be said to be achieved or not.

    Args:
        share: land without data as a share of all land, 0 to 1.
    """
    return 0 <= share <= NODATA_LIMIT


def _percent(share: float) -> str:
    """A share as percent, never rounded down onto a limit."""
    return f"{100 * share:.3g} %"


def outside_map(zone: str, mapped_km2: float, zone_km2: float) -> tuple[Caveat, ...]:
    """The caveat of a zone that reaches beyond the maps; none when the maps hold all of it but a thousandth.

    Args:
        zone: its name.
        mapped_km2: what the maps hold of it.
        zone_km2: its ground area, ``Zone.km2``.
    """
    if mapped_km2 >= _WHOLE * zone_km2:
        return ()
    return (
        Caveat(
            "zone-outside-map",
            f"The maps hold {said(mapped_km2)} of the {said(zone_km2)} km2 of {zone}, so all its areas are too small; "
            "use maps that cover it, or cut the zone to the maps.",
        ),
    )


def stand_in_year(wanted: int, used: int) -> tuple[Caveat, ...]:
    """The caveat of land cover of another year than the table of periods wants (PRAIS 4 manual, SO1.md, SO 1-1 step 4).

    Args:
        wanted: last year of the period.
        used: year of the map that stands in.
    """
    return (
        Caveat(
            "land-cover-stand-in",
            f"Land cover of {used} stands in for that of {wanted}, as the PRAIS manual allows where {wanted} is "
            f"missing, so changes after {used} are not in the result; make the report again with a map of {wanted}.",
        ),
    )


def signed_bytes(maps: Sequence[str]) -> tuple[Caveat, ...]:
    """The caveat of maps of ESA CCI whose bytes came signed and were read as unsigned; none without such maps.

    Args:
        maps: their names.
    """
    if not maps:
        return ()
    names = " and ".join(map(repr, dict.fromkeys(maps)))
    return (
        Caveat(
            "signed-bytes",
            f"The codes of {names} came as signed bytes, as readers make of ESA CCI's NetCDF that ignore its attribute "
            "_Unsigned, and were read as unsigned (-126 is 130); check that the classes are where they should be, or "
            "write the map with unsigned bytes.",
        ),
    )


def without_summary(matrices: int) -> tuple[Caveat, ...]:
    """The caveat of several regional matrices, for which the summary of Trends.Earth has no place.

    Args:
        matrices: how many there are.
    """
    if matrices < 2:  # noqa: PLR2004 (several)
        return ()
    return (
        Caveat(
            "no-summary",
            f"There is no trends_earth_summary.json: its form holds one transition matrix, and this report has "
            f"{matrices}; enter the tables of the workbook in PRAIS, or make a report of each region.",
        ),
    )
