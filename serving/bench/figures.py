"""A figure of the report: its value, its goal, and whether that was reached."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

DIGITS: Final = {"": 3, "%": 3, "s": 2, "times": 2, "MB": 0, "pixels": 0}
"""Digits after the point by unit, as many as a shared machine can tell."""


class Sense(StrEnum):
    """Which side of the bound is good."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    BELOW = "below"


class Verdict(StrEnum):
    """What is said of a figure."""

    REACHED = "reached"
    MISSED = "missed"
    NO_GOAL = "no goal"
    NOT_JUDGED = "not judged"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be.

    Attributes:
        sense: which side is good.
        bound: in the figure's unit.
    """

    sense: Sense
    bound: float

    def reached_by(self, value: float) -> bool:
        """Whether a value is on the good side."""
        if self.sense is Sense.AT_LEAST:
            return value >= self.bound
        return value < self.bound if self.sense is Sense.BELOW else value <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the report.

    Attributes:
        group: heading it stands under.
        title: what it is.
        value: None = not measured.
        unit: of value and goal; empty for ratios.
        goal: None = none was set.
        note: why it was not measured, or why it is not judged, or what it was measured on.
        judged: False where the goal is for other scenes than those that were measured.
        commands: what makes it alone.
    """

    group: str
    title: str
    value: float | None
    unit: str = ""
    goal: Goal | None = None
    note: str = ""
    judged: bool = True
    commands: tuple[str, ...] = ()

    @property
    def shown(self) -> float | None:
        """The value with the digits that the report shows."""
        return None if self.value is None else round(self.value, DIGITS[self.unit])

    @property
    def verdict(self) -> Verdict:
        """Reached or missed, or why neither; judged by the digits that the report shows."""
        if self.shown is None:
            return Verdict.NOT_MEASURED
        if self.goal is None:
            return Verdict.NO_GOAL
        if not self.judged:
            return Verdict.NOT_JUDGED
        return Verdict.REACHED if self.goal.reached_by(self.shown) else Verdict.MISSED

    @property
    def value_text(self) -> str:
        """Value and unit."""
        return "-" if self.shown is None else f"{self.shown:,.{DIGITS[self.unit]}f} {self.unit}".strip()

    @property
    def goal_text(self) -> str:
        """Goal and unit."""
        return f"{self.goal.sense} {self.goal.bound:,} {self.unit}".strip() if self.goal else "-"

    def to_json(self) -> dict[str, Any]:
        """For report.json."""
        return {
            "group": self.group,
            "title": self.title,
            "value": self.shown,
            "unit": self.unit,
            "goal": {"sense": self.goal.sense, "bound": self.goal.bound} if self.goal else None,
            "verdict": self.verdict,
            "note": self.note,
            "commands": list(self.commands),
        }
