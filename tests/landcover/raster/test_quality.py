"""Masks on the scene's grid, against the pixel that holds each centre, found by coordinates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import CRS, Transformer

from landcover.errors import BandMapping, GridMismatch, RasterTruncated
from landcover.grid import Grid
from landcover.quality import UNKNOWN
from landcover.raster.mask_files import mask_of
from landcover.raster.positions import TOLERANCE_PX
from landcover.raster.quality import open_mask
from landcover.raster.target import target_grid
from tests.rasters import cut, north_up, numbers, write_jp2, write_tiff
from tests.scenes import UTM33, utm_grid

SCL_OF = np.array([7, 6, 1, 4, 1, 1, 1, 7, 2, 2, 3, 5], np.uint8)
"""Quality code of each number of the scene classification."""


def scl(height, width, *, seed=0):
    return np.random.default_rng(seed).integers(0, 12, (height, width), dtype=np.uint8)


def by_coordinates(mask, transform, grid):
    """Code of the mask's pixel that each centre of the grid lies in, one by one."""
    codes = np.full((grid.height, grid.width), UNKNOWN, np.uint8)
    for row in range(grid.height):
        for col in range(grid.width):
            x, y = grid.transform @ (col + 0.5, row + 0.5)
            mask_col, mask_row = (int(np.floor(value)) for value in ~transform @ (x, y))
            if 0 <= mask_row < mask.shape[0] and 0 <= mask_col < mask.shape[1]:
                codes[row, col] = SCL_OF[mask[mask_row, mask_col]]
    return codes


def read_in_pieces(reader, height, rows=17):
    return np.concatenate([reader.rows(row, min(row + rows, height))[0] for row in range(0, height, rows)])


@pytest.mark.parametrize(
    ("transform", "suffix"),
    [
        (north_up(20.0), ".jp2"),
        (north_up(60.0), ".jp2"),
        (north_up(10.0), ".tif"),
        (Affine(20, 0, 500_210, 0, -20, 5_499_730), ".tif"),
        (Affine(20, 0, 500_000, 0, 20, 5_498_800), ".tif"),
        (Affine(20, 0, 500_880, 0, -20, 5_500_000), ".tif"),
    ],
    ids=["20 m", "60 m", "10 m", "shifted", "south up", "two columns"],
)
def test_a_mask_beside_the_bands(tmp_path, transform, suffix):
    mask = scl(60, 55)
    name = tmp_path / f"T33UUU_20220216T102101_SCL_20m{suffix}"
    if suffix == ".jp2":
        write_jp2(name, mask, transform=transform)
    else:
        write_tiff(name, mask[None], transform=transform, nodata=0)
    grid = utm_grid(110, 90)
    with open_mask(tmp_path, grid) as reader:
        codes = read_in_pieces(reader, grid.height)
        assert (reader.kind.name, reader.file.name) == ("SCL", name.name)
    np.testing.assert_array_equal(codes, by_coordinates(mask, transform, grid))


TURNED = Affine(16, 12, 500_100, 12, -16, 5_499_400)
GRIDS = {
    "turned": Grid(utm_grid(1, 1).crs, TURNED, 90, 110),
    "next zone": target_grid([utm_grid(120, 110, pixel=20.0)], CRS.from_epsg(32634), 10.0),
    "degrees": target_grid([utm_grid(120, 110, pixel=20.0)], CRS.from_epsg(4326), 2e-4),
    "partly elsewhere": Grid(CRS.from_epsg(3857), Affine(15, 0, 1_669_000, 0, -15, 6_387_000), 140, 130),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_mask_in_another_crs_or_turned(tmp_path, name):
    """Against PROJ, pixel by pixel; pixels on a border of the mask's, to what positions are exact to, may be either."""
    mask, grid = scl(60, 55), GRIDS[name]
    transform = north_up(40.0)
    write_tiff(tmp_path / "SCL.tif", mask[None], transform=transform, tiled=True, blockxsize=32, blockysize=32)
    with open_mask(tmp_path, grid) as reader:
        codes = read_in_pieces(reader, grid.height, rows=45)
    to_scene = Transformer.from_crs(grid.crs, "EPSG:32633", always_xy=True)
    expected, clear = np.full_like(codes, UNKNOWN), np.ones(codes.shape, bool)
    for row, col in np.ndindex(codes.shape):
        place = ~transform @ to_scene.transform(*(grid.transform @ (col + 0.5, row + 0.5)))
        mask_col, mask_row = np.floor(place).astype(int)
        clear[row, col] = np.abs(np.array(place) - np.rint(place)).min() > 2 * TOLERANCE_PX
        if 0 <= mask_row < 60 and 0 <= mask_col < 55:
            expected[row, col] = SCL_OF[mask[mask_row, mask_col]]
    np.testing.assert_array_equal(codes[clear], expected[clear])
    assert clear.mean() > 0.98
    assert (codes != UNKNOWN).any()


@pytest.mark.parametrize(
    "grid",
    [
        Grid(UTM33, Affine(10, 0, 502_200, 0, -10, 5_500_000), 40, 30),
        Grid(UTM33, Affine(10, 0, 500_000, 0, 10, 5_500_000), 40, 30),
        Grid(CRS.from_epsg(32634), Affine(10, 0, 500_000, 0, -10, 5_500_000), 40, 30),
        Grid(CRS.from_epsg(4326), Affine(1e-4, 0, 26, 0, -1e-4, 49.6), 40, 30),
        Grid(CRS.from_epsg(3031), Affine(10, 0, -200, 0, -10, 200), 40, 40),
    ],
    ids=["beside", "below", "next zone", "degrees", "the other pole"],
)
def test_a_mask_that_does_not_touch_the_scene(tmp_path, grid):
    write_tiff(tmp_path / "SCL.tif", scl(60, 55)[None], transform=north_up(40.0))
    with pytest.raises(GridMismatch, match=r"the mask SCL in 'SCL.tif' lies elsewhere than the scene; correct"):
        open_mask(tmp_path, grid)


def test_a_mask_around_the_pole_in_the_middle_of_the_scene(tmp_path):
    """Neither outline enters the other by longitude and latitude of its corners alone."""
    mask = scl(40, 40)
    write_tiff(tmp_path / "SCL.tif", mask[None], crs="EPSG:3413", transform=Affine(1000, 0, -20_000, 0, -1000, 20_000))
    cap = Grid(CRS.from_epsg(4326), Affine(1, 0, -180, 0, -0.02, 90), 5, 360)
    with open_mask(tmp_path, cap) as reader:
        codes, inside = reader.rows(0, 5)
    assert inside.all()
    assert len(np.unique(codes)) > 3


@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_a_mask_band_of_the_same_file(tmp_path, interleave):
    mask = scl(70, 90)
    stack = np.concatenate([numbers(2, 70, 90), mask[None].astype(np.uint16), numbers(1, 70, 90)])
    path = write_tiff(
        tmp_path / "scene.tif", stack, names=("B02", "B03", "scl", "B04"), interleave=interleave, nodata=0
    )
    with open_mask(path, utm_grid(70, 90)) as reader:
        np.testing.assert_array_equal(read_in_pieces(reader, 70), SCL_OF[mask])


def test_bands_that_the_caller_names(tmp_path):
    mask = np.array([[0, 1 << 10], [1 << 11, 0]], np.uint16)
    path = write_tiff(tmp_path / "scene.tif", np.stack([mask + 5, mask]))
    assert open_mask(path, utm_grid(2, 2)) is None
    with open_mask(path, utm_grid(2, 2), bands=("B02", "QA60")) as reader:
        assert reader.rows(0, 2)[0].tolist() == [[1, 2], [3, 1]]


def test_three_flags_in_bands_of_one_file(tmp_path):
    flags = np.array([[[1, 0, 0, 0]], [[1, 1, 0, 0]], [[0, 0, 1, 0]]], np.uint8)
    names = ("MSK_CLASSI_OPAQUE", "MSK_CLASSI_CIRRUS", "MSK_CLASSI_SNOW_ICE")
    path = write_tiff(tmp_path / "scene.tif", flags[[2, 0, 1]], names=[names[index] for index in (2, 0, 1)])
    with open_mask(path, utm_grid(1, 4)) as reader:
        assert reader.rows(0, 1)[0].tolist() == [[2, 3, 5, 1]]


def make_safe(folder, *, masks):
    """An L2A or L1C product of which only the masks are there: {path below the granule: array (band, row, col)}."""
    granule = folder / "S2A_MSIL2A_20220216T102101_N0400_R065_T33UUU_20220216T135312.SAFE" / "GRANULE" / "L2A_T33UUU"
    for name in ("IMG_DATA/R10m", "IMG_DATA/R20m", "IMG_DATA/R60m", "QI_DATA"):
        (granule / name).mkdir(parents=True)
    for name, values in masks.items():
        pixel = 10.0 * 120 / values.shape[-1]
        write_tiff(
            granule / name,
            values,
            driver="JP2OpenJPEG",
            QUALITY="100",
            REVERSIBLE="YES",
            transform=north_up(pixel),
        )
    return granule


@pytest.mark.parametrize("given", ["product", "granule", "IMG_DATA", "IMG_DATA/R10m", "MTD_MSIL2A.xml"])
def test_the_finest_scene_classification_of_a_product(tmp_path, given):
    mask = scl(60, 60)
    flags = np.ones((3, 20, 20), np.uint8)
    files = {
        "IMG_DATA/R20m/T33UUU_20220216T102101_SCL_20m.jp2": mask[None],
        "IMG_DATA/R60m/T33UUU_20220216T102101_SCL_60m.jp2": mask[None, ::3, ::3],
        "QI_DATA/MSK_CLASSI_B00.jp2": flags,
    }
    granule = make_safe(tmp_path, masks=files)
    product = granule.parents[1]
    (product / "MTD_MSIL2A.xml").touch()
    source = {"product": product, "granule": granule, "MTD_MSIL2A.xml": product / given}.get(given, granule / given)
    with open_mask(source, utm_grid(120, 120)) as reader:
        assert reader.file.name == "T33UUU_20220216T102101_SCL_20m.jp2"
        np.testing.assert_array_equal(reader.rows(0, 120)[0], np.kron(SCL_OF[mask], np.ones((2, 2), np.uint8)))


@pytest.mark.parametrize("given", ["product", "granule", "IMG_DATA"])
def test_the_flags_of_level_1c(tmp_path, given):
    flags = np.zeros((3, 20, 20), np.uint8)
    flags[0, :5], flags[1, 5:7], flags[2, 7:9] = 1, 1, 1
    granule = make_safe(tmp_path, masks={"QI_DATA/MSK_CLASSI_B00.jp2": flags})
    source = {"product": granule.parents[1], "granule": granule}.get(given, granule / given)
    with open_mask(source, utm_grid(120, 120)) as reader:
        assert reader.kind.name == "MSK_CLASSI"
        column = reader.rows(0, 120)[0][:, 0].tolist()
    assert column == [2] * 30 + [3] * 12 + [5] * 12 + [1] * 66


def test_no_mask(tmp_path):
    path = write_tiff(tmp_path / "scene.tif", numbers(2, 5, 5), names=("B02", "B03"))
    assert open_mask(path, utm_grid(5, 5)) is None
    write_tiff(tmp_path / "B02.tif", numbers(1, 5, 5))
    assert open_mask(tmp_path, utm_grid(5, 5)) is None


def test_names_of_mask_files():
    named = ["SCL.tif", "x_SCL_20m.jp2", "qa60.TIF", "LC08_L2SP_190024_20200601_QA_PIXEL.TIF", "MSK_CLASSI_B00.jp2"]
    assert [mask_of(Path(name)) for name in named] == ["SCL", "SCL", "QA60", "QA_PIXEL", "MSK_CLASSI"]
    others = ["SCL.png", "MUSCL.tif", "x_QA_RADSAT.TIF", "MSK_CLASSI_B01.jp2", "B02.tif"]
    assert [mask_of(Path(name)) for name in others] == [None] * 5


def test_masks_that_cannot_be_used(tmp_path):
    grid = utm_grid(10, 10)
    path = tmp_path / "SCL.tif"
    write_tiff(path, np.zeros((3, 10, 10), np.uint8))
    with pytest.raises(BandMapping, match="has 3 bands; the mask SCL has 1"):
        open_mask(tmp_path, grid)


def test_a_damaged_mask_is_an_error(tmp_path):
    write_tiff(tmp_path / "SCL.tif", scl(200, 200)[None], compress="deflate")
    cut(tmp_path / "SCL.tif", 0.5)
    with (
        open_mask(tmp_path, Grid(UTM33, north_up(), 200, 200)) as reader,
        pytest.raises(RasterTruncated, match=r"'SCL\.tif' opens"),
    ):
        read_in_pieces(reader, 200)


def test_a_mask_with_a_mask_of_its_own_is_read_as_it_is(tmp_path):
    """The numbers of a mask are codes: 0 is not missing, and what a validity mask says of them does not count."""
    path = write_tiff(tmp_path / "SCL.tif", np.full((1, 4, 4), 4, np.uint8), mask=np.zeros((4, 4), bool))
    with rasterio.open(path) as dataset:
        assert not dataset.dataset_mask().any()
    with open_mask(tmp_path, utm_grid(4, 4)) as reader:
        assert (reader.rows(0, 4)[0] == 1).all()
