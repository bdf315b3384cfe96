"""The body of an execution request, and the Prefer header."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.api.faults import faults_of, told
from serving.processes.process import InputsInvalid, Mode

MOST_WAIT_S: Final = 3600.0
_TAGS: Final = re.compile(r"[\[\(]|^(base64|link|value|path|item|box|geometry)$")


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Format(_Form):
    """In which format an output is wanted; there is one for each, so this can only agree."""

    mediaType: Annotated[str, Field(max_length=200)] | None = None
    encoding: Annotated[str, Field(max_length=40)] | None = None
    # "schema" is a name of pydantic's; formats here have none.


class OutputChoice(_Form):
    """How one output is wanted."""

    format: Format | None = None
    transmissionMode: Mode | None = None


class Subscriber(_Form):
    """Addresses that are told what becomes of a job."""

    successUri: Annotated[str, Field(max_length=2048)] | None = None
    inProgressUri: Annotated[str, Field(max_length=2048)] | None = None
    failedUri: Annotated[str, Field(max_length=2048)] | None = None


class Execute(_Form):
    """An execution request: schema ``execute.yaml`` of 18-062r2."""

    inputs: dict[str, Any] = Field(default_factory=dict, description="As in the description of the process.")
    outputs: dict[str, OutputChoice] | None = Field(
        default=None, description="Wanted outputs; all of them when it is absent."
    )
    response: Literal["raw", "document"] = "raw"
    subscriber: Subscriber | None = None


def parsed[Form: BaseModel](form: type[Form], document: object) -> Form:
    """A form from a JSON document.

    Raises:
        InputsInvalid: naming the members that are not as described.
    """
    try:
        return form.model_validate(document)
    except ValidationError as error:
        # Branches of a union have names of their own, which stand for no member.
        faults = faults_of(error.errors(include_url=False, include_input=False), hidden=_is_tag)
        raise InputsInvalid(f"the request is not as described: {told(faults)}") from error


def _is_tag(part: str) -> bool:
    return _TAGS.search(part) is not None


@dataclass(frozen=True, slots=True)
class Preference:
    """What a Prefer header asks for (RFC 7240).

    Attributes:
        respond_async: whether the answer may be the job.
        wait_s: seconds after which the job is the answer, with ``respond_async``; None = at once.
    """

    respond_async: bool = False
    wait_s: float | None = None

    @property
    def at_once(self) -> bool:
        """Whether the answer is the job, not its results."""
        return self.respond_async and self.wait_s is None

    @property
    def applied(self) -> str:
        """For ``Preference-Applied``."""
        return "respond-async" if self.wait_s is None else f"respond-async, wait={self.wait_s:g}"


_PREFERENCE: Final = re.compile(r"""\s*(?P<name>[\w-]+)\s*(?:=\s*"?(?P<value>[^";,]*)"?)?[^,]*""")


def preference(header: str) -> Preference:
    """Read a Prefer header; what is not known in it does not count, as RFC 7240 wants it."""
    found: dict[str, str] = {}
    for part in header.split(","):
        match = _PREFERENCE.fullmatch(part)
        if match:
            found.setdefault(match["name"].lower(), (match["value"] or "").strip())
    wait = found.get("wait", "")
    seconds = min(float(wait), MOST_WAIT_S) if wait.isascii() and wait.isdecimal() else None
    return Preference("respond-async" in found, seconds if "respond-async" in found else None)
