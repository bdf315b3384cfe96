"""Read tables of sample points that interpreters have filled in.

Spreadsheets write other separators and turn ``3`` into ``3.0``; both are read. A GeoPackage is read as the SQLite
database that it is, without geometries: what was drawn where stands in the design.
"""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from indicators.sampling.response import Point, ResponseInvalid
from serving.report.points import LAYER, point_format

_NEEDED: Final = ("id", "stratum", "reference")
_MAX_BYTES: Final = 256 * 2**20
_WHOLE: Final = re.compile(r"([+-]?\d+)\.0+")
_SQLITE: Final = b"SQLite format 3\x00"
_SEPARATORS: Final = ",;\t"


def read_points(path: Path, codes: Mapping[str, int]) -> tuple[Point, ...]:
    """Read a table that interpreters have filled in.

    Args:
        path: CSV or GeoPackage.
        codes: class code by what an interpreter may write for it, in lower case.

    Raises:
        ResponseInvalid: when it is no such table, columns are missing, or a class is not understood.
    """
    rows = _csv_rows(path) if point_format(path) == ".csv" else _geopackage_rows(path)
    return tuple(_point(row, number, codes) for number, row in enumerate(rows, start=1))


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ResponseInvalid(f"{path.name!r} is larger than any table of points ({_MAX_BYTES >> 20} MiB)")
        return path.read_bytes()
    except OSError as error:
        raise ResponseInvalid(f"{path.name!r} cannot be read: {error.strerror}") from error


def _csv_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        text = _content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ResponseInvalid(f"{path.name!r} is not UTF-8; save it as CSV UTF-8") from error
    head = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = _named([name.strip().casefold() for name in next(reader, [])], path)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise ResponseInvalid(f"{path.name!r} is no CSV from line {reader.line_num} on ({error})") from error


def _geopackage_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if not _content(path).startswith(_SQLITE):
        raise ResponseInvalid(f"{path.name!r} is no GeoPackage; give the file that steppe report sample wrote")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as database:
            table = _layer(database, path)
            rows = database.execute(f"SELECT * FROM {table}")  # noqa: S608 - quoted by SQLite itself
            names = _named([str(column[0]).casefold() for column in rows.description], path)
            for cells in rows:
                yield dict(zip(names, cells, strict=True))
    except sqlite3.Error as error:
        raise ResponseInvalid(f"{path.name!r} is damaged, or no GeoPackage of points ({error})") from error


def _layer(database: sqlite3.Connection, path: Path) -> str:
    """The quoted name of the only layer of features, or of the one that Steppe wrote."""
    found = database.execute(
        "SELECT table_name, '\"' || replace(table_name, '\"', '\"\"') || '\"' FROM gpkg_contents "
        "WHERE data_type = 'features'"
    ).fetchall()
    fitting = found if len(found) == 1 else [entry for entry in found if entry[0] == LAYER]
    if not fitting:
        raise ResponseInvalid(f"{path.name!r} has {len(found)} layers of features; expected one called {LAYER!r}")
    return str(fitting[0][1])


def _named(names: list[str], path: Path) -> list[str]:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise ResponseInvalid(
            f"{path.name!r} has no column {' and '.join(missing)}; keep the columns that steppe report sample wrote"
        )
    return names


def _point(row: Mapping[str, Any], number: int, codes: Mapping[str, int]) -> Point:
    name, stratum, reference = (_text(row.get(column)) for column in _NEEDED)
    if not name or not re.fullmatch(r"[+-]?\d+", stratum):
        raise ResponseInvalid(f"point {number} of the table has the id {name!r} and the stratum {stratum!r}")
    return Point(
        id=name,
        stratum=int(stratum),
        reference=_code(reference, name, codes),
        interpreter=_text(row.get("interpreter")),
        confidence=_text(row.get("confidence")),
    )


def _text(cell: object) -> str:
    """What stands in a cell; a whole number as spreadsheets write it is one."""
    text = "" if cell is None else str(cell).strip()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def _code(text: str, name: str, codes: Mapping[str, int]) -> int | None:
    """The class that an interpreter wrote: its code, name or title.

    Raises:
        ResponseInvalid: when it is none of them.
    """
    if not text:
        return None
    if re.fullmatch(r"[+-]?\d{1,9}", text):
        return int(text)
    if text.casefold() not in codes:
        raise ResponseInvalid(
            f"point {name!r} has the reference {text!r}, which is no class of the legend; write a code, or a name as "
            "in the design"
        )
    return codes[text.casefold()]
