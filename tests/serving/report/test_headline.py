"""What a page shows beside its headline says the same as the headline: maps, zones, caveats."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from indicators.codes import NODATA
from indicators.condition.status import CONDITION_OF, STATUSES
from indicators.productivity.imported import TRENDS_EARTH
from indicators.zones.reading import parse_zones
from landcover.errors import ConfigError
from serving.report.layers import LpdLayer, ProductivityInputs, SocPercentLayer, SoilCarbonInputs
from serving.report.making import make_report
from serving.report.pagedata import conditions_of
from serving.report.request import CoverMap, ReportRequest, period_of
from tests.rasters import write_tiff
from tests.serving.report.classmaps import UTM, class_codes, write_map

WHITE = (255, 255, 255)


def zones():
    """West and east of the map but for its margins and a corner, in the CRS of the map."""
    t = UTM.transform

    def zone(name, west, east):
        corners = [(west, 5 if west > 10 else 12), (east, 5), (east, 55), (west, 55)]
        corners.append(corners[0])
        ring = [[t.a * col + t.c, t.e * row + t.f] for col, row in corners]
        return {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }

    document = {"type": "FeatureCollection", "features": [zone("West", 10, 40), zone("East", 40, 70)]}
    return parse_zones(document, "zones", crs=UTM.crs)


def layer(path, codes):
    return write_tiff(path, codes[None].astype(np.int16), crs=UTM.crs, transform=UTM.transform, nodata=NODATA)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A baseline, and a later period that is compared with it."""
    folder = tmp_path_factory.mktemp("headline")
    random = np.random.default_rng(1)
    maps = [write_map(folder / f"{year}.tif", class_codes(seed=year)) for year in (2000, 2015, 2019)]
    reports = {}
    for first, (before, after) in {2000: maps[:2], 2015: maps[1:]}.items():
        last = 2015 if first == 2000 else 2019
        lpd = layer(folder / f"lpd{last}.tif", random.choice([1, 2, 3, 4, 5, 0], (60, 80)))
        soc = layer(folder / f"soc{last}.tif", random.choice([-20, 0, 0, 15], (60, 80)))
        out = folder / f"report{first}"
        out.mkdir()
        request = ReportRequest(
            before=CoverMap(source=before, year=first),
            after=CoverMap(source=after, year=last),
            period=period_of(first, last),
            zones=zones(),
            productivity=ProductivityInputs(LpdLayer(lpd, TRENDS_EARTH)),
            soil=SoilCarbonInputs(SocPercentLayer(soc)),
            baseline=reports[2000].folder if reports else None,
        )
        reports[first] = make_report(request, out)
    return reports


@pytest.mark.parametrize("first", [2000, 2015])
def test_zones_sum_to_the_headline(made, first):
    page = made[first].page
    for code in page.headline.codes:
        assert sum(zone.conditions.km2(code) for zone in page.zones) == pytest.approx(page.headline.km2(code))


def test_no_data_is_that_of_the_headline(made):
    account = made[2015].made.whole
    status = account.status
    share = (status.totals.no_data - status.water_km2) / account.land_km2("final")
    assert status.water_km2 > 0
    assert made[2015].to_json()["no_data_share_of_land"] == pytest.approx(share)
    assert share > made[2000].to_json()["no_data_share_of_land"]


@pytest.mark.parametrize("first", [2000, 2015])
def test_page_tables_and_answer_give_one_value(made, first):
    report = made[first]
    tables = {table.id: table for table in report.tables}
    account, page = report.made.whole, report.page
    role = account.period.role
    assert account.land_km2("initial") != pytest.approx(account.land_km2("final"))
    value = tables["SO1-4.T2"].number(role, "proportion_percent")
    assert page.headline.percent(-1) == value
    assert page.land_km2 == tables["SO1-4.T2"].number(role, "total_land_area_km2") == report.to_json()["land_km2"]
    assert report.to_json()["indicator_degraded_percent"] == value
    for zone, part in zip(page.zones, report.made.parts, strict=True):
        assert (zone.conditions.percent(-1), zone.land_km2) == (part.degraded_percent, part.land_km2("final"))


def test_caveats_of_one_period_say_which(made):
    texts = made[2015].warnings
    assert len(texts) == len(set(texts))
    assert all(text.startswith(("2000-2015: ", "2015-2019: ")) for text in texts if "of the land has no data" in text)
    assert not any(text.startswith("2000-2015: ") for text in made[2000].warnings)


@pytest.mark.parametrize("first", [2000, 2015])
def test_only_land_without_data_is_hatched(made, first):
    pictures = made[first].page.pictures
    for picture in (pictures.initial, pictures.final, pictures.degradation):
        with Image.open(io.BytesIO(picture.png)) as image:
            assert image.convert("RGB").getpixel((6, 6)) == WHITE  # outside the zones
    with Image.open(io.BytesIO(pictures.initial.png)) as image:
        initial = np.asarray(image.convert("RGB"))
    with Image.open(io.BytesIO(pictures.degradation.png)) as image:
        shown = np.asarray(image.convert("RGB"))
    water = (initial == (0x00, 0x53, 0xC4)).all(axis=-1)
    assert water.any()
    assert (shown[water] == WHITE).all(axis=-1).mean() > 0.95  # but for outlines


def test_conditions_of_status():
    codes = np.array([*STATUSES, NODATA, 0], np.int16)
    assert conditions_of(codes).tolist() == [*(CONDITION_OF[code] for code in STATUSES), NODATA, NODATA]


def test_a_baseline_without_transitions_is_refused(made, tmp_path):
    """Nothing would say what was water in it."""
    for name in ("account.json", "indicator.tif"):
        (tmp_path / name).write_bytes((made[2000].folder / name).read_bytes())
    maps = [CoverMap(source=made[2000].folder.parent / f"{year}.tif", year=year) for year in (2015, 2019)]
    layers = [made[2000].folder.parent / f"{name}2019.tif" for name in ("lpd", "soc")]
    request = ReportRequest(
        before=maps[0],
        after=maps[1],
        period=period_of(2015, 2019),
        productivity=ProductivityInputs(LpdLayer(layers[0], TRENDS_EARTH)),
        soil=SoilCarbonInputs(SocPercentLayer(layers[1])),
        baseline=tmp_path,
    )
    with pytest.raises(ConfigError, match=r"has no transitions\.tif"):
        make_report(request, tmp_path)
