"""Inputs that must be refused, each with what both doors must answer: one table for the command line and for HTTP."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from tests.bundles import BANDS
from tests.rasters import cut, north_up, numbers, write_tiff
from tests.service import scene_numbers, write_scene


@dataclass(frozen=True)
class BadScene:
    """One input.

    Attributes:
        name: what is wrong.
        make: writes the input under a path.
        slug: problem type.
        status: HTTP status.
        exit_code: of the command line.
        options: what the caller says about the input.
        says: must be part of the message.
    """

    name: str
    make: object
    slug: str
    status: int = 422
    exit_code: int = 3
    options: dict = field(default_factory=dict)
    says: str = ""

    def __str__(self):
        return self.name


def changed(**profile):
    """A good scene with another profile."""
    return lambda path: write_scene(path, **profile)


def of_type(dtype):
    dn_BRC = scene_numbers(40, 40, hole=False).astype(dtype)
    return lambda path: write_scene(path, dn_BRC, nodata=None, photometric="minisblack")


def missing_band(path):
    write_scene(path, scene_numbers()[:3], names=BANDS[:3])


def two_of_one_name(path):
    write_scene(path, names=("B02", "B02", "B04", "B08"))


def hostile_names(path):
    write_scene(path, names=("\x1b[2J\nB02\u202e", "B03" * 600, "B04", "B08"))


def truncated(path):
    write_tiff(path, numbers(4, 200, 200), names=BANDS, tiled=True, blockxsize=64, blockysize=64)
    cut(path, 0.6)


def header_only(path):
    path.write_bytes(b"II*\0\x08\0\0\0")


def html(path):
    path.write_text("<!doctype html><title>404 Not Found</title>")


def png(path):
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(path, "PNG")


def vrt(path):
    source = path.with_name("secret.tif")
    write_scene(source)
    path.write_text(
        '<VRTDataset rasterXSize="90" rasterYSize="70"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"<SourceFilename>{source}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )


def archive(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("scene.tif", b"II*\0")


def all_nodata(path):
    write_scene(path, np.zeros((4, 40, 50), np.uint16))


def contradictory_tags(path):
    write_scene(path, scaling=[(2e-4, 0.0)] * 4)


BAD_SCENES = (
    BadScene("missing band", missing_band, "band-mapping", says="has no band B08"),
    BadScene("unnamed bands", changed(names=None), "band-mapping", says="bands"),
    BadScene("two bands of one name", two_of_one_name, "band-mapping", says="more than one band named B02"),
    BadScene("hostile band names", hostile_names, "band-mapping"),
    BadScene("too few names", changed(names=None), "band-mapping", options={"bands": "B02,B03"}, says="2 band names"),
    BadScene("empty names", changed(names=None), "band-mapping", options={"bands": ",,,"}),
    BadScene("names against the file", changed(), "band-mapping", options={"bands": "B03,B02,B04,B08"}, says="'B03'"),
    BadScene("rendered to 8 bits", of_type(np.uint8), "dtype", says="uint8"),
    BadScene("rescaled to float", of_type(np.float32), "dtype", says="float32"),
    BadScene("complex numbers", of_type(np.complex64), "dtype", says="complex64"),
    BadScene("signed numbers", of_type(np.int16), "dtype", says="int16"),
    BadScene("no CRS", changed(crs=None), "no-crs", says="no coordinate reference system"),
    BadScene("no transform", changed(transform=None), "no-georeference", says="transform"),
    BadScene("truncated", truncated, "raster-truncated", says="missing"),
    BadScene("header only", header_only, "raster-truncated", says="ends after 8 bytes"),
    BadScene("a web page", html, "raster-unreadable", 415, says="neither TIFF nor JPEG 2000"),
    BadScene("a PNG", png, "raster-unreadable", 415, says="neither TIFF nor JPEG 2000"),
    BadScene("a VRT", vrt, "raster-unreadable", 415, says="neither TIFF nor JPEG 2000"),
    BadScene("a ZIP archive", archive, "raster-unreadable", 415, says="unpack it first"),
    BadScene("all nodata", all_nodata, "no-valid-data", says="all 2,000 pixels"),
    BadScene("30 m pixels", changed(transform=north_up(30.0)), "resolution", says="30 x 30 m"),
    BadScene("level of another sensor", changed(tags={"processing_level": "L2SP"}), "processing-level", says="L2SP"),
    BadScene("level against the file", changed(), "processing-level", options={"level": "L2A"}, says="L1C"),
    BadScene("unknown level", changed(tags=None), "processing-level", options={"level": "L9"}, says="L9"),
    BadScene("radiometry against itself", contradictory_tags, "radiometry", says="0.0002"),
    BadScene(
        "product against level",
        changed(tags=None),
        "usage",
        exit_code=2,
        options={"level": "L1C", "product": "sentinel-2-l2a"},
        says="contradicts",
    ),
    BadScene(
        "product against the file", changed(), "radiometry", options={"product": "sentinel-2-l1c-0400"}, says="-0.1"
    ),
    BadScene("unknown product", changed(), "config", exit_code=4, options={"product": "spot-5"}, says="sentinel-2-l2a"),
)
