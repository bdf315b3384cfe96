"""Names, titles and rasters of the folder of productivity layers, and the document that says how they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from indicators.codes import NODATA
from indicators.joint import LPD as LPD_AXIS
from indicators.joint import PRODUCTIVITY, JointTable
from indicators.productivity.unit_percentiles import UnitPercentiles
from indicators.reporting.totals import by_code
from landcover.grid import Grid
from landcover.legends import Legend, get_legend
from landcover.raster.cog import LargeMapWriter, MapBand, MapWriter
from landcover.raster.digest import file_digest
from serving.report.page.data import Input
from serving.report.productivitypass import LPD, PERFORMANCE, STATE, TRAJECTORY, TREND
from serving.report.productivityrequest import ProductivityRequest
from serving.report.productivityunits import UnitCovers, soil_of
from serving.version import VERSION

METADATA: Final = "metadata.json"
MARK: Final = "trajectory.tif"
"""The file by which such a folder is known; others have a metadata.json, too."""

FILES: Final = {
    TREND: "trend.tif",
    STATE: "state.tif",
    PERFORMANCE: "performance.tif",
    LPD: "lpd.tif",
    TRAJECTORY: MARK,
}

_DESCRIPTIONS: Final = {
    TREND: "productivity trend",
    STATE: "productivity state",
    PERFORMANCE: "productivity performance",
    LPD: "land productivity dynamics",
    TRAJECTORY: "trajectory of annual NDVI",
}

_TITLES: Final = {
    TREND: "Trend of annual NDVI: -1, 0, 1",
    STATE: "State, recent against earlier years: -1, 0, 1",
    PERFORMANCE: "Performance, against land of the same soil and cover: -1, 0",
    LPD: "Land productivity dynamics, 1 to 5",
    TRAJECTORY: "Band 1: slope, NDVI x 10000 a year; band 2: significance, sign times 1, 2, 3 for 90, 95, 99 %",
}

_BANDS: Final = (
    MapBand("slope", "NDVI x 10000 per year"),
    MapBand("significance: sign times 1, 2, 3 for 90, 95, 99 % (z196: times 2)"),
)


def legend_of(name: str) -> Legend | None:
    """Legend of a raster of classes."""
    if name == TRAJECTORY:
        return None
    return get_legend("lpd5" if name == LPD else "degradation3")


def writer_of(folder: Path, name: str, grid: Grid, tags: Mapping[str, str]) -> MapWriter:
    """A writer for one of the rasters.

    Raises:
        OutputNotWritable: the place cannot be written to.
        DiskFull: the disk has no room.
    """
    trajectory = name == TRAJECTORY
    return LargeMapWriter(
        folder / FILES[name],
        grid,
        dtype="float32" if trajectory else "int16",
        nodata=NODATA,
        legend=legend_of(name),
        tags=tags,
        description=_BANDS if trajectory else f"{_DESCRIPTIONS[name]} {tags['year_initial']}-{tags['year_final']}",
    )


def tags_of(request: ProductivityRequest, percentiles: UnitPercentiles) -> dict[str, str]:
    """What every raster says of itself: years, methods and the extent of performance."""
    return {
        "year_initial": str(request.used[0]),
        "year_final": str(request.used[-1]),
        "trend_method": request.trend.identity,
        "state_method": request.state.identity,
        "performance_method": request.performance.identity,
        "performance_extent": percentiles.extent,
        "unit_percentiles_sha256": percentiles.sha256,
        "lpd_table": request.table.identity,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the document is made of.

    Attributes:
        request: what was asked for.
        scale: factor that made the values NDVI x 10000.
        inputs: files that were read, with digests.
        covers: what land cover was in units.
        percentiles: of the first pass.
        tables: areas of each zone, or of all.
        grid: grid of the rasters.
        time: when they were made.
    """

    request: ProductivityRequest
    scale: float
    inputs: Sequence[Input]
    covers: UnitCovers
    percentiles: UnitPercentiles
    tables: Sequence[JointTable]
    grid: Grid
    time: datetime


def metadata_document(facts: Facts, folder: Path) -> dict[str, Any]:
    """How the rasters of a folder were made, and what they hold.

    Raises:
        RasterUnreadable: when a raster of the folder cannot be read.
    """
    request = facts.request
    return {
        "type": "steppe-productivity",
        "version": 1,
        "software": f"Steppe {VERSION}",
        "created": facts.time.isoformat(timespec="seconds"),
        "years": _years(request),
        "period": None if request.preset is None else {"preset": request.preset.identity, "role": request.role},
        "ndvi": {"scale_to_ndvi_x10000": facts.scale, "nodata": request.nodata},
        "inputs": [{"role": one.role, "name": one.name, "sha256": one.sha256} for one in facts.inputs],
        "methods": {
            "trend": _rule(request.trend),
            "state": _rule(request.state),
            "performance": _rule(request.performance),
            "lpd_table": _rule(request.table),
        },
        "performance": _performance(facts),
        "areas": {
            "quantity": "mapped area (pixel count)",
            "unit": "km2",
            "method": facts.tables[0].method,
            "zones": _areas(facts),
        },
        "grid": {
            "crs": facts.grid.crs.to_wkt(),
            "transform": list(facts.grid.transform)[:6],
            "height": facts.grid.height,
            "width": facts.grid.width,
        },
        "files": {
            file: {"title": _TITLES[name], "sha256": file_digest(folder / file), "nodata": NODATA}
            for name, file in FILES.items()
        },
    }


def metadata_bytes(document: Mapping[str, Any]) -> bytes:
    """The document as it is written."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n"


def _rule(rule: Any) -> dict[str, Any]:
    document: dict[str, Any] = rule.to_document()
    return {**document, "identity": rule.identity}


def _years(request: ProductivityRequest) -> dict[str, Any]:
    used, recent = request.used, request.state.recent_years
    begin = len(used) - recent - request.state.historical_years
    return {
        "stack": [request.years[0], request.years[-1]],
        "trend": [used[0], used[-1]],
        "performance": [used[0], used[-1]],
        "state_historical": [used[begin], used[-recent - 1]],
        "state_recent": [used[-recent], used[-1]],
    }


def _performance(facts: Facts) -> dict[str, Any]:
    found, legend = facts.percentiles, facts.covers.legend
    rows = zip(found.units.tolist(), found.hundredths.tolist(), found.pixels.tolist(), strict=True)
    return {
        "extent": found.extent,
        "note": "The percentile of a unit depends on the extent: another extent gives other performance.",
        "sha256": found.sha256,
        "land_cover_legend": None if legend is None else legend.id,
        "units": [
            {
                "soil": soil_of(unit),
                "land_cover": facts.covers.code_of(unit),
                "pixels": pixels,
                f"ndvi_p{found.method.percentile}": hundredths / 1e6,
            }
            for unit, hundredths, pixels in rows
        ],
    }


def _areas(facts: Facts) -> list[dict[str, Any]]:
    zones = facts.request.zones
    names = ("all",) if zones is None else zones.names
    return [
        {
            "name": name,
            LPD_AXIS: {str(code): km2 for code, km2 in by_code(table, LPD_AXIS).items()},
            PRODUCTIVITY: {str(code): km2 for code, km2 in by_code(table, PRODUCTIVITY).items()},
        }
        for name, table in zip(names, facts.tables, strict=True)
    ]
