"""Measure everything and write the report: ``report.md`` with plots, and ``report.json`` with every number."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from landcover.errors import OutputNotWritable
from landcover.precision import Precision
from landcover.raster.staging import check_target
from landcover.staging import os_errors
from serving.bench.campaign import Told, run_campaign
from serving.bench.document import Report
from serving.bench.judge import Book, Judge, usual_provider
from serving.bench.machine import describe_machine
from serving.bench.plan import Task
from serving.bench.plots import PlotsMissing, draw_plots
from serving.bench.runs import Runner
from serving.bench.tables import size_rows, stage_rows
from serving.settings import Settings

MARKDOWN, NUMBERS = "report.md", "report.json"


def make_report(task: Task, folder: Path, settings: Settings, run: Runner, told: Told, *, command: str) -> Report:
    """Measure, judge, draw and write.

    Args:
        task: what to measure.
        folder: where the report goes; made when it is not there, older reports in it are replaced.
        settings: scratch folder for the scenes.
        run: runs a command.
        told: hears what runs now.
        command: what the report says that made it.

    Raises:
        DiskFull: when there is no room for scenes or report.
        OutputNotWritable: when the report cannot be written there; found before anything is measured.
        RunFailed: when a scene cannot be made, or no measurement works.
    """
    _prepare(folder)
    made, machine = datetime.now(UTC).isoformat(timespec="seconds"), describe_machine()
    records = tuple(run_campaign(task, settings, run, told))
    figures = tuple(Judge(task, Book(records)).figures())
    report = Report(task=task, made=made, command=command, machine=machine, figures=figures, records=records)
    report = _with_plots(report, folder)
    for name, text in (
        (NUMBERS, json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n"),
        (MARKDOWN, report.to_markdown()),
    ):
        with os_errors(folder / name):
            (folder / name).write_text(text, encoding="utf-8")
    return report


def _prepare(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputNotWritable(f"{folder.name!r} is a file; name a folder for the report")
    with os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    check_target(folder / MARKDOWN, needed_bytes=0)


def _with_plots(report: Report, folder: Path) -> Report:
    task, book = report.task, Book(report.records)
    try:
        plots = draw_plots(
            folder,
            size_rows(task, book),
            list(stage_rows(task, book)),
            tile_width=task.sizes.tile.width,
            engine=f"{usual_provider(task, book)} {Precision.FP32}",
        )
    except PlotsMissing as error:
        return replace(report, plots_note=f"There are no plots: {error}.")
    return replace(report, plots=tuple(plots))
