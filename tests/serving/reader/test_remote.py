"""A scene that a reader has open is the scene that this process would have: headers, pixels, digests and refusals."""

from __future__ import annotations

import os

import numpy as np
import pytest
from affine import Affine

from landcover.errors import DataError, RasterUnreadable, WindowError
from landcover.grid import Window
from landcover.raster.protocol import ReadPolicy
from landcover.raster.quality import open_mask
from landcover.raster.scene import open_scene
from landcover.sensors import Radiometry
from tests.bundles import BANDS
from tests.rasters import cut, north_up, numbers, write_band_folder, write_jp2, write_tiff
from tests.scenes import utm_grid
from tests.service import scene_numbers, write_scene

PIECES = (Window(0, 0, 70, 90), Window(3, 5, 1, 1), Window(60, 80, 10, 10), Window(0, 17, 33, 70), Window(0, 0, 70, 90))


def multiband(folder):
    return write_scene(folder / "scene.tif")


def masked(folder):
    mask = np.random.default_rng(1).random((70, 90)) > 0.3
    return write_scene(folder / "masked.tif", mask=mask, nodata=None)


def in_degrees(folder):
    return write_scene(folder / "degrees.tif", crs="EPSG:4326", transform=Affine(9e-5, 0, 14.5, 0, -9e-5, 49.6))


def rotated(folder):
    return write_scene(folder / "rotated.tif", transform=Affine(8, 6, 5e5, 6, -8, 5.5e6))


def compressed(folder):
    return write_scene(folder / "cog.tif", driver="COG", compress="DEFLATE")


def bare(folder):
    return write_tiff(folder / "bare.tif", scene_numbers(), names=BANDS)


def per_band(folder):
    dn_BRC = numbers(4, 72, 96)
    halved = {name: data[::2, ::2] if name == "B08" else data for name, data in zip(BANDS, dn_BRC, strict=True)}
    return write_band_folder(folder / "bands", halved)


def odd_name(folder):
    return write_scene(folder / "a new\nname é.tif")


@pytest.mark.parametrize("make", [multiband, masked, in_degrees, rotated, compressed, bare, per_band, odd_name])
def test_header_pixels_and_digest_are_those_of_this_process(pool, tmp_path, make):
    path = make(tmp_path)
    with pool.scene(path, bands_wanted=BANDS) as there, open_scene(path, bands_wanted=BANDS) as here:
        assert there._header == here._header
        assert there.grid.crs.to_wkt() == here.grid.crs.to_wkt()
        assert there.grid.crs.srs == here.grid.crs.srs
        for window in PIECES:
            one, other = there.read(window), here.read(window)
            assert (one.data.dtype, one.valid.dtype) == (other.data.dtype, other.valid.dtype)
            assert (one.data.shape, one.data.tobytes()) == (other.data.shape, other.data.tobytes())
            assert one.valid.tobytes() == other.valid.tobytes()
        there.pass_over(Window(0, 0, 5, 5))
        there.pass_over(None)
        assert there.input_digest() == here.input_digest()


def test_what_the_caller_states_arrives(pool, tmp_path):
    path = write_tiff(tmp_path / "bare.tif", scene_numbers(hole=False).astype(np.int16))
    stated = {
        "bands_wanted": ("b", "a"),
        "bands": ("a", "b", "c", "d"),
        "level": "L2A",
        "radiometry": Radiometry(0.1 + 0.2, -1 / 3),
        "dtype_wanted": "int16",
        "policy": ReadPolicy(assumed_nodata=None, threads=1),
    }
    with pool.scene(path, **stated) as there, open_scene(path, **stated) as here:
        assert there._header == here._header
        assert there.radiometry == Radiometry(0.1 + 0.2, -1 / 3)
        assert there.read(there.grid.extent).data.tobytes() == here.read(here.grid.extent).data.tobytes()


def test_blocks_are_the_callers_own(pool, tmp_path):
    with pool.scene(multiband(tmp_path), bands_wanted=BANDS) as scene:
        first = scene.read(Window(0, 0, 8, 8))
        kept = first.data.copy()
        scene.read(Window(8, 8, 8, 8))
        np.testing.assert_array_equal(first.data, kept)
        first.data[:] = 0
        first.valid[:] = False
        np.testing.assert_array_equal(scene.read(Window(0, 0, 8, 8)).data, kept)


def truncated(folder):
    return cut(write_tiff(folder / "cut.tif", numbers(4, 300, 300), names=BANDS, compress="deflate"), 0.9)


def missing(folder):
    return folder / "missing.tif"


def text(folder):
    (folder / "text.tif").write_text("<html>")
    return folder / "text.tif"


def empty_folder(folder):
    (folder / "nothing").mkdir()
    return folder / "nothing"


def bands_missing(folder):
    return write_tiff(folder / "two.tif", numbers(2, 8, 8), names=BANDS[:2])


def of_another_type(folder):
    return write_tiff(folder / "bytes.tif", numbers(4, 8, 8, high=200).astype(np.uint8), names=BANDS)


def nowhere(folder):
    return write_tiff(folder / "nowhere.tif", numbers(4, 8, 8), names=BANDS, crs=None)


def contradictory(folder):
    return write_scene(folder / "half.tif", tags={"scale": "0.1"})


def pointing_elsewhere(folder):
    domains = {"OVERVIEWS": {"OVERVIEW_FILE": "elsewhere.tif"}}
    return write_tiff(folder / "points.tif", numbers(4, 8, 8), names=BANDS, domain_tags=domains)


def too_many_pixels(folder):
    return write_tiff(folder / "wide.tif", numbers(4, 20, 20), names=BANDS)


BAD = [
    truncated,
    missing,
    text,
    empty_folder,
    bands_missing,
    of_another_type,
    nowhere,
    contradictory,
    pointing_elsewhere,
    too_many_pixels,
]


@pytest.mark.parametrize("make", BAD)
def test_refusals_are_those_of_this_process(pool, tmp_path, make):
    path = make(tmp_path)
    policy = ReadPolicy(max_pixels=399 if make is too_many_pixels else 10**6)

    def refusal(opener):
        with pytest.raises(DataError) as caught, opener(path, bands_wanted=BANDS, policy=policy) as scene:
            scene.read(scene.grid.extent)
        return type(caught.value), str(caught.value)

    assert refusal(pool.scene) == refusal(open_scene)


def test_a_scene_goes_on_after_a_refusal_and_not_after_its_end(pool, tmp_path):
    scene = pool.scene(multiband(tmp_path), bands_wanted=BANDS)
    with pytest.raises(WindowError):
        scene.read(Window(0, 0, 71, 90))
    assert scene.read(Window(0, 0, 70, 90)).valid.any()
    scene.close()
    scene.close()
    with pytest.raises(ValueError, match="closed"):
        scene.read(Window(0, 0, 1, 1))


def test_a_file_that_changes_is_noticed(pool, tmp_path):
    path = multiband(tmp_path)
    with pool.scene(path, bands_wanted=BANDS) as scene:
        os.utime(path, ns=(1, 1))
        with pytest.raises(DataError, match="changed"):
            scene.read(Window(0, 0, 1, 1))


def test_links_lead_no_further_than_the_folder(pool, tmp_path):
    folder = per_band(tmp_path)
    band = next(folder.glob("*B02*"))
    band.rename(tmp_path / "secret.jp2")
    band.symlink_to(tmp_path / "secret.jp2")
    with pytest.raises(RasterUnreadable, match="Permission denied"):
        pool.scene(folder, bands_wanted=BANDS)


@pytest.mark.parametrize("inner", ["", "GRANULE/L1C_T33/IMG_DATA"])
def test_a_part_of_a_product_may_read_the_metadata_of_the_whole(pool, tmp_path, inner):
    product = tmp_path / "S2A_MSIL1C_20220216T102101_N0400_R065_T33UUU_20220216T120000.SAFE"
    images = product / "GRANULE/L1C_T33/IMG_DATA"
    write_band_folder(images, dict(zip(BANDS, numbers(4, 64, 64), strict=True)))
    (product / "GRANULE/L1C_T33/QI_DATA").mkdir()
    (product / "MTD_MSIL1C.xml").write_text("<a><PROCESSING_LEVEL>Level-1C</PROCESSING_LEVEL></a>")
    classes = np.zeros((3, 64, 64), np.uint8)
    classes[0, :32] = 1
    write_tiff(product / "GRANULE/L1C_T33/QI_DATA/MSK_CLASSI_B00.tif", classes)
    given = product / inner
    with pool.scene(given, bands_wanted=BANDS) as there, open_scene(given, bands_wanted=BANDS) as here:
        assert there._header == here._header
        assert there.level == "L1C"
        with pool.mask(given, here.grid) as one, open_mask(given, here.grid) as other:
            assert (one.kind.name, one.name) == (other.kind.name, other.name)
            assert one.rows(0, 64)[0].tobytes() == other.rows(0, 64)[0].tobytes()


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:32634"], ids=["aligned", "warped"])
def test_masks_are_those_of_this_process(pool, tmp_path, crs):
    codes = np.random.default_rng(0).integers(0, 12, (40, 40), dtype=np.uint8)
    transform = north_up(20.0) if crs.endswith("33") else Affine(20, 0, 67_000, 0, -20, 5_517_300)
    write_tiff(tmp_path / "SCL.tif", codes[None], crs=crs, transform=transform)
    grid = utm_grid(70, 90)
    with pool.mask(tmp_path, grid) as there, open_mask(tmp_path, grid) as here:
        for rows in ((0, 32), (32, 64), (64, 70), (0, 70)):
            one, other = there.rows(*rows), here.rows(*rows)
            assert [each.tobytes() for each in one] == [each.tobytes() for each in other]
            assert [each.dtype for each in one] == [each.dtype for each in other]
        assert there.input_digest() == here.input_digest()
        assert there.kind is here.kind


def test_no_mask_is_none_and_a_useless_one_is_refused(pool, tmp_path):
    assert pool.mask(multiband(tmp_path), utm_grid(70, 90)) is None
    write_jp2(tmp_path / "SCL.jp2", np.zeros((8, 8), np.uint8), transform=north_up() @ Affine.translation(900, 0))
    with pytest.raises(DataError, match="lies elsewhere"):
        pool.mask(tmp_path, utm_grid(70, 90))
