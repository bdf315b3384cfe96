"""Rasters that lie nowhere, or where one would not expect them (numbers 49 to 58, 60, 61)."""

from __future__ import annotations

import math

import numpy as np
from affine import Affine
from rasterio.control import GroundControlPoint

from tests.bundles import BANDS
from tests.corpus.case import mapped, refused, seen_late
from tests.corpus.damage import JP2, JP2_SAYS, content
from tests.corpus.rawtiff import ASCII, DOUBLE, SHORT, image, named, with_pixels
from tests.rasters import north_up, numbers, write_band_folder, write_jp2, write_tiff
from tests.service import scene_numbers, valid_of, write_scene

PLAIN = {"like_plain": True, "valid": lambda: valid_of(scene_numbers())}
DEGREE = 10 / 111_320
LAT_LON = "EPSG:4326"


def at(crs, *coefficients, **profile):
    """The plain scene somewhere else."""
    return lambda path: write_scene(path, crs=crs, transform=Affine(*coefficients), **profile)


def utm(*coefficients):
    return at("EPSG:32633", *coefficients)


def ground_control(path):
    corners = [(0, 0, 5e5, 5.5e6), (0, 90, 5.009e5, 5.5e6), (70, 0, 5e5, 5.4993e6), (70, 90, 5.009e5, 5.4993e6)]
    points = [GroundControlPoint(*corner) for corner in corners]
    write_scene(path, transform=Affine.identity(), gcps=points)


def rational(path):
    from rasterio.rpc import RPC  # noqa: PLC0415 (only here)

    one = [1.0, *[0.0] * 19]
    model = RPC(0, 100, 50, 1, one, [0.0, 0.0, 1.0, *[0.0] * 17], 35, 35, 15, 1, one, [0.0, 1.0, *[0.0] * 18], 45, 45)
    write_scene(path, crs=None, transform=Affine.identity(), rpcs=model)


def geokeys(*keys, words="", **changes):
    """The plain scene, its place on Earth written key by key."""
    header = (1, 1, 0, len(keys) // 4, *keys)
    dn_RCB = np.moveaxis(scene_numbers(), 0, -1).astype("<u2")
    tags = image(70, 90, bands=4, t34735=(SHORT, header), t42112=named(BANDS), **changes)
    if words:
        tags[34737] = (ASCII, (*words.encode(), 0))
    return content(with_pixels(tags, dn_RCB.tobytes()))


def placed(tie, scale):
    """The plain scene in UTM 33 with these numbers for its place."""
    return geokeys(1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633, t33922=(DOUBLE, tie), t33550=(DOUBLE, scale))


def of_resolutions(path):
    """Bands of 10, 20 and 60 m."""
    bands = dict(zip(BANDS, (numbers(1, side, side)[0] for side in (120, 60, 20, 120)), strict=True))
    write_band_folder(path, bands)


def of_sizes_that_do_not_fit(path):
    bands = dict(zip(BANDS, (numbers(1, side, side)[0] for side in (120, 50, 20, 120)), strict=True))
    write_band_folder(path, bands)


def of_two_places(path):
    of_resolutions(path)
    name = next(path.glob("*B03*"))
    write_jp2(name, numbers(1, 60, 60)[0], transform=north_up(20), crs="EPSG:32634")


def of_two_dates(path):
    of_resolutions(path)
    write_tiff(path / "T33UUU_20180216T102101_B03.tif", numbers(1, 60, 60), transform=north_up(20))


_TURN = math.radians(30)
_TURNED = (10 * math.cos(_TURN), 10 * math.sin(_TURN), 5e5, 10 * math.sin(_TURN), -10 * math.cos(_TURN), 5.5e6)
_OFF = ("extent", "no-georeference")

PLACES = (
    refused(49, "no CRS", lambda path: write_scene(path, crs=None), "no-crs"),
    refused(49, "a bare JPEG 2000 codestream", lambda path: write_scene(path, **(JP2 | {"CODEC": "J2K"})), "no-crs",
            "no-georeference", options=JP2_SAYS),
    refused(50, "no transform", lambda path: write_scene(path, transform=Affine.identity()), "no-georeference"),
    refused(50, "ground control points", ground_control, "no-georeference"),
    refused(50, "rational polynomials", rational, "no-georeference"),
    refused(51, "a CRS of a building site", geokeys(1024, 0, 1, 32767, 1025, 0, 1, 1, 1026, 34737, 4, 0, words="site"),
            "no-crs", "crs-unsupported"),
    refused(51, "an EPSG code that there is not", geokeys(1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 20_001),
            "no-crs", "crs-unsupported", "extent"),
    refused(51, "geocentric", geokeys(1024, 0, 1, 3, 1025, 0, 1, 1, 2048, 0, 1, 4978), "no-crs", "crs-unsupported"),
    mapped(51, "a CRS with heights", at("EPSG:4979", DEGREE, 0, 15, 0, -DEGREE, 1), **PLAIN),
    mapped(51, "latitude before longitude", at(LAT_LON, DEGREE, 0, 15, 0, -DEGREE, 1), **PLAIN),
    mapped(51, "northing before easting", at("EPSG:2180", 10, 0, 500_000, 0, -10, 500_000), **PLAIN),
    mapped(52, "turned by 30 degrees", utm(*_TURNED), **PLAIN),
    mapped(52, "sheared", utm(10, 2, 5e5, 0, -10, 5.5e6), **PLAIN),
    mapped(53, "south up", utm(10, 0, 5e5, 0, 10, 5.5e6), **PLAIN),
    mapped(53, "mirrored", utm(-10, 0, 5e5, 0, -10, 5.5e6), **PLAIN),
    mapped(53, "columns down", utm(0, 10, 5e5, -10, 0, 5.5e6), **PLAIN),
    seen_late(54, "pixels of 10 x 60 m", utm(10, 0, 5e5, 0, -60, 5.5e6), "resolution"),
    seen_late(55, "pixels of 250 m", utm(250, 0, 5e5, 0, -250, 5.5e6), "resolution"),
    refused(55, "pixels of 1e-12 m", utm(1e-12, 0, 5e5, 0, -1e-12, 5.5e6), *_OFF),
    refused(55, "pixels of 1e12 m", utm(1e12, 0, 5e5, 0, -1e12, 5.5e6), *_OFF),
    seen_late(55, "pixels of 10 degrees", at(LAT_LON, 0.5, 0, 15, 0, -0.5, 50), "resolution"),
    mapped(56, "across 180 degrees", at(LAT_LON, DEGREE, 0, 179.996, 0, -DEGREE, 1), **PLAIN),
    mapped(56, "across -180 degrees", at(LAT_LON, DEGREE, 0, -180.004, 0, -DEGREE, 1), **PLAIN),
    mapped(56, "across 180 degrees in UTM 60", at("EPSG:32660", 10, 0, 833_500, 0, -10, 100_000), **PLAIN),
    mapped(57, "around the north pole", at("EPSG:3413", 10, 0, -450, 0, -10, 350), **PLAIN),
    mapped(57, "around the south pole", at("EPSG:3031", 10, 0, -450, 0, -10, 350), **PLAIN),
    refused(58, "latitude 95", at(LAT_LON, DEGREE, 0, 15, 0, -DEGREE, 95), "extent"),
    refused(58, "metres as degrees", at(LAT_LON, DEGREE, 0, 5e5, 0, -DEGREE, 5.5e6), "extent"),
    seen_late(58, "9000 km east", utm(10, 0, 9e6, 0, -10, 5.5e6), "resolution"),
    refused(58, "9 million km east", utm(10, 0, 9e9, 0, -10, 5.5e6), "extent"),
    refused(58, "a transform of NaN", placed((0, 0, 0, math.nan, 5.5e6, 0), (10, 10, 0)), *_OFF),
    refused(58, "pixels of NaN", placed((0, 0, 0, 5e5, 5.5e6, 0), (math.nan, 10, 0)), *_OFF),
    refused(58, "an infinite transform", placed((0, 0, 0, 5e5, math.inf, 0), (10, 10, 0)), *_OFF),
    refused(58, "pixels of no size", placed((0, 0, 0, 5e5, 5.5e6, 0), (0, 0, 0)), *_OFF),
    mapped(60, "bands of 10, 20 and 60 m", of_resolutions, file="bands", over_http=False),
    refused(60, "bands that do not fit", of_sizes_that_do_not_fit, "grid-mismatch", file="bands", over_http=False),
    refused(61, "bands of two CRS", of_two_places, "grid-mismatch", file="bands", over_http=False),
    refused(61, "bands of two dates", of_two_dates, "band-mapping", file="bands", over_http=False),
)  # fmt: skip
