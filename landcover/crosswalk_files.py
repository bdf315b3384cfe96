"""Crosswalks and national legends as files that people edit: Steppe's own JSON and Trends.Earth's nesting JSON.

Trends.Earth describes a national legend and its place in UNCCD-7 in one file with ``parent``, ``child`` and ``nesting``
(https://github.com/ConservationInternational/trends.earth, LDMP/data/land_cover_nesting_unccd_esa.json).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from landcover.crosswalks import Crosswalk
from landcover.errors import ConfigError
from landcover.legends import CLASS_NODATA, DEGRADATION_NODATA, LEGENDS, LandClass, Legend, get_legend

_GREY: Final = "#808080"  # Trends.Earth allows classes without a colour


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


class _NestingClass(BaseModel):
    code: int
    name_long: str
    name_short: str | None = None
    description: str | None = None
    color: str | None = None


class _NestingLegend(BaseModel):
    name: str
    key: list[_NestingClass]
    nodata: _NestingClass


class _Nesting(BaseModel):
    parent: _NestingLegend
    child: _NestingLegend
    nesting: dict[int, list[int]]


def parse_crosswalk(text: str | bytes) -> Crosswalk:
    """A crosswalk from JSON text; a legend that Steppe does not know must be in it under ``legend``.

    Raises:
        ConfigError: when the text is not such a document, or the crosswalk has gaps or duplicates.
        UnknownLegend: when a legend is neither known nor in the document.
    """
    document = _validated(_Document, text, "crosswalk")
    if document.legend is not None and document.legend.id in LEGENDS:
        raise ConfigError(f"crosswalk {document.id!r} redefines legend {document.legend.id!r}: give it another id")
    return Crosswalk(
        document.id,
        document.version,
        document.source_legend,
        document.target_legend,
        tuple((code, rule.to) for rule in document.rules for code in rule.sources),
        tuple(document.nodata),
        document.status,
        document.citation,
        source=document.legend.build() if document.legend else None,
    )


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
        text: the file's content; parent codes are UNCCD-7 codes, classes are matched by code and never by name.
        legend_id: id for the legend, one that Steppe does not have yet.
        version: version for both.

    Raises:
        ConfigError: when the text is not a nesting file, a code is missing or repeated, or the id is taken.
    """
    nesting = _validated(_Nesting, text, "Trends.Earth nesting")
    if legend_id in LEGENDS:
        raise ConfigError(f"legend id {legend_id!r} is taken; choose another")
    classes = tuple(
        LandClass(row.code, f"class_{row.code}".replace("-", "minus_"), row.name_long, (row.color or _GREY).upper())
        for row in nesting.child.key
    )
    citation = f"Trends.Earth nesting file: {nesting.child.name}"
    legend = Legend(legend_id, version, nesting.child.name, classes, citation)
    nodata = {CLASS_NODATA, DEGRADATION_NODATA, nesting.child.nodata.code}
    pairs = (
        (code, CLASS_NODATA if parent == nesting.parent.nodata.code else parent)
        for parent, codes in nesting.nesting.items()
        for code in codes
        if code not in nodata
    )
    return legend, Crosswalk(
        f"{legend_id}-to-unccd7",
        version,
        legend_id,
        "unccd7",
        tuple(pairs),
        tuple(sorted(nodata - set(legend.codes))),
        "national",
        citation,
        source=legend,
    )


def trends_earth_document(crosswalk: Crosswalk, source: Legend) -> dict[str, Any]:
    """Trends.Earth's nesting JSON of a crosswalk; the inverse of ``parse_trends_earth``."""
    target = get_legend(crosswalk.target_legend)
    nesting = {
        str(DEGRADATION_NODATA if to == CLASS_NODATA else to): sorted(
            code for code, goes_to in crosswalk.mapping if goes_to == to
        )
        for to in (*target.codes, CLASS_NODATA)
    }
    nesting[str(DEGRADATION_NODATA)].append(DEGRADATION_NODATA)
    return {"parent": _nesting_legend(target), "child": _nesting_legend(source), "nesting": nesting}


def _nesting_legend(legend: Legend) -> dict[str, Any]:
    rows = [(land_class.code, land_class.title, land_class.color) for land_class in legend.classes]
    *key, nodata = (
        {"code": code, "name_long": name, "name_short": name, "description": None, "color": color}
        for code, name, color in (*rows, (DEGRADATION_NODATA, "No data", "#000000"))
    )
    return {"name": legend.title, "key": key, "nodata": nodata}


def _validated[M: BaseModel](model: type[M], text: str | bytes, what: str) -> M:
    try:
        return model.model_validate_json(text)
    except ValidationError as reason:
        first = reason.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise ConfigError(f"not a {what} document: {place}: {first['msg']}") from reason
