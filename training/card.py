"""Write the model card: what a model was made from, how well it does, where it stops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from landcover.metrics import Scores
from training.evaluation import Evaluation


def model_card(
    text: Mapping[str, Any], identifier: str, *, test: Evaluation, facts: Mapping[str, str], ece_before: float | None
) -> str:
    """The card as Markdown.

    Args:
        text: the publishing configuration.
        identifier: ``name@version``.
        test: evaluation on sites that nothing was chosen by.
        facts: rows of the table of facts.
        ece_before: calibration error on the same sites before temperature scaling.
    """
    parts = [
        f"# {text['title']}",
        f"`{identifier}`",
        text["description"],
        _table(("fact", "value"), facts.items()),
        "## Accuracy on sites it never saw",
        _headline(test, ece_before),
        "### Per class",
        _table(("code", "class", "IoU", "95 %", "F1", "user's", "producer's", "pixels"), _class_rows(test)),
        "### Per site",
        _table(("site", "overall accuracy", "macro IoU", "pixels"), _group_rows(test.by_site())),
        "### Per processing level",
        _table(("level", "overall accuracy", "macro IoU", "pixels"), _group_rows(test.by_level())),
        "### Confusion matrix, share of each label's pixels in percent",
        _confusion(test),
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


def _headline(test: Evaluation, ece_before: float | None) -> str:
    report = test.to_json()
    low, high = (_percent(value) for value in report["overall_accuracy_interval95"] or (None, None))
    return (
        f"Overall accuracy **{_percent(report['overall_accuracy'])}** (95 % interval {low} to {high}, bootstrap over "
        f"{report['sites']} sites), macro IoU **{_number(report['macro_iou'])}**, {report['pixels']:,} labelled pixels "
        f"of {report['scenes']} scenes. Where the label's own confidence is at least 0.5: "
        f"{_percent(report['overall_accuracy_where_teacher_is_sure'])}. Expected calibration error "
        f"{_number(report['ece'])} ({_number(ece_before)} before temperature scaling). Whole scenes were "
        "predicted in overlapping windows, as the service does. Command: `steppe publish`, or, on the published file, "
        "`steppe evaluate -c configs/train/s2_landcover.yaml --split test --bundle BUNDLE`."
    )


def _class_rows(test: Evaluation) -> Iterable[Sequence[str]]:
    for row, entry in zip(test.to_json()["classes"], test.legend.classes, strict=True):
        limits = row["iou_interval95"]
        yield (
            str(row["code"]),
            entry.title,
            _number(row["iou"]),
            "-" if limits is None else f"{limits[0]:.2f} to {limits[1]:.2f}",
            _number(row["f1"]),
            _number(row["users_accuracy"]),
            _number(row["producers_accuracy"]),
            f"{row['pixels']:,}",
        )


def _group_rows(groups: Mapping[str, Scores]) -> Iterable[Sequence[str]]:
    for name, scores in groups.items():
        yield name, _percent(scores.overall_accuracy), _number(scores.macro_iou), f"{sum(scores.support):,}"


def _confusion(test: Evaluation) -> str:
    pooled = test.pooled
    rows = [
        (name, *("-" if not support else f"{100 * count / support:.0f}" for count in counts))
        for name, counts, support in zip(pooled.names, pooled.matrix, pooled.support, strict=True)
    ]
    return _table(("label \\ map", *pooled.names), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
