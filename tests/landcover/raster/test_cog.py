"""Maps: exactly on the grid, valid COGs, all or nothing, and never different from what was written."""

import json
import shutil as os_shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from pyproj import CRS
from rasterio.enums import ColorInterp, Interleaving, Resampling
from rio_cogeo import cog_validate

from landcover.errors import DiskFull, DtypeMismatch, OutputNotWritable, WindowError
from landcover.grid import Grid
from landcover.legends import get_legend
from landcover.raster import staging
from landcover.raster.cog import MapBand, MapWriter

LEGEND = get_legend("unccd7")
HEIGHT, WIDTH = 1300, 1100


def grid(transform=None, *, height=HEIGHT, width=WIDTH, crs="EPSG:32633"):
    return Grid(CRS.from_user_input(crs), transform or Affine(10, 0, 5e5, 0, -10, 5.5e6), height, width)


def patches(height=HEIGHT, width=WIDTH):
    """A class map with patches and a nodata corner."""
    small = np.random.default_rng(0).integers(1, 8, (height // 20 + 1, width // 20 + 1), dtype=np.uint8)
    codes = np.kron(small, np.ones((20, 20), np.uint8))[:height, :width]
    codes[: height // 3, : width // 3] = 255
    return np.ascontiguousarray(codes)


def write(path, values, *, order=None, rows=448, on=None, **options):
    starts = list(range(0, len(values), rows))
    with MapWriter(path, on or grid(height=values.shape[0], width=values.shape[1]), **options) as writer:
        for start in order or starts:
            writer.write_rows(start, values[start : start + rows])


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_class_map_is_a_valid_cog(tmp_path):
    codes = patches()
    tags = {"steppe_model": "x@1", "note": "Ärea <&>"}
    write(tmp_path / "map.tif", codes, legend=LEGEND, tags=tags, description="UNCCD-7 class code")
    assert cog_validate(tmp_path / "map.tif", strict=True) == (True, [], [])
    assert names_in(tmp_path) == ["map.tif"]  # no side-car, nothing temporary
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), codes)
        assert (dataset.dtypes, dataset.nodata, dataset.compression.name) == (("uint8",), 255, "deflate")
        assert dataset.block_shapes == [(512, 512)]
        assert dataset.overviews(1) == [2, 4]
        assert dataset.colorinterp == (ColorInterp.palette,)
        assert dataset.descriptions == ("UNCCD-7 class code",)
        colours = dataset.colormap(1)
        found = dataset.tags()
    assert {code: colours[code] for code in (*LEGEND.codes, 255)} == {
        **{item.code: (*item.rgb, 255) for item in LEGEND.classes},
        255: (0, 0, 0, 0),
    }
    assert found.items() >= tags.items()
    assert found["STEPPE_CLASS_1"] == "tree_covered"
    whole = json.loads(found["legend"])
    assert (whole["id"], whole["version"]) == (LEGEND.id, LEGEND.version)
    assert [item["color"] for item in whole["classes"]] == [item.color for item in LEGEND.classes]


def test_overviews_of_classes_are_by_mode(tmp_path):
    codes = np.tile(np.array([[1, 1, 1, 7]], np.uint8), (1024, 256))  # the average of a row would be another class
    write(tmp_path / "map.tif", codes, legend=LEGEND)
    with rasterio.open(tmp_path / "map.tif", overview_level=0) as overview:
        assert set(np.unique(overview.read(1))) <= {1, 7}


def test_overviews_of_confidence_are_averages_without_nodata(tmp_path):
    percent = np.tile(np.array([[10, 20], [30, 255]], np.uint8), (512, 512))
    write(tmp_path / "confidence.tif", percent)
    with rasterio.open(tmp_path / "confidence.tif", overview_level=0) as overview:
        np.testing.assert_array_equal(overview.read(1), 20)
    with rasterio.open(tmp_path / "confidence.tif") as dataset:
        assert dataset.colorinterp == (ColorInterp.gray,)
        assert "legend" not in dataset.tags()


@pytest.mark.parametrize(
    ("transform", "crs"),
    [
        (Affine(10, 0, 500_000.25, 0, 10, 5.4e6), "EPSG:32633"),
        (Affine(10, 3, 5e5, 3, -10, 5.5e6), "EPSG:32633"),
        (Affine(9.40310727259156e-05, 0, 54.540252685546875, 0, -9.396766865970705e-05, 24.366488081551143), 4326),
        (Affine(1000, 0, -17367530.45, 0, -1000, 7314540.83), 6933),
    ],
    ids=["south up", "rotated", "degrees", "equal area"],
)
def test_map_is_exactly_on_the_grid(tmp_path, transform, crs):
    on = grid(transform, height=70, width=90, crs=crs)
    write(tmp_path / "map.tif", patches(70, 90), on=on, legend=LEGEND)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.transform == transform
        assert CRS.from_wkt(dataset.crs.to_wkt()) == on.crs
    assert cog_validate(tmp_path / "map.tif", strict=True)[0]


@pytest.mark.parametrize(
    ("dtype", "nodata", "legend"),
    [
        ("int16", -32768, get_legend("degradation3")),
        ("int16", -32768, None),
        ("float32", float("nan"), None),
        ("uint16", 0, None),
    ],
)
def test_other_types(tmp_path, dtype, nodata, legend):
    random = np.random.default_rng(1)
    values = random.integers(-1, 2, (600, 700)).astype(dtype)
    values[:50] = nodata
    write(tmp_path / "map.tif", values, dtype=dtype, nodata=nodata, legend=legend)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), values)
        np.testing.assert_equal(dataset.nodata, nodata)
    assert cog_validate(tmp_path / "map.tif", strict=True)[0]


def test_rows_may_come_in_any_order_and_any_number(tmp_path):
    codes = patches()
    order = [1290, *range(600, 1290, 30), *range(0, 600, 30)]
    write(tmp_path / "map.tif", codes, order=order, rows=30, legend=LEGEND)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), codes)


def test_a_row_written_twice_counts_as_written_last(tmp_path):
    codes = patches()
    with MapWriter(tmp_path / "map.tif", grid(), legend=LEGEND) as writer:
        writer.write_rows(0, np.full_like(codes, 3))
        writer.write_rows(0, codes)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), codes)


def test_all_nodata_is_a_map(tmp_path):
    write(tmp_path / "map.tif", np.full((600, 600), 255, np.uint8), legend=LEGEND)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert (dataset.read(1) == 255).all()


def test_views_of_larger_arrays_are_written_right(tmp_path):
    codes = patches(80, 90)
    write(tmp_path / "map.tif", np.asfortranarray(codes)[:, 10:50], legend=LEGEND)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), codes[:, 10:50])


SHARES = tuple(MapBand(name, scale=0.01) for name in ("trees", "grass", "water"))


def shares(height=HEIGHT, width=WIDTH):
    """Percentages (band, row, col) that differ between bands, with a nodata corner."""
    values = np.random.default_rng(4).integers(0, 101, (3, height, width)).astype(np.uint8)
    values[:, : height // 3, : width // 3] = 255
    return values


def write_shares(path, values, *, rows=448):
    with MapWriter(path, grid(), description=SHARES, tags={"a": "1"}) as writer:
        for start in reversed(range(0, HEIGHT, rows)):
            writer.write_rows(start, values[:, start : start + rows])


def test_several_bands_are_a_valid_cog_that_says_what_its_numbers_mean(tmp_path):
    values = shares()
    write_shares(tmp_path / "shares.tif", values)
    assert cog_validate(tmp_path / "shares.tif", strict=True) == (True, [], [])
    assert names_in(tmp_path) == ["shares.tif"]
    with rasterio.open(tmp_path / "shares.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), values)
        assert dataset.descriptions == ("trees", "grass", "water")
        assert (dataset.scales, dataset.offsets) == ((0.01,) * 3, (0.0,) * 3)
        assert (dataset.nodatavals, dataset.interleaving) == ((255,) * 3, Interleaving.band)
        assert dataset.tags()["a"] == "1"
    with rasterio.open(tmp_path / "shares.tif", overview_level=0) as overview:
        square = values[2, 600:602, 700:702].mean()
        assert abs(overview.read(3)[300, 350] - square) <= 0.5


@pytest.mark.parametrize("shape", [(10, WIDTH), (2, 10, WIDTH), (3, 10, WIDTH - 1), (3, 0, WIDTH)])
def test_rows_of_other_bands_are_refused(tmp_path, shape):
    with (
        pytest.raises(WindowError, match="in 3 bands"),
        MapWriter(tmp_path / "shares.tif", grid(), description=SHARES) as writer,
    ):
        writer.write_rows(0, np.zeros(shape, np.uint8))


@pytest.mark.parametrize("band", [0, 1, 2])
def test_a_difference_in_any_band_is_found(tmp_path, monkeypatch, band):
    copy = rasterio.shutil.copy

    def lossy_copy(source, target, **options):
        copy(source, target, **options)
        with rasterio.open(target, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
            values = dataset.read(band + 1)
            values[700, 800] ^= 1
            dataset.write(values, band + 1)

    monkeypatch.setattr(rasterio.shutil, "copy", lossy_copy)
    with pytest.raises(OutputNotWritable, match=r"reads differently from what was written, from row 512 on"):
        write_shares(tmp_path / "shares.tif", shares())
    assert names_in(tmp_path) == []


def test_missing_rows_are_an_error_and_nothing_appears(tmp_path):
    with (
        pytest.raises(WindowError, match=r"100 of 1300 rows were never written, the first is 1200"),
        MapWriter(tmp_path / "map.tif", grid()) as writer,
    ):
        writer.write_rows(0, patches()[:1200])
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("start", "values", "error"),
    [
        (0, np.zeros((10, WIDTH - 1), np.uint8), WindowError),
        (HEIGHT - 5, np.zeros((10, WIDTH), np.uint8), WindowError),
        (-1, np.zeros((10, WIDTH), np.uint8), WindowError),
        (0, np.zeros((1, 10, WIDTH), np.uint8), WindowError),
        (0, np.zeros((10, WIDTH), np.int16), DtypeMismatch),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path, start, values, error):
    with pytest.raises(error), MapWriter(tmp_path / "map.tif", grid()) as writer:
        writer.write_rows(start, values)
    assert names_in(tmp_path) == []


def stop_halfway(writer):
    writer.write_rows(0, patches()[:600])
    assert writer._folder.is_dir()
    raise KeyboardInterrupt


def test_exception_leaves_what_was_there(tmp_path):
    path = tmp_path / "map.tif"
    path.write_bytes(b"older map")
    writer = MapWriter(path, grid(), legend=LEGEND)
    with pytest.raises(KeyboardInterrupt), writer:
        stop_halfway(writer)
    assert path.read_bytes() == b"older map"
    assert names_in(tmp_path) == ["map.tif"]


def test_tags_known_only_at_the_end_are_in_the_map(tmp_path):
    with MapWriter(tmp_path / "map.tif", grid(height=40, width=30), tags={"a": "1", "b": "1"}) as writer:
        writer.write_rows(0, np.zeros((40, 30), np.uint8))
        writer.tag({"b": "2", "c": "3"})
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert {name: dataset.tags()[name] for name in "abc"} == {"a": "1", "b": "2", "c": "3"}


def test_an_older_map_is_replaced(tmp_path):
    path = tmp_path / "map.tif"
    path.write_bytes(b"older map")
    codes = patches(60, 60)
    write(path, codes, legend=LEGEND)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), codes)


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "folder.tif").mkdir()
    for path in (tmp_path / "none" / "map.tif", tmp_path / "file" / "map.tif", tmp_path / "folder.tif"):
        with pytest.raises(OutputNotWritable):
            MapWriter(path, grid())
    with pytest.raises(OutputNotWritable):
        MapWriter(tmp_path / ("x" * 300), grid())


def test_read_only_folder_is_refused_at_once(tmp_path, monkeypatch):
    def refuse(_path, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # the tests may run as root, whom no mode stops
    with pytest.raises(OutputNotWritable, match=r"'map.tif' cannot be written: Permission denied"):
        MapWriter(tmp_path / "map.tif", grid())


def test_too_little_space_is_refused_at_once(tmp_path, monkeypatch):
    usage = os_shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(DiskFull, match=r"needs about 1430000 bytes of disk, 1000 are free"):
        MapWriter(tmp_path / "map.tif", grid())


def damage(path, transform):
    with rasterio.open(path) as dataset:
        profile, values = dataset.profile, dataset.read()
    del profile["blockxsize"], profile["blockysize"], profile["interleave"]
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(transform(values))


def one_pixel_off(values):
    values[0, -1, -1] += 1
    return values


@pytest.mark.parametrize("transform", [np.zeros_like, one_pixel_off])
def test_a_map_that_reads_differently_never_appears(tmp_path, monkeypatch, transform):
    copy = rasterio.shutil.copy

    def lossy_copy(source, target, **options):
        copy(source, target, **options)
        damage(target, transform)

    monkeypatch.setattr(rasterio.shutil, "copy", lossy_copy)
    with pytest.raises(OutputNotWritable, match=r"reads differently from what was written"):
        write(tmp_path / "map.tif", patches(), legend=LEGEND)
    assert names_in(tmp_path) == []


def test_damaged_overviews_never_appear(tmp_path, monkeypatch):
    copy = rasterio.shutil.copy

    def lossy_copy(source, target, **options):
        copy(source, target, **options | {"OVERVIEWS": "NONE"})
        with rasterio.open(source) as good:
            codes = good.read()
        with rasterio.open(target, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
            dataset.write(np.zeros_like(codes))
            dataset.build_overviews([2], Resampling.nearest)
            dataset.write(codes)

    monkeypatch.setattr(rasterio.shutil, "copy", lossy_copy)
    with pytest.raises(OutputNotWritable, match=r"damaged overview"):
        write(tmp_path / "map.tif", patches(), legend=LEGEND)
    assert names_in(tmp_path) == []


def test_failed_flush_never_publishes(tmp_path, monkeypatch):
    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging.os, "fsync", fail)
    with pytest.raises(DiskFull, match=r"no room to write 'map.tif'"):
        write(tmp_path / "map.tif", patches(60, 60), legend=LEGEND)
    assert names_in(tmp_path) == []
