"""Ranges of time: RFC 3339 intervals as STAC and OGC API - Features write them, both ends given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from serving.catalog.errors import DatesInvalid

EARLIEST: Final = datetime(1972, 7, 23, tzinfo=UTC)
"""Launch of Landsat 1: there are no scenes before."""

LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
LONGEST: Final = timedelta(days=3 * 366)

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_ADVICE: Final = "expected a day such as 2024-06-01, or two of them as 2024-06-01/2024-08-31; times need a zone"
_LAST_MOMENT: Final = timedelta(days=1) - timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Interval:
    """From one moment to another, both included.

    Attributes:
        start: UTC.
        end: UTC, not before ``start``.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse what cannot be searched.

        Raises:
            DatesInvalid: when it runs backwards, is too long, or lies where no scene can be.
        """
        if self.end < self.start:
            raise DatesInvalid("the dates end before they begin; put the earlier one first")
        if self.start < EARLIEST or self.end >= LATEST:
            raise DatesInvalid(f"the dates must lie between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")
        if self.end - self.start > LONGEST:
            raise DatesInvalid(f"the dates span more than {LONGEST.days} days; search in parts")

    def __str__(self) -> str:
        """As a STAC API takes it."""
        return f"{self.start:%Y-%m-%dT%H:%M:%SZ}/{self.end:%Y-%m-%dT%H:%M:%SZ}"

    def has(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment <= self.end


def parse_interval(text: str) -> Interval:
    """An interval of days or times, or one day or time.

    Raises:
        DatesInvalid: when it is none.
    """
    start, slash, end = text.partition("/")
    if ".." in {start, end} or (slash and not (start and end)):
        raise DatesInvalid(f"the dates have an open end; {_ADVICE}")
    first = _moment(start, late=False)
    return Interval(first, _moment(end if slash else start, late=True))


def parse_time(text: str) -> datetime:
    """An RFC 3339 time, in UTC.

    Raises:
        DatesInvalid: when it is none.
    """
    if not _TIME.fullmatch(text):
        raise DatesInvalid(f"that is no time with a zone; {_ADVICE}")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # month 13, second 60, or a zone that leaves the calendar
        raise DatesInvalid(f"a day or time is given that does not exist, or a leap second; {_ADVICE}") from error


def _moment(text: str, *, late: bool) -> datetime:
    if _DAY.fullmatch(text):
        return parse_time(f"{text}T00:00:00Z") + (_LAST_MOMENT if late else timedelta())
    return parse_time(text)
