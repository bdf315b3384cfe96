"""Which files make which scene: found by patterns in a folder, or listed in a table."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from landcover.errors import ConfigError, DataError
from landcover.raster.band_files import band_of
from training.sources.own_choices import FileChoice
from training.sources.own_errors import NoTrainingScenes
from training.splits import SPLIT_NAMES

RASTERS: Final = frozenset({".tif", ".tiff", ".jp2", ".j2k"})
VECTORS: Final = frozenset({".gpkg", ".geojson", ".json", ".shp", ".fgb"})
COLUMNS: Final = ("image", "labels", "weight", "mask", "site", "date", "split", "product", "name")
_NAME: Final = "{name}"


@dataclass(frozen=True, slots=True)
class SceneFiles:
    """Files of one scene.

    Attributes:
        name: Name of the scene.
        image: Multi-band file, or folder with a file for each band.
        labels: Label raster or vector file; none where there is none, which is a problem of this scene.
        weight: Raster of weights, or one weight for all labels.
        mask: Raster of codes to leave out.
        site: Name of the place.
        date: What the table says; tells images of one name apart.
        split: Split that the table gives it.
        product: Product that the table gives it.
    """

    name: str
    image: Path
    labels: Path | None
    weight: Path | float | None = None
    mask: Path | None = None
    site: str = ""
    date: str = ""
    split: str | None = None
    product: str | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Image, labels and whatever else there is."""
        return tuple(path for path in (self.image, self.labels, self.mask, self.weight) if isinstance(path, Path))


def find_scenes(choice: FileChoice) -> list[SceneFiles]:
    """All scenes, in the order of their names.

    Raises:
        ConfigError: The table cannot be read or has columns of unknown meaning.
        NoTrainingScenes: There are none.
    """
    found = _from_table(Path(choice.root) / choice.table) if choice.table else _from_folder(choice)
    return sorted(_with_unique_names(found), key=lambda files: files.name)


def _with_unique_names(found: list[SceneFiles]) -> list[SceneFiles]:
    """Images of one name are told apart by their dates, or else by their folders."""
    named = found
    for longer in (_dated_name, _long_name):
        counts = Counter(files.name for files in named)
        named = [replace(files, name=longer(files)) if counts[files.name] > 1 else files for files in named]
    repeated = [name for name, count in Counter(files.name for files in named).items() if count > 1]
    if repeated:
        raise ConfigError(f"scene {repeated[0]!r} is listed more than once; list each image once, or name its rows")
    return named


def _dated_name(files: SceneFiles) -> str:
    return f"{files.name}_{files.date}" if files.date else files.name


def _long_name(files: SceneFiles) -> str:
    return files.image.with_suffix("").as_posix()


def _from_folder(choice: FileChoice) -> list[SceneFiles]:
    root = Path(choice.root)
    images = [path for path in sorted(root.glob(choice.images)) if _is_image(path)]
    if not images:
        raise NoTrainingScenes(
            f"folder {choice.root!r} holds no images that match {choice.images!r}; expected TIFF or JPEG 2000 files, "
            "or folders with a file for each band"
        )
    found = [_folder_scene(image, root, choice) for image in images]
    if all(files.labels is None for files in found):
        raise NoTrainingScenes(
            f"folder {choice.root!r} holds {len(images)} images, but no labels match {choice.labels!r}"
        )
    return found


def _is_image(path: Path) -> bool:
    if path.is_dir():
        return path.suffix == ".SAFE" or any(band_of(file) for place in _band_folders(path) for file in place.iterdir())
    return path.suffix.lower() in RASTERS


def _band_folders(path: Path) -> list[Path]:
    return [path, *(place for place in [path / "IMG_DATA"] if place.is_dir())]


def _folder_scene(image: Path, root: Path, choice: FileChoice) -> SceneFiles:
    name = image.stem if image.suffix else image.name
    return SceneFiles(
        name=name,
        image=image,
        labels=_beside(root, choice.labels, name, RASTERS | VECTORS),
        weight=_beside(root, choice.weights, name, RASTERS) if choice.weights else None,
        mask=_beside(root, choice.masks, name, RASTERS) if choice.masks else None,
        site=_site(name, choice.site),
    )


def _beside(root: Path, pattern: str, name: str, suffixes: frozenset[str]) -> Path | None:
    path = root / pattern.replace(_NAME, name)
    if path.suffix.lower() in suffixes:
        return path if path.is_file() else None
    escaped = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path.name)
    found = [file for file in sorted(path.parent.glob(f"{escaped}.*")) if file.suffix.lower() in suffixes]
    if len(found) > 1:
        raise ConfigError(f"{found[0].name!r} and {found[1].name!r} both match {pattern!r}; add the suffix to it")
    return found[0] if found else None


def _site(name: str, expression: str | None) -> str:
    if expression is None:
        return name
    match = re.search(expression, name)
    if match is None:
        raise ConfigError(f"image name {name!r} does not match files.site {expression!r}; correct one of them")
    return match["site"]


def _from_table(path: Path) -> list[SceneFiles]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            _check_columns(path, reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"table {path.name!r} cannot be read as CSV in UTF-8: {error}") from error
    if not rows:
        raise NoTrainingScenes(f"table {path.name!r} has no rows; expected one for each image")
    return [_table_scene(path, number, row) for number, row in enumerate(rows, start=2)]


def _check_columns(path: Path, columns: object) -> None:
    names = list(columns) if isinstance(columns, list | tuple) else []
    missing = [name for name in ("image", "labels") if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing or unknown:
        said = f"has no column {missing[0]!r}" if missing else f"has a column {unknown[0]!r}"
        raise ConfigError(f"table {path.name!r} {said}; expected columns are {', '.join(COLUMNS)}")


def _table_scene(path: Path, line: int, row: Mapping[str | None, str | None]) -> SceneFiles:
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not cells["image"] or None in row:
        raise ConfigError(f"line {line} of {path.name!r} has {'too many cells' if None in row else 'no image'}")
    if cells["split"] and cells["split"] not in SPLIT_NAMES:
        raise ConfigError(
            f"line {line} of {path.name!r} has the split {cells['split']!r}; expected {', '.join(SPLIT_NAMES)}"
        )
    image = path.parent / cells["image"]
    name = cells["name"] or image.stem
    return SceneFiles(
        name=name,
        image=image,
        labels=path.parent / cells["labels"] if cells["labels"] else None,
        weight=_weight(cells["weight"], path, line),
        mask=path.parent / cells["mask"] if cells["mask"] else None,
        site=cells["site"] or name,
        date=cells["date"],
        split=cells["split"] or None,
        product=cells["product"] or None,
    )


def _weight(cell: str, path: Path, line: int) -> Path | float | None:
    if not cell:
        return None
    try:
        weight = float(cell)
    except ValueError:
        return path.parent / cell
    if not 0 <= weight <= 1:
        raise ConfigError(f"line {line} of {path.name!r} has the weight {cell}; expected a number from 0 to 1")
    return weight


def need(path: Path | None, what: str) -> Path:
    """A file of a scene that must be there.

    Raises:
        DataError: It is not.
    """
    if path is None:
        raise DataError(f"there is no file with its {what}")
    if not path.exists():
        raise DataError(f"{what} {path.name!r} does not exist")
    return path
