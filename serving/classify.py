"""Classify one scene from files to files: the job behind ``steppe classify`` and ``POST /classify``."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from indicators.areas import AreaTable, ClassAreas
from landcover.augmentation import Augmentation
from landcover.errors import ConfigError, NoValidData, RasterTooLarge
from landcover.manifest import Manifest
from landcover.precision import Precision
from landcover.raster.cog import MapWriter
from landcover.raster.scene import Scene, open_scene
from landcover.seams import SeamScore
from landcover.sensors import Product as SensorProduct
from landcover.sensors import get_product
from landcover.tiling import MARGIN, TilePlan
from serving.engine import Engine
from serving.outputs.decimate import Decimator
from serving.predict import MapRows, Progress, check_scene, predict_rows
from serving.products import Finished, Provenance, write_products
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.staging import Staging

MEGA: Final = 1e6


class TwoDatesWanted(ConfigError):
    """The model needs images of two dates, where one image is classified."""

    slug = "two-dates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was done.

    Attributes:
        identifier: the scene's name.
        areas: mapped area of each class.
        seams: how far neighbouring windows agreed.
        model: ``name@version``.
        provider: where the model ran.
        precision: which variant of the model ran.
        augmentation: over which turns of the windows answers were averaged.
        pixels: pixels of the scene.
        seconds: from opening the scene to the last file, without loading the model.
        warnings: what the caller should know, for example that scale and offset were assumed.
        files: the files by role.
    """

    identifier: str
    areas: AreaTable
    seams: SeamScore
    model: str
    provider: str
    precision: Precision
    augmentation: Augmentation
    pixels: int
    seconds: float
    warnings: tuple[str, ...]
    files: dict[str, Path]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: paths, figures and warnings."""
        return {
            "scene": self.identifier,
            "model": self.model,
            "precision": self.precision,
            "tta": self.augmentation,
            "provider": self.provider,
            "pixels": self.pixels,
            "valid_pixels": self.areas.valid_pixels,
            "seams": self.seams.to_json(),
            "seconds": round(self.seconds, 3),
            "megapixels_per_second": round(self.pixels / MEGA / self.seconds, 3),
            "warnings": list(self.warnings),
            "files": {role: str(path) for role, path in self.files.items()},
        }

    def summary(self) -> str:
        """What was done, for people; how far windows agree only where there were several."""
        rate, share = self.pixels / MEGA / self.seconds, self.seams.share
        return (
            f"{self.identifier}: {self.pixels:,} pixels in {self.seconds:.1f} s ({rate:.2f} megapixels/s) "
            f"with {self.model} on {self.provider} in {self.precision}"
            + ("" if self.augmentation is Augmentation.NONE else f", test-time augmentation {self.augmentation}")
            + ("" if share is None else f"; neighbouring windows differ on {100 * share:.2f} % of their shared pixels")
        )


def open_input(inputs: Inputs, manifest: Manifest) -> Scene:
    """Open the scene with the model's bands in the model's order, and check that the model was made for it.

    Raises:
        DataError: when the input cannot be used, see ``landcover.raster.scene.open_scene`` and ``check_scene``.
        ConfigError: when ``product`` is not known.
        TwoDatesWanted: when the model takes two images.
    """
    if manifest.dates != 1:
        raise TwoDatesWanted(
            f"model {manifest.identifier} compares images of {manifest.dates} dates, one image was given; choose a "
            "model that maps one image with --model"
        )
    product = get_product(inputs.product) if inputs.product else None
    scene = open_scene(
        inputs.source,
        bands_wanted=manifest.bands,
        bands=inputs.bands,
        level=_level(inputs.level, product),
        radiometry=product.radiometry if product else None,
        dtype_wanted=manifest.dtype,
    )
    try:
        _check_size(scene, inputs.max_pixels)
        check_scene(scene, manifest)
    except BaseException:
        scene.close()
        raise
    return scene


def plan_windows(scene: Scene, engine: Engine, settings: Settings) -> tuple[TilePlan, int]:
    """Windows over a scene and windows per engine call: the settings', or else the model's."""
    manifest = engine.bundle.manifest
    plan = TilePlan(
        scene.grid.height,
        scene.grid.width,
        tile=settings.tile or manifest.tile_size,
        overlap=manifest.overlap if settings.overlap is None else settings.overlap,
        margin=MARGIN,
    )
    return plan, settings.batch_size or manifest.batch_size


def classify_scene(
    inputs: Inputs, outputs: Outputs, engine: Engine, settings: Settings, *, progress: Progress | None = None
) -> Outcome:
    """Classify a scene and write the wanted files, all of them or none.

    Args:
        inputs: which scene.
        outputs: which files.
        engine: the model.
        settings: windows and batch size.
        progress: told after every row of windows.

    Raises:
        DataError: when the input cannot be used.
        NoValidData: when the whole input is nodata.
        OutputNotWritable: when a file cannot be written where it should be.
        DiskFull: when there is no space.
    """
    started = time.perf_counter()
    outputs.check(inputs.source)
    with (
        open_input(inputs, engine.bundle.manifest) as scene,
        ThreadPoolExecutor(1, "steppe-digest") as pool,
        Staging() as staging,
    ):
        staged = {role: staging.path_for(path) for role, path in outputs.files().items()}
        plan, batch_size = plan_windows(scene, engine, settings)
        provenance = Provenance.of(scene, inputs, engine, pool.submit(scene.input_digest))
        rows = predict_rows(scene, engine, plan, batch_size=batch_size, progress=progress)
        areas, seams, decimator = _write_maps(rows, staged, provenance)
        finished = Finished(provenance, areas, *decimator.result(), seams)
        write_products(finished, staged, outputs)
        staging.publish()
    return Outcome(
        identifier=provenance.scene_name,
        areas=areas,
        seams=seams,
        model=engine.bundle.manifest.identifier,
        provider=engine.provider,
        precision=engine.precision,
        augmentation=engine.augmentation,
        pixels=areas.total_pixels,
        seconds=time.perf_counter() - started,
        warnings=provenance.warnings,
        files=outputs.files(),
    )


def _write_maps(
    rows: Generator[MapRows], staged: Mapping[str, Path], provenance: Provenance
) -> tuple[AreaTable, SeamScore, Decimator]:
    """Stream the rows into map and confidence, and count them in passing."""
    grid, legend = provenance.grid, provenance.manifest.legend
    areas, seams, decimator = ClassAreas(grid, legend), SeamScore(), Decimator(grid)
    with ExitStack() as stack:
        stack.enter_context(closing(rows))
        legends = {"map": legend, "confidence": None}
        writers = {
            role: stack.enter_context(MapWriter(staged[role], grid, legend=legends[role], description=description))
            for role, description in provenance.descriptions().items()
            if role in staged
        }
        for part in rows:
            for role, writer in writers.items():
                writer.write_rows(part.row, part.codes_HW if role == "map" else part.confidence_HW)
            areas.add(part.row, part.codes_HW)
            decimator.add(part.row, part.codes_HW)
            seams = part.seams
        table = areas.table()
        if not table.valid_pixels:
            raise NoValidData(
                f"all {table.total_pixels:,} pixels of {provenance.scene_name!r} are nodata: nothing to map"
            )
        for writer in writers.values():
            writer.tag(provenance.tags())
    return table, seams, decimator


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


def _level(level: str | None, product: SensorProduct | None) -> str | None:
    """The level the caller states, directly or by naming a product.

    Raises:
        ConfigError: when both are given and differ.
    """
    if level and product and level.upper() != product.level:
        raise ConfigError(f"--level {level} contradicts --product {product.id}, which is {product.level}; give one")
    return level or (product.level if product else None)
