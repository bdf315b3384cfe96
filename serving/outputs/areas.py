"""Class areas as a JSON document and as a table for the terminal.

Areas from a map are called *mapped area (pixel count)* and never an estimate: they carry the map's bias. Numbers are
rounded where they are shown; totals are rounded sums of unrounded parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from pyproj import CRS

from indicators.areas import AreaTable
from landcover.labels import Language, canonical_language, nodata_title
from serving.class_areas import KM2_DIGITS, PERCENT_DIGITS, ClassEntry, class_entries, class_titles

if TYPE_CHECKING:
    from rich.table import Table

DOCUMENT_TYPE: Final = "steppe-class-areas"
SCHEMA_VERSION: Final = "1.3"
"""1.1: ``quality`` and ``sieve`` beside the fields of 1.0, where they were asked for. 1.2: ``language``.
1.3: ``drift``."""

QUANTITY: Final = "mapped area (pixel count)"
CAVEAT: Final = (
    "Sum of pixel areas per class. Map errors make it biased; for an unbiased area with a confidence interval, "
    "draw a reference sample and use the stratified estimator."
)


class ModelEntry(TypedDict):
    """The model behind a map."""

    name: str
    version: str


class LegendEntry(TypedDict):
    """The legend of a map."""

    id: str
    version: str


class NodataEntry(TypedDict):
    """Pixels without a class; the share is of the whole map."""

    code: int
    title: str
    pixels: int
    area_km2: float
    share_of_total_percent: float


class SumEntry(TypedDict):
    """A sum of the rows above."""

    pixels: int
    area_km2: float


class AreasDocument(TypedDict):
    """The areas of one map, ready for ``json.dumps``."""

    type: str
    schema_version: str
    quantity: str
    unit: str
    model: ModelEntry
    legend: LegendEntry
    language: Language
    crs: str
    method: str
    caveat: str
    classes: list[ClassEntry]
    nodata: NodataEntry
    valid: SumEntry
    total: SumEntry


def crs_text(crs: CRS) -> str:
    """Authority and code (``EPSG:32636``) where the CRS has them, else its WKT 2."""
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.to_wkt())


def areas_document(
    table: AreaTable, crs: CRS, *, model_name: str, model_version: str, language: str = "en"
) -> AreasDocument:
    """The areas as a JSON object.

    Args:
        table: areas of the map.
        crs: CRS of the map.
        model_name: name of the model behind the map.
        model_version: its version.
        language: of the class titles, one of the six of the United Nations.

    Returns:
        A dictionary of plain Python values; areas in km2 to the square metre, shares in percent.

    Raises:
        ConfigError: the language is not one of the six.
    """
    return AreasDocument(
        type=DOCUMENT_TYPE,
        schema_version=SCHEMA_VERSION,
        quantity=QUANTITY,
        unit="km2",
        model=ModelEntry(name=model_name, version=model_version),
        legend=LegendEntry(id=table.legend_id, version=table.legend_version),
        language=canonical_language(language),
        crs=crs_text(crs),
        method=table.method,
        caveat=CAVEAT,
        classes=class_entries(table, language),
        nodata=NodataEntry(
            code=table.nodata_code,
            title=nodata_title(language),
            pixels=table.nodata_pixels,
            area_km2=round(table.nodata_area_km2, KM2_DIGITS),
            share_of_total_percent=round(table.nodata_percent, PERCENT_DIGITS),
        ),
        valid=SumEntry(pixels=table.valid_pixels, area_km2=round(table.valid_area_km2, KM2_DIGITS)),
        total=SumEntry(pixels=table.total_pixels, area_km2=round(table.total_area_km2, KM2_DIGITS)),
    )


def areas_table(table: AreaTable, *, heading: str, language: str = "en") -> Table:
    """The areas as a table for the terminal.

    Args:
        table: areas of the map.
        heading: for example the name of the scene.
        language: of the class titles.

    Raises:
        ConfigError: the language is not one of the six.
    """
    from rich import box  # noqa: PLC0415 - slow to import, and only terminals show tables
    from rich.table import Table  # noqa: PLC0415

    view = Table(title=heading, caption=f"{QUANTITY}; {table.method}", box=box.SIMPLE_HEAD, title_justify="left")
    view.add_column("Code", justify="right")
    view.add_column("Class", overflow="fold")
    view.add_column("Pixels", justify="right")
    view.add_column("km2", justify="right")
    view.add_column("Share", justify="right")
    digits = km2_digits(table.total_area_km2)
    titles = class_titles(table, language)
    for row in table.rows:
        share = f"{row.share_percent:.2f} %"
        view.add_row(str(row.code), titles[row.code], f"{row.pixels:,}", f"{row.area_km2:,.{digits}f}", share)
    view.add_section()
    view.add_row("", "Valid", f"{table.valid_pixels:,}", f"{table.valid_area_km2:,.{digits}f}", "")
    view.add_row(
        str(table.nodata_code),
        nodata_title(language),
        f"{table.nodata_pixels:,}",
        f"{table.nodata_area_km2:,.{digits}f}",
        "",
    )
    view.add_row("", "Total", f"{table.total_pixels:,}", f"{table.total_area_km2:,.{digits}f}", "")
    return view


def km2_digits(total_km2: float) -> int:
    """Decimals that show areas of a map: two, more for a map of a few fields."""
    if total_km2 >= 100 or total_km2 == 0:  # noqa: PLR2004 (km2)
        return 2
    return 4 if total_km2 >= 1 else 6
