"""The card of a severity model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from training.severity.table import SeverityTable

RULE_TITLES: Mapping[str, str] = {
    "random": "Plots held out at random",
    "blocks": "Runs of consecutive plot numbers held out",
    "bright": "A fifth of the brightness range held out, darkest to brightest",
}

NO_LEVELS = (
    "With these bounds the accuracy of the levels was not measured: they were set in a published bundle, without the "
    "field plots. The figures of the bare fraction do not depend on them."
)


def severity_card(
    text: Mapping[str, Any],
    identifier: str,
    *,
    facts: Mapping[str, str],
    table: SeverityTable,
    verdicts: Sequence[Mapping[str, Any]],
    gate: Sequence[str] = (),
) -> str:
    """The card as Markdown.

    Args:
        text: The publishing configuration.
        identifier: ``name@version``.
        facts: Rows of the table of facts.
        table: The table of levels.
        verdicts: JSON of `training.severity.verdict.FoldVerdict`, the headline first; without ``levels`` where only the
            bare fraction was measured.
        gate: What the promotion gate said, as parts of the card.
    """
    parts = [
        f"# {text['title']}",
        f"`{identifier}`",
        text["description"],
        _table(("fact", "value"), facts.items()),
        "## The levels",
        f"By `{table.name}` (sha256 {table.sha256[:12]}): {table.note or 'no note'}. {text['levels_note']}",
        _table(("code", "level", "bare ground"), _level_rows(table)),
        "## Accuracy on plots it never saw",
        text["accuracy_note"],
        *(part for verdict in verdicts for part in _accuracy(verdict)),
        *gate,
        "## How it was trained",
        text["training"],
        "## What the labels are",
        text["labels"],
        "## Limits",
        _bullets(text["limits"]),
        "## Terms",
        _bullets([f"Weights: {text['licence']}.", *text["terms"]]),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _accuracy(verdict: Mapping[str, Any]) -> Iterator[str]:
    cover = verdict["bare_fraction"]
    yield f"### {RULE_TITLES[verdict['rule']]}"
    inside = ", ".join(
        f"{100 * part:.0f} % in {share.replace('%', ' %')}" for share, part in cover["interval_coverage"].items()
    )
    folds = ", ".join(f"{fold['rmse']:.3f}" for fold in verdict["folds"])
    yield (
        f"Bare fraction: root mean square error **{cover['rmse']:.3f}** (folds {folds}), bias {cover['bias']:+.3f}, "
        f"R2 {_number(cover['r2'])}, {cover['plots']:,} plots. Inside the predicted central intervals: {inside}."
    )
    if "levels" not in verdict:
        yield NO_LEVELS
        return
    yield (
        f"Levels: overall accuracy {_percent(verdict['overall_accuracy'])}, own or neighbouring level "
        f"{_percent(verdict['within_one_level'])}, expected calibration error {_number(verdict['ece'])}. "
        "Plots by measured level (rows) and mapped level (columns):"
    )
    yield _table(("measured \\ mapped", *(row["name"] for row in verdict["levels"]), "producer's"), _confusion(verdict))


def _confusion(verdict: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for row, counts in zip(verdict["levels"], verdict["confusion_matrix"], strict=True):
        yield row["name"], *map(str, counts), _number(row["producers_accuracy"])
    yield "user's", *(_number(row["users_accuracy"]) for row in verdict["levels"]), ""


def _level_rows(table: SeverityTable) -> Iterator[Sequence[str]]:
    for entry, span in zip(table.legend.classes, table.spans(), strict=True):
        yield str(entry.code), entry.name, span


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
