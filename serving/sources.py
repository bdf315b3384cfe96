"""The inputs of one map: opened, brought onto one grid, joined, and cut to the area of interest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from landcover.errors import ConfigError, RasterTooLarge, ResolutionMismatch, WrongUse
from landcover.grid import Grid, ground_pixel_size
from landcover.manifest import Manifest
from landcover.raster.area import AreaScene
from landcover.raster.dated import DatedScene
from landcover.raster.geojson import WGS84, Area, box_area, parse_crs, read_area
from landcover.raster.mosaic import Mosaic, MosaicRule, check_alike, common_grid, joint_digest, joint_name
from landcover.raster.scene import DEFAULT_POLICY, Scene, place_of
from landcover.raster.view import SceneView
from landcover.raster.warped import on_grid, target_grid
from landcover.sensors import Product as SensorProduct
from landcover.sensors import Radiometry, get_product
from serving.composition import Composition, Part, common
from serving.predict import COARSENESS, check_scene, metres
from serving.request import Inputs, MosaicMode, Stated

_RULES: Final = {MosaicMode.LAST: MosaicRule.LAST, MosaicMode.FIRST: MosaicRule.FIRST}


class TwoDatesWanted(ConfigError):
    """The model needs images of two dates, where one image is classified."""

    slug = "two-dates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Opened inputs of one map.

    Attributes:
        scenes: what is mapped, all on one grid: one scene, or several whose probabilities are averaged.
        parts: the inputs as they were opened, in the caller's order.
        resamplings: how each came onto the grid of ``scenes``.
        inputs: what was asked for.
        area: the area of interest, or None.
    """

    scenes: tuple[Scene, ...]
    parts: tuple[Scene, ...]
    resamplings: tuple[str | None, ...]
    inputs: Inputs
    area: Area | None

    @property
    def stated_bands(self) -> tuple[tuple[str, ...] | None, ...]:
        """What the caller says that the bands of each input are."""
        return (self.inputs.bands,) * len(self.parts)

    @property
    def grid(self) -> Grid:
        """Grid of the map."""
        return self.scenes[0].grid

    @property
    def name(self) -> str:
        """Name for titles; empty where there is none."""
        return self.inputs.name or ("" if self.inputs.nameless else joint_name([one.identifier for one in self.parts]))

    @property
    def level(self) -> str | None:
        """Processing level of all inputs, or None."""
        return common([part.level for part in self.parts])

    @property
    def acquired(self) -> str | None:
        """Date or time of all inputs, or None."""
        return common([part.datetime for part in self.parts])

    @property
    def radiometry(self) -> Radiometry | None:
        """Scale and offset of all inputs; None when they differ or one states none."""
        return common([part.radiometry for part in self.parts])

    @property
    def radiometry_stated(self) -> bool:
        """Whether every input states its scale and offset."""
        return all(part.radiometry is not None for part in self.parts)

    def digests(self, pool: Executor) -> tuple[Future[str], Composition]:
        """The digest of all inputs, in the making, and what is said of them."""
        each = [pool.submit(part.input_digest) for part in self.parts]
        names = map(self.inputs.origin, self.inputs.sources)
        parts = tuple(
            Part(href=name, acquired=part.datetime, radiometry=part.radiometry, resampling=how, digest=digest)
            for name, part, how, digest in zip(names, self.parts, self.resamplings, each, strict=True)
        )
        mosaic = self.inputs.mosaic if len(parts) > 1 else None
        whole = pool.submit(lambda: joint_digest([digest.result() for digest in each]))
        return whole, Composition(parts=parts, mosaic=mosaic, area=self.area)

    def close(self) -> None:
        """Give the files back."""
        with ExitStack() as stack:
            for part in self.parts:
                stack.callback(part.close)

    def __enter__(self) -> Self:
        """The sources themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def open_sources(inputs: Inputs, manifest: Manifest) -> Sources:
    """Open all inputs and check that the model was made for them.

    Raises:
        DataError: when an input or the area cannot be used, or they do not fit together.
        ConfigError: when ``product`` or a CRS is not known, or an input is given twice.
        TwoDatesWanted: when the model takes two images.
    """
    refuse_two_dates(manifest)
    return _open_all(inputs, manifest)


def _open_all(inputs: Inputs, manifest: Manifest) -> Sources:
    _refuse_twice(inputs.sources)
    area = _area(inputs)
    with ExitStack() as stack:
        parts = tuple(stack.enter_context(_open(path, inputs, manifest)) for path in inputs.sources)
        placed = _on_one_grid(parts, inputs, manifest)
        resamplings = tuple(resampling_of(scene) for scene in placed)
        for part, how in zip(parts, resamplings, strict=True):
            if how is not None:
                _refuse_coarse(part, manifest)
        joined = _joined(placed, inputs, manifest)
        scenes = tuple(joined if area is None else [AreaScene(scene, area) for scene in joined])
        _check_size(scenes[0], inputs.max_pixels)
        _check_width(scenes[0], parts)
        if inputs.measured is not None:
            inputs.measured(sum(scene.grid.height * scene.grid.width for scene in scenes))
        for scene in scenes:
            check_scene(scene, manifest, placed=inputs.crs is not None or inputs.resolution is not None)
        stack.pop_all()
    return Sources(scenes=scenes, parts=parts, resamplings=resamplings, inputs=inputs, area=area)


def open_input(inputs: Inputs, manifest: Manifest) -> Scene:
    """Open the inputs as one scene with the model's bands in the model's order; see ``open_sources``.

    Raises:
        DataError: when an input cannot be used.
        ConfigError: when ``product`` is not known, or several scenes cannot be one because they are to be averaged.
        TwoDatesWanted: when the model takes two images.
    """
    refuse_two_dates(manifest)
    return open_date(inputs, manifest)


def open_date(inputs: Inputs, manifest: Manifest) -> Scene:
    """Open one of the dates of a model, see ``open_input``; of how many dates the model is does not matter here."""
    sources = _open_all(inputs, manifest)
    if len(sources.scenes) > 1:
        sources.close()
        raise ConfigError("scenes whose probabilities are averaged are no single scene; join them by first or last")
    return sources.scenes[0]


def _open(path: Path, inputs: Inputs, manifest: Manifest) -> Scene:
    product = get_product(inputs.product) if inputs.product else None
    stated = inputs.stated.get(path, Stated())
    scene = inputs.opener.scene(
        path,
        bands_wanted=manifest.bands,
        bands=inputs.bands,
        level=stated.level or _level(inputs.level, product),
        radiometry=stated.radiometry or (product.radiometry if product else None),
        dtype_wanted=manifest.dtype,
    )
    return scene if stated.acquired is None or scene.datetime else DatedScene(scene, stated.acquired)


def _on_one_grid(parts: Sequence[Scene], inputs: Inputs, manifest: Manifest) -> Sequence[Scene]:
    """The parts on the grid that was asked for, or on the first one's pixels."""
    if inputs.crs is None and inputs.resolution is None:
        return parts if len(parts) == 1 else common_grid(parts)
    crs = parse_crs(inputs.crs) if inputs.crs is not None else parts[0].grid.crs
    resolution = inputs.resolution
    if resolution is None:
        unit = crs.axis_info[0]
        if unit.unit_name != "metre":
            raise WrongUse(
                f"--crs {inputs.crs} counts in units of {unit.unit_name}; give --resolution in that unit, for example "
                "0.0001 degrees for about 10 m"
            )
        resolution = manifest.gsd_m
    grid = target_grid([part.grid for part in parts], crs, resolution)
    return [on_grid(part, grid, nodata=manifest.nodata) for part in parts]


def _joined(placed: Sequence[Scene], inputs: Inputs, manifest: Manifest) -> Sequence[Scene]:
    """What is mapped: one scene, or all of them where the mean of their probabilities is wanted."""
    if len(placed) == 1:
        return placed
    if inputs.mosaic is MosaicMode.MEAN:
        check_alike(placed)  # a mosaic asks this itself
        return placed
    return [Mosaic(placed, _RULES[inputs.mosaic], radiometry=manifest.radiometry, nodata=manifest.nodata)]


def resampling_of(scene: Scene) -> str | None:
    """How a scene came onto its grid; None = pixel by pixel."""
    return scene.resampling if isinstance(scene, SceneView) else None


def _area(inputs: Inputs) -> Area | None:
    """The area of interest, from a file or a box.

    Raises:
        WrongUse: when both are given.
        ConfigError: when the CRS is not known, or given without either.
        AreaInvalid: when it is no area.
    """
    if inputs.aoi is not None and inputs.bbox is not None:
        raise WrongUse("an area and a box were given; give --aoi or --bbox")
    crs = parse_crs(inputs.area_crs) if inputs.area_crs is not None else None
    if inputs.aoi is not None:
        return read_area(inputs.aoi, crs)
    if inputs.bbox is not None:
        return box_area(inputs.bbox, crs or parse_crs(WGS84))
    if crs is not None:
        raise ConfigError(f"the CRS {inputs.area_crs} was given for an area, but no area; give --aoi or --bbox")
    return None


def refuse_two_dates(manifest: Manifest) -> None:
    """Refuse a model that one image is too few for.

    Raises:
        TwoDatesWanted: when it takes two.
    """
    if manifest.dates != 1:
        raise TwoDatesWanted(
            f"model {manifest.identifier} compares images of {manifest.dates} dates, one image was given; choose a "
            "model that maps one image with --model, or give both images to steppe degradation"
        )


def _refuse_twice(paths: Sequence[Path]) -> None:
    for path, other in combinations(paths, 2):
        if is_one(path, other):
            raise WrongUse(f"{place_of(path).name!r} was given twice; give each scene once")


def is_one(path: Path, other: Path) -> bool:
    """Whether two names lead to one file or folder, by links of any kind."""
    with suppress(OSError):  # not there: its names may still be one
        return path.samefile(other)
    return os.path.realpath(path) == os.path.realpath(other)


def _refuse_coarse(part: Scene, manifest: Manifest) -> None:
    """Resampling must not hide that the land was seen too coarsely for the model."""
    widest = max(ground_pixel_size(part.grid))
    if widest > COARSENESS * manifest.gsd_m:
        raise ResolutionMismatch(
            f"pixels of {part.identifier!r} measure {metres(widest)} m on the ground, model {manifest.identifier} was "
            f"made for {manifest.gsd_m:g} m; resampling adds no detail: give a finer scene"
        )


def _check_size(scene: Scene, limit: int | None) -> None:
    """Refuse a scene with more pixels than allowed.

    Raises:
        RasterTooLarge: with both numbers.
    """
    pixels = scene.grid.height * scene.grid.width
    if limit is not None and pixels > limit:
        raise RasterTooLarge(
            f"the scene has {scene.grid.height} x {scene.grid.width} = {pixels:,} pixels, the limit is {limit:,}; "
            "send a smaller cut"
        )


def _check_width(scene: Scene, parts: Sequence[Scene]) -> None:
    """Refuse a map that is too wide for the memory; an area of it may do.

    Raises:
        RasterTooLarge: with both numbers.
    """
    width = scene.grid.width
    if width <= DEFAULT_POLICY.max_columns:
        return
    apart = "the scenes lie so far apart that one" if len(parts) > 1 else "the"
    advice = "map them one by one" if len(parts) > 1 else "map it in parts"
    raise RasterTooLarge(
        f"{apart} map would have {scene.grid.height:,} x {width:,} pixels; at most {DEFAULT_POLICY.max_columns:,} "
        f"columns are mapped, because memory goes with the width: {advice}, or choose a part with --bbox or --aoi"
    )


def _level(level: str | None, product: SensorProduct | None) -> str | None:
    """The level the caller states, directly or by naming a product.

    Raises:
        WrongUse: when both are given and differ.
    """
    if level and product and level.upper() != product.level:
        raise WrongUse(f"--level {level} contradicts --product {product.id}, which is {product.level}; give one")
    return level or (product.level if product else None)
