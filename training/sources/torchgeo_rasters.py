"""Images and a label raster of two TorchGeo data sets, intersected: Sentinel-2 or Landsat with a land-cover map.

Every image file is a scene of its own on its own pixel grid. Labels are brought onto that grid by TorchGeo, nearest
neighbour; a map in another CRS passes through an intermediate grid and may end up to a pixel beside its place.

Axes: B band, H row, W column.
"""

from __future__ import annotations

import copy
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import torch
from affine import Affine
from pyproj import CRS
from rasterio.errors import RasterioError
from torchgeo.datasets import IntersectionDataset

from landcover.errors import ConfigError, RasterUnreadable
from landcover.grid import Grid, Window
from training.scenes import Sample, Scene, SceneInfo, Source, SourceFacts
from training.sources.own_errors import NoTrainingScenes
from training.sources.torchgeo_classes import TorchGeoChoice
from training.sources.torchgeo_samples import ImageChoice, LabelChoice, convert, source_facts

TOLERANCE: Final = 1e-6
"""Part of a pixel by which an edge may miss the pixel grid and still lie on it."""


class RasterScene(Scene):
    """One image where there are labels, read window by window from the files.

    Args:
        info: What the scene is; its grid is a part of the image's own.
        pair: Images and labels.
        when: Time span of the pixels, or none to take labels of any time.
        image: What the image holds.
        labels: What the labels mean.
    """

    def __init__(
        self, info: SceneInfo, pair: IntersectionDataset, when: slice | None, *, image: ImageChoice, labels: LabelChoice
    ) -> None:
        self.info = info
        self._pair = pair
        self._when = when
        self._image = image
        self._labels = labels

    def read(self, window: Window) -> Sample:
        """A window through TorchGeo.

        Raises:
            RasterUnreadable: A file cannot be read.
            DataError: Of the kind that `convert` raises.
        """
        place = _slices(self.info.grid, window) if self.info.grid else ()
        try:
            raw = self._pair[(*place, self._when) if self._when else place]
        except RasterioError as error:
            raise RasterUnreadable(f"{self.info.name}: {' '.join(str(error).split())}") from error
        sample = convert(raw, self._image, self._labels, name=self.info.name)
        return {**sample, "image": sample["image"].to(torch.int32)}


class TorchGeoRasters(Source):
    """Two raster data sets of TorchGeo, one of images and one of labels, where they overlap.

    Args:
        images: Class and folder of the images.
        label_maps: Class and folder of the labels.
        image: What the images hold.
        labels: What the labels mean.
        site: Regular expression found in an image's file name; its group ``site`` is the place of the scene.
        same_time: Whether an image only gets labels of its own time, as both classes read it from file names. Switch it
            off for a map that stands for more than the day it is dated.

    Raises:
        ConfigError: A class or one of its options does not exist, or the pattern has no group ``site``.
    """

    def __init__(
        self,
        images: TorchGeoChoice,
        label_maps: TorchGeoChoice,
        image: ImageChoice,
        labels: LabelChoice,
        *,
        site: str,
        same_time: bool = True,
    ) -> None:
        self._images = images
        self._label_maps = label_maps
        self._image = image
        self._labels = labels
        self._same_time = same_time
        self._site = _site_pattern(site)
        for choice in (images, label_maps):
            choice.check()

    def facts(self) -> SourceFacts:
        """Bands, product, legend and where the labels come from."""
        maps = self._label_maps.path
        return source_facts(self._image, self._labels, {**self._images.provenance(), "label_maps": maps})

    def scenes(self) -> Sequence[Scene]:
        """One scene per image that has labels, in the order of their names.

        Raises:
            NoTrainingScenes: A folder does not hold its data set, or no image meets a label.
            ConfigError: A class refuses an option.
        """
        maps = self._label_maps.open()
        files = sorted(set(self._images.open().index["filepath"]))
        scenes = list(self._overlapping(files, maps))
        if not scenes:
            raise NoTrainingScenes(
                f"no image of {self._images.root} meets a label of {self._label_maps.root}; do they cover the same "
                f"place{' and time' if self._same_time else ''}?"
            )
        return sorted(scenes, key=lambda scene: scene.info.name)

    def _overlapping(self, files: list[str], maps: Any) -> Iterator[Scene]:
        for file in files:
            # One data set per image: its own CRS stays, and no neighbour is mixed in where images overlap.
            image = self._images.open(files=[file])
            pair = self._pair(image, maps)
            grid = None if pair is None else _common(_grid(image), pair.index.total_bounds)
            if pair is not None and grid is not None:
                when = pair.bounds[2] if self._same_time else None
                yield RasterScene(self._info(file, pair, grid), pair, when, image=self._image, labels=self._labels)

    def _pair(self, image: Any, maps: Any) -> IntersectionDataset | None:
        own = copy.copy(maps)  # the intersection brings the labels' index into the CRS of the image
        own.index = maps.index.copy()
        try:
            with redirect_stdout(io.StringIO()):  # it also prints that it does so
                return IntersectionDataset(image, own, spatial_only=not self._same_time)
        except RuntimeError:  # nothing in common
            return None

    def _info(self, file: str, pair: IntersectionDataset, grid: Grid) -> SceneInfo:
        name = Path(file).stem
        place = self._site.search(name)
        if place is None:
            raise ConfigError(f"site: {name!r} does not fit the pattern {self._site.pattern!r}")
        west, south, east, north = pair.index.total_bounds
        maps = pair.datasets[1].index.cx[west:east, south:north]["filepath"]
        return SceneInfo(
            name=name,
            site=place["site"],
            height=grid.height,
            width=grid.width,
            grid=grid,
            level=self._image.product_facts.level,
            files=(Path(file), *(Path(path) for path in sorted(set(maps)))),
            dates=self._image.dates,
        )


def _site_pattern(site: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(site)
    except re.error as error:
        raise ConfigError(f"site: {site!r} is no regular expression: {error}") from error
    if "site" not in pattern.groupindex:
        raise ConfigError(f"site: {site!r} has no group named site, as in (?P<site>T\\d\\d[A-Z]+)")
    return pattern


def _grid(image: Any) -> Grid:
    x, y, _ = image.bounds
    height, width = round((y.stop - y.start) / y.step), round((x.stop - x.start) / x.step)
    return Grid(CRS.from_user_input(image.crs), Affine(x.step, 0, x.start, 0, -y.step, y.stop), height, width)


def _common(grid: Grid, bounds: Sequence[float]) -> Grid | None:
    """The part of a grid that lies within bounds, whole pixels only; none where that is not one."""
    west, south, east, north = bounds
    (left, top), (right, bottom) = ~grid.transform @ (west, north), ~grid.transform @ (east, south)
    col, row = (max(0, math.ceil(edge - TOLERANCE)) for edge in (left, top))
    col_stop = min(grid.width, math.floor(right + TOLERANCE))
    row_stop = min(grid.height, math.floor(bottom + TOLERANCE))
    if col >= col_stop or row >= row_stop:
        return None
    return grid.crop(Window(row, col, row_stop - row, col_stop - col))


def _slices(grid: Grid, window: Window) -> tuple[slice, slice]:
    part = grid.crop(window)
    west, north = part.transform @ (0, 0)
    east, south = part.transform @ (part.width, part.height)
    width, height = part.pixel_size
    return slice(west, east, width), slice(south, north, height)
