"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for training."""

    ERROR = "error"
    """Training refuses it."""
    SKIPPED = "skipped"
    """An error of a scene that ``--skip-bad`` leaves out."""
    WARNING = "warning"
    """Training goes on, and a person should know."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        severity: What it means.
        check: Short name of the check.
        message: One sentence.
        scene: Scene that it is about.
        file: File that it is about.
        split: Split that it is about.
        value: The offending value.
        count: How often: pixels, features, windows or scenes, as the message says.
    """

    severity: Severity
    check: str
    message: str
    scene: str | None = None
    file: str | None = None
    split: str | None = None
    value: str | None = None
    count: int | None = None

    @property
    def where(self) -> str:
        """File, scene or split, whichever says most."""
        return self.file or self.scene or self.split or ""


def error(check: str, message: str, **rest: str | int | None) -> Finding:
    """A finding that training refuses."""
    return Finding(severity=Severity.ERROR, check=check, message=message, **rest)  # type: ignore[arg-type]  # typed in Finding


def warning(check: str, message: str, **rest: str | int | None) -> Finding:
    """A finding that a person should know."""
    return Finding(severity=Severity.WARNING, check=check, message=message, **rest)  # type: ignore[arg-type]  # typed in Finding


def note(check: str, message: str, **rest: str | int | None) -> Finding:
    """A finding that explains."""
    return Finding(severity=Severity.NOTE, check=check, message=message, **rest)  # type: ignore[arg-type]  # typed in Finding


def scenes_with_errors(findings: Iterable[Finding]) -> set[str]:
    """Names of scenes that an error is about."""
    return {found.scene for found in findings if found.severity is Severity.ERROR and found.scene is not None}
