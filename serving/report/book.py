"""What goes into a workbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from indicators.reporting.account import PeriodAccount
from indicators.reporting.finding import Finding
from indicators.reporting.submission import Submission
from indicators.reporting.table import Table


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """One workbook, in one language.

    Attributes:
        submission: what the tables were made of.
        tables: its tables, of ``indicators.reporting.tables.report_tables``.
        findings: what ``indicators.reporting.rules.check`` found.
        made: the report's time, with a time zone; also the file's own.
        version: version of Steppe.
        language: one of the six, with or without a region.
        zones: accounts of the parts of the area, where it has parts.
    """

    submission: Submission
    tables: Sequence[Table]
    findings: Sequence[Finding]
    made: datetime
    version: str
    language: str = "en"
    zones: Sequence[PeriodAccount] = ()
