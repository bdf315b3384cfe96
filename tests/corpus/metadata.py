"""Metadata that points elsewhere or never ends, codecs that are not read, and files beside the file (22 to 28, 30).

What is pointed to is a file made for it, in the case's own folder, or a port of this machine that nobody listens on.
"""

from __future__ import annotations

import numpy as np

from tests.corpus.case import mapped, refused
from tests.corpus.damage import content
from tests.corpus.rawtiff import SHORT, gdal_metadata, image, text, tiff
from tests.rasters import numbers, write_tiff
from tests.service import write_scene

NOBODY = "http://127.0.0.1:9/secret.tif"
SECRET = 3333
"""Digital number of what must not be read."""


def secret_beside(path):
    """A file that a case points to, and nobody may open."""
    return write_tiff(path.with_name("secret.tif"), np.full((4, 70, 90), SECRET, np.uint16))


def domain(name, **items):
    """A scene with a metadata domain; ``{secret}`` in an item is the path of the file beside it."""

    def make(path):
        secret = secret_beside(path)
        write_scene(path, domain_tags={name: {key: value.format(secret=secret) for key, value in items.items()}})

    return make


def metadata(items):
    """An image with these lines of metadata."""
    return content(tiff(image(70, 90, t42112=gdal_metadata(items))))


def beside(path):
    """A good scene, and beside it everything that GDAL would look for."""
    write_scene(path)
    path.with_suffix(".tfw").write_text("10\n0\n0\n-10\n0\n0\n")
    srs = "<PAMDataset><SRS>EPSG:32701</SRS><GeoTransform>5e5,30,0,55e5,0,-30</GeoTransform></PAMDataset>"
    path.with_name(path.name + ".aux.xml").write_text(srs)
    write_tiff(path.with_name(path.name + ".ovr"), numbers(4, 35, 45))
    write_tiff(path.with_name(path.name + ".msk"), np.zeros((1, 70, 90), np.uint8), tags={"INTERNAL_MASK_FLAGS_1": "2"})


def codec(number, *, bits=16):
    return content(tiff(image(70, 90, bits=bits, t259=(SHORT, (number,)))))


_ITEM = '<Item name="OVERVIEW_FILE" domain="{}">{}</Item>'

METADATA = (
    refused(22, "entities in metadata", content(tiff(image(70, 90, t42112=text(
            '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><GDALMetadata>&c;</GDALMetadata>')))),
            "raster-corrupt"),
    refused(22, "an entity of a file", content(tiff(image(70, 90, t42112=text(
            '<!DOCTYPE a [<!ENTITY b SYSTEM "secret.txt">]><GDALMetadata>&b;</GDALMetadata>')))), "raster-corrupt"),
    refused(23, "metadata 100 000 deep", metadata("<a>" * 100_000), "raster-corrupt"),
    refused(23, "metadata of 3 MB", metadata("<Item/>" * 450_000), "raster-corrupt"),
    refused(24, "overviews in another file", domain("OVERVIEWS", OVERVIEW_FILE="{secret}"), "external-reference"),
    refused(25, "overviews at an address", domain("OVERVIEWS", OVERVIEW_FILE="/vsicurl/" + NOBODY),
            "external-reference"),
    refused(26, "overviews in lower case", metadata(_ITEM.format("overviews", "secret.tif")), "external-reference"),
    refused(26, "overviews in references", metadata(_ITEM.format("&#79;VER&#x56;IEWS", "secret.tif")),
            "external-reference"),
    refused(26, "overviews in an element", metadata("<Item><domain>OVERVIEWS</domain>secret.tif</Item>"),
            "external-reference"),
    refused(26, "overviews in an element with attributes", metadata(
            "<Item><domain a='b'><![CDATA[OVERVIEWS]]></domain>secret.tif</Item>"), "external-reference"),
    refused(26, "overviews without quotes", metadata("<Item domain = OVERVIEWS>secret.tif</Item>"),
            "external-reference"),
    refused(26, "overviews of an overview", content(tiff(image(70, 90), image(35, 45, t254=(4, (1,)),
            t42112=gdal_metadata(_ITEM.format("OVERVIEWS", "secret.tif"))))), "external-reference"),
    refused(27, "geolocation in another file", domain("GEOLOCATION", X_DATASET="{secret}", Y_DATASET="{secret}"),
            "external-reference"),
    refused(27, "geolocation at an address", domain("GEOLOCATION", X_DATASET="/vsicurl/" + NOBODY),
            "external-reference"),
    mapped(28, "side-car files", beside, like_plain=True),
    mapped(28, "a domain that points nowhere", domain("RPC_LIKE", NOTE="overviews and geolocation"), like_plain=True),
    refused(30, "JPEG XL", codec(50002), "raster-compression"),
    refused(30, "JPEG XL of DNG", codec(52546), "raster-compression"),
    refused(30, "old JPEG", codec(6, bits=8), "raster-compression"),
    refused(30, "JPEG 2000 in TIFF", codec(34712), "raster-compression"),
    refused(30, "an unknown codec", codec(65000), "raster-compression"),
)  # fmt: skip
