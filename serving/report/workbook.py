"""The workbook (XLSX) of a report: a sheet for each form of PRAIS, and what it rests on.

Cells hold values that are not rounded, to all 17 digits. Totals are formulas, with their values stored beside them for
readers that do not compute. The same report at the same time is the same file, byte for byte.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from serving.report.book import Book
from serving.report.words import word

_MODIFIED: Final = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(<)")
_NUMBER: Final = re.compile(rb'(<c r="([A-Z]+[0-9]+)"[^>]*>(?:<f>[^<]*</f>)?)<v\s*(?:/>|>[^<]*</v>)')
_SHEET: Final = re.compile(r"xl/worksheets/sheet([0-9]+)\.xml")


def workbook_bytes(book: Book) -> bytes:
    """The workbook as the bytes of an XLSX file.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - heavy

    from serving.report.sheets.fill import fill  # noqa: PLC0415 - loads openpyxl

    workbook = Workbook()
    numbers = fill(workbook, book)
    made = book.made.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    workbook.properties.creator = f"Steppe {book.version}"
    workbook.properties.title = f"{word('book_title', book.language)}: {book.submission.zone}"
    workbook.properties.created = made
    workbook.calculation.fullCalcOnLoad = True
    stream = io.BytesIO()
    workbook.save(stream)
    return _settled(stream.getvalue(), made, numbers)


def _settled(content: bytes, made: datetime, numbers: Sequence[Mapping[str, float]]) -> bytes:
    """The file with the report's time in place of now, with all digits, and with values beside formulas."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = _MODIFIED.sub(rb"\g<1>" + made.strftime("%Y-%m-%dT%H:%M:%SZ").encode() + rb"\2", source.read(name))
            number = _SHEET.fullmatch(name)
            if number:
                part = _with_values(part, numbers[int(number[1]) - 1])
            info = zipfile.ZipInfo(name, (max(made.year, 1980), *made.timetuple()[1:6]))
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, part)
    return stream.getvalue()


def _with_values(sheet: bytes, values: Mapping[str, float]) -> bytes:
    def value(match: re.Match[bytes]) -> bytes:
        number = values.get(match[2].decode())
        return match[0] if number is None else match[1] + f"<v>{number!r}</v>".encode()

    return _NUMBER.sub(value, sheet)
