"""Class areas as JSON objects, rounded: what area tables, STAC Items and ``--json`` have in common."""

from __future__ import annotations

from typing import Final, TypedDict

from indicators.areas import AreaTable
from landcover.errors import UnknownLegend
from landcover.labels import title

KM2_DIGITS: Final = 6
"""Decimals of an area in km2: one square metre."""

PERCENT_DIGITS: Final = 4
"""Decimals of a share in percent."""


class ClassEntry(TypedDict):
    """Mapped area of one class; the share is of the valid area."""

    code: int
    name: str
    title: str
    pixels: int
    area_km2: float
    share_percent: float


def class_titles(table: AreaTable, language: str) -> dict[int, str]:
    """Titles by code in a language; those of the table for a legend that is not one of Steppe's.

    Raises:
        ConfigError: the language is not one of the six of the United Nations.
    """
    try:
        return {row.code: title(table.legend_id, row.code, language) for row in table.rows}
    except UnknownLegend:
        return {row.code: row.title for row in table.rows}


def class_entries(table: AreaTable, language: str = "en") -> list[ClassEntry]:
    """The classes of a table as JSON objects.

    Raises:
        ConfigError: the language is not one of the six of the United Nations.
    """
    titles = class_titles(table, language)
    return [
        ClassEntry(
            code=row.code,
            name=row.name,
            title=titles[row.code],
            pixels=row.pixels,
            area_km2=round(row.area_km2, KM2_DIGITS),
            share_percent=round(row.share_percent, PERCENT_DIGITS),
        )
        for row in table.rows
    ]
