"""Find the current version of a model and compare a new one with it, on scenes that the new one was not trained on.

Three cases, in this order:

1. The split has test scenes: both graphs are scored on them.
2. The new network was trained on all sites and cross-validated. The sites that the current version held out are scored
   with its graph, and the new version by the predictions of the folds that held them out.
3. Both were trained on all sites: the cross-validations recorded in both are compared, if they are of the same labels.

Where none of them is possible the gate does not guess; it refuses unless it is overridden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.bundle import MANIFEST_FILE, Bundle, load_bundle, version_key
from landcover.legends import Legend
from landcover.manifest import NAME_PATTERN
from landcover.metrics import Scores, score
from training.evaluation import Evaluation, Scoring, evaluate_scenes
from training.evaluation_store import load
from training.gate import Gate, Verdict, compare
from training.inference import bundle_predictor
from training.order import CrossValidation
from training.scenes import Scene

FOLDS_FOLDER: Final = "folds"
"""Beside a report of a cross-validation: what each fold answered on the scenes it held out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of the new version.

    Attributes:
        legend: its classes.
        scenes: test scenes, or every scene where it was trained on all.
        evaluation: of its graph on the test scenes; None without test scenes.
        cross_validation: report of the folds, where it was trained on all sites.
    """

    legend: Legend
    scenes: tuple[Scene, ...]
    evaluation: Evaluation | None
    cross_validation: CrossValidation | None


def find_champion(named: Path | None, registry: Path, name: str) -> Bundle | None:
    """The bundle that was named, else the newest version of this name in the registry.

    Args:
        named: folder of a bundle; None to look for one.
        registry: folder of bundles, the one that is published to.
        name: of the model.

    Raises:
        BundleInvalid: when it cannot be read: an older one would be an easier one to beat.
    """
    if named is not None:
        return load_bundle(named)
    folder = registry / name
    entries = folder.iterdir() if folder.is_dir() else ()
    versions = [path for path in entries if NAME_PATTERN.fullmatch(path.name) and (path / MANIFEST_FILE).is_file()]
    return load_bundle(max(versions, key=lambda path: version_key(path.name))) if versions else None


def judge(champion: Bundle | None, standing: Standing, gate: Gate, sizes: Mapping[str, int]) -> Verdict:
    """Compare the new version with the champion.

    Args:
        champion: the current version.
        standing: what is known of the new one.
        gate: tolerances.
        sizes: ``tile`` and ``overlap`` in pixels.
    """
    if champion is None:
        return Verdict()
    found = _on_test_scenes(champion, standing, sizes) or _out_of_fold(champion, standing, sizes)
    found = found or _recorded(champion, standing)
    if found is None:
        return Verdict(
            champion.manifest.identifier,
            champion.digest,
            problem="there are no scenes that neither version was trained on, and no two cross-validations of the same "
            "labels to compare",
        )
    return Verdict(
        champion.manifest.identifier,
        champion.digest,
        found.basis,
        found.scenes,
        compare(found.champion, found.candidate, gate),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """Scores of both on the same labels, and what these are."""

    champion: Scores
    candidate: Scores
    basis: str
    scenes: tuple[str, ...]


def _on_test_scenes(champion: Bundle, standing: Standing, sizes: Mapping[str, int]) -> _Pair | None:
    if standing.evaluation is None:
        return None
    trained = set(champion.manifest.provenance.get("sites", {}).get("train", ()))
    seen = sorted({scene.info.site for scene in standing.scenes} & trained)
    remark = f"; the champion was trained on {', '.join(seen)} of them, which favours it" if seen else ""
    before = _evaluated(champion, standing.scenes, standing.legend, sizes)
    names = tuple(scene.info.name for scene in standing.scenes)
    return _Pair(before.pooled, standing.evaluation.pooled, f"both graphs on the test scenes{remark}", names)


def _out_of_fold(champion: Bundle, standing: Standing, sizes: Mapping[str, int]) -> _Pair | None:
    unseen = set(champion.manifest.provenance.get("sites", {}).get("test", ()))
    matrices = _fold_matrices(standing.cross_validation)
    scenes = tuple(scene for scene in standing.scenes if scene.info.site in unseen and scene.info.name in matrices)
    if not scenes:
        return None
    before = _evaluated(champion, scenes, standing.legend, sizes)
    names = tuple(scene.info.name for scene in scenes)
    after = score(np.sum([matrices[name] for name in names], axis=0), standing.legend.names)
    basis = "scenes that the champion held out: its graph, and the folds of the new version that held them out too"
    return _Pair(before.pooled, after, basis, names)


def _recorded(champion: Bundle, standing: Standing) -> _Pair | None:
    before: Mapping[str, Any] | None = champion.manifest.scores.get("cross_validation")
    if before is None or standing.cross_validation is None or before == standing.cross_validation.report:
        return None  # one report says nothing of what came after it
    old, new = (np.asarray(report["confusion_matrix"]) for report in (before, standing.cross_validation.report))
    if old.shape != new.shape or not np.array_equal(old.sum(axis=1), new.sum(axis=1)):
        return None
    names = standing.legend.names
    return _Pair(score(old, names), score(new, names), "the recorded cross-validations of both, on the same labels", ())


def _evaluated(champion: Bundle, scenes: Sequence[Scene], legend: Legend, sizes: Mapping[str, int]) -> Evaluation:
    # What a bundle answers is calibrated; another temperature would be fitted in vain.
    scoring = Scoring(temperature=champion.manifest.temperature)
    return evaluate_scenes(
        bundle_predictor(champion),
        scenes,
        legend,
        tile=int(sizes["tile"]),
        overlap=int(sizes["overlap"]),
        scoring=scoring,
    )


def _fold_matrices(cross_validation: CrossValidation | None) -> dict[str, NDArray[np.int64]]:
    """Scene name to the confusion matrix of the fold that held it out; nothing where the report is of other files."""
    if cross_validation is None:
        return {}
    newest: dict[str, Path] = {}
    folder = cross_validation.path.parent / FOLDS_FOLDER
    for path in sorted(folder.glob("fold*-*.npz"), key=lambda path: path.stat().st_mtime_ns):
        newest[path.name.partition("-")[0].replace("fold", "fold ")] = path
    folds = cross_validation.report.get("temperatures", {})  # fold 0, fold 1, ...
    loaded = [kept for fold, path in newest.items() if fold in folds and (kept := load(path)) is not None]
    matrices = {scene.scene: scene.matrix for evaluation, _ in loaded for scene in evaluation.scenes}
    pooled = np.sum(list(matrices.values()), axis=0)
    return matrices if np.array_equal(pooled, np.asarray(cross_validation.report["confusion_matrix"])) else {}
