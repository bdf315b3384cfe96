"""A user's own images with their own labels: rasters, polygons or points, from a folder or a table.

```yaml
source:
  class_path: training.sources.own.OwnImages
  init_args:
    bands: [B02, B03, B04, B08]
    product: sentinel-2-l2a
    legend: unccd7
    files: {root: data, images: "images/*", labels: "labels/{name}"}
    rasters: {legend: worldcover}
```

See `training.sources.own_choices` for every option and docs/retrain.md for an example from nothing to a bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from landcover.errors import ConfigError, DataError
from landcover.grid import Grid
from landcover.legends import get_legend
from landcover.raster.band_files import find_band_files
from landcover.sensors import get_product
from training.scenes import Scene, SceneInfo, Source, SourceFacts
from training.sources.own_choices import FileChoice, RasterLabels, ReadingChoice, VectorLabels
from training.sources.own_errors import SceneProblem, UnusableScenes
from training.sources.own_files import VECTORS, SceneFiles, find_scenes, need
from training.sources.own_image import ImageFiles, image_files
from training.sources.own_labels import LabelRule, check_format
from training.sources.own_rasters import Companion, RasterHeader, open_companion
from training.sources.own_scene import (
    Labels,
    MaskRaster,
    MemoryBudget,
    OwnScene,
    RasterFile,
    SceneParts,
    WeightRaster,
)
from training.sources.own_vectors import open_vectors


class OwnImages(Source):
    """Own images and labels.

    Args:
        bands: Band names, in the model's order.
        product: Product id of `landcover.sensors` whose digital numbers the scenes are handed out in.
        legend: Legend of the model.
        files: Which files.
        rasters: What label rasters mean; by default they hold codes of the legend.
        vectors: What polygons and points mean; needed where labels are vector files.
        reading: What the numbers in the images mean, where the files do not say it, and how files are read.
    """

    def __init__(
        self,
        bands: list[str],
        product: str,
        *,
        legend: str = "unccd7",
        files: FileChoice | None = None,
        rasters: RasterLabels | None = None,
        vectors: VectorLabels | None = None,
        reading: ReadingChoice | None = None,
    ) -> None:
        self.product = get_product(product)
        self.bands = tuple(self.product.band(band).name for band in bands)
        self.legend = get_legend(legend)
        self.files = files or FileChoice()
        self.rasters = rasters or RasterLabels()
        self.vectors = vectors
        self.reading = reading or ReadingChoice()

    def facts(self) -> SourceFacts:
        """Bands, product and legend; the labels' origin for the model card."""
        return SourceFacts(self.bands, self.product.id, self.legend.id, provenance=self._provenance())

    def _provenance(self) -> dict[str, Any]:
        if self.vectors is not None:
            classes = dict(sorted(self.vectors.classes.items()))
            return {"labels": "polygons and points", "column": self.vectors.column, "classes": classes}
        crosswalk = self._rule().crosswalk
        return {"labels": "rasters", "source_legend": crosswalk.source_legend, "crosswalk": crosswalk.identity}

    def scenes(self) -> Sequence[Scene]:
        """All scenes; headers of images and labels are looked at, pixels are not.

        Raises:
            ConfigError: Options or the table cannot be used.
            NoTrainingScenes: There are none.
            UnusableScenes: Files cannot be opened or do not fit together; it carries the scenes that can be used.
        """
        found = find_scenes(self.files)
        weighted = self.reading.weight is not None or any(files.weight is not None for files in found)
        rule, budget = self._rule(), MemoryBudget(self.reading.memory_mb)
        scenes: list[Scene] = []
        problems: list[SceneProblem] = []
        for files in found:
            try:
                info, image = self._look(files)
                parts = self._parts(files, image, _grid_of(info), rule, weighted=weighted)
                scenes.append(OwnScene(info, parts, budget))
            except DataError as error:
                problems.append(SceneProblem(files.name, error, files.paths))
        if problems:
            raise UnusableScenes(problems, scenes)
        return tuple(scenes)

    def _rule(self) -> LabelRule:
        return LabelRule.of(self.rasters, self.legend.id, Path(self.files.root))

    def _look(self, files: SceneFiles) -> tuple[SceneInfo, ImageFiles]:
        need(files.image, "image")
        stated = files.product or self.reading.product
        image = image_files(files.image, bands=self.bands, facts=self.product, stated=stated, reading=self.reading)
        with image.open() as opened:
            grid, level = opened.grid, opened.level
        info = SceneInfo(
            name=files.name,
            site=files.site,
            height=grid.height,
            width=grid.width,
            grid=grid,
            level=level or "unknown",
            split=files.split,
            files=tuple(_files_of(files, image.bands)),
        )
        return info, image

    def _parts(
        self, files: SceneFiles, image: ImageFiles, grid: Grid, rule: LabelRule, *, weighted: bool
    ) -> SceneParts:
        labels, mask = self._labels(files, grid, rule), None
        if files.mask is not None:
            mask = MaskRaster(self._companion(files.mask, grid, "mask")[0], tuple(self.reading.mask_codes))
        return SceneParts(image, labels, mask, self._weight(files, grid) if weighted else None)

    def _labels(self, files: SceneFiles, grid: Grid, rule: LabelRule) -> Labels:
        path = need(files.labels, "labels")
        if path.suffix.lower() in VECTORS:
            if self.vectors is None:
                raise ConfigError(f"labels {path.name!r} are vectors; say under vectors which column holds the class")
            return open_vectors(path, grid, self.vectors, self.legend)
        companion, header = self._companion(path, grid, "labels")
        check_format(header, rule, companion)
        return RasterFile(companion, rule, header)

    def _weight(self, files: SceneFiles, grid: Grid) -> WeightRaster | float:
        if isinstance(files.weight, Path):
            companion, header = self._companion(files.weight, grid, "weights")
            return WeightRaster(companion, self.reading.weight_scale, header.nodata)
        default = 1.0 if self.reading.weight is None else self.reading.weight
        return default if files.weight is None else files.weight

    def _companion(self, path: Path, grid: Grid, what: str) -> tuple[Companion, RasterHeader]:
        need(path, what)
        reading = self.reading
        return open_companion(path, grid, what=what, resample=reading.resample, max_shift=reading.max_shift)


def _grid_of(info: SceneInfo) -> Grid:
    if info.grid is None:
        raise DataError(f"image {info.name!r} has no georeference")
    return info.grid


def _files_of(files: SceneFiles, bands: Iterable[str]) -> list[Path]:
    """Every file that the scene is read from."""
    image = [files.image]
    if files.image.is_dir():
        found = find_band_files(files.image)
        image = [path for band in bands for path in found.get(band, [])]
    return [*image, *(path for path in files.paths if path != files.image)]
