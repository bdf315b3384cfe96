"""What requests cost, against the pixels that maps then have."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from pyproj import Geod, Transformer

from landcover.errors import AreaInvalid, ConfigError, RasterTooLarge
from serving.processes.costs import cost_of, pixel_of, place_of
from serving.processes.images import Checked
from serving.processes.inputs import BoundingBox, Geometry
from serving.processes.orders import FolderSource
from tests.scenes import utm_grid
from tests.stacserver import polygon


def image(pixels):
    return Checked(source=FolderSource(path="x"), pixels=pixels, facts={})


def cost(*images, area=None, gsd_m=10.0, limit=10**12, crs=None, resolution=None):
    return cost_of(images, place_of(area)[1], gsd_m=gsd_m, limit=limit, pixel=pixel_of(crs, resolution))


def test_one_whole_image_is_exact():
    assert (cost(image(6300)).pixels, cost(image(6300)).exact) == (6300, True)


def test_several_images_are_at_most_their_sum():
    assert (cost(image(6300), image(100)).pixels, cost(image(6300), image(100)).exact) == (6400, False)


def test_what_is_not_known_is_nothing():
    assert (cost(image(0)).pixels, cost(image(0)).exact) == (0, False)
    assert cost(image(0), image(5)).pixels == 0


def test_a_box_is_counted_in_pixels_of_the_model():
    """The oracle: a UTM grid whose corners are the box, whose pixels are known."""
    grid = utm_grid(1000, 2000)
    to_degrees = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)
    x = np.array([500_000, 520_000, 520_000, 500_000])
    y = np.array([5_500_000, 5_500_000, 5_490_000, 5_490_000])
    lon, lat = to_degrees.transform(x, y)
    box = BoundingBox(bbox=(lon.min(), lat.min(), lon.max(), lat.max()))
    assert cost(image(0), area=box).pixels == pytest.approx(2000 * 1000, rel=0.01)
    assert cost(image(0), area=box, gsd_m=20).pixels == pytest.approx(2000 * 1000 / 4, rel=0.01)
    metres = BoundingBox(bbox=(500_000, 5_490_000, 520_000, 5_500_000), crs="EPSG:32633")
    assert cost(image(0), area=metres).pixels == 2000 * 1000


@pytest.mark.parametrize("latitude", [0, 45, 70])
@pytest.mark.parametrize("width", [0.1, 5, 40])
def test_boxes_have_parallels_as_sides(latitude, width):
    """The oracle: many small geodesic quadrangles."""
    geod, total = Geod(ellps="WGS84"), 0.0
    edges = np.linspace(0, width, 401)
    for west, east in pairwise(edges):
        lon, lat = [west, east, east, west], [latitude, latitude, latitude + 1, latitude + 1]
        total += abs(geod.polygon_area_perimeter(lon, lat)[0])
    box = BoundingBox(bbox=(0, latitude, width, latitude + 1))
    assert cost(image(0), area=box).pixels * 100 == pytest.approx(total, rel=2e-3)


def test_a_box_across_the_antimeridian():
    across, plain = BoundingBox(bbox=(179, 10, -179, 11)), BoundingBox(bbox=(10, 10, 12, 11))
    assert cost(image(0), area=across).pixels == pytest.approx(cost(image(0), area=plain).pixels, rel=1e-6)


def test_an_area_is_no_larger_than_its_images():
    world = BoundingBox(bbox=(-179, -80, 179, 80))
    assert cost(image(6300), area=world).pixels == 6300
    assert cost(image(10**9), area=Geometry(**polygon(15, 49, 15.01, 49.01))).pixels < 10_000


def test_polygons_are_counted_by_their_boxes():
    """Maps are rectangles."""
    triangle = {"type": "Polygon", "coordinates": [[[15, 49], [15.1, 49], [15, 49.1], [15, 49]]]}
    square = cost(image(0), area=Geometry(**polygon(15, 49, 15.1, 49.1))).pixels
    assert cost(image(0), area=Geometry(**triangle)).pixels == square


def test_pixels_are_the_maps():
    """A fine map of a small area is a large one."""
    box = BoundingBox(bbox=(500_000, 5_490_000, 501_000, 5_491_000), crs="EPSG:32633")
    assert cost(image(0), area=box).pixels == 100 * 100
    assert cost(image(0), area=box, crs="EPSG:32633", resolution=0.5).pixels == 2000 * 2000
    assert cost(image(0), area=box, crs="EPSG:2263", resolution=0.5).pixels == pytest.approx((2000 / 0.3048) ** 2, 1e-4)
    degrees = cost(image(0), area=BoundingBox(bbox=(10, 0, 10.1, 0.1)), crs="EPSG:4326", resolution=0.0001)
    assert degrees.pixels == pytest.approx(1000 * 1000, rel=0.01)
    whole = cost(image(6300), crs="EPSG:32633", resolution=5)
    assert (whole.pixels, whole.exact) == (4 * 6300, False)
    with pytest.raises(RasterTooLarge, match=r"about 4,000,000 pixels of 0\.5 m"):
        cost(image(0), area=box, crs="EPSG:32633", resolution=0.5, limit=3_999_999)


def test_pixels_in_units_that_are_not_known_are_not_counted():
    assert cost(image(6300), resolution=5).pixels == 0
    assert cost(image(6300), crs="EPSG:32633").pixels == 6300
    with pytest.raises(ConfigError):
        cost(image(6300), crs="EPSG:0")


def test_too_large():
    with pytest.raises(RasterTooLarge, match=r"6,300 pixels of 10 m, the limit is 6,000 \(1 km2\)"):
        cost(image(6300), limit=6000)
    with pytest.raises(RasterTooLarge, match="about"):
        cost(image(0), area=BoundingBox(bbox=(0, 0, 10, 10)), limit=6000)


def test_places():
    assert place_of(None)[0].bbox is None
    box = BoundingBox(bbox=(1, 2, 3, 4), crs="EPSG:4326")
    assert (place_of(box)[0].bbox, place_of(box)[0].crs) == ((1, 2, 3, 4), "EPSG:4326")
    assert place_of(Geometry(**polygon(1, 2, 3, 4)))[0].geometry["type"] == "Polygon"
    for wrong in (BoundingBox(bbox=(1, 4, 3, 2)), Geometry(type="Polygon", coordinates=[]), Geometry(type="Feature")):
        with pytest.raises(AreaInvalid):
            place_of(wrong)
    with pytest.raises(ConfigError):
        place_of(BoundingBox(bbox=(1, 2, 3, 4), crs="EPSG:0"))
