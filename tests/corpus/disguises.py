"""Other files under a raster's name (numbers 8, 16, 64 to 69), and odd places and names (89, 90).

What they refer to is a file made for it, in the case's own folder, or a port of this machine that nobody listens on.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import tarfile
import zipfile
from functools import partial

import numpy as np
from PIL import Image

from tests.corpus.case import mapped, refused
from tests.corpus.damage import JP2, JP2_SAYS, content
from tests.corpus.meaning import PLAIN
from tests.corpus.metadata import NOBODY, secret_beside
from tests.service import write_scene

UNREADABLE = "raster-unreadable"
SOURCE = "<{kind}><SourceFilename{relative}>{file}</SourceFilename><SourceBand>1</SourceBand></{kind}>"


def vrt(inner, *, band='dataType="UInt16" band="1"'):
    return f'<VRTDataset rasterXSize="90" rasterYSize="70"><VRTRasterBand {band}>{inner}</VRTRasterBand></VRTDataset>'


def vrt_of_a_file(path):
    path.write_text(vrt(SOURCE.format(kind="SimpleSource", relative="", file=secret_beside(path))))


def vrt_of(file):
    return content(vrt(SOURCE.format(kind="SimpleSource", relative=' relativeToVRT="1"', file=file)).encode())


def raw_vrt(path):
    path.with_name("secret.txt").write_text("secret" * 3000)
    band = 'dataType="Byte" band="1" subClass="VRTRawRasterBand"'
    path.write_text(vrt('<SourceFilename relativeToVRT="1">secret.txt</SourceFilename>', band=band))


def archive(path, *, name="scene.tif"):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, b"II*\0")


def tar(path):
    with tarfile.open(path, "w") as file:
        file.addfile(tarfile.TarInfo("scene.tif"))


def picture(form):
    def make(path):
        buffer = io.BytesIO()
        Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(buffer, form)
        path.write_bytes(buffer.getvalue())

    return make


def database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE gpkg_contents (table_name TEXT)")
    connection.close()


def link(path):
    path.symlink_to(write_scene(path.with_name("plain.tif")))


def broken_link(path):
    path.symlink_to(path.with_name("gone.tif"))


PYTHON = "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>"
DERIVED = 'dataType="UInt16" band="1" subClass="VRTDerivedRasterBand"'
GZIPPED = gzip.compress(b"II*\0")
WMS = f"<GDAL_WMS><Service name='TMS'><ServerUrl>{NOBODY}</ServerUrl></Service></GDAL_WMS>"
WMTS = f"<GDAL_WMTS><GetCapabilitiesUrl>{NOBODY}</GetCapabilitiesUrl></GDAL_WMTS>"
STAC = json.dumps({"type": "FeatureCollection", "features": [], "links": [{"rel": "next", "href": NOBODY}]})
PIPELINE = json.dumps({"type": "gdal_streamed_alg", "command_line": "gdal raster pipeline ! read secret.tif"})

TEXTS = {
    8: {
        "a web page": "<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "a web page after blank lines": "\ufeff\n\n  <html><title>Sign in</title></html>",
        "an XML error": '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        "a JSON error": '{"error": "not found"}',
    },
    67: {"a VRT of itself": vrt(SOURCE.format(kind="SimpleSource", relative=' relativeToVRT="1"', file="scene.tif")),
         "a VRT of an address": vrt(SOURCE.format(kind="SimpleSource", relative="", file="/vsicurl/" + NOBODY))},
    68: {"a tile index": f"<GDALTileIndexDataset><IndexDataset>{NOBODY}</IndexDataset></GDALTileIndexDataset>",
         "a web map service": WMS, "a web map tile service": WMTS, "STAC items": STAC, "a GDAL pipeline": PIPELINE},
}  # fmt: skip
FORMATS = {
    "netCDF": b"CDF\x01" + bytes(100),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "NITF": b"NITF02.10" + b" " * 400,
    "PDF": b"%PDF-1.7\n" + bytes(100),
    "GRIB": b"GRIB" + bytes(100),
    "a NumPy array": b"\x93NUMPY\x01\0" + bytes(100),
    "noise": np.random.default_rng(5).bytes(3000),
    "zeros": bytes(3000),
}

DISGUISES = (
    *(refused(number, name, content(text.encode()), UNREADABLE)
      for number, texts in TEXTS.items() for name, text in texts.items()),
    refused(16, "gzip", content(GZIPPED), UNREADABLE),
    refused(16, "bzip2", content(bz2.compress(b"II*\0")), UNREADABLE),
    refused(16, "xz", content(lzma.compress(b"II*\0")), UNREADABLE),
    refused(16, "zstd", content(b"\x28\xb5\x2f\xfd" + bytes(20)), UNREADABLE),
    refused(16, "a ZIP archive", archive, UNREADABLE),
    refused(16, "a ZIP archive with ../", partial(archive, name="../../scene.tif"), UNREADABLE),
    refused(16, "a tar archive", tar, UNREADABLE),
    refused(64, "a VRT of a file", vrt_of_a_file, UNREADABLE),
    refused(65, "a VRT of raw bytes", raw_vrt, UNREADABLE),
    refused(66, "a VRT with Python", content(vrt(PYTHON, band=DERIVED).encode()), UNREADABLE),
    *(refused(69, form, picture(form), UNREADABLE) for form in ("PNG", "JPEG", "GIF", "WebP", "BMP")),
    *(refused(69, name, content(data), UNREADABLE) for name, data in FORMATS.items()),
    refused(69, "GeoPackage or MBTiles", database, UNREADABLE),
    refused(69, "a Zarr array in a ZIP archive", partial(archive, name=".zarray"), UNREADABLE),
    mapped(69, "JPEG 2000", partial(write_scene, **JP2), options=JP2_SAYS, **PLAIN),
)  # fmt: skip

ODD_NAMES = (
    "сцена.tif",
    "scene\u202e.tif",
    "sc\nene.tif",
    "x" * 200 + ".tif",
    "-rf",
    "CON",
    ";rm",
    "%2e%2e",
    "a'b\".tif",
)
HERE = {"over_http": False}

FILES = (
    mapped(89, "a link to a scene", link, like_plain=True, **HERE),
    refused(89, "a link to nothing", broken_link, UNREADABLE, **HERE),
    refused(89, "a FIFO", os.mkfifo, UNREADABLE, **HERE),
    refused(89, "a device", lambda path: path.symlink_to("/dev/zero"), UNREADABLE, **HERE),
    refused(89, "a folder", lambda path: path.mkdir(), UNREADABLE, **HERE),
    *(mapped(90, f"a file named {name[:20]!a}", write_scene, file=name, like_plain=True, **HERE) for name in ODD_NAMES),
)
