"""What a check found, for people and for pipelines."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from landcover.legends import Legend
from training.check.findings import Finding, Severity

_NAMED: Final = 3
_COLORS: Final = {
    Severity.ERROR: "red",
    Severity.SKIPPED: "yellow",
    Severity.WARNING: "yellow",
    Severity.NOTE: "dim",
}


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What a split consists of.

    Attributes:
        scenes: Scenes or parts of scenes.
        sites: Places.
        pixels_K: Labelled pixels of each class.
    """

    scenes: int
    sites: int
    pixels_K: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Outcome of a check.

    Attributes:
        findings: Everything that was found.
        splits: Split name to its summary; empty where scenes could not be split.
        legend: Legend of the labels.
        skipped: Scenes that were left out.
    """

    findings: tuple[Finding, ...]
    splits: Mapping[str, SplitSummary]
    legend: Legend
    skipped: tuple[str, ...] = ()

    def count(self, severity: Severity) -> int:
        """Findings of one severity."""
        return sum(found.severity is severity for found in self.findings)

    @property
    def ok(self) -> bool:
        """Whether training may start."""
        return self.count(Severity.ERROR) == 0

    def to_json(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "ok": self.ok,
            "findings": [{**asdict(found), "severity": str(found.severity)} for found in self.findings],
            "skipped": list(self.skipped),
            "splits": {
                name: {
                    "scenes": split.scenes,
                    "sites": split.sites,
                    "pixels": dict(zip(self.legend.names, split.pixels_K.tolist(), strict=True)),
                }
                for name, split in self.splits.items()
            },
        }


def print_json(report: CheckReport) -> str:
    """The report as JSON text."""
    return json.dumps(report.to_json(), indent=2)


def print_tables(report: CheckReport, console: Console) -> None:
    """Print findings, the splits and the verdict."""
    if report.findings:
        console.print(_findings_table(report.findings))
    if report.splits:
        console.print(_split_table(report))
    said = ", ".join(_counted(report.count(severity), severity) for severity in Severity if report.count(severity))
    verdict = "data can be trained on" if report.ok else "data cannot be trained on"
    console.print(f"{verdict}: {said or 'nothing found'}")


def _counted(count: int, severity: Severity) -> str:
    return f"{count} {severity}" if count == 1 or severity is Severity.SKIPPED else f"{count} {severity}s"


def _findings_table(findings: Sequence[Finding]) -> Table:
    """One row for each different sentence; scenes that share it are counted."""
    grouped: dict[tuple[Severity, str, str], list[Finding]] = defaultdict(list)
    for found in findings:
        grouped[found.severity, found.check, found.message].append(found)
    table = Table("", "check", "where", "value", "count", "what", title="findings", show_lines=True)
    for (severity, check, message), alike in sorted(grouped.items(), key=lambda item: list(Severity).index(item[0][0])):
        first = alike[0]
        where = ", ".join(found.where for found in alike[:_NAMED])
        more = f" and {len(alike) - _NAMED} more" if len(alike) > _NAMED else ""
        total = sum(found.count or 0 for found in alike)
        color = _COLORS[severity]
        table.add_row(
            f"[{color}]{severity}[/]",
            check,
            where + more,
            first.value if len(alike) == 1 else "",
            f"{total:,}" if total else "",
            message,
        )
    return table


def _split_table(report: CheckReport) -> Table:
    table = Table("class", *(f"{name} pixels" for name in report.splits), title="labels")
    for index, entry in enumerate(report.legend.classes):
        table.add_row(entry.title, *(f"{split.pixels_K[index]:,}" for split in report.splits.values()))
    table.add_section()
    counts = [f"{split.scenes} scenes, {split.sites} sites" for split in report.splits.values()]
    table.add_row("", *counts)
    return table
