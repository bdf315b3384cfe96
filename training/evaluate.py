"""``steppe evaluate``: score a checkpoint, a bundle, or all checkpoints of a cross-validation, and write the report."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from landcover.augmentation import Augmentation
from landcover.boundaries import BAND_PX
from landcover.errors import OutputNotWritable, WindowError
from landcover.precision import MODEL_FILES, Precision
from landcover.tiling import TilePlan
from training.candidates import Candidate, augmented, bundle_candidate, check_fits, checkpoint_candidate, differenced
from training.config import data_from_config
from training.cross_validation import FoldRun, evaluate_folds, fold_sites
from training.elsewhere import chosen_sites
from training.evaluation import MIN_SHARE, Evaluation, Scoring, evaluate_scenes
from training.inference import Predictor, refuse_trained_on, scene_plan
from training.order import HELD_OUT
from training.report.examples import ExampleBook
from training.report.page import Subject, write_report
from training.report.tables import print_change, print_elsewhere, print_evaluation, shown
from training.scenes import Scene

__all__ = ["main", "print_evaluation", "shown"]

TILE: Final = 512
OVERLAP: Final = 32


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out.

    Attributes:
        evaluation: the figures.
        book: the worst examples.
        models: name and SHA-256 of what was scored.
    """

    evaluation: Evaluation
    book: ExampleBook
    models: dict[str, str]


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: everything after ``steppe evaluate``.

    Returns:
        Exit code.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.folds and options.split:
        parser.error("--folds scores every fold on the scenes it held out; leave out --split")
    if options.precision and not options.bundle:
        parser.error("--precision picks a graph of a bundle; give --bundle, or leave it out")
    try:
        TilePlan(1, 1, tile=options.tile, overlap=options.overlap)
    except WindowError as error:
        parser.error(str(error))
    if options.output:
        _check_writable(options.output)
    verdict = _cross_validated(options) if options.folds else _single(options)
    subject = _subject(options, verdict, arguments)
    if options.output:
        report = write_report(options.output, verdict.evaluation, verdict.book.examples, subject)
    else:
        report = subject.to_json(verdict.evaluation)
    if options.json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
        return 0
    _print(verdict.evaluation, subject, report)
    if options.output:
        Console().print(f"wrote {options.output / 'report.html'} and report.json", highlight=False, soft_wrap=True)
    return 0


def _print(evaluation: Evaluation, subject: Subject, report: Mapping[str, Any]) -> None:
    console = Console()
    print_evaluation(evaluation, console)
    if subject.stable:
        print_change(evaluation, subject.stable, console)
    if "elsewhere" in report:
        print_elsewhere(report["elsewhere"], console)


def _single(options: argparse.Namespace) -> Verdict:
    candidate = (
        bundle_candidate(options.bundle, precision=Precision(options.precision or Precision.FP32))
        if options.bundle
        else checkpoint_candidate(options.checkpoint, device=options.device)
    )
    candidate = _arranged(candidate, options)
    data = data_from_config(options.config)
    check_fits(candidate, data.facts)
    scenes = data.scenes(options.split or "val")
    chosen_sites((scene.info.site for scene in scenes), options.chosen_on)
    if options.checkpoint and options.split != "train":
        refuse_trained_on(options.checkpoint, scenes)
    _note_trained_on(candidate, {scene.info.site for scene in scenes})
    book = ExampleBook(data.facts)
    evaluation = _evaluated(options, candidate, scenes, book, f"{candidate.name}, {options.split or 'val'}")
    return Verdict(evaluation, book, {candidate.name: candidate.sha256})


def _arranged(candidate: Candidate, options: argparse.Namespace) -> Candidate:
    """The candidate as the options want it: its turns averaged first, then its maps compared."""
    candidate = augmented(candidate, options.tta)
    return differenced(candidate) if options.difference else candidate


def _note_trained_on(candidate: Candidate, sites: set[str]) -> None:
    """A bundle is often trained on all sites there are; its figures on them are then no test."""
    if known := candidate.trained_on & sites:
        sys.stderr.write(
            f"steppe evaluate: {candidate.name} was trained on {len(known)} of these {len(sites)} sites; figures on "
            "them say nothing about other places\n"
        )


def _cross_validated(options: argparse.Namespace) -> Verdict:
    def evaluate(run: FoldRun) -> tuple[Evaluation, ExampleBook]:
        candidate = _arranged(checkpoint_candidate(run.checkpoint, device=options.device), options)
        check_fits(candidate, run.data.facts)
        refuse_trained_on(run.checkpoint, run.data.scenes("test"))
        book = ExampleBook(run.data.facts)
        return _evaluated(options, candidate, run.data.scenes("test"), book, f"fold {run.fold}"), book

    if options.chosen_on:
        chosen_sites(fold_sites(options.config), options.chosen_on)
    settings = [options.tile, options.overlap, options.boundary_px, options.difference]
    if options.tta is not Augmentation.NONE:  # without it, folds that were evaluated before it existed stay known
        settings.append(options.tta)
    cache = options.output / "folds" if options.output else None
    evaluation, book, models = evaluate_folds(options.config, options.folds, evaluate, cache=cache, settings=settings)
    return Verdict(replace(evaluation, scoring=Scoring(options.min_share, options.boundary_px)), book, models)


def _evaluated(
    options: argparse.Namespace, candidate: Candidate, scenes: Sequence[Scene], book: ExampleBook, title: str
) -> Evaluation:
    sizes = {"tile": options.tile, "overlap": options.overlap}
    scoring = Scoring(options.min_share, options.boundary_px, candidate.temperature)
    windows = sum(
        len(plan.rows.origins) * len(plan.cols.origins) for plan in (scene_plan(scene, **sizes) for scene in scenes)
    )
    with _watched(candidate.predict, windows, title) as predict:
        return evaluate_scenes(predict, scenes, candidate.legend, **sizes, scoring=scoring, examples=book)


@contextmanager
def _watched(predict: Predictor, windows: int, title: str) -> Iterator[Predictor]:
    """The predictor, with a progress bar of windows on standard error where that is a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("windows")
    console = Console(stderr=True)
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as progress:
        bar = progress.add_task(title, total=windows)

        def counted(
            dn_NBHW: NDArray[np.float32], overview_1BHW: NDArray[np.float32] | None = None
        ) -> NDArray[np.float32]:
            answer = predict(dn_NBHW, overview_1BHW)
            progress.advance(bar)
            return answer

        yield counted


def _subject(options: argparse.Namespace, verdict: Verdict, arguments: Sequence[str]) -> Subject:
    stable = options.stable or verdict.book.facts.stable
    if stable:
        verdict.evaluation.binary(stable)  # refuses a class that the legend does not have
    return Subject(
        command=shlex.join(["steppe", "evaluate", *arguments]),
        config=options.config,
        models=verdict.models,
        split=_split(options),
        tile=options.tile,
        overlap=options.overlap,
        stable=stable,
        chosen_on=tuple(options.chosen_on),
    )


def _split(options: argparse.Namespace) -> str:
    """What was scored, and how; a publication takes only the folds of its own network, and as it is."""
    split = HELD_OUT if options.folds else options.split or "val"
    turned = "" if options.tta is Augmentation.NONE else f", test-time augmentation {options.tta}"
    return split + turned + (", difference of two maps" if options.difference else "")


def _check_writable(folder: Path) -> None:
    """Refuse before minutes are spent."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputNotWritable(f"cannot make the folder {folder.name!r}: {error.strerror}; give another -o") from error
    if not os.access(folder, os.W_OK):
        raise OutputNotWritable(f"the folder {folder.name!r} cannot be written to; give another with -o")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe evaluate",
        description="Predict whole scenes as the service would, compare with their labels, and write a report.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration: data and split")
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--checkpoint", type=Path, help="file that steppe train fit wrote")
    model.add_argument("--bundle", type=Path, help="folder NAME/VERSION of a published bundle")
    model.add_argument(
        "--folds",
        metavar="PATTERN",
        help="cross-validation: checkpoints of all folds of the configuration, {fold} standing for the number",
    )
    parser.add_argument(
        "--difference",
        action="store_true",
        help="the model is for single dates, the data has two: compare its maps through the transition matrix",
    )
    parser.add_argument("--precision", choices=[str(name) for name in MODEL_FILES], help="graph of the bundle; fp32")
    parser.add_argument(
        "--tta",
        type=Augmentation,
        choices=list(Augmentation),
        default=Augmentation.NONE,
        help="test-time augmentation: average over mirror images (flips, 4 runs) or rotations too (d4, 8 runs)",
    )
    parser.add_argument("--split", choices=("train", "val", "test"), help="default: val")
    parser.add_argument("--tile", type=int, default=TILE, help=f"window side in pixels, default {TILE}")
    parser.add_argument("--overlap", type=int, default=OVERLAP, help=f"shared pixels, default {OVERLAP}")
    parser.add_argument(
        "--min-share",
        type=_share,
        default=MIN_SHARE,
        help=f"share of the labelled pixels a class needs for the mean IoU of frequent classes, default {MIN_SHARE}",
    )
    parser.add_argument(
        "--boundary-px", type=int, default=BAND_PX, help=f"width of the boundary band in pixels, default {BAND_PX}"
    )
    parser.add_argument(
        "--chosen-on",
        metavar="SITE",
        nargs="+",
        default=(),
        help="sites that settings were chosen on, or patterns such as 'city_*': also give the figures without them",
    )
    parser.add_argument("--stable", metavar="CLASS", help="also score 'changed', any class but this one")
    parser.add_argument(
        "--device", default="auto", help="torch device of a checkpoint; default: a GPU where there is one"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of tables")
    parser.add_argument(
        "-o", "--output", type=Path, help="folder for report.html and report.json; finished folds are kept there too"
    )
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share from 0 to 1")
    return value
