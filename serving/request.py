"""What is asked of one classification: which scene, which files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from landcover.errors import ConfigError, OutputNotWritable
from landcover.raster.band_files import band_of
from landcover.raster.mask_files import mask_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Which scene, and what its files may not say themselves.

    Attributes:
        source: GeoTIFF, folder of per-band files, or SAFE folder.
        bands: names of the file's bands in file order, where the file does not name them.
        level: processing level, for example ``L1C``.
        product: product id of ``landcover.sensors``; stands for its level, scale and offset.
        name: name of the scene for titles; default: the file's.
        max_pixels: refuse larger scenes; None = no limit.
    """

    source: Path
    bands: tuple[str, ...] | None = None
    level: str | None = None
    product: str | None = None
    name: str | None = None
    max_pixels: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Names of the files to make; None = not wanted. A ``.qml`` style goes beside the map and the quality map."""

    map: Path
    confidence: Path | None = None
    probabilities: Path | None = None
    uncertainty: Path | None = None
    quality: Path | None = None
    preview: Path | None = None
    areas: Path | None = None
    stac: Path | None = None

    def files(self) -> dict[str, Path]:
        """Every file that will be written, by role."""
        named = {
            "map": self.map,
            "style": self.map.with_suffix(".qml"),
            **self._optional_rasters(),
            "quality_style": self.quality.with_suffix(".qml") if self.quality else None,
            "quicklook": self.preview,
            "areas": self.areas,
            "stac": self.stac,
        }
        return {role: path for role, path in named.items() if path is not None}

    def _optional_rasters(self) -> dict[str, Path | None]:
        return {
            "confidence": self.confidence,
            "probabilities": self.probabilities,
            "uncertainty": self.uncertainty,
            "quality": self.quality,
        }

    def check(self, source: Path) -> None:
        """Refuse names that would overwrite the input or each other.

        Raises:
            ConfigError: naming the file.
            OutputNotWritable: when a raster has no TIFF name.
        """
        for role, path in {"map": self.map, **self._optional_rasters()}.items():
            if path and path.suffix.lower() not in {".tif", ".tiff"}:
                raise OutputNotWritable(f"the {role} is a GeoTIFF, its name {path.name!r} must end in .tif or .tiff")
        places = [_place(path) for path in self.files().values()]
        for path in places:
            if _is_input(path, _place(source)):
                raise ConfigError(f"output {path.name!r} is the input itself; choose another name")
            if places.count(path) > 1:
                raise ConfigError(f"two outputs have the same name {path.name!r}; give each its own")


def _place(path: Path) -> Path:
    """Where a name leads; unlike ``Path.resolve`` it answers for links that go in circles, too."""
    return Path(os.path.realpath(path))


def _is_input(path: Path, source: Path) -> bool:
    """Whether writing ``path`` would replace the input, or a band or mask of an input that is a folder."""
    folder = source.parent if source.suffix.lower() == ".xml" else source
    return path == source or (folder in path.parents and (band_of(path) or mask_of(path)) is not None)
