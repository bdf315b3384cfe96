"""Score a network on whole scenes: pooled, per class, per site, per processing level and per fold, with intervals.

The interval is a bootstrap over sites: pixels of one site are no independent witnesses. A class that no label has is
undefined in IoU, F1 and every mean.

Axes: K class, H row, W column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.boundaries import BAND_PX, boundary_counts, boundary_iou
from landcover.errors import ModelOutputInvalid, UnknownLegend
from landcover.legends import CLASS_NODATA, Legend
from landcover.metrics import (
    BinaryScores,
    Calibration,
    ConfusionMatrix,
    Interval,
    Reliability,
    Scores,
    binary_score,
    bootstrap_interval,
    labelled_only,
    macro_iou,
    score,
)
from training.inference import Predictor, Strip, predict_strips, scene_plan
from training.report.examples import ExampleBook
from training.scaling import Scaling, scale_by_sites, unscale
from training.scenes import Scene
from training.temperature import NothingToScore, Pixels, PixelSample, labels

SURE: Final = 0.5
"""The side figure counts only pixels whose teacher gave its class at least this probability."""

MIN_SHARE: Final = 0.005
"""A class with fewer of the labelled pixels is left out of one of the two means: its IoU is mostly chance."""

SAMPLE_PIXELS: Final = 200_000
"""Labelled pixels kept for the figures before or after temperature scaling; ECE is then good to about 0.002."""

_SEED: Final = 20260101


@dataclass(frozen=True, slots=True)
class Scoring:
    """How an evaluation counts.

    Attributes:
        min_share: share of the labelled pixels, 0..1, that a class needs for the mean over frequent classes.
        boundary_px: width of the boundary band in pixels.
        temperature: the temperature that the predictor's probabilities already have; none for a network as trained,
            whose temperature is then fitted across groups of sites.
    """

    min_share: float = MIN_SHARE
    boundary_px: int = BAND_PX
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class SceneScore:
    """One scene against its labels.

    Attributes:
        site: place.
        scene: scene name.
        level: processing level stated by the image, or "unknown".
        matrix: pixel counts, rows = label, columns = map.
        sure_matrix: the same over pixels whose teacher was sure; all 0 without a teacher.
        boundary: pixel counts (2, K), intersection and union of boundary bands.
        change: pixel counts (2, K), rows = not changed and changed by a person, columns = map; all 0 without a change
            mask.
        fold: number of the fold that held the scene out, in a cross-validation.
    """

    site: str
    scene: str
    level: str
    matrix: NDArray[np.int64]
    sure_matrix: NDArray[np.int64]
    boundary: NDArray[np.int64]
    change: NDArray[np.int64]
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything a card or a report says about accuracy.

    Attributes:
        legend: the classes.
        scenes: one entry per scene.
        reliability: over all pixels, of the probabilities as they came from the predictor.
        scoring: how it was counted.
        scaling: reliability before and after temperature scaling; none where it cannot be known.
        pixels: sample of labelled pixels, for scaling across folds.
    """

    legend: Legend
    scenes: tuple[SceneScore, ...]
    reliability: Reliability
    scoring: Scoring = field(default_factory=Scoring)
    scaling: Scaling | None = None
    pixels: Pixels | None = None

    @property
    def pooled(self) -> Scores:
        """All pixels of all scenes together."""
        return self._score(self.scenes)

    @property
    def sure(self) -> Scores:
        """Pixels whose teacher was sure."""
        return score(np.sum([scene.sure_matrix for scene in self.scenes], axis=0), self.legend.names)

    @property
    def boundary_iou(self) -> tuple[float | None, ...]:
        """Boundary IoU of every class, None for a class without labels or without a boundary."""
        found = boundary_iou(np.sum([scene.boundary for scene in self.scenes], axis=0))
        return tuple(value if pixels else None for value, pixels in zip(found, self.pooled.support, strict=True))

    @property
    def macro_boundary_iou(self) -> float | None:
        """Mean boundary IoU of the classes that have one."""
        defined = [value for value in self.boundary_iou if value is not None]
        return sum(defined) / len(defined) if defined else None

    @property
    def frequent_macro_iou(self) -> float | None:
        """Mean IoU of the classes with at least ``scoring.min_share`` of the labelled pixels."""
        return macro_iou(self.pooled, min_share=self.scoring.min_share)

    def frequent(self, index: int) -> bool:
        """Whether a class counts in the mean over frequent classes."""
        support = self.pooled.support
        return 0 < support[index] >= self.scoring.min_share * sum(support)

    def by_site(self) -> dict[str, Scores]:
        """Scores of each site, all its dates together."""
        return {site: self._score(scenes) for site, scenes in self._grouped(lambda scene: scene.site).items()}

    def by_level(self) -> dict[str, Scores]:
        """Scores of each processing level."""
        return {level: self._score(scenes) for level, scenes in self._grouped(lambda scene: scene.level).items()}

    def by_fold(self) -> dict[int, Scores]:
        """Scores of each fold of a cross-validation, in order; empty without one."""
        folds: dict[int, list[SceneScore]] = defaultdict(list)
        for scene in self.scenes:
            if scene.fold is not None:
                folds[scene.fold].append(scene)
        return {fold: self._score(folds[fold]) for fold in sorted(folds)}

    def sites_of_fold(self, fold: int) -> tuple[str, ...]:
        """Names of the sites that a fold held out."""
        return tuple(sorted({scene.site for scene in self.scenes if scene.fold == fold}))

    def binary(self, stable: str) -> BinaryScores:
        """Scores of "changed", any class but one, against that one, over all pixels.

        Args:
            stable: machine name of the class that means "no change".

        Raises:
            ConfigError: when the legend has no such class, or no other.
        """
        return binary_score(self.pooled.matrix, _others(self.legend, stable))

    def binary_by_site(self, stable: str) -> dict[str, BinaryScores]:
        """Scores of "changed" at each site, see `binary`."""
        others = _others(self.legend, stable)
        return {site: binary_score(scores.matrix, others) for site, scores in self.by_site().items()}

    def binary_interval(self, stable: str) -> Interval | None:
        """95 % interval of the F1 of "changed", from resampling sites."""
        others = _others(self.legend, stable)
        return bootstrap_interval(self._site_matrices(), lambda matrix: binary_score(matrix, others).f1, _SEED)

    def whole_mask(self, stable: str) -> BinaryScores | None:
        """Scores of "changed" where changes that nobody can name count too; none without change masks.

        Args:
            stable: machine name of the class that means "no change".

        Raises:
            ConfigError: when the legend has no such class, or no other.
        """
        others = np.isin(np.arange(len(self.legend)), _others(self.legend, stable))
        counts = np.sum([scene.change for scene in self.scenes], axis=0)
        return binary_score([[row[~others].sum(), row[others].sum()] for row in counts], [1]) if counts.any() else None

    def intervals(self, statistics: Iterable[Callable[[Scores], float | None]]) -> list[Interval | None]:
        """95 % intervals of several pooled scores, from the same draws of sites."""
        matrices = self._site_matrices()
        known: dict[bytes, Scores] = {}

        def judged(matrix: NDArray[np.int64]) -> Scores:
            # The seed makes every statistic meet the same matrices, and scoring them is what takes the time.
            key = matrix.tobytes()
            if key not in known:
                known[key] = self._judged(matrix)
            return known[key]

        def of_matrix(statistic: Callable[[Scores], float | None]) -> Callable[[NDArray[np.int64]], float | None]:
            return lambda matrix: statistic(judged(matrix))

        return [bootstrap_interval(matrices, of_matrix(statistic), _SEED) for statistic in statistics]

    def to_json(self) -> dict[str, Any]:
        """Scores as a JSON object, undefined ones as null."""
        pooled, share, boundaries = self.pooled, self.scoring.min_share, self.boundary_iou
        accuracy, macro, frequent, *classes = self.intervals(
            [
                lambda scores: scores.overall_accuracy,
                lambda scores: scores.macro_iou,
                lambda scores: macro_iou(scores, min_share=share),
                *(lambda scores, index=index: scores.iou[index] for index in range(len(self.legend))),
            ]
        )
        return {
            "pixels": sum(pooled.support),
            "sites": len(self.by_site()),
            "scenes": len(self.scenes),
            "overall_accuracy": pooled.overall_accuracy,
            "overall_accuracy_interval95": _limits(accuracy),
            "macro_iou": pooled.macro_iou,
            "macro_iou_interval95": _limits(macro),
            "macro_iou_frequent": self.frequent_macro_iou,
            "macro_iou_frequent_interval95": _limits(frequent),
            "min_share": share,
            "macro_f1": pooled.macro_f1,
            "macro_boundary_iou": self.macro_boundary_iou,
            "boundary_px": self.scoring.boundary_px,
            "overall_accuracy_where_teacher_is_sure": self.sure.overall_accuracy,
            "ece": self.reliability.ece,
            **(self.scaling.to_json() if self.scaling else {}),
            "classes": [self._class_row(index, limits, boundaries[index]) for index, limits in enumerate(classes)],
            "by_site": {site: brief(scores) for site, scores in self.by_site().items()},
            "by_level": {level: brief(scores) for level, scores in self.by_level().items()},
            "by_fold": {str(fold): brief(scores) for fold, scores in self.by_fold().items()},
            "confusion_matrix": pooled.matrix,
            "reliability": asdict(self.reliability),
        }

    def _class_row(self, index: int, interval: Interval | None, boundary: float | None) -> dict[str, Any]:
        pooled = self.pooled
        return {
            "code": self.legend.codes[index],
            "name": self.legend.names[index],
            "iou": pooled.iou[index],
            "iou_interval95": _limits(interval),
            "f1": pooled.f1[index],
            "users_accuracy": pooled.users_accuracy[index],
            "producers_accuracy": pooled.producers_accuracy[index],
            "boundary_iou": boundary,
            "pixels": pooled.support[index],
            "frequent": self.frequent(index),
        }

    def _grouped(self, key: Callable[[SceneScore], str]) -> dict[str, list[SceneScore]]:
        groups: dict[str, list[SceneScore]] = defaultdict(list)
        for scene in self.scenes:
            groups[key(scene)].append(scene)
        return dict(sorted(groups.items()))

    def _site_matrices(self) -> NDArray[np.int64]:
        groups = self._grouped(lambda scene: scene.site).values()
        return np.asarray([sum(scene.matrix for scene in scenes) for scenes in groups])

    def _score(self, scenes: Iterable[SceneScore]) -> Scores:
        return self._judged(np.sum([scene.matrix for scene in scenes], axis=0))

    def _judged(self, matrix: NDArray[np.int64]) -> Scores:
        return labelled_only(score(matrix, self.legend.names))


def evaluate_scenes(
    predict: Predictor,
    scenes: Iterable[Scene],
    legend: Legend,
    *,
    tile: int,
    overlap: int,
    scoring: Scoring | None = None,
    examples: ExampleBook | None = None,
) -> Evaluation:
    """Predict scenes as the service would, one at a time, and compare with their labels.

    Memory holds one row of windows and two class maps of a scene, whatever the number of scenes.

    Args:
        predict: the network.
        scenes: labelled scenes.
        legend: the classes.
        tile: window side in pixels.
        overlap: pixels shared by neighbouring windows.
        scoring: how to count; none for the defaults.
        examples: collects the windows that went worst.

    Raises:
        NothingToScore: There is no scene, or no pixel has a label.
        ModelOutputInvalid: The predictor's classes are not those of the legend, or not probabilities.
        UnmappedCodes: A label is no class of the legend.
    """
    scoring = scoring or Scoring()
    run = _Run(predict, legend, (tile, overlap), scoring, examples)
    found = tuple(run.score_scene(number, scene) for number, scene in enumerate(scenes))
    if not found:
        raise NothingToScore("there is no scene to score; look at `split` in the configuration")
    pixels, reliability = run.sample.pixels(), run.calibration.result()
    if scoring.temperature is None:
        scaling = scale_by_sites(pixels, [scene.site for scene in found], before=reliability)
    else:
        scaling = unscale(pixels, scoring.temperature, after=reliability)
    return Evaluation(legend, found, reliability, scoring, scaling, pixels)


@dataclass(slots=True)
class _Run:
    """What grows while scenes pass."""

    predict: Predictor
    legend: Legend
    sizes: tuple[int, int]
    scoring: Scoring
    examples: ExampleBook | None
    calibration: Calibration = field(default_factory=Calibration)
    sample: PixelSample = field(default_factory=lambda: PixelSample(SAMPLE_PIXELS, _SEED))

    def score_scene(self, number: int, scene: Scene) -> SceneScore:
        """Predict one scene and count it."""
        info, classes = scene.info, len(self.legend)
        truth_HW = np.full((info.height, info.width), CLASS_NODATA, dtype=np.uint8)
        predicted_HW = truth_HW.copy()
        sure = ConfusionMatrix(self.legend)
        change = np.zeros((2, classes), dtype=np.int64)
        for strip in self._strips(scene):
            index_HW, confidence_HW = winners(strip.probabilities_KHW)
            label_HW = labels(strip.sample)
            self.calibration.update(confidence_HW, label_HW, index_HW)
            self.sample.update(strip.probabilities_KHW, label_HW, owner=number)
            if "teacher" in strip.sample:
                sure_HW = np.any([class_HW >= SURE for class_HW in strip.sample["teacher"].numpy()], axis=0)
                sure.update(np.where(sure_HW, label_HW, np.uint8(CLASS_NODATA)), index_HW)
            if "changed" in strip.sample:
                change += count_change(strip.sample["changed"].numpy(), index_HW, classes)
            truth_HW[strip.rows], predicted_HW[strip.rows] = label_HW, index_HW
        whole = ConfusionMatrix(self.legend)
        whole.update(truth_HW, predicted_HW)
        if self.examples is not None:
            self.examples.offer(scene, truth_HW, predicted_HW)
        boundary = boundary_counts(truth_HW, predicted_HW, classes, self.scoring.boundary_px)
        return SceneScore(info.site, info.name, info.level, whole.matrix, sure.matrix, boundary, change)

    def _strips(self, scene: Scene) -> Iterator[Strip]:
        tile, overlap = self.sizes
        for strip in predict_strips(self.predict, scene, scene_plan(scene, tile=tile, overlap=overlap)):
            found = len(strip.probabilities_KHW)
            if found != len(self.legend):
                raise ModelOutputInvalid(
                    f"the model answers {found} classes, the labels have the {len(self.legend)} of legend "
                    f"{self.legend.id!r}; evaluate it with the data it was made for"
                )
            yield strip


def winners(probabilities_KHW: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Most probable class of every pixel; a tie goes to the class that comes first.

    Args:
        probabilities_KHW: class probabilities.

    Returns:
        uint8 class indices and their float32 probabilities, both (row, col).
    """
    # Class by class: several times faster than argmax over the slow axis.
    best_HW = probabilities_KHW[0].copy()
    index_HW = np.zeros(best_HW.shape, dtype=np.uint8)
    for index, candidate_HW in enumerate(probabilities_KHW[1:], start=1):
        np.copyto(index_HW, np.uint8(index), where=candidate_HW > best_HW)
        np.maximum(best_HW, candidate_HW, out=best_HW)
    return index_HW, best_HW


def count_change(changed_HW: NDArray[np.uint8], index_HW: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """Pixels of each predicted class where a person saw no change, and where one did.

    Args:
        changed_HW: 1 for changed, 0 for not, anything else for unknown.
        index_HW: predicted class indices.
        classes: how many there are.

    Returns:
        Counts (2, K).
    """
    return np.stack([np.bincount(index_HW[changed_HW == seen], minlength=classes) for seen in (0, 1)])


def brief(scores: Scores) -> dict[str, Any]:
    """The figures of one line of a table."""
    return {
        "overall_accuracy": scores.overall_accuracy,
        "macro_iou": scores.macro_iou,
        "pixels": sum(scores.support),
    }


def _others(legend: Legend, stable: str) -> list[int]:
    if stable not in legend.names:
        raise UnknownLegend(f"legend {legend.id!r} has no class {stable!r}; its classes are {', '.join(legend.names)}")
    return [index for index, name in enumerate(legend.names) if name != stable]


def _limits(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
