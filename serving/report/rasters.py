"""The rasters of a report: degradation and transitions, and what each says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from indicators.codes import NODATA
from indicators.cover.account import CoverAccount
from indicators.cover.transition_legend import transition_legend
from landcover.grid import Grid
from landcover.legends import Legend, get_legend
from landcover.raster.cog import LargeMapWriter, MapWriter

DEGRADATION: Final = "degradation"
TRANSITIONS: Final = "transitions"

CONDITION_LEGEND: Final = "degradation3"
"""Codes, names and official colours of -1, 0 and 1 (UNCCD PRAIS 4 and Trends.Earth; LDN facts 2.2)."""

STATUS_LEGEND: Final = "status7"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRaster:
    """A raster to write while rows stream by.

    Attributes:
        path: the file; replaced when it is there.
        description: name of its band.
        legend: what its codes mean, None where they are no classes.
        dtype: sample type.
        nodata: its "no data".
        tags: dataset tags.
    """

    path: Path
    description: str
    legend: Legend | None = None
    dtype: str = "int16"
    nodata: int = NODATA
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Years:
    """The years that an account compares.

    Attributes:
        initial: the first.
        final: the last.
    """

    initial: int
    final: int


def degradation_raster(path: Path, account: CoverAccount, years: Years) -> ReportRaster:
    """Degradation of land cover: -1, 0, 1, nodata -32768, in the official colours."""
    return ReportRaster(
        path=path,
        description=f"land cover degradation {years.initial}-{years.final}",
        legend=get_legend(CONDITION_LEGEND),
        tags=_named(CONDITION_LEGEND, provenance_tags(account, years)),
    )


def transitions_raster(path: Path, account: CoverAccount, years: Years) -> ReportRaster:
    """Map codes of transitions, see ``TransitionMatrix.map_codes``: int16, nodata -32768."""
    matrix = account.matrices[0]
    return ReportRaster(
        path=path,
        description=f"land cover transitions {years.initial}-{years.final}",
        legend=transition_legend(matrix),
        tags={**provenance_tags(account, years), "transition_multiplier": str(matrix.multiplier)},
    )


def provenance_tags(account: CoverAccount, years: Years) -> dict[str, str]:
    """Which years, legend, crosswalks and matrices a raster comes from, with the content of each as a hash.

    Several matrices are a JSON list, in the order of regions.
    """
    initial, final = account.crosswalks
    matrices = [matrix.identity for matrix in account.matrices]
    return {
        "year_initial": str(years.initial),
        "year_final": str(years.final),
        "cover_legend": account.matrices[0].legend_id,
        "transition_matrix": matrices[0] if len(matrices) == 1 else json.dumps(matrices),
        "crosswalk_initial": initial.identity,
        "crosswalk_final": final.identity,
    }


def _named(legend: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Tags with the legend as all of Steppe's maps name it: whoever shows one knows its colours by that."""
    return {"steppe_legend": f"{legend} version {get_legend(legend).version}", **tags}


def writer_of(raster: ReportRaster, grid: Grid) -> MapWriter:
    """A writer for a raster on a grid.

    Raises:
        OutputNotWritable: the place cannot be written to.
        DiskFull: the disk has no room.
    """
    return LargeMapWriter(
        raster.path,
        grid,
        dtype=raster.dtype,
        nodata=raster.nodata,
        legend=raster.legend,
        tags=raster.tags,
        description=raster.description,
    )


def indicator_raster(path: Path, account: CoverAccount, years: Years, tags: Mapping[str, str]) -> ReportRaster:
    """SDG indicator 15.3.1 of the period: -1, 0, 1, nodata -32768; ``tags`` name the rules beside the matrix."""
    return ReportRaster(
        path=path,
        description=f"SDG indicator 15.3.1, {years.initial}-{years.final}",
        legend=get_legend(CONDITION_LEGEND),
        tags=_named(CONDITION_LEGEND, {**provenance_tags(account, years), **tags}),
    )


def status_raster(path: Path, account: CoverAccount, years: Years, tags: Mapping[str, str]) -> ReportRaster:
    """Status against the baseline, 1 to 7 (Good Practice Guidance, addendum), nodata -32768."""
    return ReportRaster(
        path=path,
        description=f"status of land against the baseline, {years.initial}-{years.final}",
        legend=get_legend(STATUS_LEGEND),
        tags=_named(STATUS_LEGEND, {**provenance_tags(account, years), **tags}),
    )


def soc_stock_raster(path: Path, account: CoverAccount, years: Years, tags: Mapping[str, str]) -> ReportRaster:
    """Stock of soil organic carbon in the final year, t/ha, float32, nodata -32768; ``tags`` name factors."""
    return ReportRaster(
        path=path,
        description=f"soil organic carbon {years.final}, 0-30 cm, t/ha",
        dtype="float32",
        tags={**provenance_tags(account, years), **tags},
    )


def layer_raster(path: Path, account: CoverAccount, years: Years, *, name: str, rule: str) -> ReportRaster:
    """A sub-indicator beside land cover: -1, 0, 1, nodata -32768.

    Args:
        path: the file.
        account: crosswalks and matrices.
        years: of the period.
        name: what it tells of, for people.
        rule: identity of the table or threshold that it was made by; empty where there is none.
    """
    return ReportRaster(
        path=path,
        description=f"{name}, {years.initial}-{years.final}",
        legend=get_legend(CONDITION_LEGEND),
        tags={**provenance_tags(account, years), **({"rule": rule} if rule else {})},
    )
