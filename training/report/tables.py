"""The tables of an evaluation in a terminal; an undefined score is a dash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from landcover.metrics import BinaryScores, Scores
from training.evaluation import Evaluation


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the tables of an evaluation.

    Args:
        evaluation: the figures.
        console: where to.
    """
    console.print(_classes(evaluation))
    console.print(_groups("site", evaluation.by_site()))
    if folds := evaluation.by_fold():
        console.print(_groups("fold", {str(fold): scores for fold, scores in folds.items()}))
    console.print(headline(evaluation), highlight=False, soft_wrap=True)


def print_change(evaluation: Evaluation, stable: str, console: Console) -> None:
    """Print how well "changed", any class but one, is found.

    Args:
        evaluation: the figures.
        stable: class that means "no change".
        console: where to.
    """
    found, interval = evaluation.binary(stable), evaluation.binary_interval(stable)
    limits = f" (95 % {interval.low:.3f} to {interval.high:.3f})" if interval else ""
    console.print(
        f"changed, any class but {stable}: {_found(found, limits)}",
        highlight=False,
        soft_wrap=True,
    )
    if whole := evaluation.whole_mask(stable):
        console.print(
            f"the same where changes that nobody can name count too: {_found(whole)}",
            highlight=False,
            soft_wrap=True,
        )


def print_elsewhere(others: Mapping[str, Any], console: Console) -> None:
    """Print the figures without the sites that settings were chosen on.

    Args:
        others: entry ``elsewhere`` of a report.
        console: where to.
    """
    change = f", changed F1 {shown(others['change_f1'])}" if "change_f1" in others else ""
    console.print(
        f"without the {len(others['left_out'])} sites that settings were chosen on: overall accuracy "
        f"{shown(others['overall_accuracy'])}, macro IoU {shown(others['macro_iou'])}, "
        f"{shown(others['macro_iou_frequent'])} over frequent classes{change}, {others['pixels']:,} pixels",
        highlight=False,
        soft_wrap=True,
    )


def headline(evaluation: Evaluation) -> str:
    """The pooled figures in one sentence.

    Args:
        evaluation: the figures.
    """
    pooled, scaling = evaluation.pooled, evaluation.scaling
    if scaling is None:
        calibration = f"ECE {shown(evaluation.reliability.ece)}"
    else:
        calibration = f"ECE {shown(scaling.before.ece)} before and {shown(scaling.after.ece)} after temperature scaling"
    return (
        f"overall accuracy {shown(pooled.overall_accuracy)}, macro IoU {shown(pooled.macro_iou)}, "
        f"{shown(evaluation.frequent_macro_iou)} over classes with at least {evaluation.scoring.min_share:.1%} of the "
        f"pixels, boundary IoU {shown(evaluation.macro_boundary_iou)}, "
        f"where the teacher is sure {shown(evaluation.sure.overall_accuracy)}, {calibration}"
    )


def shown(value: float | None) -> str:
    """A score with three decimals, or a dash when it is undefined."""
    return "-" if value is None else f"{value:.3f}"


def _found(scores: BinaryScores, limits: str = "") -> str:
    return (
        f"F1 {shown(scores.f1)}{limits}, precision {shown(scores.precision)}, recall {shown(scores.recall)}, "
        f"IoU {shown(scores.iou)}"
    )


def _classes(evaluation: Evaluation) -> Table:
    pooled = evaluation.pooled
    table = Table(title="per class")
    for name in ("class", "IoU", "F1", "user's", "producer's", "boundary IoU", "pixels"):
        table.add_column(name, justify="left" if name == "class" else "right")
    columns = (pooled.iou, pooled.f1, pooled.users_accuracy, pooled.producers_accuracy, evaluation.boundary_iou)
    for index, entry in enumerate(evaluation.legend.classes):
        table.add_row(entry.title, *(shown(column[index]) for column in columns), f"{pooled.support[index]:,}")
    return table


def _groups(word: str, groups: dict[str, Scores]) -> Table:
    table = Table(title=f"per {word}")
    for name in (word, "overall accuracy", "macro IoU", "pixels"):
        table.add_column(name, justify="left" if name == word else "right")
    for name, scores in groups.items():
        table.add_row(name, shown(scores.overall_accuracy), shown(scores.macro_iou), f"{sum(scores.support):,}")
    return table
