"""Tables of an accuracy assessment: CSV for spreadsheets, Markdown for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from indicators.caveats import Caveat
from indicators.sampling.accuracy import AccuracyEstimate, Estimate
from indicators.sampling.gates import Gate, accepted
from serving.report.points import harmless

DOCUMENT: Final = "accuracy.json"
CLASSES_CSV: Final = "accuracy.csv"
MATRIX_CSV: Final = "error-matrix.csv"
SUMMARY: Final = "accuracy.md"

_MEASURES: Final = ("users_accuracy", "producers_accuracy", "estimated_area_km2")
_ENDINGS: Final = ("", "_se", "_low95", "_high95")


def class_table(found: AccuracyEstimate) -> str:
    """One line for each class, and one for all; full precision; empty where nothing is known."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    measures = [f"{measure}{ending}" for measure in _MEASURES for ending in _ENDINGS]
    writer.writerow(("code", "title", "map_points", "reference_points", "mapped_area_km2", *measures))
    for one in found.classes:
        numbers = [*_cells(one.users), *_cells(one.producers), *_cells(one.area_km2)]
        mapped = "" if one.mapped_km2 is None else repr(one.mapped_km2)
        writer.writerow((one.code, harmless(one.title), one.map_points, one.reference_points, mapped, *numbers))
    writer.writerow(())
    writer.writerow(("overall_accuracy", "se", "low95", "high95", "points"))
    writer.writerow((*_cells(found.overall), found.n))
    return text.getvalue()


def matrix_table(found: AccuracyEstimate) -> str:
    """The error matrix twice: points n_ij, and estimated shares of the population p_ij."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for name, rows in (("points", found.counts.tolist()), ("area_proportion", found.cells.tolist())):
        writer.writerow((name, *(harmless(f"{one.code} {one.title}") for one in found.classes)))
        for stratum, row in zip(found.strata.each, rows, strict=True):
            writer.writerow((harmless(f"{stratum.code} {stratum.title}"), *(repr(cell) for cell in row)))
        writer.writerow(())
    return text.getvalue()


def summary(found: AccuracyEstimate, gates: Sequence[Gate], caveats: Sequence[Caveat], *, name: str) -> str:
    """Everything on one page, Markdown."""
    parts = [
        f"# Accuracy of {_plain(name) or 'the map'}",
        f"Overall accuracy {_share(found.overall)}, from {found.n} points.",
        "## Classes",
        _class_lines(found),
        "Mapped area is a pixel count and has the errors of the map; estimated area is corrected for them. "
        "Intervals are 95 %.",
        f"## Error matrix, points ({'map classes' if found.strata_are_classes else 'strata'} by reference)",
        _matrix_lines(found),
        "## Gates",
        "\n".join(f"- {gate.verdict.value.upper()}: {_plain(gate.sentence)} ({gate.source})" for gate in gates),
        "No gate fails." if accepted(gates) else "At least one gate fails.",
        "## Caveats",
        "\n".join(f"- {_plain(caveat.text)}" for caveat in caveats) or "None.",
        f"Method: {found.method}.",
    ]
    return "\n\n".join(parts) + "\n"


def _class_lines(found: AccuracyEstimate) -> str:
    head = ("code", "class", "user's accuracy", "producer's accuracy", "mapped area, km2", "estimated area, km2")
    lines = [
        (
            str(one.code),
            _plain(one.title),
            _share(one.users),
            _share(one.producers),
            "-" if one.mapped_km2 is None else f"{one.mapped_km2:.2f}",
            _km2(one.area_km2),
        )
        for one in found.classes
    ]
    return _markdown(head, lines)


def _matrix_lines(found: AccuracyEstimate) -> str:
    head = ("", *(str(one.code) for one in found.classes), "all")
    rows = zip(found.strata.each, found.counts.tolist(), strict=True)
    lines = [(f"{stratum.code} {_plain(stratum.title)}", *map(str, row), str(sum(row))) for stratum, row in rows]
    return _markdown(head, lines)


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))


def _cells(estimate: Estimate | None) -> tuple[str, ...]:
    if estimate is None:
        return ("",) * len(_ENDINGS)
    ends = ("" if end is None else repr(end) for end in (estimate.low, estimate.high))
    return (repr(estimate.value), repr(estimate.se), *ends)


def _share(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{100 * estimate.value:.1f} % (no interval)"
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def _km2(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f} (no interval)"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _plain(text: str) -> str:
    """Foreign text on one line, without what Markdown would take for a table or a tag."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable.replace("|", "/").replace("<", "(").replace(">", ")")
