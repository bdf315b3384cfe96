"""Stocks of soil carbon from rasters to table SO1-3.T1, the page and Trends.Earth's summary, against brute force."""

import json

import numpy as np
import pytest
import rasterio
import shapely

from indicators.areas import PixelAreas
from indicators.productivity.imported import get_lpd_source
from indicators.reporting.entries import SocStock
from indicators.soilcarbon.annual import stocks_of_years
from indicators.soilcarbon.change import CARBON_RULE
from indicators.soilcarbon.factors import TIER1
from indicators.soilcarbon.spread import spread_change
from indicators.zones.reading import read_zones
from landcover.errors import DtypeMismatch
from landcover.raster.categorical import open_codes
from serving.report import files
from serving.report.covering import Openers
from serving.report.layers import LpdLayer, ProductivityInputs, ReferenceStock, SocPercentLayer, SoilCarbonInputs
from serving.report.making import make_report
from serving.report.request import CoverMap, ReportRequest, period_of
from serving.report.stocks import carried_on
from tests.indicators.zones.files import write_vectors
from tests.rasters import write_tiff
from tests.serving.report.classmaps import UTM, class_codes, write_map

KM2 = PixelAreas(UTM).rows(0, 60)
KM2 = np.broadcast_to(KM2[:, None] if KM2.ndim == 1 else KM2, (60, 80))
CLIMATE = "temperate_dry"
PLACE = {"crs": UTM.crs.to_wkt(), "transform": UTM.transform}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two maps, a stock with gaps in floats, and two areas that meet inside pixels."""
    folder = tmp_path_factory.mktemp("soc")
    before, after = class_codes(seed=1), class_codes(seed=2)
    stock = np.random.default_rng(3).uniform(5, 140, (60, 80)).astype(np.float32)
    stock[20:24, 30:50] = np.nan
    stock[0:60:7, 5] = -9999
    shapes = [shapely.box(*box) for box in BOXES]
    write_vectors(folder / "zones.gpkg", shapes, name=["West", "East"])
    return {
        "folder": folder,
        "before": write_map(folder / "before.tif", before),
        "after": write_map(folder / "after.tif", after),
        "stock": write_tiff(folder / "stock.tif", stock[None], nodata=-9999, **PLACE),
        "zones": read_zones(folder / "zones.gpkg"),
        "codes": (before, after),
        "values": np.where(stock == -9999, np.nan, stock),
    }


BOXES = (500_000, 5_498_500, 501_010, 5_499_900), (501_010, 5_498_500, 502_400, 5_500_000)


def request(world, years=(2000, 2015), **changes):
    first, last = years
    given = {
        "before": CoverMap(source=world["before"], year=first),
        "after": CoverMap(source=world["after"], year=last),
        "period": period_of(first, last),
        "soil": SoilCarbonInputs(
            ReferenceStock(raster=changes.pop("stock", world["stock"]), climate_name=CLIMATE, first=first, last=last)
        ),
    }
    return ReportRequest(**given | changes)


def followed(world, years=(2000, 2015)):
    """Stocks of both years, pixel by pixel, by the recursion over annual land cover."""
    before, after = (codes.astype(np.int16) for codes in world["codes"])
    first, last = years
    found = stocks_of_years(
        world["values"],
        spread_change(before, after, first=first, last=last),
        TIER1.f_of(CLIMATE),
        years=range(first, last + 1),
        wanted=years,
    )
    return [found[year] for year in years]


def brute(codes, stock, share):
    """{code: (tonnes, km2)} of UNCCD-7."""
    known = ~np.isnan(stock)
    weight = KM2 * share
    return {
        code: (
            float((stock * weight * 100)[known & (codes == code)].sum()),
            float(weight[known & (codes == code)].sum()),
        )
        for code in range(1, 8)
    }


def shares(zones):
    """Share of every pixel in each zone, from the polygons' boxes."""
    x, y = 500_000 + 30 * np.arange(81), 5_500_000 - 30 * np.arange(61)
    found = []
    for left, bottom, right, top in BOXES:
        across = np.clip(np.minimum(x[1:], right) - np.maximum(x[:-1], left), 0, None) / 30
        down = np.clip(np.minimum(y[:-1], top) - np.maximum(y[1:], bottom), 0, None) / 30
        found.append(down[:, None] * across)
    assert len(found) == len(zones.zones)
    return found


def check(stocks, world, share, years=(2000, 2015)):
    for stock, codes, values, year in zip(stocks, world["codes"], followed(world, years), years, strict=True):
        wanted = brute(codes, values, share)
        assert stock.year == year
        np.testing.assert_allclose(
            [t for _, t in stock.tonnes], [wanted[code][0] for code, _ in stock.tonnes], rtol=1e-6
        )
        areas = [wanted[code][1] for code, _ in stock.km2]
        np.testing.assert_allclose([a for _, a in stock.km2], areas, rtol=1e-7)


@pytest.fixture(scope="module")
def made(world):
    folder = world["folder"] / "report"
    folder.mkdir()
    lpd = np.full((1, 60, 80), 4, np.uint8)
    path = write_tiff(world["folder"] / "lpd.tif", lpd, **PLACE)
    productivity = ProductivityInputs(LpdLayer(path, get_lpd_source("national")))
    return make_report(request(world, zones=world["zones"], productivity=productivity), folder)


def test_every_zone_and_the_whole(world, made):
    each = shares(world["zones"])
    check(made.made.whole.soc_stocks, world, sum(each))
    for part, share in zip(made.made.parts, each, strict=True):
        check(part.soc_stocks, world, share)


def found_in(document, name):
    """The values of the part of a document that has a name."""
    if isinstance(document, dict):
        if document.get("name") == name:
            return document["values"]
        document = list(document.values())
    found = [found_in(each, name) for each in document] if isinstance(document, list) else []
    return next((each for each in found if each), None)


def test_table_page_and_summary_say_the_same(made):
    whole = made.made.whole
    table = next(table for table in made.tables if table.id == "SO1-3.T1")
    assert [row.cells[0] for row in table.rows] == [2000, 2015]
    assert table.rows[1].cells[1:] == tuple(whole.soc_stocks[1].per_hectare(code) for code in range(1, 8))
    stocks = made.page.carbon.stocks
    assert [stock.code for stock in stocks] == [1, 2, 3, 7]
    assert stocks[0].initial == whole.soc_stocks[0].per_hectare(1)
    summary = json.loads((made.folder / files.SUMMARY).read_text())
    values = found_in(summary["land_condition"]["baseline"], "Soil organic carbon by year by land cover class")
    for stock in whole.soc_stocks:
        assert list(values[str(stock.year)].values()) == [tonnes for _, tonnes in stock.tonnes]
    account = json.loads((made.folder / files.ACCOUNT).read_text())
    assert str(whole.soc_stocks[0].tonnes[0][1]) in json.dumps(account)


def test_the_final_stock_is_written_for_the_next_period(world, made):
    with rasterio.open(made.folder / files.SOC_STOCK) as found:
        values, nodata, tags = found.read(1), found.nodata, found.tags()
        row = round((UTM.transform.f - found.transform.f) / -30)
        col = round((found.transform.c - UTM.transform.c) / 30)
    wanted = followed(world)[1][row : row + values.shape[0], col : col + values.shape[1]]
    there = values != nodata
    assert (values.dtype, nodata) == (np.float32, -32768)
    np.testing.assert_allclose(values[there], wanted[there], rtol=1e-6)
    assert np.isnan(
        wanted[~there & (sum(shares(world["zones"]))[row:, col:][: values.shape[0], : values.shape[1]] > 0)]
    ).all()
    assert tags["soc_factors"] == TIER1.identity


def test_a_later_period_begins_where_the_baseline_ends(world, made):
    folder = world["folder"] / "next"
    folder.mkdir()
    changes = {"zones": world["zones"], "baseline": made.folder}
    lpd = ProductivityInputs(LpdLayer(world["folder"] / "lpd.tif", get_lpd_source("national")))
    world_next = world | {"before": world["after"], "after": world["before"]}
    found = make_report(
        request(world_next, (2015, 2019), stock=made.folder / files.SOC_STOCK, productivity=lpd, **changes), folder
    )
    before, now = made.made.whole.soc_stocks[1], found.made.whole.soc_stocks[0]
    np.testing.assert_allclose([t for _, t in now.tonnes], [t for _, t in before.tonnes], rtol=1e-6)
    assert not {"soc-stock-differs", "soc-stock-years"} & {caveat.slug for caveat in found.made.whole.caveats}
    table = next(table for table in found.tables if table.id == "SO1-3.T1")
    assert [row.cells[0] for row in table.rows] == [2000, 2015, 2019]
    other = folder / "other"
    other.mkdir()
    differs = make_report(request(world_next, (2015, 2019), productivity=lpd, **changes), other)
    (caveat,) = [each for each in differs.made.whole.caveats if each.slug == "soc-stock-differs"]
    assert "soc_stock_final.tif" in caveat.text
    assert any(caveat.text in notice.text for notice in differs.page.notices)


def test_whether_stocks_carry_on():
    def stock(year, tonnes):
        return SocStock(year, ((1, tonnes),), ((1, 1.0),))

    assert carried_on((), (stock(2015, 1.0),)) == carried_on((stock(2015, 1.0),), ()) == ()
    assert carried_on((stock(2000, 9.0), stock(2015, 1000.0)), (stock(2015, 1009.0), stock(2019, 1.0))) == ()
    (differs,) = carried_on((stock(2015, 1000.0),), (stock(2015, 1011.0),))
    assert (differs.slug, "1,000 t" in differs.text, "1,011 t" in differs.text) == ("soc-stock-differs", True, True)
    (years,) = carried_on((stock(2015, 1.0),), (stock(2016, 1.0),))
    assert years.slug == "soc-stock-years"


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_percent_as_floats_or_integers(world, tmp_path, dtype):
    """Exactly at the threshold counts, just below it does not; NaN and the nodata value are no data."""
    percent = np.zeros((60, 80), dtype)
    percent[10, 10:14] = -10, 10, -9, 9
    percent[11, 10:12] = -32768
    if dtype != "int16":
        percent[12, 10:14] = np.nan, np.inf, -9.999, 10.001
    path = write_tiff(tmp_path / "p.tif", percent[None], nodata=-32768, **PLACE)
    (tmp_path / "r").mkdir()
    found = make_report(request(world, soil=SoilCarbonInputs(SocPercentLayer(path), CARBON_RULE)), tmp_path / "r")
    land = np.isin(world["codes"][0], (1, 2, 3, 4, 5, 6)) | (world["codes"][0] == 255)
    lost, gained = percent == -10, (percent >= 10) & np.isfinite(percent)
    totals = found.made.whole.soc
    assert totals.degraded == pytest.approx(KM2[lost & land].sum(), abs=1e-12)
    assert totals.improved == pytest.approx(KM2[gained & land].sum(), abs=1e-12)
    assert found.made.whole.soc_stocks == ()
    assert files.SOC_STOCK not in found.names


def test_rasters_kept_at_a_distance_are_not_opened_here(world, tmp_path):
    """Who gives an opener of codes alone gets no float layers in this process."""
    asked = []

    def codes(path):
        asked.append(path.name)
        return open_codes(path)

    with pytest.raises(DtypeMismatch, match="float32"):
        make_report(request(world), tmp_path, openers=Openers(codes=codes))
    assert asked == ["before.tif", "after.tif", "stock.tif"]


def test_stocks_in_tenths_with_a_nodata_value_of_their_own(world, tmp_path):
    """-3000 would be -300 t/ha; who does not apply the scale refuses it."""
    tenths = np.round(np.nan_to_num(world["values"], nan=-300.0) * 10).astype(np.int16)
    tenths[2, 3] = -3000
    path = write_tiff(tmp_path / "tenths.tif", tenths[None], nodata=-3000, scaling=[(0.1, 0.0)], **PLACE)
    floats = np.where(tenths == -3000, np.nan, tenths / 10).astype(np.float32)
    same = write_tiff(tmp_path / "floats.tif", floats[None], **PLACE)
    found = []
    for stock in (path, same):
        folder = tmp_path / stock.stem
        folder.mkdir()
        found.append(make_report(request(world, stock=stock), folder).made.whole.soc_stocks)
    for one, other in zip(*found, strict=True):
        assert one.year == other.year
        np.testing.assert_allclose(one.tonnes, other.tonnes, rtol=1e-6)
        np.testing.assert_array_equal(one.km2, other.km2)

    def codes(path):
        return open_codes(path)

    with pytest.raises(DtypeMismatch, match="'tenths' states a scale or an offset"):
        make_report(request(world, stock=path), tmp_path, openers=Openers(codes=codes))
