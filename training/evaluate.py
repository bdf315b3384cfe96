"""``steppe evaluate``: score a checkpoint or a bundle on the sites of one split."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from landcover.bundle import load_bundle
from landcover.legends import Legend
from landcover.manifest import MODEL_FILE
from training.config import data_from_config
from training.evaluation import Evaluation, evaluate_sites
from training.inference import Predictor, load_task, torch_predictor

TILE: Final = 512
OVERLAP: Final = 32


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: everything after ``steppe evaluate``.

    Returns:
        Exit code.
    """
    options = _parser().parse_args(arguments)
    data = data_from_config(options.config)
    predict, legend = _bundle(options.bundle) if options.bundle else _checkpoint(options.checkpoint)
    evaluation = evaluate_sites(predict, data.sites(options.split), legend, tile=options.tile, overlap=options.overlap)
    print_evaluation(evaluation, Console())
    if options.output:
        options.output.write_text(json.dumps(evaluation.to_json(), indent=2) + "\n", encoding="utf-8")
    return 0


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the tables of an evaluation; undefined scores are a dash."""
    pooled = evaluation.pooled
    classes = Table("class", "IoU", "F1", "user's", "producer's", "pixels", title="per class")
    for index, entry in enumerate(evaluation.legend.classes):
        columns = (pooled.iou, pooled.f1, pooled.users_accuracy, pooled.producers_accuracy)
        classes.add_row(entry.title, *(shown(column[index]) for column in columns), f"{pooled.support[index]:,}")
    console.print(classes)
    sites = Table("site", "overall accuracy", "macro IoU", "pixels", title="per site")
    for site, scores in evaluation.by_site().items():
        sites.add_row(site, shown(scores.overall_accuracy), shown(scores.macro_iou), f"{sum(scores.support):,}")
    console.print(sites)
    console.print(
        f"overall accuracy {shown(pooled.overall_accuracy)}, macro IoU {shown(pooled.macro_iou)}, "
        f"where the teacher is sure {shown(evaluation.sure.overall_accuracy)}, ECE {shown(evaluation.reliability.ece)}"
    )


def shown(value: float | None) -> str:
    """A score with three decimals, or a dash when it is undefined."""
    return "-" if value is None else f"{value:.3f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe evaluate",
        description="Predict whole sites as the service would and compare with their labels.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration: data and split")
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--checkpoint", type=Path, help="file that steppe train fit wrote")
    model.add_argument("--bundle", type=Path, help="folder NAME/VERSION of a published bundle")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="default: val")
    parser.add_argument("--tile", type=int, default=TILE, help=f"window side in pixels, default {TILE}")
    parser.add_argument("--overlap", type=int, default=OVERLAP, help=f"shared pixels, default {OVERLAP}")
    parser.add_argument("-o", "--output", type=Path, help="write the scores as JSON")
    return parser


def _checkpoint(path: Path) -> tuple[Predictor, Legend]:
    task = load_task(path)
    return torch_predictor(task.scene_net), task.legend


def _bundle(path: Path) -> tuple[Predictor, Legend]:
    """The exported graph itself, so that the figure is that of the file that ships."""
    bundle = load_bundle(path)
    session = onnxruntime.InferenceSession(bundle.read(MODEL_FILE), providers=["CPUExecutionProvider"])

    def predict(dn_NBHW: NDArray[np.float32]) -> NDArray[np.float32]:
        stored = dn_NBHW.astype(bundle.manifest.dtype)
        answer: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: stored})[0]
        return answer

    return predict, bundle.manifest.legend
