"""Statistics of bands and labels, exact and in one pass over the pixels.

Axes: B band, K class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import DataError
from landcover.legends import Legend
from training.check.survey import Progress, Survey, survey
from training.check.tally import BandTally
from training.datamodule import SceneData
from training.scenes import Scene, SceneInfo, SourceFacts

type Floats = NDArray[np.float64]

_SHARES: Final = (0.01, 0.5, 0.99)


class UncheckedData(DataError):
    """Scenes cannot be counted because they cannot be read, or hold labels that mean nothing."""

    slug = "unchecked-data"


@dataclass(frozen=True, slots=True)
class BandFigures:
    """One band over the pixels with data of the training scenes.

    Attributes:
        name: Its name.
        mean: Mean digital number.
        std: Standard deviation of the digital numbers.
        p01: First percentile.
        p50: Median.
        p99: 99th percentile.
        root_mean: Mean of the square root of reflectance, every site weighing by the root of its pixels.
        root_std: Standard deviation of that.
    """

    name: str
    mean: float
    std: float
    p01: float
    p50: float
    p99: float
    root_mean: float
    root_std: float


@dataclass(frozen=True, slots=True)
class SplitFigures:
    """Labels of one split.

    Attributes:
        name: ``train``, ``val`` or ``test``.
        scenes: Scenes, or parts of scenes.
        sites: Places.
        pixels: All pixels.
        labelled: Labelled pixels of each class.
        in_scenes: Scenes in which a class occurs.
        in_sites: Sites in which a class occurs.
    """

    name: str
    scenes: int
    sites: int
    pixels: int
    labelled: tuple[int, ...]
    in_scenes: tuple[int, ...]
    in_sites: tuple[int, ...]

    def percent(self, index: int) -> float:
        """Share of a class in the labelled pixels."""
        return 100 * self.labelled[index] / max(sum(self.labelled), 1)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Bands and labels of a data module.

    Attributes:
        bands: Of the training scenes, in the order of the model; of a pair of dates, both dates together.
        splits: Of every split that has scenes.
        legend: Legend of the labels.
    """

    bands: tuple[BandFigures, ...]
    splits: tuple[SplitFigures, ...]
    legend: Legend

    def to_json(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "legend": self.legend.id,
            "classes": list(self.legend.names),
            "bands": [asdict(band) for band in self.bands],
            "splits": [asdict(split) for split in self.splits],
        }


@dataclass(slots=True)
class _Bands:
    """Numbers of all training pixels, and the moments of each site with the root of its area."""

    everything: BandTally
    weights: list[float]
    moments: list[Floats]

    def add_site(self, site: BandTally, info: SceneInfo) -> None:
        if site.pixels:
            self.everything.merge(site)
            self.weights.append((info.height * info.width) ** 0.5)
            self.moments.append(site.moments())

    def figures(self, names: Sequence[str]) -> tuple[BandFigures, ...]:
        mean_B, square_B, _, _ = self.everything.moments()
        columns = (
            mean_B,
            _deviation(mean_B, square_B),
            *self.everything.percentiles(_SHARES),
            *self._roots(len(names)),
        )
        return tuple(BandFigures(name, *(float(column[at]) for column in columns)) for at, name in enumerate(names))

    def _roots(self, bands: int) -> tuple[Floats, Floats]:
        if not self.moments:
            return np.full(bands, np.nan), np.full(bands, np.nan)
        _, _, root_B, reflectance_B = np.average(self.moments, axis=0, weights=self.weights)
        return root_B, _deviation(root_B, reflectance_B)  # reflectance is the square of its root


def _deviation(mean_B: Floats, square_B: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(square_B - mean_B**2, 0)))


def collect(data: SceneData, *, progress: Progress | None = None) -> Statistics:
    """Read every scene of every split once.

    In the figures of the root of reflectance every site weighs by the square root of its area, as in sampling; the
    dates of a site share its weight. Pixels without image are left out.

    Args:
        data: The data module; its split is used, its loaders are not.
        progress: Told of the pixels that were read.

    Raises:
        SplitError: There is nothing to train on.
        UncheckedData: A scene cannot be read, or holds labels that mean nothing.
    """
    facts = data.facts
    train, splits = data.scenes("train"), {name: scenes for name, scenes in data.all_scenes().items() if scenes}
    bands = _Bands(_tally(facts), [], [])
    surveys: dict[str, Survey] = {}
    for members in _by_site(train):
        site = _tally(facts)
        for scene in members:
            surveys[scene.info.name], tally = _read(scene, facts, progress)
            site.merge(tally)
        bands.add_site(site, members[0].info)
    others = {scene.info.name: scene for scenes in splits.values() for scene in scenes}
    surveys |= {name: _read(scene, facts, progress)[0] for name, scene in others.items() if name not in surveys}
    figures = [split_figures(name, [surveys[scene.info.name] for scene in scenes]) for name, scenes in splits.items()]
    return Statistics(bands.figures(facts.bands), tuple(figures), facts.legend)


def split_figures(name: str, surveys: Sequence[Survey]) -> SplitFigures:
    """Labels of one split.

    Args:
        name: Its name.
        surveys: Of its scenes, at least one.
    """
    labels_SK = np.stack([found.labels_K for found in surveys])
    sites = np.array([found.scene.info.site for found in surveys])
    site_K = np.sum([labels_SK[sites == site].any(axis=0) for site in np.unique(sites)], axis=0)
    return SplitFigures(
        name=name,
        scenes=len(surveys),
        sites=len(np.unique(sites)),
        pixels=sum(found.pixels for found in surveys),
        labelled=tuple(labels_SK.sum(axis=0).tolist()),
        in_scenes=tuple((labels_SK > 0).sum(axis=0).tolist()),
        in_sites=tuple(site_K.tolist()),
    )


def _tally(facts: SourceFacts) -> BandTally:
    return BandTally(len(facts.bands), facts.product.radiometry)


def _by_site(scenes: Iterable[Scene]) -> list[list[Scene]]:
    by_site: dict[str, list[Scene]] = {}
    for scene in scenes:
        by_site.setdefault(scene.info.site, []).append(scene)
    return list(by_site.values())


def _read(scene: Scene, facts: SourceFacts, progress: Progress | None) -> tuple[Survey, BandTally]:
    found, tally = survey(scene, facts, progress=progress)
    reasons = [*found.failures, *(f"labels hold {code}" for code in (*found.stray_codes, *found.strays))]
    if reasons:
        raise UncheckedData(f"{scene.info.name}: {reasons[0]}; `steppe train check` lists everything")
    return found, tally
