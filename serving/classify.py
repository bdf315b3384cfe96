"""Classify one scene from files to files: the job behind ``steppe classify`` and ``POST /classify``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from indicators.areas import AreaTable
from landcover.errors import BandMapping, ConfigError, RasterTooLarge
from landcover.manifest import Manifest
from landcover.precision import Precision
from landcover.raster.quality import MaskReader, open_mask
from landcover.raster.scene import Scene, open_scene
from landcover.seams import SeamScore
from landcover.sensors import Product as SensorProduct
from landcover.sensors import get_product
from landcover.tiling import MARGIN, TilePlan
from serving.engine import Engine
from serving.predict import Progress, check_scene, predict_rows
from serving.products import Provenance, write_products
from serving.rasters import wanted_layers, write_rasters
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.staging import Staging
from serving.treatment import DEFAULT_TREATMENT, MASK_NAMES, Treatment

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
        pixels: pixels of the scene.
        seconds: from opening the scene to the last file, without loading the model.
        warnings: what the caller should know, for example that scale and offset were assumed.
        files: the files by role.
        extras: what the mask band said and what merging small patches moved, for ``--json``.
        remarks: the same for people, one line each.
    """

    identifier: str
    areas: AreaTable
    seams: SeamScore
    model: str
    provider: str
    precision: Precision
    pixels: int
    seconds: float
    warnings: tuple[str, ...]
    files: dict[str, Path]
    extras: dict[str, Any]
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: paths, figures and warnings."""
        return {
            "scene": self.identifier,
            "model": self.model,
            "precision": self.precision,
            "provider": self.provider,
            "pixels": self.pixels,
            "valid_pixels": self.areas.valid_pixels,
            "seams": self.seams.to_json(),
            "seconds": round(self.seconds, 3),
            "megapixels_per_second": round(self.pixels / MEGA / self.seconds, 3),
            **self.extras,
            "warnings": list(self.warnings),
            "files": {role: str(path) for role, path in self.files.items()},
        }

    def summary(self) -> str:
        """What was done, for people; how far windows agree only where there were several."""
        rate, share = self.pixels / MEGA / self.seconds, self.seams.share
        return (
            f"{self.identifier}: {self.pixels:,} pixels in {self.seconds:.1f} s ({rate:.2f} megapixels/s) "
            f"with {self.model} on {self.provider} in {self.precision}"
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
    inputs: Inputs,
    outputs: Outputs,
    engine: Engine,
    settings: Settings,
    *,
    treatment: Treatment = DEFAULT_TREATMENT,
    progress: Progress | None = None,
) -> Outcome:
    """Classify a scene and write the wanted files, all of them or none.

    Args:
        inputs: which scene.
        outputs: which files.
        engine: the model.
        settings: windows and batch size.
        treatment: how the outputs are made.
        progress: told after every row of windows.

    Raises:
        DataError: when the input cannot be used.
        ConfigError: when names or treatment do not fit the scene.
        NoValidData: when the whole input is nodata.
        OutputNotWritable: when a file cannot be written where it should be.
        DiskFull: when there is no space.
    """
    started = time.perf_counter()
    outputs.check(inputs.source)
    with (
        open_input(inputs, engine.bundle.manifest) as scene,
        _mask(inputs, scene, outputs, treatment) as mask,
        ThreadPoolExecutor(1, "steppe-digest") as pool,
        Staging() as staging,
    ):
        staged = {role: staging.path_for(path) for role, path in outputs.files().items()}
        plan, batch_size = plan_windows(scene, engine, settings)
        provenance = Provenance.of(scene, inputs, engine, pool.submit(scene.input_digest))
        layers = wanted_layers(staged, engine.bundle.manifest, treatment)
        rows = predict_rows(scene, engine, plan, batch_size=batch_size, layers=layers, progress=progress)
        finished = write_rasters(rows, staged, provenance, treatment, mask)
        write_products(finished, staged, outputs)
        staging.publish()
    return Outcome(
        identifier=provenance.scene_name,
        areas=finished.areas,
        seams=finished.seams,
        model=engine.bundle.manifest.identifier,
        provider=engine.provider,
        precision=engine.precision,
        pixels=finished.areas.total_pixels,
        seconds=time.perf_counter() - started,
        warnings=finished.warnings,
        files=outputs.files(),
        extras=finished.extras(),
        remarks=finished.remarks(),
    )


@contextmanager
def _mask(inputs: Inputs, scene: Scene, outputs: Outputs, treatment: Treatment) -> Iterator[MaskReader | None]:
    """The scene's mask band where it is wanted and there is one.

    Raises:
        DataError: when it cannot be read.
        BandMapping: when the map shall be masked and there is none.
    """
    wanted = outputs.quality is not None or treatment.mask_clouds
    mask = open_mask(inputs.source, scene.grid, bands=inputs.bands) if wanted else None
    if mask is None and treatment.mask_clouds:
        raise BandMapping(
            f"the input has no mask band ({MASK_NAMES}) to mask clouds by; add it, or leave --mask-clouds out"
        )
    with mask or nullcontext():
        yield mask


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
