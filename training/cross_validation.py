"""Evaluate every fold of a cross-validation on the scenes it held out, keep what is done, and pool it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from landcover.calibration import pool_reliability
from landcover.errors import ConfigError
from landcover.raster.digest import file_digest
from training.config import data_from_config, read_yaml
from training.datamodule import SceneData
from training.evaluation import Evaluation
from training.evaluation_store import FORMAT, load, save
from training.folds import read_folds
from training.inference import CheckpointUnreadable
from training.report.examples import Example, ExampleBook
from training.scaling import scale_by_folds
from training.scenes import Scene
from training.temperature import Pixels

PLACE: Final = "{fold}"


@dataclass(frozen=True, slots=True)
class FoldRun:
    """One fold to be evaluated.

    Attributes:
        fold: its number.
        checkpoint: network that never saw its scenes.
        data: the data with this fold held out.
    """

    fold: int
    checkpoint: Path
    data: SceneData


type Evaluate = Callable[[FoldRun], tuple[Evaluation, ExampleBook]]


def evaluate_folds(
    config: Path, pattern: str, evaluate: Evaluate, *, cache: Path | None, settings: Sequence[Any]
) -> tuple[Evaluation, ExampleBook, dict[str, str]]:
    """Evaluate all folds, those that were evaluated before only read from the cache.

    Args:
        config: training configuration that is split by folds.
        pattern: path of the checkpoints with ``{fold}`` in place of the number.
        evaluate: scores one fold.
        cache: folder of finished folds, or none.
        settings: what besides network and data decides the figures; part of the cache's keys.

    Returns:
        The pooled evaluation, the worst examples of all folds, and the SHA-256 of every checkpoint by its name.

    Raises:
        ConfigError: the pattern has no ``{fold}``, or the configuration is not split by folds.
        CheckpointUnreadable: a checkpoint is missing or damaged.
    """
    data = data_from_config(config, fold=0)
    settings = [*settings, read_yaml(config)["data"]]
    paths = _checkpoints(pattern, len(_folds(data)))
    book, evaluations, digests = ExampleBook(data.facts), [], {}
    for fold, path in enumerate(paths):
        run = FoldRun(fold, path, data_from_config(config, fold=fold))
        digests[f"fold {fold}: {path.name}"] = file_digest(path)
        evaluation, examples = _kept_or_new(run, evaluate, cache, settings)
        book.add(examples, fold=fold)
        evaluations.append(evaluation)
    return pool_folds(evaluations), book, digests


def fold_sites(config: Path) -> tuple[str, ...]:
    """Sites of all folds of a configuration.

    Args:
        config: training configuration that is split by folds.

    Raises:
        ConfigError: it is not, or the file of folds is unusable.
    """
    return tuple(site for fold in _folds(data_from_config(config, fold=0)) for site in fold)


def pool_folds(evaluations: Sequence[Evaluation]) -> Evaluation:
    """One evaluation of all scenes; each fold is scaled with the temperature of the others.

    Args:
        evaluations: of the folds 0, 1, ..., each of a network as trained and with its sample of pixels.
    """
    first = evaluations[0]
    scenes = [replace(scene, fold=fold) for fold, evaluation in enumerate(evaluations) for scene in evaluation.scenes]
    samples = [evaluation.pixels for evaluation in evaluations if evaluation.pixels is not None]
    counts = [len(evaluation.scenes) for evaluation in evaluations]
    pixels = Pixels.joined(samples, shifts=[sum(counts[:fold]) for fold in range(len(counts))])
    reliability = pool_reliability([evaluation.reliability for evaluation in evaluations])
    scaling = scale_by_folds(pixels, [scene.fold or 0 for scene in scenes], before=reliability)
    return Evaluation(first.legend, tuple(scenes), reliability, first.scoring, scaling, pixels)


def _folds(data: SceneData) -> tuple[tuple[str, ...], ...]:
    return read_folds(Path(str(data.split.folds))).folds


def _checkpoints(pattern: str, count: int) -> list[Path]:
    """Paths of all folds; all must be there before the first is evaluated."""
    if PLACE not in pattern:
        raise ConfigError(f"--folds {pattern!r} does not say where the number goes; write {PLACE} in its place")
    paths = [Path(pattern.replace(PLACE, str(fold))) for fold in range(count)]
    missing = [str(fold) for fold, path in enumerate(paths) if not path.is_file()]
    if missing:
        raise CheckpointUnreadable(
            f"no checkpoint of fold {', '.join(missing)} (of {count}) at {pattern!r}; train them, or mend the pattern"
        )
    return paths


def _kept_or_new(
    run: FoldRun, evaluate: Evaluate, cache: Path | None, settings: Sequence[Any]
) -> tuple[Evaluation, tuple[Example, ...]]:
    if cache is None:
        evaluation, book = evaluate(run)
        return evaluation, book.examples
    path = cache / f"fold{run.fold}-{_key(run, settings)}.npz"
    kept = load(path)
    if kept is not None:
        path.touch()  # publishing takes the newest file of each fold for the one of this report
    else:
        evaluation, book = evaluate(run)
        save(path, evaluation, book.examples)
        kept = evaluation, book.examples
    return kept


def _key(run: FoldRun, settings: Sequence[Any]) -> str:
    """Changes with the checkpoint, the held-out scenes and their files, the configured data, and the settings."""
    parts = [
        FORMAT,
        file_digest(run.checkpoint),
        list(settings),
        run.data.facts.legend_id,
        run.data.facts.provenance,
        [_described(scene) for scene in run.data.scenes("test")],
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _described(scene: Scene) -> list[Any]:
    info = scene.info
    files = [(path.name, stat.st_size, stat.st_mtime_ns) for path in info.files for stat in (path.stat(),)]
    return [info.name, info.site, info.height, info.width, info.offset, files]
