"""What goes with a finished map: provenance, areas, picture, style and STAC Item."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from indicators.areas import AreaTable
from landcover.augmentation import Augmentation
from landcover.grid import Grid
from landcover.manifest import Manifest
from landcover.precision import Precision
from landcover.raster.qml import write_qml
from landcover.raster.scene import Scene
from landcover.seams import SeamScore
from landcover.sensors import Radiometry
from serving.engine import Engine
from serving.outputs.areas import areas_document
from serving.outputs.quicklook import Caption, render_quicklook
from serving.outputs.stac import AssetFile, Product, product_item
from serving.request import Inputs, Outputs
from serving.staging import write_file
from serving.version import VERSION

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a map comes from; taken once, before the first pixel is mapped.

    Attributes:
        scene_name: name of the scene.
        source_href: the input as it goes into the STAC Item.
        grid: grid of scene and map.
        acquired: date or time of the image, ISO 8601, or None.
        level: processing level, or None.
        radiometry: scale and offset the digital numbers were read with.
        radiometry_stated: True when the file or the caller stated them, False when the model's were assumed.
        digest: of the input files, in the making: reading them once more takes as long as some windows.
        manifest: the model's.
        precision: which variant of it ran.
        augmentation: over which turns of the windows its answers were averaged.
        model_sha256: digest of that variant's graph.
        provider: what ran it; runtimes round differently, so a few pixels may differ between them.
        made: time of the run.
    """

    scene_name: str
    source_href: str
    grid: Grid
    acquired: str | None
    level: str | None
    radiometry: Radiometry
    radiometry_stated: bool
    digest: Future[str]
    manifest: Manifest
    precision: Precision
    augmentation: Augmentation
    model_sha256: str
    provider: str
    made: datetime

    @classmethod
    def of(cls, scene: Scene, inputs: Inputs, engine: Engine, digest: Future[str]) -> Self:
        """Ask the scene and the engine."""
        manifest = engine.bundle.manifest
        return cls(
            scene_name=inputs.name or scene.identifier,
            source_href=inputs.source.name,
            grid=scene.grid,
            acquired=scene.datetime,
            level=scene.level,
            radiometry=scene.radiometry or manifest.radiometry,
            radiometry_stated=scene.radiometry is not None,
            digest=digest,
            manifest=manifest,
            precision=engine.precision,
            augmentation=engine.augmentation,
            model_sha256=engine.model_sha256,
            provider=engine.provider,
            made=datetime.now(UTC),
        )

    @property
    def input_sha256(self) -> str:
        """Digest of the input files; waits until it is there.

        Raises:
            RasterUnreadable: when a file can no longer be read.
        """
        return self.digest.result()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know before trusting the map."""
        if self.radiometry_stated:
            return ()
        return (
            f"the input does not state scale and offset; reflectance = DN * {self.radiometry.scale:g} + "
            f"{self.radiometry.offset:g} was assumed. Products of processing baseline 04.00 and later (2022 on) need "
            "--product, for example sentinel-2-l2a-0400",
        )

    def tags(self) -> dict[str, str]:
        """Tags of the rasters."""
        manifest = self.manifest
        return {
            "steppe_version": VERSION,
            "steppe_model": manifest.identifier,
            "steppe_model_precision": self.precision,
            "steppe_tta": self.augmentation,
            "steppe_model_sha256": self.model_sha256,
            "steppe_provider": self.provider,
            "steppe_input": self.source_href,
            "steppe_input_sha256": self.input_sha256,
            "steppe_radiometry": f"scale={self.radiometry.scale:g} offset={self.radiometry.offset:g} "
            + ("stated" if self.radiometry_stated else "assumed"),
            "steppe_legend": f"{manifest.legend_id} version {manifest.legend_version}",
            "steppe_attribution": manifest.attribution,
            **({"datetime": self.acquired} if self.acquired else {}),
            **({"processing_level": self.level} if self.level else {}),
        }

    def descriptions(self) -> dict[str, str]:
        """Band descriptions of the rasters, by role."""
        return {"map": f"{self.manifest.legend.title} class code", "confidence": "confidence, percent"}


@dataclass(frozen=True, slots=True)
class Finished:
    """A map whose pixels are written.

    Attributes:
        provenance: where it comes from.
        areas: mapped area of each class.
        small_HW: the decimated map, uint8 codes.
        small_grid: its grid.
        seams: how far neighbouring windows agreed.
    """

    provenance: Provenance
    areas: AreaTable
    small_HW: NDArray[np.uint8]
    small_grid: Grid
    seams: SeamScore


def write_products(finished: Finished, staged: Mapping[str, Path], outputs: Outputs) -> None:
    """Write the wanted small files; the STAC Item last, because it holds the digests of the others.

    Args:
        finished: the map.
        staged: where to write each role.
        outputs: final names, for relative links.

    Raises:
        DiskFull: when there is no space.
        OutputNotWritable: when a file cannot be written.
    """
    write_qml(staged["style"], finished.provenance.manifest.legend)
    if "quicklook" in staged:
        write_file(staged["quicklook"], quicklook(finished))
    if "areas" in staged:
        write_file(staged["areas"], _json(areas_json(finished)))
    if "stac" in staged:
        write_file(staged["stac"], _json(stac_item(finished, staged, outputs)))


def quicklook(finished: Finished) -> bytes:
    """The picture of the map with its legend, a PNG."""
    provenance = finished.provenance
    caption = Caption(
        title=f"Land cover of {provenance.scene_name}",
        date=provenance.acquired[: len("2020-01-31")] if provenance.acquired else None,
        model=provenance.manifest.identifier,
        attribution=provenance.manifest.attribution,
    )
    legend = provenance.manifest.legend
    return render_quicklook(finished.small_HW, finished.small_grid, finished.areas, legend, caption=caption)


def areas_json(finished: Finished) -> Mapping[str, object]:
    """The table of areas as a JSON object."""
    manifest = finished.provenance.manifest
    return areas_document(
        finished.areas, finished.provenance.grid.crs, model_name=manifest.name, model_version=manifest.version
    )


def stac_item(finished: Finished, staged: Mapping[str, Path], outputs: Outputs) -> Mapping[str, object]:
    """The STAC Item; hrefs are relative to it."""
    provenance, manifest = finished.provenance, finished.provenance.manifest
    home = outputs.files()["stac"].resolve().parent
    files = {
        role: _asset(staged[role], Path(os.path.relpath(final.resolve(), home)).as_posix())
        for role, final in outputs.files().items()
        if role != "stac"
    }
    return product_item(
        Product(
            identifier=f"{provenance.scene_name}-{manifest.name}-{manifest.version}",
            title=f"Land cover of {provenance.scene_name}",
            grid=provenance.grid,
            legend=manifest.legend,
            created=provenance.made,
            software_version=VERSION,
            model_name=manifest.name,
            model_version=manifest.version,
            model_precision=provenance.precision,
            augmentation=provenance.augmentation,
            model_sha256=provenance.model_sha256,
            provider=provenance.provider,
            input_sha256=provenance.input_sha256,
            radiometry=provenance.radiometry,
            inputs=(provenance.source_href,),
            acquired=provenance.acquired,
            attribution=manifest.attribution,
            files=files,
            areas=finished.areas,
            seams=finished.seams,
        )
    )


def _asset(staged: Path, href: str) -> AssetFile:
    digest = hashlib.sha256()
    with staged.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return AssetFile(href=href, size=staged.stat().st_size, sha256=digest.hexdigest())


def _json(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
