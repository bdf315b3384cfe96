"""Small files that claim, or make, very many pixels (numbers 9 to 11, 13 to 15, 17)."""

from __future__ import annotations

import struct
import zlib

from tests.bundles import BANDS
from tests.corpus.case import mapped, refused
from tests.corpus.damage import content
from tests.corpus.rawtiff import LONG, SHORT, image, named, tiff, tiled_image, with_pixels
from tests.service import write_scene

DEFLATE, ZSTD, LERC, WEBP = ((SHORT, (codec,)) for codec in (8, 50000, 34887, 50001))
MEGA = b"\x78\x9c" + b"\0" * 2**20
"""What a megabyte of DEFLATE may look like to whoever does not decode it."""


def deflate_bomb(path):
    """A strip of 70 x 90 pixels whose DEFLATE stream makes 100 MB."""
    tags = image(70, 90, bands=4, t259=DEFLATE, t42112=named(BANDS))
    path.write_bytes(with_pixels(tags, zlib.compress(b"\5" * (100 * 2**20), 1)))


def large_jpeg2000(height, width, *, tile=1024, bands=4):
    """A JPEG 2000 codestream of nothing but its header."""
    size = struct.pack(">HHIIIIIIIIH", 38 + 3 * bands, 0, width, height, 0, 0, tile, tile, 0, 0, bands)
    return b"\xff\x4f\xff\x51" + size + b"\x0f\x01\x01" * bands + b"\xff\x90" + bytes(20)


LARGE = ("block-too-large", "raster-too-large")
"""Which of the two is seen first depends on the limits."""

BOMBS = (
    refused(9, "1e6 x 1e6 in one strip", content(tiff(image(10**6, 10**6, t259=DEFLATE))), "raster-too-large"),
    refused(10, "1e6 x 1e6 of sparse tiles", content(tiff(tiled_image(10**6, 10**6, 512))), "raster-too-large"),
    refused(10, "1e6 x 1e6, BigTIFF", content(tiff(tiled_image(10**6, 10**6, 512), big=True)), "raster-too-large"),
    refused(11, "all pixels that can be counted", content(tiff(tiled_image(2**31 - 1, 2**31 - 1, 512))),
            "raster-too-large"),
    refused(11, "all pixels of JPEG 2000", content(large_jpeg2000(2**32 - 1, 2**32 - 1, tile=2**32 - 1)),
            "raster-too-large"),
    refused(11, "an overview larger than the Earth", content(tiff(image(70, 90), image(2**31 - 1, 2**31 - 1,
            t254=(LONG, (1,))))), "raster-too-large"),
    refused(13, "a whole scene in one tile", content(tiff(tiled_image(11_008, 11_008, 11_008, bands=4))),
            "block-too-large"),
    refused(13, "a whole scene in one strip", content(tiff(image(11_008, 11_008, bands=4, t259=DEFLATE))),
            "block-too-large"),
    refused(13, "a megabyte of DEFLATE, one tile of 32768 x 32768", content(with_pixels(
            tiled_image(32768, 32768, 32768, t259=DEFLATE), MEGA, offsets=324, counts=325)), *LARGE),
    refused(13, "one strip of 32768 x 32768", content(with_pixels(image(32768, 32768, t259=DEFLATE), MEGA)),
            *LARGE),
    refused(13, "a mask in one tile", content(tiff(image(70, 90), tiled_image(40_000, 40_000, 40_000,
            t254=(LONG, (4,))))), *LARGE),
    refused(13, "JPEG 2000 in two large tiles", content(large_jpeg2000(60_000, 60_000, tile=40_000)),
            *LARGE),
    refused(14, "one pixel in a tile of 2^30 x 2^30", content(tiff(tiled_image(1, 1, 2**30))), "block-too-large"),
    refused(14, "one pixel in a raw tile of 65536 x 65536", content(tiff(tiled_image(1, 1, 2**16))),
            "block-too-large"),
    refused(15, "ZSTD of 200 000 x 200 000", content(tiff(tiled_image(200_000, 200_000, 512, t259=ZSTD))),
            "raster-too-large"),
    refused(15, "LERC of 200 000 x 200 000", content(tiff(tiled_image(200_000, 200_000, 512, t259=LERC))),
            "raster-too-large"),
    refused(15, "WebP of 200 000 x 200 000", content(tiff(tiled_image(200_000, 200_000, 512, t259=WEBP, t277=(SHORT,
            (4,)), t258=(SHORT, (8,) * 4)))), "raster-too-large"),
    refused(15, "DEFLATE that makes more than its strip holds", deflate_bomb, "raster-corrupt"),
    mapped(15, "constant pixels in ZSTD", lambda path: write_scene(path, compress="zstd", zstd_level=19),
           like_plain=True),
    refused(17, "65 535 bands", content(tiff(image(1, 1, bands=65_535))), "band-count"),
    refused(17, "65 535 bands of 4096 x 4096", content(tiff(tiled_image(4096, 4096, 256, t277=(SHORT, (65_535,))))),
            "band-count"),
    refused(17, "2000 bands", content(tiff(image(70, 90, bands=2000))), "band-count"),
    refused(17, "16 000 components of JPEG 2000", content(large_jpeg2000(70, 90, bands=16_000)), "band-count"),
)  # fmt: skip
