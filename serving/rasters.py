"""The rasters of one run: rows stream from the model into the wanted maps, and are counted in passing."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indicators.areas import AreaTable, ClassAreas
from indicators.moves import ClassMoves
from landcover.errors import NoValidData
from landcover.manifest import Manifest
from landcover.postprocess import PROBABILITY_SCALE, UNCERTAINTY, probability_percent
from landcover.quality import QUALITY_LEGEND, UNSEEN, UNSEEN_WORDS, valid_only
from landcover.raster.cog import MapBand, MapWriter
from landcover.raster.protocol import Mask
from landcover.raster.sieve import PatchSieve
from landcover.seams import SeamScore
from serving.drift.watch import DriftWatch
from serving.outputs.decimate import Decimator
from serving.predict import CONFIDENCE, Layer, MapRows
from serving.products import Finished, Provenance, raster_tags
from serving.treatment import MinimumPatch, Observed, Sieved, Treatment

RASTERS: Final = ("map", "confidence", "probabilities", "uncertainty", "quality")
"""Roles of the outputs that are rasters on the scene's grid."""


type _MapPiece = tuple[int, NDArray[Any]]
"""First row, and codes (row, col) of some rows of the map."""


def wanted_layers(
    roles: Mapping[str, Path], manifest: Manifest, treatment: Treatment, *, kept: bool = False
) -> dict[str, Layer]:
    """What the prediction has to make beside codes.

    Args:
        roles: the outputs.
        manifest: the model's.
        treatment: how the outputs are made.
        kept: whether rows are kept. They hold the confidence, too, so that the run that goes on may ask for it.
    """
    wanted = {*roles, *(("confidence",) if kept else ())}
    layers = {
        "confidence": CONFIDENCE,
        "probabilities": Layer(len(manifest.legend), probability_percent),
        "uncertainty": Layer(1, UNCERTAINTY[treatment.uncertainty]),
    }
    return {role: layer for role, layer in layers.items() if role in wanted}


def write_rasters(
    rows: Generator[MapRows],
    staged: Mapping[str, Path],
    provenance: Provenance,
    treatment: Treatment,
    *,
    mask: Mask | None,
    drift: DriftWatch,
) -> Finished:
    """Write the wanted rasters; the map last when small patches are merged, for that needs all of its rows.

    Args:
        rows: the map from top to bottom, with the wanted layers.
        staged: where to write each role; other roles are left alone.
        provenance: where the map comes from.
        treatment: how the outputs are made.
        mask: mask band of the scene, if there is one and it is wanted.
        drift: has watched the scenes when all rows have come.

    Returns:
        what the small files are made from.

    Raises:
        NoValidData: when no pixel of the map has a class.
        ConfigError: when the least area is one pixel or less.
        DataError: when the scene or its mask cannot be read.
        OutputNotWritable: when a raster cannot be written.
        DiskFull: when there is no space.
    """
    grid = provenance.grid
    patches = _Patches(staged["map"], provenance, treatment.min_patch) if treatment.min_patch else None
    quality = _Quality(provenance, mask, masked=treatment.mask_clouds) if _observes(staged, treatment) else None
    legend = provenance.manifest.legend
    areas = ClassAreas(grid, legend, nodata=legend.nodata)
    decimator = Decimator(grid, nodata=legend.nodata, dtype=legend.dtype)
    with ExitStack() as stack:
        stack.enter_context(closing(rows))
        writers = {
            role: stack.enter_context(_writer(role, staged[role], provenance, treatment))
            for role in RASTERS
            if role in staged
        }
        sides = _Sides({role: writer for role, writer in writers.items() if role != "map"}, quality)
        stream = stack.enter_context(closing(sides.through(rows)))
        if patches:
            stream = stack.enter_context(closing(patches.through(stream)))
        for row, codes_HW in stream:
            writers["map"].write_rows(row, codes_HW)
            areas.add(row, codes_HW)
            decimator.add(row, codes_HW)
        table, observed = areas.table(), quality.observed() if quality else None
        _refuse_empty(table, observed, provenance)
        sieved = patches.report(table) if patches else None
        finished = Finished(
            provenance,
            table,
            *decimator.result(),
            sides.seams,
            observed,
            sieved,
            treatment,
            drift.drifts(provenance.images(len(drift.scenes))),
        )
        for role, writer in writers.items():
            writer.tag({**provenance.tags(), **raster_tags(role, finished)})
    return finished


class _Sides:
    """Writes everything but the map while its rows pass; they are of the classes before small patches are merged.

    Attributes:
        seams: how far neighbouring windows agreed, up to the last row that passed.
    """

    def __init__(self, writers: Mapping[str, MapWriter], quality: _Quality | None) -> None:
        self._writers, self._quality = writers, quality
        self.seams = SeamScore()

    def through(self, rows: Generator[MapRows]) -> Generator[_MapPiece]:
        for part in rows:
            row, codes_HW = part.row, part.codes_HW
            layers = {name: layer[0] if len(layer) == 1 else layer for name, layer in part.layers_BHW.items()}
            if self._quality:
                layers["quality"], codes_HW = self._quality.observe(row, codes_HW)
            for role, writer in self._writers.items():
                writer.write_rows(row, layers[role])
            self.seams = part.seams
            del part, layers  # the next rows take as much memory
            yield row, codes_HW


class _Quality:
    """What the mask band says of the map's pixels, and its areas."""

    def __init__(self, provenance: Provenance, mask: Mask | None, *, masked: bool) -> None:
        self._mask, self._masked, self._nodata = mask, masked, provenance.manifest.legend.nodata
        self._areas = ClassAreas(provenance.grid, QUALITY_LEGEND)
        self._missed = 0

    def observe(self, row: int, codes_HW: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Quality codes of some rows, and the map's codes, masked where that is wanted."""
        quality_HW = valid_only(codes_HW, nodata=self._nodata)
        if self._mask:
            valid_HW = codes_HW != self._nodata
            mask_HW, inside_HW = self._mask.rows(row, row + len(codes_HW))
            np.copyto(quality_HW, mask_HW, where=valid_HW)
            self._missed += int((valid_HW & ~inside_HW).sum())
        self._areas.add(row, quality_HW)
        if self._masked:
            codes_HW = np.where(np.isin(quality_HW, UNSEEN), codes_HW.dtype.type(self._nodata), codes_HW)
        return quality_HW, codes_HW

    def observed(self) -> Observed:
        return Observed.by(self._mask, self._areas.table(), masked=self._masked, missed=self._missed)


class _Patches:
    """Merges the small patches of the map when all its rows have come, and counts what that moves.

    Raises:
        ConfigError: when the least area is one pixel or less.
    """

    def __init__(self, path: Path, provenance: Provenance, min_patch: MinimumPatch) -> None:
        self._path, self._grid, self._legend = path, provenance.grid, provenance.manifest.legend
        self._min_patch, self._min_pixels = min_patch, min_patch.pixels(self._grid)
        self._moves = ClassMoves(self._grid, self._legend)

    def through(self, stream: Generator[_MapPiece]) -> Generator[_MapPiece]:
        legend = self._legend
        with PatchSieve(self._path, self._grid, min_pixels=self._min_pixels) as sieve:
            for row, codes_HW in stream:
                sieve.add(row, legend.decode(codes_HW))  # as indices every legend fits a byte
            for row, *indices in sieve.rows():
                before_HW, after_HW = map(legend.encode, indices)
                self._moves.add(row, before_HW, after_HW)
                yield row, after_HW

    def report(self, areas: AreaTable) -> Sieved:
        return Sieved(
            self._min_patch,
            self._min_pixels,
            self._legend,
            self._moves.table(),
            areas.valid_area_km2,
            areas.valid_pixels,
        )


def _observes(roles: Mapping[str, Path], treatment: Treatment) -> bool:
    return "quality" in roles or treatment.mask_clouds


def _refuse_empty(areas: AreaTable, observed: Observed | None, provenance: Provenance) -> None:
    """Raises NoValidData when no pixel has a class."""
    if areas.valid_pixels:
        return
    name = provenance.called
    if observed and observed.areas.valid_pixels:
        raise NoValidData(
            f"all {observed.areas.valid_pixels:,} valid pixels of {name!r} are {UNSEEN_WORDS} by "
            f"{observed.source}: nothing to map; leave --mask-clouds out to map them all the same"
        )
    where = "nodata at one date or the other" if provenance.composition.compares else "nodata"
    raise NoValidData(f"all {areas.total_pixels:,} pixels of {name!r} are {where}: nothing to map")


def _writer(role: str, path: Path, provenance: Provenance, treatment: Treatment) -> MapWriter:
    grid, legend = provenance.grid, provenance.manifest.legend
    if role == "map":
        kind: dict[str, Any] = {"dtype": legend.dtype.name, "nodata": legend.nodata}
        return MapWriter(path, grid, legend=legend, description=f"{legend.title} class code", **kind)
    if role == "quality":
        return MapWriter(path, grid, legend=QUALITY_LEGEND, description=QUALITY_LEGEND.title)
    percent: tuple[MapBand, ...] = (MapBand("confidence, percent", unit="%"),)
    if role == "uncertainty":
        percent = (MapBand(f"uncertainty ({treatment.uncertainty}), percent", unit="%"),)
    if role == "probabilities":
        percent = tuple(MapBand(name, scale=PROBABILITY_SCALE) for name in legend.names)
    return MapWriter(path, grid, description=percent)
