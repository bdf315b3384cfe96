"""Where figures go when the configuration names no logger: a CSV file and TensorBoard, in the run folder."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from training.run_folder import RunFolder

METRICS: Final = "metrics.csv"


def default_loggers(run: RunFolder, *, step: int) -> list[Logger]:
    """A CSV file and TensorBoard's events in the run's own folder; a resumed run goes on with both.

    Args:
        run: The training.
        step: Optimiser steps that it has behind it; what was logged of later steps is taken back.
    """
    written = CSVLogger(run.root, name="", version=run.version)
    if step:
        _go_on(written, run.folder / METRICS, step)
    return [written, TensorBoardLogger(run.root, name="", version=run.version, purge_step=step or None)]


@rank_zero_only
def _go_on(logger: CSVLogger, path: Path, step: int) -> None:
    """Put the rows back that Lightning deletes where a log exists."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header = list(reader.fieldnames or ())
        rows = [row for row in reader if int(row["step"]) < step]
    experiment = logger.experiment
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=header)
        writer.writeheader()
        writer.writerows(rows)
    experiment.metrics_keys = header
