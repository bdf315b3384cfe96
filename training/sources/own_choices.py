"""What a config says of a user's own data: where files lie, what their numbers mean, what their labels mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from landcover.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FileChoice:
    """Which files make a scene: a folder with patterns, or a table.

    In patterns, ``{name}`` is the name of the image without its suffix, and a missing suffix matches any. A pattern
    without ``{name}`` is one file for all scenes, such as a GeoPackage of a whole country. A table (CSV) has the
    columns ``image``, ``labels`` and, where wanted, ``weight`` (a raster or a number 0..1), ``mask``, ``site``,
    ``date``, ``split``, ``product`` and ``name``; its paths are relative to the folder of the table.

    Attributes:
        root: Folder that patterns are relative to.
        images: Pattern of images: multi-band files, or folders with a file for each band.
        labels: Pattern of label rasters or vector files.
        weights: Pattern of rasters with the weight of each label.
        masks: Pattern of rasters with codes of clouds and the like.
        site: Regular expression for the name of an image, with a group ``site`` and perhaps ``date``; without it every
            image is its own site.
        table: CSV file instead of the patterns.
    """

    root: str = "."
    images: str = "images/*"
    labels: str = "labels/{name}"
    weights: str | None = None
    masks: str | None = None
    site: str | None = None
    table: str | None = None

    def __post_init__(self) -> None:
        """Refuse a ``site`` that is no regular expression with a group of that name.

        Raises:
            ConfigError: With the expression.
        """
        if self.site is None:
            return
        try:
            groups = re.compile(self.site).groupindex
        except re.error as error:
            raise ConfigError(f"files.site {self.site!r} is no regular expression: {error}") from error
        if "site" not in groups:
            raise ConfigError(f"files.site {self.site!r} has no group (?P<site>...); add one around the place's name")


@dataclass(frozen=True, slots=True)
class ReadingChoice:
    """What the numbers in the files mean, and how files are read.

    Attributes:
        product: Product of `landcover.sensors` whose digital numbers the images hold, where a table does not say it;
            none leaves it to the files, and then to the product of the source.
        bands: Names of an image's bands in file order, where the files do not name them.
        dtype: Sample type of the images, where it is not the product's, for example float32 for reflectance.
        scale: Reflectance of one digital number, where it is not the product's; needs ``offset``.
        offset: Reflectance of digital number 0.
        mask_codes: Codes of mask rasters whose pixels are no labels, for example 3, 8, 9, 10 of Sentinel-2's SCL.
        weight_scale: Weight per number in a weight raster: 0.01 where it holds percent.
        weight: Weight of every label where neither a raster nor a table says it.
        resample: Bring labels, weights and masks that lie on another grid to that of the image, nearest neighbour;
            without it they are refused.
        max_shift: How far labels may be shifted against the image, in pixels.
        memory_mb: Scenes that together need at most this much are kept in memory for training; others are read window
            by window.
    """

    product: str | None = None
    bands: list[str] | None = None
    dtype: str | None = None
    scale: float | None = None
    offset: float | None = None
    mask_codes: list[int] = field(default_factory=list)
    weight_scale: float = 1.0
    weight: float | None = None
    resample: bool = False
    max_shift: float = 0.05
    memory_mb: int = 2048

    def __post_init__(self) -> None:
        """Refuse half a radiometry.

        Raises:
            ConfigError: Naming the half.
        """
        if (self.scale is None) != (self.offset is None):
            raise ConfigError("reading.scale and reading.offset belong together; give both or neither")


@dataclass(frozen=True, slots=True)
class RasterLabels:
    """What the numbers in label rasters mean.

    Attributes:
        legend: Legend of the codes; none for that of the source.
        crosswalk: JSON file of a crosswalk to the legend of the source (see `landcover.crosswalk_files`), instead of
            ``legend``.
        nodata: Codes that mean "no label", besides the nodata value that a file declares.
        encoding: ``codes``: one band. ``rgb``: a picture, see ``colors``. ``one-hot``: one band of 0 and 1 for each
            class of the legend, in its order.
        colors: For ``rgb``: colour ``#RRGGBB`` to code of the legend.
    """

    legend: str | None = None
    crosswalk: str | None = None
    nodata: list[int] = field(default_factory=list)
    encoding: Literal["codes", "rgb", "one-hot"] = "codes"
    colors: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            ConfigError: Naming them.
        """
        if self.legend and self.crosswalk:
            raise ConfigError("rasters.legend and rasters.crosswalk exclude each other: a crosswalk names its legend")
        if bool(self.colors) != (self.encoding == "rgb"):
            raise ConfigError("rasters.colors belongs to encoding 'rgb': give both or neither")
        wrong = [color for color in self.colors if not re.fullmatch(r"#[0-9A-Fa-f]{6}", color)]
        if wrong:
            raise ConfigError(f"rasters.colors: {wrong[0]!r} is no colour; expected #RRGGBB")


@dataclass(frozen=True, slots=True)
class VectorLabels:
    """What the polygons and points of a vector file mean.

    Attributes:
        column: Field with the class.
        classes: Value of the field to a class of the legend, by its name, title or code; null leaves features out. The
            key ``*`` stands for all values not listed. Values that are a name, a title or a code of the legend need no
            entry.
        layer: Layer of the file; none for the first.
        erode: Pixels that are taken off at borders between a class and anything else, because edge pixels are mixed.
        radius: A point labels the square of ``2 * radius + 1`` pixels around it.
    """

    column: str
    classes: dict[str, str | int | None] = field(default_factory=dict)
    layer: str | None = None
    erode: int = 0
    radius: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes below 0.

        Raises:
            ConfigError: With the size.
        """
        for name, size in (("erode", self.erode), ("radius", self.radius)):
            if size < 0:
                raise ConfigError(f"vectors.{name} is {size}; expected 0 or more pixels")
