"""Tables as files for machines: a CSV for each, one JSON with all, and the accounts that make them again.

``so1.json`` (format ``steppe-tables/1``)::

    {"format", "zone", "made", "version",
     "periods": [{"role", "initial", "final", "productivity", "soc"}],
     "tables": [{"id", "title", "subtitle", "unit", "given",
                 "columns": [{"key", "title", "unit"}],
                 "rows": [{"key", <column key>: number, text or null}],
                 "notes": [text]}],
     "findings": [{"rule", "table", "cell", "sentence"}],
     "caveats": [{"slug", "text"}],
     "assumptions": [{"period", "name", "id", "version", "sha256", "note"}]}

A table whose input was not given has ``"given": false``, no rows, and notes that say why. Keys stay the same in all
languages; areas are km2, not rounded.

``account.json`` (format ``steppe-account/1``) holds ``accounts`` of the whole area and ``zones``, accounts of its
parts, each as ``indicators.reporting.documents.account_document``; ``read_accounts`` makes them again, exactly. What
the account of this report was made of is its ``grounds``, see ``serving.report.grounds``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from indicators.reporting.account import PeriodAccount
from indicators.reporting.documents import FORMAT, AccountUnreadable, account_document, parse_account
from indicators.reporting.finding import Finding
from indicators.reporting.submission import Submission
from indicators.reporting.table import Cell, Table
from indicators.reporting.texts import Text
from serving.report.words import say
from serving.strictjson import Malformed, Unusable, parse_json

TABLES_FORMAT: Final = "steppe-tables/1"
"""Changes whenever a reader of before would be wrong."""

_DEPTH: Final = 12
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, eq=False)
class Accounts:
    """What ``account.json`` holds.

    Attributes:
        whole: accounts of the whole area, one for each period.
        zones: accounts of its parts.
    """

    whole: tuple[PeriodAccount, ...]
    zones: tuple[PeriodAccount, ...]


def csv_bytes(table: Table, language: str = "en") -> bytes:
    """A table as CSV (RFC 4180, UTF-8): column keys, which end in the unit, then the rows.

    A table without rows has one column ``note`` that says why. A text that a spreadsheet would take for a formula
    begins with ``'``.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    if table.given:
        writer.writerow(column.key for column in table.columns)
        writer.writerows([_csv_cell(cell, language) for cell in row.cells] for row in table.rows)
    else:
        writer.writerow(["note"])
        writer.writerows([say(note, language)] for note in table.notes)
    return stream.getvalue().encode()


def tables_bytes(
    submission: Submission,
    tables: Sequence[Table],
    findings: Sequence[Finding],
    *,
    made: datetime,
    version: str,
    language: str = "en",
) -> bytes:
    """``so1.json``: see above.

    Args:
        submission: what the tables were made of.
        tables: the tables.
        findings: what the rules found.
        made: the report's time, with a time zone.
        version: version of Steppe.
        language: of titles, notes and texts; keys stay.
    """
    document = {
        "format": TABLES_FORMAT,
        "zone": submission.zone,
        "made": stamp(made),
        "version": version,
        "periods": [asdict(account.period) for account in submission.ordered],
        "tables": [_table(table, language) for table in tables],
        "findings": [asdict(finding) for finding in findings],
        "caveats": [asdict(caveat) for caveat in submission.caveats],
        "assumptions": [{"period": role, **asdict(each)} for role, each in submission.assumptions],
    }
    return _json(document)


def accounts_bytes(
    accounts: Sequence[PeriodAccount],
    *,
    zones: Sequence[PeriodAccount] = (),
    grounds: Mapping[str, Any] | None = None,
    made: datetime,
    version: str,
) -> bytes:
    """``account.json``: see above."""
    document = {
        "format": FORMAT,
        "made": stamp(made),
        "version": version,
        "accounts": [account_document(account) for account in accounts],
        "zones": [account_document(account) for account in zones],
        **({} if grounds is None else {"grounds": grounds}),
    }
    return _json(document, indent=None)


def read_accounts(content: bytes) -> Accounts:
    """The accounts in an ``account.json``.

    Raises:
        AccountUnreadable: when it is none, is damaged, or is of a format of later.
    """
    return accounts_of(account_file(content))


def account_file(content: bytes) -> Mapping[str, Any]:
    """The whole of an ``account.json``; raises as ``read_accounts``."""
    try:
        document = parse_json(content, depth=_DEPTH)
    except (Malformed, Unusable) as error:
        raise AccountUnreadable(f"the account cannot be read: {error}; make the report again") from None
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise AccountUnreadable(f"the account is not of format {FORMAT!r}; make the report again")
    return document


def accounts_of(document: Mapping[str, Any]) -> Accounts:
    """The accounts in the document of an ``account.json``; raises as ``read_accounts``."""
    whole, zones = document.get("accounts"), document.get("zones")
    if not isinstance(whole, list) or not isinstance(zones, list) or not whole:
        raise AccountUnreadable("the account has no list of accounts and zones; make the report again")
    return Accounts(tuple(map(parse_account, whole)), tuple(map(parse_account, zones)))


def table_files(tables: Sequence[Table], language: str = "en") -> dict[str, bytes]:
    """The CSV of each table by its file name: ``SO1-1.T4.csv``."""
    return {f"{table.id}.csv": csv_bytes(table, language) for table in tables}


def stamp(time: datetime) -> str:
    """A time as in all files of a report: RFC 3339, UTC, whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _table(table: Table, language: str) -> dict[str, Any]:
    keys = [column.key for column in table.columns]
    return {
        "id": table.id,
        "title": say(table.title, language),
        "subtitle": say(table.subtitle, language) if table.subtitle else None,
        "unit": table.unit,
        "given": table.given,
        "columns": [
            {"key": column.key, "title": say(column.title, language), "unit": column.unit} for column in table.columns
        ],
        "rows": [
            {"key": row.key, **dict(zip(keys, (_plain(cell, language) for cell in row.cells), strict=True))}
            for row in table.rows
        ],
        "notes": [say(note, language) for note in table.notes],
    }


def _plain(cell: Cell, language: str) -> float | int | str | None:
    return say(cell, language) if isinstance(cell, Text) else cell


def _csv_cell(cell: Cell, language: str) -> str:
    plain = _plain(cell, language)
    if isinstance(plain, str):
        return f"'{plain}" if plain.startswith(_FORMULA) and len(plain) > 1 else plain
    return "" if plain is None else repr(plain)


def _json(document: Mapping[str, Any], indent: int | None = 1) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=indent).encode() + b"\n"
