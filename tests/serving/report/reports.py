"""Report folders of small maps, to compare."""

from datetime import UTC, datetime

import numpy as np

from indicators.productivity.lpd import PRAIS2026
from landcover.raster.cog import MapWriter
from serving.report import files
from serving.report.assembling import assemble
from serving.report.covering import Openers
from serving.report.grounds import grounds_of
from serving.report.layers import ProductivityInputs, SocConditionLayer, SoilCarbonInputs, SubIndicatorLayers
from serving.report.passing import pass_over
from serving.report.request import CoverMap, ReportRequest, period_of
from serving.report.tablefiles import accounts_bytes
from tests.serving.report.classmaps import UTM, class_codes, write_map

MADE = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def write_layer(path, seed, *, codes=(-1, 0, 1), grid=UTM):
    """A layer of conditions; a tenth of it has no data."""
    values = np.random.default_rng(seed).choice(
        [*codes, -32768], (grid.height, grid.width), p=[0.9 / len(codes)] * len(codes) + [0.1]
    )
    with MapWriter(path, grid, dtype="int16", nodata=-32768) as writer:
        writer.write_rows(0, values.astype(np.int16))
    return path


def layers_in(folder, seed=0):
    """Trend, state, performance and soil carbon."""
    names = {"trend": (-1, 0, 1), "state": (-1, 0, 1), "performance": (-1, 0), "soc": (-1, 0, 1)}
    return {
        name: write_layer(folder / f"{name}{seed}.tif", seed + n, codes=codes)
        for n, (name, codes) in enumerate(names.items())
    }


def request_of(maps, *, layers=None, table=PRAIS2026, years=(2000, 2015), crosswalk=None, **more):
    """What a report of two maps is asked for."""
    productivity = soil = None
    if layers is not None:
        given = SubIndicatorLayers(trend=layers["trend"], state=layers["state"], performance=layers["performance"])
        productivity = ProductivityInputs(given, table)
        soil = SoilCarbonInputs(SocConditionLayer(layers["soc"]))
    before, after = (
        CoverMap(source=path, year=year, crosswalk=crosswalk) for path, year in zip(maps, years, strict=True)
    )
    period = period_of(*years)
    return ReportRequest(
        before=before, after=after, period=period, name="Testland", productivity=productivity, soil=soil, **more
    )


def make(folder, maps, **more):
    """What a comparison reads of a report of two maps, in a new folder."""
    folder.mkdir()
    request = request_of(maps, **more)
    passed = pass_over(request, folder, openers=Openers())
    made = assemble(request, passed.covers, passed.tables)
    grounds = grounds_of(request, passed.covers, passed.layers).to_document()
    content = accounts_bytes([made.whole], grounds=grounds, made=MADE, version="1")
    (folder / files.ACCOUNT).write_bytes(content)
    return folder


def write_maps(folder, seeds=(1, 2), **more):
    """Land cover of two years."""
    return [write_map(folder / f"map{seed}.tif", class_codes(seed=seed), **more) for seed in seeds]
