"""Which jobs a list is to have: the query parameters of OGC API - Processes 1.0, requirements class "Job list"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from serving.jobs.record import State
from serving.jobs.store import MOST_LISTED, Span

LISTED: Final = 10
"""Jobs of a page where nothing is said (/req/job-list/limit-definition)."""

_TYPE: Final = "process"
_OPEN: Final = frozenset({"", ".."})
_LIKE_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}(T.*)?")
_DAY: Final = len("2026-01-31")
_TIME: Final = TypeAdapter(AwareDatetime)
_SHOWN: Final = timedelta(microseconds=999)
"""Times are shown in milliseconds: what was shown finds its job."""

_WHOLE_DAY: Final = timedelta(days=1, microseconds=-1)


def _split(given: Any) -> Any:
    """Several values come as several parameters, or with commas between."""
    return [part for one in given for part in str(one).split(",") if part] if isinstance(given, list) else given


def _moment(text: str) -> datetime | None:
    """A time; a date is its first moment, in UTC."""
    return None if text in _OPEN else _TIME.validate_strings(f"{text}T00:00:00Z" if len(text) == _DAY else text)


def _last(text: str) -> datetime | None:
    """The last moment that is meant: a date is the whole day."""
    moment = _moment(text)
    try:
        return None if moment is None else moment + (_WHOLE_DAY if len(text) == _DAY else _SHOWN)
    except OverflowError:  # the end of year 9999
        return None


def _interval(text: str) -> str:
    """Refuse what is no RFC 3339 time, nor an interval of them with at most one open end."""
    parts = text.split("/")
    times = [part for part in parts if part not in _OPEN]
    if len(parts) > 2 or not times or not all(_LIKE_TIME.fullmatch(part) for part in times):  # noqa: PLR2004
        raise PydanticCustomError(
            "datetime", "a time such as 2026-01-31T12:00:00Z, a date, or START/END, one of which may be .."
        )
    for part in times:
        _moment(part)
    return text


Words = Annotated[list[Annotated[str, Field(max_length=100)]], BeforeValidator(_split), Field(max_length=20)]
States = Annotated[list[State], BeforeValidator(_split), Field(max_length=20)]
Seconds = Annotated[int, Field(ge=0, le=10**9)]


class Selection(BaseModel):
    """Which jobs; a parameter that is not known is refused, because a misspelt one would go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = Field(default=LISTED, description="Most jobs of a page.")
    type: Words = Field(default=[], description="Only jobs of these types; all are of type process.")
    processID: Words = Field(default=[], description="Only jobs of these processes.")
    status: States = Field(default=[], description="Only jobs in these states; dismissed ones are not listed.")
    datetime: Annotated[str, Field(max_length=80), AfterValidator(_interval)] | None = Field(
        default=None,
        description="Accepted at this time, on this day (UTC), or in an interval: START/END, ../END or START/..",
    )
    minDuration: Seconds | None = Field(default=None, description="Only jobs that ran at least so many seconds.")
    maxDuration: Seconds | None = Field(default=None, description="Only jobs that ran no longer.")
    page: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="From the link to the next page."
    )

    @property
    def nothing(self) -> bool:
        """Whether no job can be what is asked for."""
        return bool(self.type) and _TYPE not in self.type

    @property
    def span(self) -> Span:
        """When they were accepted, and how long they ran."""
        since, slash, until = (self.datetime or "..").partition("/")
        return Span(
            since=_moment(since),
            until=_last(until if slash else since),
            shortest_s=self.minDuration,
            longest_s=self.maxDuration,
        )
