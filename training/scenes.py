"""A scene: one labelled image on one pixel grid, read window by window. Every data source hands out scenes.

What comes after a source (splits, patches, checks, statistics, evaluation, publishing) knows scenes only, so a new kind
of data is one new source and nothing else.

Axes: B band, K class, H row, W column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from landcover.errors import WindowError
from landcover.grid import Grid, Window
from landcover.legends import CLASS_NODATA, Legend, get_legend
from landcover.overview import overview_lines
from landcover.sensors import Product, get_product

IGNORE: Final = CLASS_NODATA
"""Label value that no loss and no metric counts."""

STABLE: Final = "stable"
"""Name of the class that means "no change", in a legend that has one."""

STRIP: Final = 1024
"""Rows read at a time when a whole scene is looked through."""

type Sample = dict[str, Tensor]
"""Rasters of one window, by name.

- ``image``: BHW, digital numbers of the source's product (int32, or float32 where the file holds fractions); 0 in all
  bands is nodata.
- ``mask``: HW uint8 or int64, class indices 0..K-1 of the source's legend, `IGNORE` where there is no label.
- ``teacher``: KHW float16 or float32, probabilities of another model that sum to 1, all 0 where it says nothing. May be
  missing, but then in every scene of a source.
- ``weight``: HW float32, weight of each label, 0..1. May be missing, but then in every scene of a source.
- ``changed``: HW uint8, of two dates: 1 where a person saw a change that is none of the stable ones, also where nobody
  can name it and ``mask`` is `IGNORE`; 0 where not, `IGNORE` where nobody looked. May be missing, but then in every
  scene of a source.

A patch for training has one more, which is not cut from the window: ``overview``, see `Scene.overview`.
"""


@dataclass(frozen=True, slots=True)
class SceneInfo:
    """What is known of a scene without reading its pixels.

    Attributes:
        name: Unique in its source; what reports and errors print.
        site: The place, or whatever else must not be torn apart by a split.
        height: Rows.
        width: Columns.
        grid: Where the pixels lie, or none for an image without georeference.
        level: Processing level of the image, or "unknown".
        split: ``train``, ``val`` or ``test`` where the data set itself says so.
        files: Files that the scene is read from; their contents are hashed into a model's provenance.
        offset: Row and column of the first pixel in the files, for a scene that is a part of a larger image.
        training_only: Never validated or tested on: it shows the same land as another scene, in another way.
        dates: Dates stacked in the image.
    """

    name: str
    site: str
    height: int
    width: int
    grid: Grid | None = None
    level: str = "unknown"
    split: str | None = None
    files: tuple[Path, ...] = ()
    offset: tuple[int, int] = (0, 0)
    training_only: bool = False
    dates: int = 1

    @property
    def extent(self) -> Window:
        """The whole scene as a window."""
        return Window(0, 0, self.height, self.width)


class Scene(ABC):
    """One labelled image.

    Attributes:
        info: What is known without reading pixels.
    """

    info: SceneInfo

    @abstractmethod
    def read(self, window: Window) -> Sample:
        """Rasters of a window that lies inside the scene.

        Args:
            window: Rows and columns, inside ``info.extent``.

        Returns:
            A sample; tensors may share memory with the scene and must not be changed in place.

        Raises:
            DataError: The pixels cannot be read or are not what the source says they are.
        """

    def overview(self) -> Tensor:
        """Digital numbers of the pixels that stand for the scene, B x `SIDE` x `SIDE`: `landcover.overview`."""
        cols = torch.from_numpy(overview_lines(self.info.width))
        rows = overview_lines(self.info.height).tolist()
        lines = [self.read(Window(row, 0, 1, self.info.width))["image"][:, 0, cols] for row in rows]
        return torch.stack(lines, dim=1)

    def load(self) -> None:  # noqa: B027 (nothing to do where every read goes to a file)
        """Read now what later reads share, so that loader processes started later need no copy of it."""


class MemoryScene(Scene):
    """A scene whose rasters are in memory.

    Args:
        info: What the scene is.
        sample: Its rasters, whole.
    """

    def __init__(self, info: SceneInfo, sample: Sample) -> None:
        self.info = info
        self._sample = sample

    def read(self, window: Window) -> Sample:
        """Views of the rasters."""
        return {name: raster[..., window.rows, window.cols] for name, raster in self._sample.items()}


class PartScene(Scene):
    """A rectangle of another scene, as a scene of its own.

    Args:
        whole: The scene.
        window: The rectangle.
        site: Name of the part's site.
    """

    def __init__(self, whole: Scene, window: Window, *, site: str) -> None:
        if window.row_stop > whole.info.height or window.col_stop > whole.info.width:
            raise WindowError(f"{window} reaches beyond {whole.info.name}, {whole.info.height} x {whole.info.width}")
        self._whole = whole
        self._window = window
        row, col = whole.info.offset
        self.info = replace(
            whole.info,
            name=f"{whole.info.name}[{window.row}:{window.row_stop},{window.col}:{window.col_stop}]",
            site=site,
            height=window.height,
            width=window.width,
            grid=whole.info.grid.crop(window) if whole.info.grid else None,
            offset=(row + window.row, col + window.col),
        )

    def read(self, window: Window) -> Sample:
        """Read from the whole scene."""
        place = Window(self._window.row + window.row, self._window.col + window.col, window.height, window.width)
        return self._whole.read(place)

    def overview(self) -> Tensor:
        """That of the whole scene, which is what the service looks at."""
        return self._whole.overview()

    def load(self) -> None:
        """Load the whole scene."""
        self._whole.load()


def strips(scene: Scene) -> Iterator[Window]:
    """Windows over the whole scene, some rows at a time, so that labels of large scenes are never held at once.

    Args:
        scene: The scene.
    """
    for row in range(0, scene.info.height, STRIP):
        yield Window(row, 0, min(STRIP, scene.info.height - row), scene.info.width)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What all scenes of a source have in common.

    Attributes:
        bands: Band names of one date, in the order of the image's bands.
        product_id: Product of `landcover.sensors` whose digital numbers the images hold.
        legend_id: Legend of the class indices.
        dates: Dates stacked in an image, oldest first: 1, or 2 for change. An image has ``dates * len(bands)`` bands.
        provenance: What a model card and a manifest say of the labels: source legend, crosswalk identity and so on.
    """

    bands: tuple[str, ...]
    product_id: str
    legend_id: str
    dates: int = 1
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def product(self) -> Product:
        """The product."""
        return get_product(self.product_id)

    @property
    def legend(self) -> Legend:
        """The legend of the class indices."""
        return get_legend(self.legend_id)

    @property
    def stable(self) -> str | None:
        """The class that means "no change", for pairs of dates."""
        return STABLE if self.dates > 1 and STABLE in self.legend.names else None


class Source(ABC):
    """Where scenes come from: a kind of data set, with its options as arguments of the constructor.

    A subclass is named in a config by ``class_path`` and built by jsonargparse, so its arguments are plain values with
    annotations. The constructor looks at nothing but its arguments; files are looked at by `scenes`.
    """

    @abstractmethod
    def facts(self) -> SourceFacts:
        """What all scenes have in common."""

    @abstractmethod
    def scenes(self) -> Sequence[Scene]:
        """All scenes, in the order of their names.

        Raises:
            ConfigError: Nothing is found where the options point to, or files do not belong together.
        """
