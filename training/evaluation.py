"""Score a network on whole sites: pooled, per class, per site and per processing level, with intervals.

The interval is a bootstrap over sites: pixels of one site are no independent witnesses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray

from landcover.legends import CLASS_NODATA, Legend
from landcover.metrics import Calibration, ConfusionMatrix, Interval, Reliability, Scores, bootstrap_interval, score
from landcover.tiling import MARGIN, TilePlan
from training.datasets import SiteDataset
from training.inference import Predictor, predict_scene

SURE: Final = 0.5
"""The side figure counts only pixels whose teacher gave its class at least this probability."""

_SEED: Final = 20260101


@dataclass(frozen=True, slots=True)
class SceneScore:
    """One scene against its labels.

    Attributes:
        site: place.
        scene: scene name.
        level: processing level stated by the image, or "unknown".
        matrix: pixel counts, rows = label, columns = map.
        sure_matrix: the same over pixels whose teacher was sure.
    """

    site: str
    scene: str
    level: str
    matrix: NDArray[np.int64]
    sure_matrix: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything a card says about accuracy.

    Attributes:
        legend: the classes.
        scenes: one entry per scene.
        reliability: over all pixels.
    """

    legend: Legend
    scenes: tuple[SceneScore, ...]
    reliability: Reliability

    @property
    def pooled(self) -> Scores:
        """All pixels of all scenes together."""
        return self._score(self.scenes)

    @property
    def sure(self) -> Scores:
        """Pixels whose teacher was sure."""
        return score(np.sum([scene.sure_matrix for scene in self.scenes], axis=0), self.legend.names)

    def by_site(self) -> dict[str, Scores]:
        """Scores of each site, all its dates together."""
        return {site: self._score(scenes) for site, scenes in self._grouped(lambda scene: scene.site).items()}

    def by_level(self) -> dict[str, Scores]:
        """Scores of each processing level."""
        return {level: self._score(scenes) for level, scenes in self._grouped(lambda scene: scene.level).items()}

    def interval(self, statistic: Callable[[Scores], float | None]) -> Interval | None:
        """95 % interval of a pooled score, from resampling sites."""
        matrices = [
            sum(scene.matrix for scene in scenes) for scenes in self._grouped(lambda scene: scene.site).values()
        ]
        return bootstrap_interval(
            np.asarray(matrices), lambda matrix: statistic(score(matrix, self.legend.names)), _SEED
        )

    def to_json(self) -> dict[str, Any]:
        """Scores as a JSON object, undefined ones as null."""
        return {
            "pixels": sum(self.pooled.support),
            "sites": len(self.by_site()),
            "scenes": len(self.scenes),
            "overall_accuracy": self.pooled.overall_accuracy,
            "overall_accuracy_interval95": _limits(self.interval(lambda scores: scores.overall_accuracy)),
            "macro_iou": self.pooled.macro_iou,
            "macro_iou_interval95": _limits(self.interval(lambda scores: scores.macro_iou)),
            "macro_f1": self.pooled.macro_f1,
            "overall_accuracy_where_teacher_is_sure": self.sure.overall_accuracy,
            "ece": self.reliability.ece,
            "classes": [self._class_row(index) for index in range(len(self.legend))],
            "by_site": {site: _brief(scores) for site, scores in self.by_site().items()},
            "by_level": {level: _brief(scores) for level, scores in self.by_level().items()},
            "confusion_matrix": self.pooled.matrix,
            "reliability": asdict(self.reliability),
        }

    def _class_row(self, index: int) -> dict[str, Any]:
        pooled = self.pooled
        return {
            "code": self.legend.codes[index],
            "name": self.legend.names[index],
            "iou": pooled.iou[index],
            "iou_interval95": _limits(self.interval(lambda scores: scores.iou[index])),
            "f1": pooled.f1[index],
            "users_accuracy": pooled.users_accuracy[index],
            "producers_accuracy": pooled.producers_accuracy[index],
            "pixels": pooled.support[index],
        }

    def _grouped(self, key: Callable[[SceneScore], str]) -> dict[str, list[SceneScore]]:
        groups: dict[str, list[SceneScore]] = defaultdict(list)
        for scene in self.scenes:
            groups[key(scene)].append(scene)
        return dict(sorted(groups.items()))

    def _score(self, scenes: Iterable[SceneScore]) -> Scores:
        return score(np.sum([scene.matrix for scene in scenes], axis=0), self.legend.names)


def evaluate_sites(
    predict: Predictor, sites: Iterable[SiteDataset], legend: Legend, *, tile: int, overlap: int
) -> Evaluation:
    """Predict every scene of some sites as the service would, and compare with the labels.

    Args:
        predict: the network.
        sites: opened sites.
        legend: the classes.
        tile: window side in pixels.
        overlap: pixels shared by neighbouring windows.
    """
    calibration = Calibration()
    scenes = tuple(_scene_scores(predict, sites, legend, calibration, (tile, overlap)))
    return Evaluation(legend, scenes, calibration.result())


def _scene_scores(
    predict: Predictor, sites: Iterable[SiteDataset], legend: Legend, calibration: Calibration, sizes: tuple[int, int]
) -> Iterator[SceneScore]:
    for site in sites:
        # Scene names of a site differ in their date only, so both orders are the order of time.
        times = sorted(site.geo.index.index, key=lambda when: when.left)
        for name, path, when in zip(site.site.scenes, site.site.files("images"), times, strict=True):
            sample = site.scene(when)
            dn_BHW = sample["image"].numpy().astype(np.float32)
            height, width = dn_BHW.shape[1:]
            plan = TilePlan(height, width, *sizes, margin=MARGIN)
            probabilities_KHW = predict_scene(predict, dn_BHW, plan, classes=len(legend))
            truth_HW = sample["mask"].numpy()
            calibration.update_probabilities(probabilities_KHW, truth_HW)
            sure_HW = np.where(sample["teacher"].numpy().max(axis=0) >= SURE, truth_HW, CLASS_NODATA)
            predicted_HW = probabilities_KHW.argmax(axis=0)
            yield SceneScore(
                site=site.site.name,
                scene=name,
                level=_level(path),
                matrix=_matrix(legend, truth_HW, predicted_HW),
                sure_matrix=_matrix(legend, sure_HW, predicted_HW),
            )


def _matrix(legend: Legend, truth_HW: NDArray[Any], predicted_HW: NDArray[Any]) -> NDArray[np.int64]:
    matrix = ConfusionMatrix(legend)
    matrix.update(truth_HW, predicted_HW)
    return matrix.matrix


def _level(path: Path) -> str:
    with rasterio.open(path) as image:
        return str(image.tags().get("processing_level", "unknown"))


def _limits(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _brief(scores: Scores) -> dict[str, Any]:
    return {
        "overall_accuracy": scores.overall_accuracy,
        "macro_iou": scores.macro_iou,
        "pixels": sum(scores.support),
    }
