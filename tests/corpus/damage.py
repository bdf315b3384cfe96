"""Files that are cut off, changed or contradict themselves (numbers 1 to 7, 12, 19 to 21, 29)."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
from PIL import Image

from tests.bundles import BANDS
from tests.corpus.case import refused
from tests.corpus.rawtiff import LONG, SHORT, image, many_pages, named, tiff, tiled_image, with_pixels
from tests.rasters import cut, numbers
from tests.service import write_scene

TILES = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
JP2 = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "blockxsize": 64, "blockysize": 64}
JP2 |= {"CODEC": "JP2", "names": None, "tags": None, "nodata": None}
JP2_SAYS = {"bands": ",".join(BANDS), "level": "L1C"}


def content(data):
    """Writes these bytes."""
    return lambda path: path.write_bytes(data)


def scene(path, **profile):
    """A scene of four bands and 200 x 200 random pixels."""
    return write_scene(path, numbers(4, 200, 200), **(TILES | profile))


def cut_to(share, **profile):
    return lambda path: cut(scene(path, **profile), share)


def flipped(path):
    """200 bytes of pixels flipped."""
    data = np.frombuffer(scene(path).read_bytes(), np.uint8).copy()
    places = np.random.default_rng(0).integers(len(data) // 4, len(data), 200)
    data[places] ^= 0xFF
    path.write_bytes(data.tobytes())


def flipped_everywhere(path):
    data = np.frombuffer(scene(path).read_bytes(), np.uint8).copy()
    data[np.random.default_rng(1).integers(4, len(data), 2000)] ^= 0x55
    path.write_bytes(data.tobytes())


def overwritten(path, **profile):
    """Random bytes in place of a tile."""
    data = bytearray(scene(path, **profile).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(data)


def larger_jpeg(path):
    """A JPEG of 2000 x 2000 pixels in a tile of 64 x 64."""
    picture = io.BytesIO()
    Image.fromarray(np.full((2000, 2000), 7, np.uint8)).save(picture, "JPEG")
    tags = tiled_image(64, 64, 64, t258=(SHORT, (8,)), t259=(SHORT, (7,)))
    path.write_bytes(with_pixels(tags, picture.getvalue(), offsets=324, counts=325))


NAMED = {"bands": 4, "t42112": named(BANDS)}


def _stored(*, offset, count, **changes):
    return tiff(image(70, 90, t273=(LONG, (offset,)), t279=(LONG, (count,)), **(NAMED | changes)))


def next_beyond(path):
    """A good image that is said to be followed by another one, beyond the end of the file."""
    tags = image(70, 90, **NAMED)
    path.write_bytes(with_pixels(tags, numbers(4, 70, 90).tobytes(), following=10**6))


DAMAGE = (
    refused(1, "no byte", content(b""), "raster-empty"),
    refused(2, "only the magic, II", content(b"II*\0"), "raster-truncated"),
    refused(2, "only the magic, MM", content(b"MM\0*"), "raster-truncated"),
    refused(2, "only the magic, BigTIFF", content(b"II+\0\x08\0\0\0"), "raster-truncated"),
    refused(2, "only the header", content(b"II*\0\x08\0\0\0"), "raster-truncated"),
    refused(2, "only boxes' magic", content(b"\0\0\0\x0cjP  \r\n\x87\n"), "raster-truncated"),
    refused(2, "only a codestream's magic", content(b"\xff\x4f\xff\x51"), "raster-truncated"),
    refused(3, "first 2 %", cut_to(0.02), "raster-truncated"),
    refused(4, "first 50 %", cut_to(0.5), "raster-truncated"),
    refused(5, "first 98 %", cut_to(0.98), "raster-truncated"),
    refused(5, "all but the last byte", cut_to(0.99999), "raster-truncated"),
    refused(4, "first 50 % of raw strips", cut_to(0.5, tiled=False, compress=None), "raster-truncated"),
    refused(5, "first 98 % of BigTIFF", cut_to(0.98, BIGTIFF="YES"), "raster-truncated"),
    refused(4, "first 50 % of a COG", cut_to(0.5, driver="COG"), "raster-truncated"),
    refused(3, "first 2 % of JPEG 2000", cut_to(0.02, **JP2), "raster-truncated", options=JP2_SAYS),
    refused(4, "first 50 % of JPEG 2000", cut_to(0.5, **JP2), "raster-truncated", options=JP2_SAYS),
    refused(5, "first 98 % of JPEG 2000", cut_to(0.98, **JP2), "raster-truncated", options=JP2_SAYS),
    refused(6, "200 bytes flipped", flipped, "raster-corrupt"),
    refused(6, "2000 bytes flipped, header too", flipped_everywhere, "raster-corrupt", "raster-truncated",
            "band-mapping"),
    refused(7, "a DEFLATE tile overwritten", overwritten, "raster-corrupt"),
    refused(7, "a ZSTD tile overwritten", partial(overwritten, compress="zstd"), "raster-corrupt"),
    refused(7, "a LERC tile overwritten", partial(overwritten, compress="lerc"), "raster-corrupt"),
    refused(7, "an LZW tile overwritten", partial(overwritten, compress="lzw"), "raster-corrupt"),
    refused(12, "width 0", content(tiff(image(70, 0))), "raster-corrupt"),
    refused(12, "height 0", content(tiff(image(0, 90))), "raster-corrupt"),
    refused(12, "no width", content(tiff(image(70, 90, t256=None))), "raster-corrupt"),
    refused(12, "a tile of width 0", content(tiff(tiled_image(70, 90, 0))), "raster-corrupt"),
    refused(12, "no bands", content(tiff(image(70, 90, bands=0))), "raster-corrupt"),
    refused(12, "samples of 0 bits", content(tiff(image(70, 90, bits=0))), "raster-corrupt"),
    refused(12, "more columns than can be counted", content(tiff(image(70, 2**32 - 1))), "raster-corrupt"),
    refused(19, "an image that follows itself", content(tiff(image(70, 90), following=8)), "raster-corrupt"),
    refused(19, "two images in a circle", content(tiff(image(70, 90), image(70, 90), following=8)), "raster-corrupt"),
    refused(19, "no image", content(b"II*\0\0\0\0\0"), "raster-corrupt"),
    refused(19, "an image without tags", content(b"II*\0\x08\0\0\0" + bytes(20)), "raster-corrupt"),
    refused(19, "the next image is beyond the end", next_beyond, "raster-truncated", seen_whole=True),
    refused(20, "a strip beyond the end", content(_stored(offset=10**6, count=12600)), "raster-truncated"),
    refused(20, "a strip that runs on beyond the end", content(_stored(offset=200, count=12600)), "raster-truncated"),
    refused(20, "a strip at 4 GiB", content(_stored(offset=2**32 - 1, count=12600)), "raster-truncated"),
    refused(21, "a strip of 4 GiB", content(_stored(offset=8, count=2**32 - 1)), "raster-corrupt"),
    refused(21, "a tile of 4 GiB", content(tiff(tiled_image(64, 64, 64, t324=(LONG, (8,)), t325=(LONG, (2**32 - 1,)),
            **NAMED))), "raster-corrupt"),
    refused(21, "fewer strips than rows need", content(_stored(offset=8, count=10, t278=(LONG, (10,)))),
            "raster-corrupt", "raster-truncated"),
    refused(21, "sizes that are text", content(tiff(image(70, 90, t256=(2, (65, 66, 0))))), "raster-corrupt"),
    refused(29, "a JPEG larger than its tile", larger_jpeg, "raster-corrupt", "dtype", "band-count"),
)  # fmt: skip

PAGES = (
    refused(18, "300 images", lambda path: path.write_bytes(many_pages(300)), "too-many-pages"),
    refused(18, "60 000 images", lambda path: path.write_bytes(many_pages(60_000)), "too-many-pages"),
)
