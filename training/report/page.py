"""``report.html`` and ``report.json`` of an evaluation. The page holds its pictures and loads nothing."""

from __future__ import annotations

import base64
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from landcover.metrics import Interval
from landcover.raster.digest import file_digest
from training.elsewhere import elsewhere
from training.evaluation import Evaluation
from training.report.examples import Example
from training.report.figures import DASH, class_picture, confusion_picture, error_picture, picture, reliability_picture
from training.report.writing import write_file

PACKAGES: Final = ("steppe", "torch", "lightning", "torchgeo", "onnxruntime", "numpy")


@dataclass(frozen=True, slots=True)
class Subject:
    """What was evaluated, and how.

    Attributes:
        command: command line.
        config: training configuration.
        models: name and SHA-256 of everything that predicted.
        split: which scenes.
        tile: window side in pixels.
        overlap: pixels shared by neighbouring windows.
        stable: class that means "no change", where changes are scored.
        chosen_on: names or shell patterns of the sites that settings were chosen on; figures without them are added.
    """

    command: str
    config: Path
    models: Mapping[str, str]
    split: str
    tile: int
    overlap: int
    stable: str | None = None
    chosen_on: tuple[str, ...] = ()

    def to_json(self, evaluation: Evaluation) -> dict[str, Any]:
        """The whole report as a JSON object.

        Args:
            evaluation: the figures.

        Raises:
            ConfigError: a pattern of ``chosen_on`` fits no site, or no site is left.
        """
        others = elsewhere(evaluation, self.chosen_on).to_json(self.stable) if self.chosen_on else None
        return {
            **evaluation.to_json(),
            **({"change": _change(evaluation, self.stable)} if self.stable else {}),
            **({"elsewhere": others} if others else {}),
            "command": self.command,
            "config": self.config.name,
            "config_sha256": file_digest(self.config),
            "models": dict(self.models),
            "split": self.split,
            "tile": self.tile,
            "overlap": self.overlap,
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "software": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        }


def write_report(folder: Path, evaluation: Evaluation, examples: Sequence[Example], subject: Subject) -> dict[str, Any]:
    """Write ``report.json`` and ``report.html``.

    Args:
        folder: where to.
        evaluation: the figures.
        examples: worst windows, worst first.
        subject: what was evaluated.

    Returns:
        What is in ``report.json``.

    Raises:
        OutputNotWritable: when the folder cannot be written.
        DiskFull: when there is no room.
    """
    report = subject.to_json(evaluation)
    write_file(folder / "report.json", (json.dumps(report, indent=2, allow_nan=False) + "\n").encode())
    write_file(folder / "report.html", page(report, evaluation, examples).encode())
    return report


def page(report: Mapping[str, Any], evaluation: Evaluation, examples: Sequence[Example]) -> str:
    """The HTML page.

    Args:
        report: the JSON object.
        evaluation: the figures.
        examples: worst windows, worst first.
    """
    environment = Environment(
        loader=PackageLoader("training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": number, "count": count, "limits": limits}
    titles = [entry.title for entry in evaluation.legend.classes]
    return environment.get_template("report.html").render(
        report=report,
        legend=evaluation.legend,
        classes=list(zip(report["classes"], evaluation.legend.classes, strict=True)),
        sites=_sites(evaluation),
        folds=[(fold, row, evaluation.sites_of_fold(int(fold))) for fold, row in report["by_fold"].items()],
        confusion=_uri(confusion_picture(evaluation.pooled, titles)),
        reliability=_uri(reliability_picture(_tables(evaluation))),
        examples=[(example, list(_panels(example, evaluation))) for example in examples],
    )


def percent(value: float | None, digits: int = 1) -> str:
    """A share in percent, a dash when it is undefined."""
    return DASH if value is None else f"{100 * value:.{digits}f} %"


def number(value: float | None) -> str:
    """A score with three decimals, a dash when it is undefined."""
    return DASH if value is None else f"{value:.3f}"


def count(value: int) -> str:
    """A number of things, thousands apart."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def limits(pair: Sequence[float] | None, *, share: bool = False) -> str:
    """An interval, a dash when it is undefined."""
    if pair is None:
        return DASH
    low, high = (f"{100 * value:.1f}" if share else f"{value:.2f}" for value in pair)
    return f"{low} to {high}{' %' if share else ''}"


def _sites(evaluation: Evaluation) -> list[dict[str, Any]]:
    """One line per site, worst first."""
    scenes = evaluation.scenes
    lines = [
        {
            "site": site,
            "scores": scores,
            "pixels": sum(scores.support),
            "scenes": sum(scene.site == site for scene in scenes),
            "levels": ", ".join(sorted({scene.level for scene in scenes if scene.site == site})),
            "fold": next((scene.fold for scene in scenes if scene.site == site), None),
        }
        for site, scores in evaluation.by_site().items()
    ]
    return sorted(lines, key=lambda line: (line["scores"].overall_accuracy is None, line["scores"].overall_accuracy))


def _tables(evaluation: Evaluation) -> list[tuple[str, Any]]:
    if evaluation.scaling is None:
        return [("as predicted", evaluation.reliability)]
    return [
        ("before temperature scaling", evaluation.scaling.before),
        ("after temperature scaling", evaluation.scaling.after),
    ]


def _panels(example: Example, evaluation: Evaluation) -> Iterable[tuple[str, str]]:
    dates = ["image"] if len(example.pictures_DHWC) == 1 else ["earlier image", "later image"]
    for title, colours_HWC in zip(dates, example.pictures_DHWC, strict=True):
        yield title, _uri(picture(colours_HWC))
    yield "label", _uri(class_picture(example.truth_HW, evaluation.legend))
    yield "prediction", _uri(class_picture(example.predicted_HW, evaluation.legend))
    yield "error", _uri(error_picture(example.truth_HW, example.predicted_HW))


def _change(evaluation: Evaluation, stable: str) -> dict[str, Any]:
    interval: Interval | None = evaluation.binary_interval(stable)
    whole = evaluation.whole_mask(stable)
    return {
        "stable": stable,
        **asdict(evaluation.binary(stable)),
        "f1_interval95": None if interval is None else [interval.low, interval.high],
        "whole_mask": None if whole is None else asdict(whole),
        "by_site": {site: asdict(scores) for site, scores in evaluation.binary_by_site(stable).items()},
    }


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
