"""Crosswalks and national legends as files that people edit: Steppe's own JSON and Trends.Earth's nesting JSON.

Trends.Earth describes a national legend and its place in UNCCD-7 in one file with ``parent``, ``child`` and ``nesting``
(https://github.com/ConservationInternational/trends.earth, LDMP/data/land_cover_nesting_unccd_esa.json).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from landcover.crosswalks import Crosswalk
from landcover.errors import ConfigError
from landcover.legends import CLASS_NODATA, DEGRADATION_NODATA, LEGENDS, LandClass, Legend, get_legend
from landcover.trends_earth import FileLegend, class_document, legend_document, validated

_IMPLIED: Final = frozenset({CLASS_NODATA, DEGRADATION_NODATA})
"""Nodata of Steppe's own maps, which every crosswalk understands."""

_UNCCD7: Final = "unccd7"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class _Rule(_Model):
    sources: list[int] = Field(alias="from")
    to: int


class _Class(_Model):
    code: int
    name: str
    title: str
    color: str


class _Legend(_Model):
    id: str
    version: str
    title: str
    classes: list[_Class]
    citation: str

    def build(self) -> Legend:
        classes = tuple(LandClass(**row.model_dump()) for row in self.classes)
        return Legend(self.id, self.version, self.title, classes, self.citation)


class _Document(_Model):
    id: str
    version: str
    source_legend: str
    target_legend: str
    rules: list[_Rule]
    nodata: list[int]
    status: Literal["official", "proposed", "national"]
    citation: str
    legend: _Legend | None = None


class _Nesting(BaseModel):
    """Trends.Earth's LCLegendNesting."""

    parent: FileLegend
    child: FileLegend
    nesting: dict[int, list[int]]


def parse_crosswalk(text: str | bytes) -> Crosswalk:
    """A crosswalk from JSON text; a legend that Steppe does not know must be in it under ``legend``.

    Raises:
        ConfigError: when the text is not such a document, or the crosswalk has gaps or duplicates.
        UnknownLegend: when a legend is neither known nor in the document.
    """
    return parse_crosswalk_and_legend(text)[0]


def parse_crosswalk_and_legend(text: str | bytes) -> tuple[Crosswalk, Legend | None]:
    """A crosswalk from JSON text, and its source legend where the text has one; raises like ``parse_crosswalk``."""
    document = validated(_Document, text, "crosswalk")
    legend = document.legend.build() if document.legend else None
    if document.legend is not None and document.legend.id in LEGENDS:
        raise ConfigError(f"crosswalk {document.id!r} redefines legend {document.legend.id!r}: give it another id")
    crosswalk = Crosswalk(
        document.id,
        document.version,
        document.source_legend,
        document.target_legend,
        tuple((code, rule.to) for rule in document.rules for code in rule.sources),
        tuple(document.nodata),
        document.status,
        document.citation,
        source=legend,
    )
    return crosswalk, legend


def read_crosswalk(path: Path) -> Crosswalk:
    """The crosswalk in a JSON file; raises like ``parse_crosswalk``, and ConfigError when there is no such file."""
    try:
        text = path.read_bytes()
    except OSError as reason:
        raise ConfigError(f"crosswalk file {path.name!r} cannot be read: {reason.strerror}") from reason
    return parse_crosswalk(text)


def crosswalk_document(crosswalk: Crosswalk, source: Legend | None = None) -> dict[str, Any]:
    """JSON-ready data that ``parse_crosswalk`` reads back.

    Args:
        crosswalk: the crosswalk.
        source: its source legend, when Steppe does not know that legend.
    """
    document = crosswalk.to_document()
    if source is None:
        return document
    classes = [asdict(land_class) for land_class in source.classes]
    return {**document, "legend": {**asdict(source), "classes": classes}}


def parse_trends_earth(text: str | bytes, *, legend_id: str, version: str = "1") -> tuple[Legend, Crosswalk]:
    """A national legend and its crosswalk to UNCCD-7 from Trends.Earth's nesting JSON.

    Args:
        text: the file's content; parent codes are UNCCD-7 codes, or ten times these as SEPAL writes them. Classes are
            matched by code and never by name.
        legend_id: id for the legend, one that Steppe does not have yet.
        version: version for both.

    Raises:
        ConfigError: when the text is not a nesting file, nests into another legend than UNCCD-7, a code is missing or
            repeated, or the id is taken.
    """
    nesting = validated(_Nesting, text, "Trends.Earth nesting")
    if legend_id in LEGENDS:
        raise ConfigError(f"legend id {legend_id!r} is taken; choose another")
    targets = _targets(nesting.parent)
    empty = _empty_codes(nesting)
    citation = f"Trends.Earth nesting file: {nesting.child.name}"
    classes = tuple(row.land_class() for row in nesting.child.key if row.code not in empty)
    legend = Legend(legend_id, version, nesting.child.name, classes, citation)
    # A code of a parent that is not in the file's own legend goes to the crosswalk as it is, which names it.
    pairs = (
        (code, targets.get(parent, parent))
        for parent, codes in nesting.nesting.items()
        for code in codes
        if code not in empty
    )
    return legend, Crosswalk(
        f"{legend_id}-to-unccd7",
        version,
        legend_id,
        _UNCCD7,
        tuple(pairs),
        tuple(sorted({*_IMPLIED, *empty})),
        "national",
        citation,
        source=legend,
    )


def _empty_codes(nesting: _Nesting) -> set[int]:
    """Codes of the child legend that are no data and no class.

    Raises:
        ConfigError: when the file makes its own nodata a class.
    """
    nodata = nesting.child.nodata_code
    for parent, codes in nesting.nesting.items():
        if nodata in codes and parent != nesting.parent.nodata_code:
            raise ConfigError(
                f"a Trends.Earth nesting file that puts {nodata}, the nodata code of {nesting.child.name!r}, into "
                f"class {parent}; give the class another code"
            )
    return {nodata, DEGRADATION_NODATA} | (_IMPLIED & set(nesting.nesting.get(nesting.parent.nodata_code, ())))


def _targets(parent: FileLegend) -> dict[int, int]:
    """UNCCD-7's code for each code of the parent legend."""
    codes = get_legend(_UNCCD7).codes
    found = {row.code for row in parent.key} - {parent.nodata_code}
    for factor in (1, 10):
        known = {factor * code: code for code in codes}
        if found <= set(known):
            return {**known, parent.nodata_code: CLASS_NODATA}
    listed = ", ".join(map(str, sorted(found)))
    raise ConfigError(
        f"a Trends.Earth nesting file whose parent {parent.name!r} has the codes {listed}: expected UNCCD-7's codes 1 "
        "to 7; nest the national legend into the UNCCD classes"
    )


def trends_earth_document(crosswalk: Crosswalk, source: Legend) -> dict[str, Any]:
    """Trends.Earth's nesting JSON of a crosswalk to UNCCD-7; the inverse of ``parse_trends_earth``.

    Trends.Earth knows one nodata code for a legend; further ones become classes that nest into "no data".

    Args:
        crosswalk: the crosswalk.
        source: its source legend.

    Raises:
        ConfigError: when the crosswalk goes to another legend.
    """
    if crosswalk.target_legend != _UNCCD7:
        raise ConfigError(f"crosswalk {crosswalk.id!r} goes to {crosswalk.target_legend!r}: a nesting file to 'unccd7'")
    nodata, *further = sorted(set(crosswalk.nodata_codes) - _IMPLIED) or [DEGRADATION_NODATA]
    target, child = get_legend(_UNCCD7), legend_document(source, nodata=nodata)
    more = (LandClass(code, f"nodata_{code}".replace("-", "minus_"), "No data", "#000000") for code in further)
    child["key"] = sorted((*child["key"], *map(class_document, more)), key=lambda row: int(row["code"]))
    nesting = {
        str(DEGRADATION_NODATA if to == CLASS_NODATA else to): sorted(
            code for code, goes_to in crosswalk.mapping if goes_to == to
        )
        for to in (*target.codes, CLASS_NODATA)
    }
    nesting[str(DEGRADATION_NODATA)] += [*further, nodata]
    return {"parent": legend_document(target), "child": child, "nesting": nesting}
