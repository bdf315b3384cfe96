"""Make layers of land productivity from annual NDVI: what ``steppe report productivity`` does."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from indicators.codes import NODATA
from indicators.joint import LPD, PRODUCTIVITY, JointTable
from indicators.productivity.unit_percentiles import UnitPercentiles
from indicators.reporting.totals import by_code
from indicators.zones.placed import ZonesOnGrid
from landcover.errors import GridMismatch, NoValidData
from landcover.grid import Grid, Window
from landcover.legends import Legend, get_legend
from landcover.raster.categorical import CodeMap
from landcover.raster.protocol import AnyArray
from landcover.raster.qml import write_qml
from landcover.raster.target import touching
from serving.report.annualndvi import AnnualNdvi, open_annual
from serving.report.covering import Openers
from serving.report.page.data import Input
from serving.report.productivityfiles import (
    FILES,
    METADATA,
    Facts,
    legend_of,
    metadata_bytes,
    metadata_document,
    tags_of,
    writer_of,
)
from serving.report.productivitypass import Grounds, compute, count_percentiles, ticking, windows
from serving.report.productivityrequest import ProductivityRequest
from serving.report.productivityunits import UnitCovers
from serving.report.streaming import Progress
from serving.staging import write_file

_ROWS: Final = 512
"""Rows of blocks of most files: what is cut out begins where one begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductivityMade:
    """Finished layers.

    Attributes:
        names: of the files, the metadata last.
        document: the metadata.
        tables: pixels and km2 by productivity of each area.
        pixels: pixels of the grid.
        seconds: from opening the files to the last one written.
    """

    names: tuple[str, ...]
    document: dict[str, Any]
    tables: tuple[JointTable, ...]
    pixels: int
    seconds: float

    def km2(self, axis: str) -> dict[int, float]:
        """Km2 of all areas by code of ``lpd`` or ``productivity``."""
        found: dict[int, float] = {}
        for table in self.tables:
            for code, km2 in by_code(table, axis).items():
                found[code] = found.get(code, 0.0) + km2
        return found

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "years": self.document["years"],
            "quantity": "mapped area (pixel count)",
            "lpd_km2": {str(code): km2 for code, km2 in self.km2(LPD).items()},
            "productivity_km2": {str(code): km2 for code, km2 in self.km2(PRODUCTIVITY).items()},
            "units": len(self.document["performance"]["units"]),
            "extent": self.document["performance"]["extent"],
            "pixels": self.pixels,
            "seconds": round(self.seconds, 3),
            "megapixels_per_second": round(self.pixels / 1e6 / self.seconds, 3),
        }


def make_productivity(
    request: ProductivityRequest,
    folder: Path,
    *,
    openers: Openers | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> ProductivityMade:
    """Make the layers.

    Args:
        request: what was asked for.
        folder: an empty folder for the files; what is there after an error is of no use.
        openers: who opens rasters; None = this process.
        progress: told after every window of both passes; whatever it raises ends the work.
        now: the time of the metadata, with a time zone; None = this moment.

    Raises:
        SteppeError: whatever keeps them from being made.
    """
    began, opening = time.monotonic(), openers or Openers()
    with ExitStack() as stack:
        ndvi = stack.enter_context(open_annual(request, opening))
        soil, cover = (stack.enter_context(opening.codes(path)) for path in (request.soil, request.cover))
        inputs = _inputs(request, ndvi, soil, cover)
        grounds = _grounds(request, ndvi, (soil, cover), _legend(request, cover))
        tick = ticking(progress, 2 * len(windows(grounds)))
        percentiles = count_percentiles(grounds, _extent(request), tick)
        tables = _write(request, folder, grounds, percentiles, tick)
        facts = Facts(
            request=request,
            scale=ndvi.scale,
            inputs=inputs,
            covers=grounds.covers,
            percentiles=percentiles,
            tables=tables,
            grid=grounds.grid,
            time=now or datetime.now(UTC),
        )
    document = metadata_document(facts, folder)
    write_file(folder / METADATA, metadata_bytes(document))
    names = (*sorted(path.name for path in folder.iterdir() if path.name != METADATA), METADATA)
    pixels = grounds.grid.height * grounds.grid.width
    return ProductivityMade(
        names=names, document=document, tables=tables, pixels=pixels, seconds=time.monotonic() - began
    )


def _grounds(
    request: ProductivityRequest, ndvi: AnnualNdvi, codes: tuple[CodeMap, CodeMap], legend: Legend | None
) -> Grounds:
    """Bring soil and land cover onto the part of the NDVI's grid that is computed.

    Raises:
        GridMismatch: when one of them lies elsewhere.
        ZonesInvalid: when no area touches the NDVI.
    """
    for raster in codes:
        if not touching(ndvi.grid, raster.grid):
            raise GridMismatch(f"{raster.scene.identifier!r} lies elsewhere than the NDVI; give rasters of one place")
    place = _place(request, ndvi.grid)
    grid = ndvi.grid if place == ndvi.grid.extent else ndvi.grid.crop(place)
    soil, cover = (raster.on(grid) for raster in codes)
    return Grounds(
        ndvi=ndvi,
        soil=soil,
        cover=cover,
        covers=UnitCovers(legend, nodata=cover.nodata),
        grid=grid,
        place=place,
        zones=None if request.zones is None else ZonesOnGrid(request.zones, grid),
        methods=request.methods,
        table=request.table,
    )


def _place(request: ProductivityRequest, grid: Grid) -> Window:
    """The rows and columns that the areas need."""
    if request.zones is None:
        return grid.extent
    window = ZonesOnGrid(request.zones, grid).window
    row = window.row - window.row % _ROWS
    return Window(row, window.col, window.row_stop - row, window.width)


def _legend(request: ProductivityRequest, cover: CodeMap) -> Legend | None:
    return get_legend(request.legend) if request.legend is not None else cover.legend


def _write(
    request: ProductivityRequest, folder: Path, grounds: Grounds, percentiles: UnitPercentiles, tick: Callable[[], None]
) -> tuple[JointTable, ...]:
    tags = tags_of(request, percentiles)
    with ExitStack() as stack:
        writers = {name: stack.enter_context(writer_of(folder, name, grounds.grid, tags)) for name in FILES}

        def write(row: int, name: str, values: AnyArray) -> None:
            writers[name].write_rows(row, values)

        tables = compute(grounds, percentiles, write, tick)
        _refuse_empty(tables)
    for name, file in FILES.items():
        legend = legend_of(name)
        if legend is not None:
            write_qml(folder / file, legend)
    return tables


def _refuse_empty(tables: tuple[JointTable, ...]) -> None:
    for table in tables:
        pixels = table.over([LPD])
        if pixels.pixels[[code != NODATA for code in pixels.axes[0].codes]].any():
            return
    raise NoValidData("no pixel of the areas has trend, state and performance: nothing to report; check the NDVI")


def _extent(request: ProductivityRequest) -> str:
    """What performance is measured within, one phrase for people."""
    if request.zones is None:
        return f"all pixels of {request.ndvi[0].name}"
    digest = "" if request.zones.sha256 is None else f" (sha256 {request.zones.sha256})"
    count = len(request.zones.zones)
    return f"{count} {'area' if count == 1 else 'areas'} of {request.zones.name}{digest}"


def _inputs(request: ProductivityRequest, ndvi: AnnualNdvi, soil: CodeMap, cover: CodeMap) -> tuple[Input, ...]:
    files = request.ndvi if len(request.ndvi) == 1 else request.ndvi[request.bands]
    named = [
        *(("ndvi", path, each.scene.input_digest()) for path, each in zip(files, ndvi.maps, strict=True)),
        ("soil", request.soil, soil.scene.input_digest()),
        ("land cover", request.cover, cover.scene.input_digest()),
    ]
    zones = request.zones
    areas = () if zones is None else (Input("areas", zones.name, zones.sha256),)
    return (*(Input(role, path.name, digest) for role, path, digest in named), *areas)
