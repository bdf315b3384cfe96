"""Write the model card: what a model was made from, how well it does, where it stops, and the commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from landcover.legends import Legend
from models.quantise import QuantiseChoice
from training.gate import Verdict
from training.variants import Int8

_CLASS_HEAD: Final = ("code", "class", "IoU", "95 %", "boundary IoU", "F1", "user's", "producer's", "pixels")
_CHANGE_HEAD: Final = ("site", "F1", "precision", "recall", "pixels changed", "pixels mapped as changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the card says of accuracy.

    Attributes:
        report: the JSON object of `training.report.page.Subject`.
        legend: the classes.
        cross_validated: the figures are those of the folds, because the network was trained on all sites.
        command: makes the figures.
        temperature_note: where the temperature comes from, a sentence.
        int8: the variant, published or refused; None when there was to be none.
        int8_scenes: what fp32 and int8 were compared on, a phrase.
        int8_command: makes the figures of the variant.
        verdict: of the gate.
        gate_command: makes the comparison with the version before.
    """

    report: Mapping[str, Any]
    legend: Legend
    cross_validated: bool
    command: str
    temperature_note: str
    int8: Int8 | None
    int8_scenes: str
    int8_command: str
    verdict: Verdict
    gate_command: str


def model_card(text: Mapping[str, Any], identifier: str, *, facts: Mapping[str, str], measured: Measured) -> str:
    """The card as Markdown.

    Args:
        text: the publishing configuration.
        identifier: ``name@version``.
        facts: rows of the table of facts.
        measured: everything about accuracy.
    """
    parts = [
        f"# {text['title']}",
        f"`{identifier}`",
        text["description"],
        _table(("fact", "value"), facts.items()),
        *_accuracy(measured),
        *_int8(measured),
        *gate_section(measured.verdict, measured.gate_command),
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


def _accuracy(measured: Measured) -> Iterator[str]:
    report = measured.report
    if measured.cross_validated:
        yield "## Accuracy by cross-validation"
        yield (
            f"This network was trained on all {report['sites']} sites, so there is no site left to test it on. The "
            f"figures are those of {len(report['by_fold'])} networks of the same recipe, each scored on sites it was "
            "not trained on: every site is scored once, by a network that never saw it."
        )
    else:
        yield "## Accuracy on sites it never saw"
    yield _headline(report)
    if report.get("elsewhere"):
        yield _elsewhere(report["elsewhere"])
    yield f"{_calibration(report)} {measured.temperature_note}"
    yield _command("Whole scenes were predicted in overlapping windows, as the service does.", measured.command)
    yield "### Per class"
    yield _table(_CLASS_HEAD, _class_rows(measured))
    if report.get("change"):
        yield from ("### Changed or not", _change(report["change"]))
        yield _table(_CHANGE_HEAD, _change_rows(report["change"].get("by_site", {})))
    for title, name in (("Per fold", "by_fold"), ("Per site", "by_site"), ("Per processing level", "by_level")):
        if report.get(name):
            yield f"### {title}"
            head = (name.removeprefix("by_"), "overall accuracy", "macro IoU", "pixels")
            yield _table(head, _group_rows(report[name]))
    yield "### Confusion matrix, share of each label's pixels in percent"
    yield _confusion(measured)


def _headline(report: Mapping[str, Any]) -> str:
    return (
        f"Overall accuracy **{_percent(report['overall_accuracy'])}** "
        f"({_interval(report['overall_accuracy_interval95'], percent=True)}), macro IoU "
        f"**{_number(report['macro_iou'])}** ({_interval(report['macro_iou_interval95'])}), over classes with at least "
        f"{100 * report['min_share']:g} % of the pixels **{_number(report['macro_iou_frequent'])}** "
        f"({_interval(report['macro_iou_frequent_interval95'])}), macro boundary IoU "
        f"{_number(report['macro_boundary_iou'])} (band of {report['boundary_px']} pixels). {report['pixels']:,} "
        f"labelled pixels of {report['scenes']} scenes; intervals are 95 %, bootstrap over {report['sites']} sites. "
        + _sure(report["overall_accuracy_where_teacher_is_sure"])
    )


def _elsewhere(others: Mapping[str, Any]) -> str:
    change = f", changed F1 {_number(others['change_f1'])}" if "change_f1" in others else ""
    return (
        f"Settings were chosen on {', '.join(others['left_out'])}. Without them: overall accuracy "
        f"{_percent(others['overall_accuracy'])}, macro IoU {_number(others['macro_iou'])}, over frequent classes "
        f"{_number(others['macro_iou_frequent'])}{change}; {others['sites']} sites, {others['pixels']:,} pixels."
    )


def _sure(accuracy: float | None) -> str:
    return "" if accuracy is None else f"Where the label's own confidence is at least 0.5: {_percent(accuracy)}."


def _calibration(report: Mapping[str, Any]) -> str:
    before, after = report.get("ece_before_scaling"), report.get("ece_after_scaling")
    if after is None:
        return f"Expected calibration error {_number(report['ece'])}."
    return f"Expected calibration error {_number(after)}, {_number(before)} before temperature scaling."


def _class_rows(measured: Measured) -> Iterable[Sequence[str]]:
    for row, entry in zip(measured.report["classes"], measured.legend.classes, strict=True):
        scores = (_number(row[name]) for name in ("boundary_iou", "f1", "users_accuracy", "producers_accuracy"))
        yield (
            str(row["code"]),
            entry.title,
            _number(row["iou"]),
            _limits(row["iou_interval95"]),
            *scores,
            f"{row['pixels']:,}",
        )


def _group_rows(groups: Mapping[str, Mapping[str, Any]]) -> Iterable[Sequence[str]]:
    for name, row in groups.items():
        yield name, _percent(row["overall_accuracy"]), _number(row["macro_iou"]), f"{row['pixels']:,}"


def _change(change: Mapping[str, Any]) -> str:
    whole = change.get("whole_mask")
    return (
        f"Any class but `{change['stable']}` counts as changed: F1 **{_number(change['f1'])}** "
        f"({_interval(change['f1_interval95'])}), precision {_number(change['precision'])}, recall "
        f"{_number(change['recall'])}, IoU {_number(change['iou'])}; {change['truth']:,} of {change['total']:,} "
        "labelled pixels changed."
    ) + (f" With changes that nobody can name: F1 {_number(whole['f1'])}." if whole else "")


def _change_rows(sites: Mapping[str, Mapping[str, Any]]) -> Iterable[Sequence[str]]:
    for site, row in sites.items():
        scores = (_number(row[name]) for name in ("f1", "precision", "recall"))
        yield site, *scores, f"{row['truth']:,}", f"{row['mapped']:,}"


def _confusion(measured: Measured) -> str:
    names = measured.legend.names
    rows = []
    for name, counts in zip(names, measured.report["confusion_matrix"], strict=True):
        support = sum(counts)
        rows.append((name, *("-" if not support else f"{100 * count / support:.0f}" for count in counts)))
    return _table(("label \\ map", *names), rows)


def _int8(measured: Measured) -> Iterator[str]:
    if measured.int8 is None:
        return
    yield "## The int8 variant"
    found, refusal = measured.int8.variant, measured.int8.refusal
    yield (
        f"Not part of this bundle: {refusal}."
        if refusal
        else "`model.int8.onnx`: weights and activations in 8 bits between the first and the last layer with weights"
        f"{_left_float(measured.int8.choice.quantise)}; `steppe classify --precision int8`."
    )
    rows = [
        ("fp32", *_fine(found.fp32_overall_accuracy, found.fp32_macro_iou), "all"),
        ("int8", *_fine(found.overall_accuracy, found.macro_iou), f"{found.agreement_percent:.2f} %"),
    ]
    yield _table(("variant", "overall accuracy", "macro IoU", "pixels with the class of fp32"), rows)
    yield _command(f"Both on {measured.int8_scenes}, {found.pixels:,} pixels of windows.", measured.int8_command)


def _left_float(choice: QuantiseChoice) -> str:
    """Which layers with weights are not in 8 bits, for the middle of a sentence."""
    counts = {"first": choice.float_first, "last": choice.float_last}
    left = [f"the {place} {'one' if count == 1 else count}" for place, count in counts.items() if count]
    return f", but for {' and '.join(left)}, which stay float32" if left else ""


def _fine(accuracy: float | None, macro_iou: float | None) -> tuple[str, str]:
    """One digit more than elsewhere: the variants are close."""
    return (
        "-" if accuracy is None else f"{100 * accuracy:.2f} %",
        "-" if macro_iou is None else f"{macro_iou:.4f}",
    )


def gate_section(verdict: Verdict, command: str) -> Iterator[str]:
    """What the promotion gate said, as parts of a card; nothing where there was no champion.

    Args:
        verdict: Of the gate.
        command: What compares both again.
    """
    if verdict.champion is None:
        return
    yield f"## Against {verdict.champion}"
    if verdict.override:
        who, why, at = verdict.override.who, verdict.override.why, verdict.override.at
        yield f"**Published against the promotion gate by {who} at {at}: {why}**"
    if verdict.problem:
        yield f"Not compared: {verdict.problem}."
        return
    yield _table(("score", verdict.champion, "this version", "loss accepted", "verdict"), verdict.rows())
    yield _command(f"On {verdict.basis}.", command)


def _command(sentence: str, command: str) -> str:
    return f"{sentence} Command:\n\n```sh\n{command}\n```"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |" for cells in lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _interval(limits: Sequence[float] | None, *, percent: bool = False) -> str:
    if limits is None:
        return "no interval: one site"
    low, high = (_percent(limit) if percent else _number(limit) for limit in limits)
    return f"{low} to {high}"


def _limits(limits: Sequence[float] | None) -> str:
    return "-" if limits is None else f"{limits[0]:.2f} to {limits[1]:.2f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
