"""Names, places and files of the chips of a TorchGeo data set, from the list of files that its class keeps."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any, Literal

import rasterio
from pyproj import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from landcover.errors import ConfigError, RasterUnreadable
from landcover.grid import Grid
from training.sources.own_errors import NoTrainingScenes


@dataclass(frozen=True, slots=True)
class ListingChoice:
    """How a chip is named after its entry in the list that the class keeps.

    ``name``, ``site`` and ``files`` are templates: ``{split}`` is the split, other fields are the named groups of
    ``pattern``.

    Attributes:
        attribute: Attribute of the class with one entry per chip, in the order of the chips.
        pattern: Regular expression for a whole entry, a path relative to the root or whatever the class lists.
        item: Key of the entry, where entries are dictionaries.
        name: Name of the chip, unique in the data set.
        site: The place, or whatever else must not be torn apart by a split.
        files: Files of the chip relative to the root, ``*`` and ``?`` allowed; the first says its size and where it is.
        sizes: Size of each chip from its first file, or only of the first chip where there are very many of one size
            (which is checked when they are read).
    """

    attribute: str
    pattern: str
    files: list[str]
    item: str | None = None
    name: str = "{split}/{id}"
    site: str = "{split}/{id}"
    sizes: Literal["each", "first"] = "each"

    def __post_init__(self) -> None:
        """Refuse a pattern or a template that cannot work.

        Raises:
            ConfigError: naming it.
        """
        try:
            groups = dict.fromkeys(re.compile(self.pattern).groupindex, "x")
            for template in (self.name, self.site, *self.files):
                template.format(split="x", **groups)
        except (re.error, KeyError, IndexError, ValueError) as error:
            raise ConfigError(
                f"listing: pattern {self.pattern!r} or a template of it cannot be used: {error}"
            ) from error
        if not self.files:
            raise ConfigError("listing: `files` names no file; the first one says how large a chip is")

    def chips(self, dataset: Any, *, root: Path, split: str) -> list[ChipName]:
        """Name every chip of an opened data set.

        Args:
            dataset: The data set.
            root: Folder that the files lie in.
            split: Split that it was opened for.

        Returns:
            One per chip, in the order of the data set.

        Raises:
            ConfigError: The list is not there, has another length, or an entry does not fit the pattern.
        """
        entries = list(getattr(dataset, self.attribute, ()))
        if len(entries) != len(dataset):
            raise ConfigError(f"listing: {self.attribute!r} has {len(entries)} entries for {len(dataset)} chips")
        return [self._chip(self._text(entry, root), root=root, split=split) for entry in entries]

    def _text(self, entry: Any, root: Path) -> str:
        chosen = entry if self.item is None else entry[self.item]
        text = str(chosen).strip()
        return Path(text).relative_to(root).as_posix() if Path(text).is_relative_to(root) else text

    def _chip(self, text: str, *, root: Path, split: str) -> ChipName:
        match = re.fullmatch(self.pattern, text)
        if match is None:
            raise ConfigError(f"listing: {text!r} does not fit the pattern {self.pattern!r}")
        values = {"split": split, **match.groupdict()}
        literal = {key: escape(str(value)) for key, value in values.items()}
        files = tuple(template.format(**literal) for template in self.files)
        return ChipName(self.name.format(**values), self.site.format(**values), root, files)


@dataclass(frozen=True, slots=True)
class ChipName:
    """A chip before a pixel is read.

    Attributes:
        name: Its name.
        site: Its place.
        root: Folder that its files lie in.
        patterns: Glob patterns of its files below the root.
    """

    name: str
    site: str
    root: Path
    patterns: tuple[str, ...] = field(repr=False)

    def files(self) -> tuple[Path, ...]:
        """The files, in the order of the patterns.

        Raises:
            NoTrainingScenes: A pattern fits no file.
        """
        found = []
        for pattern in self.patterns:
            matches = sorted(self.root.glob(pattern))
            if not matches:
                raise NoTrainingScenes(f"{self.name}: there is no file {pattern} in {self.root}")
            found.extend(matches)
        return tuple(found)


def size_and_grid(path: Path) -> tuple[tuple[int, int], Grid | None]:
    """Rows and columns of a raster, and where it lies.

    Args:
        path: A raster or picture.

    Returns:
        (height, width), and the grid or none without georeference.

    Raises:
        RasterUnreadable: The file cannot be opened.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as raster:
                shape = raster.height, raster.width
                if raster.crs is None or raster.transform.is_identity:
                    return shape, None
                return shape, Grid(CRS.from_wkt(raster.crs.to_wkt()), raster.transform, *shape)
    except RasterioError as error:
        raise RasterUnreadable(f"{path.name} cannot be opened as a raster: {error}") from error
