"""The verdict of a cross-validation over field plots: figures, tables for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from landcover.calibration import Reliability
from landcover.metrics import Scores
from training.severity.folds import FoldRule
from training.severity.scores import INTERVALS, CoverScores, Estimates, cover_scores, join, level_scores, within_one
from training.severity.table import SeverityTable


@dataclass(frozen=True, slots=True)
class FoldVerdict:
    """Figures of one way to hold plots out.

    Attributes:
        rule: How plots went to folds.
        cover: Scores of the bare fraction, all folds together.
        folds: The same of each fold.
        levels: Confusion of the levels, all folds together.
        reliability: Of the level probabilities.
        table: The table of levels.
    """

    rule: FoldRule
    cover: CoverScores
    folds: tuple[CoverScores, ...]
    levels: Scores
    reliability: Reliability
    table: SeverityTable

    def to_json(self) -> dict[str, Any]:
        """For a manifest or ``--json``."""
        names = self.table.legend.names
        per_level = zip(
            names,
            self.table.spans(),
            self.levels.users_accuracy,
            self.levels.producers_accuracy,
            self.levels.support,
            strict=True,
        )
        return {
            "rule": self.rule,
            "bare_fraction": self.cover.to_json(),
            "folds": [fold.to_json() for fold in self.folds],
            "table": {"name": self.table.name, "sha256": self.table.sha256, "bounds": list(self.table.bounds)},
            "overall_accuracy": _rounded(self.levels.overall_accuracy),
            "within_one_level": _rounded(within_one(self.levels)),
            "macro_f1": _rounded(self.levels.macro_f1),
            "ece": _rounded(self.reliability.ece),
            "levels": [
                {
                    "name": name,
                    "bare": span,
                    "users_accuracy": _rounded(user),
                    "producers_accuracy": _rounded(producer),
                    "plots": plots,
                }
                for name, span, user, producer, plots in per_level
            ],
            "confusion_matrix": [list(row) for row in self.levels.matrix],
        }


def reach_verdict(parts: Sequence[Estimates], table: SeverityTable, rule: FoldRule) -> FoldVerdict:
    """Figures from the estimates of every fold.

    Args:
        parts: One entry per fold.
        table: The table that the level probabilities were made with.
        rule: How plots went to folds.
    """
    everything = join(parts)
    levels, reliability = level_scores(everything, table)
    return FoldVerdict(rule, cover_scores(everything), tuple(map(cover_scores, parts)), levels, reliability, table)


def print_verdict(verdict: FoldVerdict, console: Console) -> None:
    """Print the tables; an undefined figure is a dash."""
    cover = verdict.cover
    folds = Table("fold", "RMSE", "bias", "R2", "plots", title=f"bare fraction, folds: {verdict.rule}")
    for name, part in [*((str(number), fold) for number, fold in enumerate(verdict.folds)), ("all", cover)]:
        folds.add_row(name, f"{part.rmse:.4f}", f"{part.bias:+.4f}", shown(part.r2), f"{part.plots:,}")
    console.print(folds)
    inside = ", ".join(
        f"{100 * part:.0f} % in {100 * share:.0f} %" for share, part in zip(INTERVALS, cover.coverage, strict=True)
    )
    console.print(f"plots inside the predicted central intervals: {inside}")
    console.print(level_table(verdict))
    console.print(
        f"levels: overall accuracy {shown(verdict.levels.overall_accuracy)}, own or neighbouring level "
        f"{shown(within_one(verdict.levels))}, ECE {shown(verdict.reliability.ece)}"
    )


def level_table(verdict: FoldVerdict) -> Table:
    """Confusion of the levels with user's and producer's accuracy; levels mapped are columns, by their codes."""
    codes = [str(code) for code in verdict.table.legend.codes]
    table = Table("measured", "bare", *codes, "producer's", title=f"measured and mapped level, {verdict.table.name}")
    rows = zip(
        codes,
        verdict.levels.names,
        verdict.table.spans(),
        verdict.levels.matrix,
        verdict.levels.producers_accuracy,
        strict=True,
    )
    for code, name, span, counts, producer in rows:
        table.add_row(f"{code} {name}", span, *map(str, counts), shown(producer))
    table.add_row("user's", "", *map(shown, verdict.levels.users_accuracy), "")
    return table


def shown(value: float | None) -> str:
    """A figure with three decimals, or a dash when it is undefined."""
    return "-" if value is None else f"{value:.3f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
