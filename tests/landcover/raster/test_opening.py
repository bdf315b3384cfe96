"""What is no scene is refused with one sentence; what is damaged is never read as pixels."""

import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.env import get_gdal_config, set_gdal_config

from landcover.errors import (
    BandCount,
    BlockTooLarge,
    NoCrs,
    NoGeoreference,
    RasterCorrupt,
    RasterTooLarge,
    RasterTruncated,
    RasterUnreadable,
)
from landcover.grid import Window
from landcover.raster import opening
from landcover.raster.georeference import grid_of
from landcover.raster.scene import ReadPolicy, open_scene
from tests.rasters import BANDS, cut, numbers, write_jp2, write_tiff

ENGINEERING = 'LOCAL_CS["site",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'


def read_all(path, **options):
    options = {"bands_wanted": BANDS} | options
    with open_scene(path, **options) as scene:
        return scene.read(scene.grid.extent)


@pytest.fixture
def scene_path(tmp_path):
    return write_tiff(
        tmp_path / "scene.tif",
        numbers(4, 300, 400),
        names=BANDS,
        tiled=True,
        blockxsize=64,
        blockysize=64,
        compress="deflate",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "neither TIFF nor JPEG 2000"),
        (b'<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>', "neither TIFF nor JPEG 2000"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "neither TIFF nor JPEG 2000"),
    ],
    ids=["empty", "html", "vrt", "png"],
)
def test_other_bytes_named_tif_are_refused(tmp_path, content, message):
    path = tmp_path / "scene.tif"
    path.write_bytes(content)
    with pytest.raises(RasterUnreadable, match=message):
        read_all(path)


def test_a_header_that_is_cut_off(tmp_path):
    path = tmp_path / "scene.tif"
    for content in (b"II*\0", b"II*\0\x08\0\0\0", b"MM\0+\0\x08\0\0"):
        path.write_bytes(content)
        with pytest.raises(RasterTruncated, match=f"ends after {len(content)} bytes"):
            read_all(path)


def test_archives_say_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "scene.zip", "w") as archive:
        archive.writestr("scene.tif", b"II*\0")
    with pytest.raises(RasterUnreadable, match=r"ZIP archive, unpack it first"):
        read_all(tmp_path / "scene.zip")


@pytest.mark.parametrize("name", ["none.tif", "x" * 300, "/vsimem/none.tif", "http://localhost/none.tif"])
def test_missing_files_are_refused(tmp_path, name):
    with pytest.raises(RasterUnreadable):
        read_all(tmp_path / name)


def test_dataset_names_that_are_no_files_are_refused(scene_path, monkeypatch):
    monkeypatch.chdir(scene_path.parent)
    for name in ("GTIFF_DIR:1:scene.tif", "vrt://scene.tif", "zip://scene.tif"):
        with pytest.raises(RasterUnreadable):
            read_all(name)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.98])
@pytest.mark.parametrize("threads", [1, 3])
def test_truncated_tiff_is_noticed(scene_path, monkeypatch, share, threads):
    monkeypatch.setenv("GDAL_NUM_THREADS", "ALL_CPUS")
    cut(scene_path, share)
    with pytest.raises((RasterTruncated, RasterUnreadable), match=r"'scene.tif'.*(fetch the file again|damaged)"):
        read_all(scene_path, policy=ReadPolicy(threads=threads))


@pytest.mark.parametrize("share", [0.6, 0.98])
@pytest.mark.parametrize("threads", [1, 3])
def test_truncated_jpeg2000_is_noticed(tmp_path, monkeypatch, share, threads):
    """GDAL's own threads would read this without an error, also when the environment asks for them."""
    monkeypatch.setenv("GDAL_NUM_THREADS", "ALL_CPUS")
    path = cut(write_jp2(tmp_path / "B02.jp2", numbers(1, 300, 400)[0]), share)
    with pytest.raises(RasterTruncated, match=r"pixels are missing or damaged"):
        read_all(path, bands_wanted=["B02"], bands=["B02"], policy=ReadPolicy(threads=threads))


def test_overwritten_tile_is_noticed(scene_path):
    content = bytearray(scene_path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    scene_path.write_bytes(content)
    with pytest.raises(RasterTruncated):
        read_all(scene_path)


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("rows", [70, 20, 3], ids=["all empty", "last strip empty", "barely"])
def test_an_empty_last_strip_is_no_damage(tmp_path, interleave, rows):
    """GDAL writes it as long as the others, although the image ends before: LIBERTIFF would refuse the file."""
    dn = numbers(4, 70, 90)
    dn[:, 70 - rows :] = 0
    path = write_tiff(tmp_path / "scene.tif", dn, names=BANDS, nodata=0, interleave=interleave)
    block = read_all(path)
    np.testing.assert_array_equal(block.data, dn)
    np.testing.assert_array_equal(block.valid, dn.any(axis=0))


@pytest.mark.parametrize("share", [0.5, 0.9, 0.9999])
def test_truncated_raw_strips_are_noticed(tmp_path, share):
    path = cut(write_tiff(tmp_path / "scene.tif", numbers(4, 70, 90), names=BANDS), share)
    with pytest.raises(RasterTruncated):
        read_all(path)


def test_names_that_are_no_utf8_are_refused(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 7, 9), names=BANDS)
    with pytest.raises(RasterUnreadable, match="not UTF-8"):
        read_all(path.rename(tmp_path / b"sc\xff.tif".decode(errors="surrogateescape")))


def test_damage_elsewhere_does_not_hinder(scene_path):
    cut(scene_path, 0.98)
    with open_scene(scene_path, bands_wanted=BANDS[:1]) as scene:
        with pytest.raises(RasterTruncated):
            scene.read(scene.grid.extent)
        assert scene.read(Window(row=0, col=0, height=64, width=64)).valid.all()
        with pytest.raises(RasterTruncated):
            scene.read(scene.grid.extent)


def test_no_crs(tmp_path):
    with pytest.raises(NoCrs, match=r"'scene.tif' has no coordinate reference system"):
        read_all(write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS, crs=None))


@pytest.mark.parametrize(
    ("wkt", "message"),
    [
        (ENGINEERING, r"'site' \(Engineering CRS\), which does not say where on Earth"),
        ("GEOGCRS[nonsense", "unknown to PROJ"),
    ],
)
def test_crs_without_a_place_on_earth(tmp_path, wkt, message):
    """GDAL's TIFF driver drops such a CRS on writing; a file that has one all the same must be refused."""
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS)
    with rasterio.open(path) as dataset:
        fields = ("gcps", "height", "width", "transform")
        stub = SimpleNamespace(
            crs=SimpleNamespace(to_wkt=lambda: wkt), **{key: getattr(dataset, key) for key in fields}
        )
    with pytest.raises(NoCrs, match=message):
        grid_of(stub, "scene.tif")


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", Affine(1e-4, 0, 10, 0, -1e-4, 90.0003)),
        ("EPSG:4326", Affine(1e-4, 0, 10, 0, 1e-4, -90.0003)),
        ("EPSG:4326", Affine(0, 1e-4, 10, 1e-4, 0, -90.0003)),
        ("EPSG:4901", Affine(1e-4, 0, 10, 0, -1e-4, 100.0003)),  # in grads
    ],
)
def test_latitudes_beyond_a_pole(tmp_path, crs, transform):
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS, crs=crs, transform=transform)
    with pytest.raises(NoGeoreference, match=r"reaches from latitude .* beyond a pole; correct the transform"):
        read_all(path)


@pytest.mark.parametrize("north", [90, 90.00005])
def test_edges_half_a_pixel_beyond_a_pole(tmp_path, north):
    """Grids whose pixel centres lie on the pole."""
    transform = Affine(1e-4, 0, 10, 0, -1e-4, north)
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS, crs="EPSG:4326", transform=transform)
    assert read_all(path).valid.all()


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", Affine(1e-4, 0, 10, 0, -1e-4, 95)),
        ("EPSG:4326", Affine(1e-4, 0, 5e5, 0, -1e-4, 5.5e6)),
        ("EPSG:32633", Affine(10, 0, 5e5, 0, -10, 9e12)),
        ("EPSG:32633", Affine(7e-310, 0, 0, 0, -7e-310, 0)),
        ("EPSG:32633", Affine(10, 0, float("nan"), 0, -10, 5.5e6)),
    ],
    ids=["latitude 95", "metres as degrees", "far away", "denormal", "nan"],
)
def test_off_the_earth(tmp_path, crs, transform):
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS, crs=crs, transform=transform)
    with pytest.raises((NoGeoreference, NoCrs)):
        read_all(path)


def test_no_transform(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS, transform=Affine.identity())
    with pytest.raises(NoGeoreference, match=r"no pixel-to-map transform; warp it"):
        read_all(path)


def test_ground_control_points_only(tmp_path):
    corners = [(0, 0, 5e5, 5.5e6), (0, 9, 5.001e5, 5.5e6), (9, 0, 5e5, 5.499e6), (9, 9, 5.001e5, 5.499e6)]
    points = [rasterio.control.GroundControlPoint(*corner) for corner in corners]
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS, transform=Affine.identity(), gcps=points)
    with pytest.raises(NoGeoreference, match=r"ground control points only"):
        read_all(path)


@pytest.mark.parametrize("domain", ["OVERVIEWS", "GEOLOCATION"])
def test_metadata_that_points_elsewhere_is_refused(tmp_path, domain):
    harmless = {domain: {"NOTE": "points nowhere"}}
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS, domain_tags=harmless)
    with pytest.raises(RasterUnreadable, match=f"{domain} metadata that points to other files"):
        read_all(path)


def test_side_car_files_are_not_looked_at(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS, crs=None, transform=Affine.identity())
    (tmp_path / "scene.tfw").write_text("10\n0\n0\n-10\n500005\n5499995\n")
    srs = "<PAMDataset><SRS>EPSG:32633</SRS><GeoTransform>5e5,10,0,55e5,0,-10</GeoTransform></PAMDataset>"
    (tmp_path / "scene.tif.aux.xml").write_text(srs)
    with pytest.raises(NoGeoreference):
        read_all(path)


def test_external_mask_is_not_looked_at(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(4, 9, 9), names=BANDS)
    write_tiff(tmp_path / "scene.tif.msk", np.zeros((1, 9, 9), np.uint8), tags={"INTERNAL_MASK_FLAGS_1": "2"})
    assert read_all(path).valid.all()


@pytest.mark.parametrize(
    ("policy", "error", "message"),
    [
        (ReadPolicy(max_pixels=100), RasterTooLarge, "has 300 x 400 = 120,000 pixels; at most 100"),
        (ReadPolicy(max_bands=3), BandCount, "has 4 bands; at most 3"),
        (ReadPolicy(max_block_bytes=1000), BlockTooLarge, "blocks of 64 x 64 pixels"),
    ],
)
def test_limits_hold_before_a_pixel_is_read(scene_path, monkeypatch, policy, error, message):
    monkeypatch.setattr(opening, "open_handle", None)  # GDAL is not asked
    with pytest.raises(error, match=message):
        read_all(scene_path, policy=policy)


def test_block_cache_is_bounded_and_an_operators_bound_kept(scene_path):
    before = get_gdal_config("GDAL_CACHEMAX")
    try:
        set_gdal_config("GDAL_CACHEMAX", 10 * opening.BLOCK_CACHE_BYTES)
        read_all(scene_path)
        assert get_gdal_config("GDAL_CACHEMAX") == opening.BLOCK_CACHE_BYTES
        set_gdal_config("GDAL_CACHEMAX", 2**25)
        read_all(scene_path)
        assert get_gdal_config("GDAL_CACHEMAX") == 2**25
    finally:
        set_gdal_config("GDAL_CACHEMAX", before)


def test_gtiff_takes_over_where_libertiff_is_missing(scene_path, monkeypatch):
    def without(file):
        if file.driver == "LIBERTIFF":
            raise RasterCorrupt("no such driver")
        return open_handle(file)

    open_handle = opening.open_handle
    expected = read_all(scene_path).data
    monkeypatch.setattr(opening, "open_handle", without)
    np.testing.assert_array_equal(read_all(scene_path, policy=ReadPolicy(threads=1)).data, expected)


def test_refused_file_is_closed_again(scene_path, monkeypatch):
    handles = []
    open_handle = opening.open_handle
    monkeypatch.setattr(opening, "open_handle", lambda file: handles.append(open_handle(file)) or handles[-1])
    monkeypatch.setattr(opening, "check_header", lambda *_args, **_keywords: SimpleNamespace(form="TIFF"))
    for policy, error in (
        (ReadPolicy(max_pixels=1), RasterTooLarge),
        (ReadPolicy(max_bands=3), BandCount),
        (ReadPolicy(max_block_bytes=1000), BlockTooLarge),
    ):
        with pytest.raises(error):
            read_all(scene_path, policy=policy)
    assert [handle.closed for handle in handles] == [True] * 3
