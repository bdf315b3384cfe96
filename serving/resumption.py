"""What the rows of a map depend on: the facts by which a run knows that rows on disk are its own."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

import numpy as np
import pyproj
import rasterio

from landcover.grid import Grid
from landcover.processors import instructions
from landcover.raster.geojson import Area
from landcover.sensors import Radiometry
from landcover.tiling import TilePlan
from serving.engine import Engine
from serving.predict import Layer
from serving.products import Provenance
from serving.rowstore import FORMAT, Facts, Job
from serving.version import VERSION


def job_of(
    provenance: Provenance,
    engine: Engine,
    plan: TilePlan,
    layers: Mapping[str, Layer],
    *,
    bands: Sequence[Sequence[str] | None],
    measure: str | None = None,
) -> Job:
    """The job of mapping a scene; waits for the digests of the input.

    Files are known by their digests, so that a copy in another place is the same input and a file that was replaced is
    not. Not among the facts: how rows are masked, merged and drawn, which happens after they are kept; and the size of
    batches and the number of threads, which do not change what processors answer. GPUs pick their kernels by the shape
    of a run, which is that of the batch, and by the device: these are facts of theirs.

    Args:
        provenance: where the map comes from.
        engine: the model.
        plan: windows over the grid.
        layers: what is made beside codes.
        bands: what the caller says that the bands of each input are.
        measure: which one a layer of uncertainty has.

    Raises:
        RasterUnreadable: when an input can no longer be read.
    """
    composition, manifest = provenance.composition, provenance.manifest
    facts: Facts = {
        "Steppe": VERSION,
        "input": " ".join(part.digest.result() for part in composition.parts),
        "bands": "; ".join("by their names" if names is None else ",".join(names) for names in bands),
        "scale and offset": "; ".join(_scaling(part.radiometry or provenance.radiometry) for part in composition.parts),
        "resampling": "; ".join(part.resampling or "none" for part in composition.parts),
        "mosaic": str(composition.mosaic),
        "area": "none" if composition.area is None else _area_digest(composition.area),
        "grid": _grid_digest(provenance.grid),
        "model": manifest.identifier,
        "bundle of the model": engine.bundle.digest,
        "precision": str(provenance.precision),
        "test-time augmentation": str(provenance.augmentation),
        **_machine(provenance.provider),
        **engine.traits,
        "tile": plan.tile,
        "overlap": plan.overlap,
        "margin": plan.margin,
        "format of kept rows": FORMAT,
        "set of rasters": _options(layers, measure),
    }
    samples = manifest.legend.dtype.itemsize + sum(layer.bands for layer in layers.values())
    return Job(facts, plan.height * plan.width * samples)


def _scaling(radiometry: Radiometry) -> str:
    return f"{radiometry.scale!r}, {radiometry.offset!r}"


def _options(layers: Iterable[str], measure: str | None) -> str:
    """The options that asked for more rasters than those that every run can have: kept rows hold the confidence."""
    more = sorted(set(layers) - {"confidence"})
    options = [f"--{name} ({measure})" if name == "uncertainty" else f"--{name}" for name in more]
    return ", ".join(options) or "neither --probabilities nor --uncertainty"


def _machine(provider: str) -> Facts:
    """What computes, with versions: kernels of two versions, or for two kinds of processor, may round differently."""
    return {
        "runtime": f"{provider} {_runtime_version(provider)}",
        "processor": " ".join((platform.machine(), *instructions())),
        "NumPy": np.__version__,
        "GDAL": f"{rasterio.__gdal_version__} of rasterio {rasterio.__version__}",
        "PROJ": f"{rasterio.__proj_version__}, {pyproj.proj_version_str} of pyproj {pyproj.__version__}",
    }


def _runtime_version(provider: str) -> str:
    if provider == "openvino":
        return version("openvino")
    import onnxruntime  # noqa: PLC0415 - only where it is the runtime: its package may have several names

    return str(onnxruntime.__version__)


def _grid_digest(grid: Grid) -> str:
    return _digest(grid.crs.to_wkt(), list(grid.transform), [grid.height, grid.width])


def _area_digest(area: Area) -> str:
    return _digest(area.crs.to_wkt(), [[ring.tolist() for ring in polygon] for polygon in area.polygons])


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
