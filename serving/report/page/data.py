"""What the page of a report shows: plain values, without rasters, files or languages.

All areas are km2 of *mapped area (pixel count)*; the word estimate stands only where an ``Estimate`` from a probability
sample is given beside them (LDN facts, section 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from serving.report.page.conditions import Conditions
from serving.report.page.cover import CoverChange
from serving.report.page.sections import Carbon, Indicator, Productivity


@dataclass(frozen=True, slots=True)
class MapPicture:
    """A picture of a map without any text; scale and north are written on the page in its language.

    Attributes:
        png: the file.
        width: pixels across.
        height: pixels down.
        bar_km: length of the scale bar, or None where the map has no scale.
        bar_share: its length as a share of the width.
        north_up: whether north is up.
        outlined: whether outlines of areas are drawn.
    """

    png: bytes
    width: int
    height: int
    bar_km: float | None
    bar_share: float
    north_up: bool
    outlined: bool = False


@dataclass(frozen=True, slots=True)
class Pictures:
    """The three maps.

    Attributes:
        initial: land cover of the initial year.
        final: land cover of the final year.
        degradation: degraded, stable, improved.
    """

    initial: MapPicture
    final: MapPicture
    degradation: MapPicture


@dataclass(frozen=True, slots=True)
class Zone:
    """One row of the table of zones.

    Attributes:
        name: for people.
        land_km2: land without water bodies.
        conditions: its land condition.
    """

    name: str
    land_km2: float
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Spot:
    """A hotspot or brightspot; UNCCD PRAIS 4 tables SO1-4.T4 and T5.

    Attributes:
        kind: which of both.
        name: for people.
        km2: mapped area.
        processes: English names of processes, the largest first.
        lon: degrees east of a point inside.
        lat: degrees north.
    """

    kind: Literal["hotspot", "brightspot"]
    name: str
    km2: float
    processes: tuple[str, ...]
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Assumption:
    """A rule object that the numbers rest on.

    Attributes:
        name: ``legend``, ``crosswalk``, ``matrix``, ``lpd_table``, ``periods``, ``nodata_policy``, or another.
        id: identifier.
        version: version.
        sha256: digest of its canonical JSON.
        note: one English sentence, or empty.
    """

    name: str
    id: str
    version: str
    sha256: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A caveat that ends up in every output.

    Attributes:
        slug: for machines; the page has words for those of ``indicators.caveats``, and shows the sentence below them.
        text: one English sentence.
    """

    slug: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of the tables found.

    Attributes:
        rule: name of the rule.
        result: passed, or how bad.
        message: one English sentence, or empty.
    """

    rule: str
    result: Literal["passed", "warning", "error"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """A file that the report was made of.

    Attributes:
        role: ``initial``, ``final``, ``areas``, ``lpd``, ``trend``, ``state``, ``performance``, ``soc``, ``baseline``,
            or another.
        name: file name or address.
        sha256: digest of its content; None where only the address is known.
        product: name of the product, where it is known.
    """

    role: str
    name: str
    sha256: str | None
    product: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageData:
    """All that a page says.

    Attributes:
        areas: names of the areas reported on.
        initial_year: of the period.
        final_year: of the period.
        products: names of the land-cover products, without repeats.
        created: when the report was made, with a time zone.
        software: version of Steppe.
        method: how pixel areas were computed, one English phrase.
        total_km2: area of everything, with water bodies and no data.
        land_km2: land without water bodies.
        water_km2: water bodies.
        headline: land condition told first.
        headline_of: ``indicator`` when the headline is SDG 15.3.1, ``cover`` when it is land-cover change alone.
        cover: land-cover change.
        cover_conditions: degradation by land-cover change alone (SO1-1.T7), where the headline is another.
        pictures: the maps; None leaves them out.
        productivity: SO 1-2, or None.
        carbon: SO 1-3, or None.
        indicator: SO 1-4, or None.
        zones: one row for each zone; shown when there are several.
        spots: hotspots and brightspots.
        assumptions: what the numbers rest on.
        notices: caveats.
        findings: results of checks.
        inputs: files.
        citation: how to cite the report.
        licence: note on the licence.
    """

    areas: tuple[str, ...]
    initial_year: int
    final_year: int
    products: tuple[str, ...]
    created: datetime
    software: str
    method: str
    total_km2: float
    land_km2: float
    water_km2: float
    headline: Conditions
    headline_of: Literal["cover", "indicator"]
    cover: CoverChange
    cover_conditions: Conditions | None = None
    pictures: Pictures | None = None
    productivity: Productivity | None = None
    carbon: Carbon | None = None
    indicator: Indicator | None = None
    zones: tuple[Zone, ...] = ()
    spots: tuple[Spot, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    notices: tuple[Notice, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: tuple[Input, ...] = ()
    citation: str = ""
    licence: str = ""
