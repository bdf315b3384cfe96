"""Spectral indices of a scene, from files to files: the job behind ``steppe indices``.

The raster is float32 with one band an index; NaN is no data, because every number may be a value of some index, and a
tool that overlooks the declared nodata value must not take it for one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.spectral.compute import IndexNotFitted, bands_of, compute
from indicators.spectral.ddi import DdiFit
from indicators.spectral.fits import SceneFit
from indicators.spectral.fvc import FvcModel, ndvi_histogram
from indicators.spectral.registry import INDICES, Origin, SpectralIndex, get_index
from landcover.errors import NoValidData, WrongUse
from landcover.grid import Window
from landcover.raster.cog import MapBand, MapWriter
from landcover.raster.digest import named
from serving.hrefs import landing
from serving.scenebands import UNSTATED, LetteredScene, Stated, open_lettered
from serving.staging import Staging, write_file
from serving.strictjson import Malformed, Unusable, parse_json
from serving.version import VERSION

NODATA: Final = math.nan

ALBEDO: Final = "albedo_liang2001"
WATER: Final = "MNDWI"

_PIECE_PIXELS: Final = 1 << 19
_DEPTH: Final = 6
_DDI: Final = ("DDI", "DDI_class")
_FVC: Final = "FVC"

type Floats = npt.NDArray[np.float64]
type Progress = Callable[[int, int], None]


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOrder:
    """Which indices of which scene.

    Attributes:
        scene: the scene.
        indices: names of indices, in the order of bands.
        stated: what the caller says of the scene.
        fitted: file with numbers that were kept, or None.
        fit: file to keep numbers in that are fitted on this scene, or None.
        vegetation: vegetation index of DDI when it is fitted.
        progress: told the rows done and to do.
    """

    scene: Path
    indices: tuple[str, ...]
    stated: Stated = UNSTATED
    fitted: Path | None = None
    fit: Path | None = None
    vegetation: str = "MSAVI"
    progress: Progress = field(default=_silent)


@dataclass(slots=True)
class IndexStatistics:
    """What a band holds.

    Attributes:
        pixels: with a value.
        low: least value.
        high: greatest value.
        total: sum of the values.
    """

    pixels: int = 0
    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0

    def add(self, values: npt.NDArray[np.float32]) -> None:
        """Take some pixels in; NaN does not count."""
        there = values[np.isfinite(values)]
        if there.size:
            self.pixels += there.size
            self.low, self.high = min(self.low, float(there.min())), max(self.high, float(there.max()))
            self.total += float(there.sum(dtype=np.float64))

    def to_document(self) -> dict[str, Any]:
        """As JSON; None where there is no value."""
        if not self.pixels:
            return {"pixels": 0, "minimum": None, "maximum": None, "mean": None}
        mean = self.total / self.pixels
        return {"pixels": self.pixels, "minimum": self.low, "maximum": self.high, "mean": mean}


def write_indices(order: IndexOrder, output: Path) -> dict[str, Any]:
    """Compute indices of a scene and write them; nothing is written when anything fails.

    Args:
        order: which indices.
        output: the raster.

    Returns:
        what was computed, as JSON.

    Raises:
        UnknownIndex: for a name that there is not.
        IndexNotFitted: when an index needs numbers of a scene, and none are given or asked for.
        DataError: when the scene cannot be used.
        WrongUse: when options do not go together.
        OutputNotWritable: when a file cannot be written.
        DiskFull: when there is no space.
    """
    indices = _chosen(order, output)
    kept = read_fit(order.fitted) if order.fitted else SceneFit()
    with Staging() as staging, closing(_open(order, indices)) as opened:
        raster = staging.path_for(output)
        fit_file = staging.path_for(order.fit) if order.fit else None
        fit = _fitted(opened, order, indices) if fit_file else kept
        _refuse_unfitted(indices, fit)
        tags = _tags(opened, indices, fit)
        statistics = _write(opened, indices, fit, raster, tags, order.progress)
        if fit_file:
            write_file(fit_file, (json.dumps(fit.to_document(), indent=1) + "\n").encode())
        staging.publish()
    return _document(opened, indices, fit, statistics) | {
        "files": {"indices": str(output), **({"fit": str(order.fit)} if order.fit else {})}
    }


def read_fit(path: Path) -> SceneFit:
    """Numbers that were kept.

    Raises:
        WrongUse: when the file holds none.
        ConfigError: when they cannot be used.
    """
    try:
        document = parse_json(path.read_bytes(), depth=_DEPTH)
    except OSError as error:
        raise WrongUse(f"{path.name!r} cannot be read: {error.strerror}") from error
    except (Malformed, Unusable) as error:
        raise WrongUse(f"{path.name!r} holds no numbers of a fit: {error}") from error
    return SceneFit.from_document(document)


class _Opened:
    """A scene read as reflectance."""

    def __init__(self, lettered: LetteredScene) -> None:
        self.lettered, self.scene = lettered, lettered.scene

    def close(self) -> None:
        self.scene.close()

    def pieces(self) -> Iterator[tuple[int, dict[str, Floats]]]:
        """From top to bottom: first row, and reflectance (row, col) by letter; NaN = no data."""
        grid, radiometry = self.scene.grid, self.lettered.radiometry
        step = max(1, min(512, _PIECE_PIXELS // grid.width))
        for row in range(0, grid.height, step):
            block = self.scene.read(Window(row, 0, min(step, grid.height - row), grid.width))
            yield (
                row,
                {
                    letter: np.where(block.valid, band * radiometry.scale + radiometry.offset, np.nan)
                    for letter, band in zip(self.lettered.letters, block.data, strict=True)
                },
            )


def _chosen(order: IndexOrder, output: Path) -> tuple[SpectralIndex, ...]:
    """The indices.

    Raises:
        UnknownIndex: for a name that there is not.
        WrongUse: when there is none, one comes twice, or files or options contradict each other.
    """
    if not order.indices:
        raise WrongUse("no index was asked for; give one with -i, steppe indices --list shows them")
    repeated = [name for name in order.indices if order.indices.count(name) > 1]
    if repeated:
        raise WrongUse(f"index {repeated[0]!r} was asked for twice; give each once")
    if order.fit and order.fitted:
        raise WrongUse("--fit keeps numbers of this scene, --fitted takes those of another one; give one of them")
    indices = tuple(get_index(name) for name in order.indices)
    if order.fit and not any(index.origin is Origin.FITTED for index in indices):
        raise WrongUse(f"--fit is for {', '.join((*_DDI, _FVC))}, none of which was asked for; leave it out")
    if output.suffix.lower() not in {".tif", ".tiff"}:
        raise WrongUse(f"{output.name!r} is to be a GeoTIFF; let its name end in .tif")
    for path in (output, order.fit):
        if path is not None and _is_of(path, order.scene):
            raise WrongUse(f"{path.name!r} is the scene, or a file of it; choose another name")
    return indices


def _is_of(path: Path, scene: Path) -> bool:
    """Whether writing a file would replace the scene, or a file in its folder."""
    place, source = landing(path), scene.resolve()
    return place == source or (path.exists() and place.is_relative_to(source))


def _open(order: IndexOrder, indices: tuple[SpectralIndex, ...]) -> _Opened:
    return _Opened(open_lettered(order.scene, bands_of(indices), order.stated))


def _refuse_unfitted(indices: tuple[SpectralIndex, ...], fit: SceneFit) -> None:
    """Raises IndexNotFitted, before anything is computed."""
    for index in indices:
        missing = (index.name in _DDI and fit.ddi is None) or (index.name == _FVC and fit.fvc is None)
        if missing:
            raise IndexNotFitted(
                f"index {index.name} needs numbers that are fitted on a scene: keep those of this scene with --fit "
                "NUMBERS.json, or give those of another one with --fitted NUMBERS.json so that both can be compared"
            )


def _fitted(opened: _Opened, order: IndexOrder, indices: tuple[SpectralIndex, ...]) -> SceneFit:
    """Fit on this scene what its indices need; twice over the pixels for DDI."""
    names = {index.name for index in indices}
    name = opened.scene.identifier
    line, ndvi = DdiFit(order.vegetation, name), ndvi_histogram()
    with_ddi, with_fvc = bool(names & set(_DDI)), _FVC in names
    for _, bands in opened.pieces():
        if with_ddi:
            line.add(*(compute(INDICES[each], bands) for each in (order.vegetation, ALBEDO, WATER)))
        if with_fvc:
            values = compute(INDICES["NDVI"], bands)
            ndvi.add(values[np.isfinite(values)])
    fvc = FvcModel.of_histogram(ndvi, name) if with_fvc else None
    if not with_ddi:
        return SceneFit(fvc=fvc)
    model = line.model()
    histogram = line.histogram(model)
    for _, bands in opened.pieces():
        values = compute(INDICES["DDI"], bands, ddi=model)
        used = np.isfinite(values) & ~(compute(INDICES[WATER], bands) > 0)
        histogram.add(values[used])
    return SceneFit(ddi=model.with_breaks(histogram), fvc=fvc)


def _write(
    opened: _Opened,
    indices: tuple[SpectralIndex, ...],
    fit: SceneFit,
    path: Path,
    tags: Mapping[str, str],
    progress: Progress,
) -> dict[str, IndexStatistics]:
    """Write the raster and count in passing.

    Raises:
        NoValidData: when no index has a value anywhere.
    """
    grid = opened.scene.grid
    statistics = {index.name: IndexStatistics() for index in indices}
    bands = tuple(MapBand(index.name) for index in indices)
    with MapWriter(path, grid, dtype="float32", nodata=NODATA, tags=tags, description=bands) as writer:
        for row, reflectance in opened.pieces():
            values_BRC = np.stack(
                [compute(index, reflectance, ddi=fit.ddi, fvc=fit.fvc).astype(np.float32) for index in indices]
            )
            for index, values_RC in zip(indices, values_BRC, strict=True):
                statistics[index.name].add(values_RC)
            writer.write_rows(row, values_BRC[0] if len(indices) == 1 else values_BRC)
            progress(row + values_BRC.shape[1], grid.height)
        if not any(one.pixels for one in statistics.values()):
            raise NoValidData(f"no pixel of {opened.scene.identifier!r} has a value of {', '.join(statistics)}")
    return statistics


def _tags(opened: _Opened, indices: tuple[SpectralIndex, ...], fit: SceneFit) -> dict[str, str]:
    """What the raster says of itself."""
    scene, radiometry = opened.scene, opened.lettered.radiometry
    stated = {"processing_level": scene.level, "datetime": scene.datetime}
    digest = named("steppe_scene_", scene.input_digest())
    return {
        **{f"steppe_index_{index.name}": f"{index.formula} ({index.source})" for index in indices},
        **{name: value for name, value in stated.items() if value is not None},
        **digest,
        **{f"steppe_{name}": identity for name, identity in fit.identities.items()},
        "steppe_scene": scene.identifier,
        "steppe_bands": " ".join(f"{letter}={name}" for letter, name in opened.lettered.letters.items()),
        "steppe_reflectance": f"DN * {radiometry.scale!r} + {radiometry.offset!r}",
        "steppe_version": VERSION,
    }


def _document(
    opened: _Opened,
    indices: tuple[SpectralIndex, ...],
    fit: SceneFit,
    statistics: Mapping[str, IndexStatistics],
) -> dict[str, Any]:
    scene, radiometry = opened.scene, opened.lettered.radiometry
    return {
        "scene": scene.identifier,
        **named("scene_", scene.input_digest()),
        "bands": dict(opened.lettered.letters),
        "reflectance": {"scale": radiometry.scale, "offset": radiometry.offset},
        "nodata": "NaN",
        "indices": [index.to_document() | {"values": statistics[index.name].to_document()} for index in indices],
        "fit": fit.to_document(),
    }
