"""Write the files of a report beside its rasters, the STAC Item last."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from indicators.reporting.finding import Finding
from indicators.reporting.submission import Submission
from indicators.reporting.table import Table
from indicators.spots import BRIGHTSPOT, HOTSPOT, Spots
from landcover.legends import Legend, get_legend
from landcover.raster.digest import file_digest
from landcover.raster.qml import write_qml
from serving.outputs.stac import AssetFile
from serving.report import files
from serving.report.assembling import Assembled
from serving.report.book import Book
from serving.report.grounds import grounds_of
from serving.report.item import ReportFile, report_item
from serving.report.page.data import MapPicture, PageData
from serving.report.page.render import page
from serving.report.page.standalone import standalone
from serving.report.page.words import words_for
from serving.report.passing import Passed
from serving.report.request import REPORT_LEGEND, ReportRequest
from serving.report.spots import spots_document, write_spots
from serving.report.spotting import spots_layer
from serving.report.styles import degradation_legend, localised, transitions_legend
from serving.report.summarising import summary_of
from serving.report.tablefiles import accounts_bytes, table_files, tables_bytes
from serving.report.workbook import workbook_bytes
from serving.staging import write_file
from serving.version import VERSION

_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""Of files in a zip: the same report is the same file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finished:
    """A report of which only the files are missing.

    Attributes:
        request: what was asked for.
        passed: what the pass found.
        made: the accounts.
        submission: what the tables are made of.
        tables: all tables.
        findings: what the rules found.
        spots: by kind.
        data: what the page says.
        time: the report's time.
    """

    request: ReportRequest
    passed: Passed
    made: Assembled
    submission: Submission
    tables: tuple[Table, ...]
    findings: tuple[Finding, ...]
    spots: Mapping[str, Spots]
    data: PageData
    time: datetime


def write_all(report: Finished, folder: Path) -> tuple[str, ...]:
    """Write every file.

    Args:
        report: what they are made of.
        folder: where the rasters are already.

    Returns:
        Names of all files in the folder, the Item last.

    Raises:
        OutputNotWritable: when one cannot be written.
        DiskFull: when the disk is full.
        ConfigError: when the language is not one of the six.
    """
    language = report.request.language
    content = {**_table_files(report), **_page_files(report)}
    for name, value in content.items():
        write_file(folder / name, value)
    for kind, name in ((HOTSPOT, files.HOTSPOTS), (BRIGHTSPOT, files.BRIGHTSPOTS)):
        document = spots_document(
            report.spots[kind],
            report.passed.grid,
            layer=spots_layer(report.passed.written),
            language=language,
        )
        write_spots(folder / name, document)
    legends = _legends(report)
    for name, legend in legends.items():
        write_qml(folder / name, legend)
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    listed = [_listed(folder / name, legends.get(name)) for name in names if not name.endswith((".zip", ".qml"))]
    item = report_item(
        report.data,
        identifier=_identifier(report),
        grid=report.passed.grid,
        files=listed,
        language=language,
    )
    write_file(folder / files.ITEM, _json(item))
    return (*names, files.ITEM)


def _table_files(report: Finished) -> dict[str, bytes]:
    language = report.request.language
    book = Book(
        submission=report.submission,
        tables=report.tables,
        findings=report.findings,
        made=report.time,
        version=VERSION,
        language=language,
        zones=report.made.parts,
    )
    found = {
        files.WORKBOOK: workbook_bytes(book),
        files.TABLES: tables_bytes(
            report.submission, report.tables, report.findings, made=report.time, version=VERSION, language=language
        ),
        files.TABLES_ZIP: _zipped(table_files(report.tables, language)),
        files.ACCOUNT: accounts_bytes(
            report.submission.ordered,
            zones=report.made.parts,
            grounds=grounds_of(report.request, report.passed.covers, report.passed.layers).to_document(),
            made=report.time,
            version=VERSION,
        ),
    }
    summary = summary_of(report.request, report.submission, report.passed.covers[1], report.passed.grid, report.time)
    return found if summary is None else {**found, files.SUMMARY: _json(summary)}


def _page_files(report: Finished) -> dict[str, bytes]:
    language, data = report.request.language, report.data
    found = {files.PAGE: page(data, language).encode()}
    if data.pictures is None:
        return found
    cover, condition = get_legend(REPORT_LEGEND), get_legend("degradation3")
    years, words = report.request.period, words_for(language)
    both = f"{years.initial}-{years.final}"
    titled: tuple[tuple[str, MapPicture, Legend, str], ...] = (
        (files.INITIAL_PICTURE, data.pictures.initial, cover, words("cover_in", years.initial)),
        (files.FINAL_PICTURE, data.pictures.final, cover, words("cover_in", years.final)),
        (files.DEGRADATION_PICTURE, data.pictures.degradation, condition, words("degradation_in", both)),
    )
    for name, picture, legend, title in titled:
        found[name] = standalone(picture, legend, words, title=title, place=report.made.whole.zone)
    return found


def _legends(report: Finished) -> dict[str, Legend]:
    """Legends of the rasters that were written, in the language of the report."""
    language, matrix = report.request.language, report.request.matrices[0]
    known = {
        files.DEGRADATION: degradation_legend(language),
        files.TRANSITIONS: transitions_legend(matrix, language),
        files.INDICATOR: degradation_legend(language),
        files.STATUS: localised(get_legend("status7"), language),
        files.PRODUCTIVITY: degradation_legend(language),
        files.SOC: degradation_legend(language),
    }
    return {name: legend for name, legend in known.items() if name in report.passed.written}


def _listed(path: Path, legend: Legend | None) -> ReportFile:
    file = AssetFile(path.name, path.stat().st_size, file_digest(path))
    return ReportFile(path.name, file, files.TITLES.get(path.name, path.name), legend)


def _identifier(report: Finished) -> str:
    period = report.request.period
    name = "".join(char if char.isalnum() else "-" for char in report.made.whole.zone).strip("-") or "area"
    return f"steppe-report-{name}-{period.initial}-{period.final}"


def _zipped(content: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in content.items():
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, value)
    return stream.getvalue()


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n"
