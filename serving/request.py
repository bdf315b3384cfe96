"""What is asked of one classification: which scene, which files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from landcover.errors import ConfigError, WrongUse
from landcover.raster.band_files import band_of
from landcover.raster.mask_files import mask_of
from landcover.sensors import Radiometry
from serving.opener import IN_PROCESS, Opener


class MosaicMode(StrEnum):
    """What several scenes make together where they overlap."""

    LAST = "last"
    FIRST = "first"
    MEAN = "mean"


type Box = tuple[float, float, float, float]
"""West, south, east, north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What is known of one scene beside its files, for example from its catalogue.

    Attributes:
        level: processing level, or None.
        radiometry: scale and offset, or None.
        acquired: when it was taken, ISO 8601, or None; its files come first.
        origin: where it comes from, when that is not told by the name of its file or folder.
        nameless: whether the name of its file was made up, so that it says nothing to who asked.
    """

    level: str | None = None
    radiometry: Radiometry | None = None
    acquired: str | None = None
    origin: str | None = None
    nameless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Which scene, and what its files may not say themselves.

    Attributes:
        source: GeoTIFF, folder of per-band files, or SAFE folder.
        others: further scenes for one map.
        mosaic: what several scenes make where they overlap: the map of the last or of the first one that has data, or
            the map of the mean of the probabilities over all that have data.
        aoi: GeoJSON file with the area to map, or None for all.
        bbox: box to map, or None.
        area_crs: CRS of ``bbox``, and of ``aoi`` where the file does not name one; None = longitude and latitude.
        crs: CRS of the map, or None for the first scene's.
        resolution: side of the map's pixels in units of that CRS; None for the first scene's, or with ``crs`` the
            model's.
        bands: names of the file's bands in file order, where the file does not name them.
        level: processing level, for example ``L1C``.
        product: product id of ``landcover.sensors``; stands for its level, scale and offset.
        stated: what is known of single scenes, by their path; wins over ``level`` and ``product``.
        name: name of the scene for titles; default: the file's.
        max_pixels: refuse larger scenes; None = no limit.
        measured: told how many pixels are to be mapped, before any is; may refuse.
        opener: who opens the files: this process, or readers that are closed in.
    """

    source: Path
    others: tuple[Path, ...] = ()
    mosaic: MosaicMode = MosaicMode.LAST
    aoi: Path | None = None
    bbox: Box | None = None
    area_crs: str | None = None
    crs: str | None = None
    resolution: float | None = None
    bands: tuple[str, ...] | None = None
    level: str | None = None
    product: str | None = None
    stated: Mapping[Path, Stated] = field(default_factory=dict)
    name: str | None = None
    max_pixels: int | None = None
    measured: Callable[[int], None] | None = None
    opener: Opener = IN_PROCESS

    def __post_init__(self) -> None:
        """Refuse names that the files of a map could not say, and options without a value.

        Raises:
            ConfigError: with the name.
        """
        refuse_empty("--crs", self.crs)
        refuse_empty("--aoi-crs or --bbox-crs", self.area_crs)
        refuse_empty("--level", self.level)
        refuse_empty("--product", self.product)
        refuse_empty("--name", self.name)
        refuse_undecodable("the name", self.name)
        refuse_undecodable("the area", None if self.aoi is None else self.aoi.name)

    def origin(self, path: Path) -> str:
        """What a scene is called where it is said what a map was made of."""
        from landcover.raster.scene import place_of  # noqa: PLC0415 - loads GDAL

        return self.stated.get(path, Stated()).origin or place_of(path).name

    @property
    def nameless(self) -> bool:
        """Whether no scene has a name that means anything to who asked."""
        return all(self.stated.get(path, Stated()).nameless for path in self.sources)

    @property
    def sources(self) -> tuple[Path, ...]:
        """All scenes."""
        return self.source, *self.others

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read."""
        return (*self.sources, *([] if self.aoi is None else [self.aoi]))


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
    features: Path | None = None
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
            "features": self.features,
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

    def check(self, *sources: Path) -> None:
        """Refuse names that would overwrite an input or each other.

        Raises:
            WrongUse: naming the file.
        """
        for role, path in {"map": self.map, **self._optional_rasters()}.items():
            _check_ending(path, f"the {role} is a GeoTIFF", ".tif", ".tiff")
        _check_ending(self.preview, "the picture is a PNG", ".png")
        _check_ending(self.areas, "the table of areas is JSON", ".json")
        _check_ending(self.features, "the outlines of the classes are GeoJSON", ".geojson", ".json")
        _check_ending(self.stac, "the STAC Item is JSON", ".json", ".geojson")
        places = [_place(path) for path in self.files().values()]
        for path in places:
            if any(_is_input(path, _place(source)) for source in sources):
                raise WrongUse(f"output {path.name!r} is the input itself; choose another name")
            if places.count(path) > 1:
                raise WrongUse(f"two outputs have the same name {path.name!r}; give each its own")


def _check_ending(path: Path | None, what: str, *endings: str) -> None:
    if path is not None and path.suffix.lower() not in endings:
        raise WrongUse(f"{what}, its name {path.name!r} must end in {' or '.join(endings)}")


def refuse_empty(option: str, text: str | None) -> None:
    """Refuse a value that is empty: a variable of the shell that was not set, which must not mean the default.

    Raises:
        WrongUse: with the option.
    """
    if text is not None and not text.strip():
        raise WrongUse(f"{option} was given without a value; give it one, or leave it out")


def refuse_undecodable(what: str, text: str | None) -> None:
    """Refuse text that is not UTF-8: bytes of another encoding, which Python keeps as lone surrogates.

    Raises:
        ConfigError: with the text.
    """
    try:
        (text or "").encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{what} {text!r} is not UTF-8; give it in UTF-8, or another one") from error


def _place(path: Path) -> Path:
    """Where a name leads; unlike ``Path.resolve`` it answers for links that go in circles, too."""
    return Path(os.path.realpath(path))


def _is_input(path: Path, source: Path) -> bool:
    """Whether writing ``path`` would replace the input, or a band or mask of an input that is a folder."""
    folder = source.parent if source.suffix.lower() == ".xml" else source
    return path == source or (folder in path.parents and (band_of(path) or mask_of(path)) is not None)
