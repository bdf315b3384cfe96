"""Maps of different grids on one."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from landcover.errors import GridMismatch, WrongUse
from landcover.grid import Window
from serving.report.pairing import open_pairing, pair_maps
from tests.rasters import north_up, write_tiff


def codes(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 8, (1, height, width)).astype(np.uint8)


def whole(code_map):
    return code_map.scene.read(code_map.grid.extent).data[0]


def test_one_grid_is_left_alone(tmp_path):
    paths = [write_tiff(tmp_path / f"{seed}.tif", codes(40, 30, seed)) for seed in (1, 2)]
    with open_pairing(paths) as pairing:
        assert pairing.resampled == ()
        for seed, code_map in enumerate(pairing.maps, start=1):
            np.testing.assert_array_equal(whole(code_map), codes(40, 30, seed)[0])


def test_the_finer_map_lends_its_pixels_where_both_reach(tmp_path):
    coarse, fine = codes(10, 12, 1), codes(60, 50, 2)
    transform = north_up(10.0) @ Affine.translation(-6, 3)
    paths = [
        write_tiff(tmp_path / "coarse.tif", coarse, transform=north_up(50.0)),
        write_tiff(tmp_path / "fine.tif", fine, transform=transform),
    ]
    layer = write_tiff(tmp_path / "layer.tif", codes(4, 4, 3), transform=north_up(100.0), nodata=0)
    with open_pairing(paths, {"lpd": layer}) as pairing:
        assert pairing.resampled == ("0", "lpd")
        assert pairing.grid.transform == north_up(10.0) @ Affine.translation(0, 3)
        assert (pairing.grid.height, pairing.grid.width) == (47, 44)
        np.testing.assert_array_equal(whole(pairing.maps[1]), fine[0, :47, 6:])
        larger = np.kron(coarse[0], np.ones((5, 5), np.uint8))
        np.testing.assert_array_equal(whole(pairing.maps[0]), larger[3:50, :44])
        cropped = pairing.cropped(Window(5, 7, 20, 22))
        np.testing.assert_array_equal(whole(cropped.maps[0]), larger[8:28, 7:29])
        beyond = np.zeros((60, 60), np.uint8)
        beyond[:40, :40] = np.kron(codes(4, 4, 3)[0], np.ones((10, 10), np.uint8))
        np.testing.assert_array_equal(whole(cropped.layers["lpd"]), beyond[8:28, 7:29])


def test_maps_apart_are_refused(tmp_path):
    here = write_tiff(tmp_path / "here.tif", codes(10, 10))
    there = write_tiff(tmp_path / "there.tif", codes(10, 10), transform=north_up() @ Affine.translation(500, 0))
    with pytest.raises(GridMismatch, match=r"'here' and 'there' have no place in common"):
        open_pairing([here, there])
    with pytest.raises(GridMismatch, match=r"layer 'soc' \('there'\) lies elsewhere"):
        open_pairing([here, here], {"soc": there})
    with pytest.raises(WrongUse, match="no land-cover map"):
        pair_maps([])


def test_what_is_finest_is_measured_where_the_maps_meet(tmp_path):
    # A pixel of 0.3 degrees is 33 by 33 km in the middle of the large map, 17 by 33 km where the small one lies.
    large = write_tiff(
        tmp_path / "large.tif", codes(400, 400), crs="EPSG:4326", transform=Affine(0.3, 0, 0, 0, -0.3, 60.5)
    )
    for side, finest in ((20_000, "small"), (30_000, "large")):
        small = write_tiff(tmp_path / "small.tif", codes(2, 2), transform=Affine(side, 0, 480_000, 0, -side, 6_640_000))
        with open_pairing([large, small]) as pairing:
            assert pairing.maps[0].grid.crs.is_geographic == (finest == "large"), finest
