"""Classify scenes from files to one map: the job behind ``steppe classify`` and ``POST /classify``."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from indicators.areas import AreaTable, ClassAreas
from landcover.errors import NoValidData
from landcover.postprocess import CONFIDENCE_NODATA
from landcover.precision import Precision
from landcover.raster.cog import MapWriter
from landcover.raster.scene import Scene
from landcover.seams import SeamScore
from landcover.tiling import MARGIN, TilePlan
from serving.engine import Engine
from serving.outputs.decimate import Decimator
from serving.predict import MapRows, Progress, predict_rows
from serving.products import Finished, Provenance, write_products
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.sources import open_sources
from serving.staging import Staging

MEGA: Final = 1e6


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

    @classmethod
    def of(cls, finished: Finished, outputs: Outputs, *, seconds: float) -> Self:
        """The outcome of a map whose files are published."""
        provenance = finished.provenance
        return cls(
            identifier=provenance.scene_name,
            areas=finished.areas,
            seams=finished.seams,
            model=provenance.manifest.identifier,
            provider=provenance.provider,
            precision=provenance.precision,
            pixels=finished.areas.total_pixels,
            seconds=seconds,
            warnings=provenance.warnings,
            files=outputs.files(),
        )

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
    """Classify one scene, or several as one, and write the wanted files, all of them or none.

    Args:
        inputs: which scenes.
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
    outputs.check(*inputs.files)
    with (
        open_sources(inputs, engine.bundle.manifest) as sources,
        ThreadPoolExecutor(1, "steppe-digest") as pool,
        Staging() as staging,
    ):
        staged = {role: staging.path_for(path) for role, path in outputs.files().items()}
        scene, *more = sources.scenes
        plan, batch_size = plan_windows(scene, engine, settings)
        provenance = Provenance.of(sources, engine, pool)
        rows = predict_rows(scene, engine, plan, batch_size=batch_size, more=more, progress=progress)
        finished = write_rows(rows, staged, provenance)
        write_products(finished, staged, outputs)
        staging.publish()
    return Outcome.of(finished, outputs, seconds=time.perf_counter() - started)


def write_rows(rows: Generator[MapRows], staged: Mapping[str, Path], provenance: Provenance) -> Finished:
    """Stream the rows of a map into its rasters.

    Args:
        rows: the map from top to bottom.
        staged: where to write each role.
        provenance: where the map comes from.

    Raises:
        NoValidData: when no pixel has a class.
        OutputNotWritable: when a raster cannot be written.
        DiskFull: when there is no space.
    """
    areas, seams, decimator = _write_maps(rows, staged, provenance)
    return Finished(provenance, areas, *decimator.result(), seams)


def _write_maps(
    rows: Generator[MapRows], staged: Mapping[str, Path], provenance: Provenance
) -> tuple[AreaTable, SeamScore, Decimator]:
    """Stream the rows into map and confidence, and count them in passing."""
    grid, legend = provenance.grid, provenance.manifest.legend
    areas, seams = ClassAreas(grid, legend, nodata=legend.nodata), SeamScore()
    decimator = Decimator(grid, nodata=legend.nodata, dtype=legend.dtype)
    with ExitStack() as stack:
        stack.enter_context(closing(rows))
        kinds: dict[str, dict[str, Any]] = {
            "map": {"legend": legend, "dtype": legend.dtype.name, "nodata": legend.nodata},
            "confidence": {"dtype": "uint8", "nodata": CONFIDENCE_NODATA},
        }
        writers = {
            role: stack.enter_context(MapWriter(staged[role], grid, description=description, **kinds[role]))
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
            where = "nodata at one date or the other" if provenance.composition.compares else "nodata"
            raise NoValidData(
                f"all {table.total_pixels:,} pixels of {provenance.scene_name!r} are {where}: nothing to map"
            )
        for writer in writers.values():
            writer.tag(provenance.tags())
    return table, seams, decimator
