"""Rasters whose numbers or bands are not what a model wants, and odd ones that are (numbers 31 to 48, 59 to 63)."""

from __future__ import annotations

from functools import partial

import numpy as np
import rasterio
from rasterio.enums import ColorInterp

from tests.bundles import BANDS
from tests.corpus.case import mapped, refused, seen_late
from tests.corpus.rawtiff import SHORT, image, named, with_pixels
from tests.rasters import numbers
from tests.service import scene_numbers, valid_of, write_scene

FLOAT = {"model": "tiny-float"}
UNNAMED = {"names": None}
SAYS = {"bands": ",".join(BANDS), "level": "L1C"}


def scene(**profile):
    """A good scene but for this."""
    return lambda path: write_scene(path, **profile)


def of_type(dtype, *, factor=1.0, **profile):
    def make(path):
        dn = (scene_numbers(40, 40, hole=False) * factor).astype(dtype)
        write_scene(path, dn, **({"nodata": None, "photometric": "minisblack"} | profile))

    return make


def raw(bits, form):
    """Four named bands of samples that rasterio does not write."""
    tags = image(40, 40, bands=4, bits=bits, t339=(SHORT, (form,) * 4), t42112=named(BANDS))
    pixels = np.random.default_rng(0).bytes(40 * 40 * 4 * bits // 8)
    return lambda path: path.write_bytes(with_pixels(tags, pixels))


def floats(change, *, nodata=None):
    """Float samples of the plain scene, without its hole, with some changed in place."""

    def make(path):
        dn = scene_numbers(hole=False).astype(np.float32)
        change(dn)
        write_scene(path, dn, nodata=nodata)

    return make


def some_missing(dn):
    dn[0, 3:9, 4:20] = np.nan
    dn[2, 30:33, 40:50] = np.inf
    dn[3, 50, 60] = -np.inf


def some_valid():
    valid = np.ones((70, 90), bool)
    valid[3:9, 4:20] = valid[30:33, 40:50] = valid[50, 60] = False
    return valid


def masked(path, *, keep=True):
    mask = np.full((70, 90), keep)
    mask[40:60, 30:70] = False
    write_scene(path, scene_numbers(hole=False), nodata=None, mask=mask)


def unmasked():
    valid = np.ones((70, 90), bool)
    valid[40:60, 30:70] = False
    return valid


def with_alpha(path, *, names=BANDS, bands=3):
    dn = scene_numbers(hole=False)[:bands]
    alpha = np.full((1, 70, 90), 65_535, np.uint16)
    alpha[0, 40:60, 30:70] = 0
    write_scene(path, np.concatenate([dn, alpha]), names=names, nodata=None, photometric="minisblack")
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [*[ColorInterp.undefined] * bands, ColorInterp.alpha]


def palette(path):
    write_scene(path, numbers(1, 40, 40, high=250).astype(np.uint8), names=None, nodata=None, photometric="palette")


def nodata_text(written):
    """A scene whose nodata tag is this text."""

    def make(path):
        write_scene(path, nodata=54321)
        data = path.read_bytes()
        assert data.count(b"54321\0") == 1
        path.write_bytes(data.replace(b"54321\0", written.encode().ljust(6, b"\0")))

    return make


def baseline_0400(path, *, tags=False):
    """The plain scene as products of processing baseline 04.00 store it: 1000 added to what is not nodata."""
    dn = scene_numbers()
    dn[dn > 0] += 1000
    said = {"processing_level": "L1C"} | ({"scale": "0.0001", "offset": "-0.1"} if tags else {})
    write_scene(path, dn, tags=said, scaling=None if tags else [(1e-4, -0.1)] * 4)


def reordered(path):
    write_scene(path, scene_numbers()[::-1].copy(), names=BANDS[::-1])


def sized(rows, cols, **profile):
    return lambda path: write_scene(path, scene_numbers(rows, cols, hole=False), **profile)


def whole(rows, cols):
    return lambda: np.ones((rows, cols), bool)


def level_field(value, spread):
    """Clouds, night or water: nearly constant numbers."""
    return lambda path: write_scene(path, numbers(4, 70, 90, low=value, high=value + spread))


PLAIN = {"like_plain": True, "valid": lambda: valid_of(scene_numbers())}
CODECS = {
    "LZW with a predictor": {"compress": "lzw", "predictor": 2},
    "DEFLATE": {"compress": "deflate"},
    "ZSTD with a predictor": {"compress": "zstd", "predictor": 2},
    "PackBits": {"compress": "packbits"},
    "LZMA": {"compress": "lzma"},
    "LERC": {"compress": "lerc", "max_z_error": 0},
    "LERC in ZSTD": {"compress": "lerc_zstd", "max_z_error": 0},
    "big-endian": {"ENDIANNESS": "BIG"},
    "BigTIFF": {"BIGTIFF": "YES"},
    "big-endian BigTIFF": {"BIGTIFF": "YES", "ENDIANNESS": "BIG"},
    "strips of one row": {"blockysize": 1},
    "one strip": {"blockysize": 70},
    "band by band": {"interleave": "band"},
    "tiles, band by band": {"interleave": "band", "tiled": True, "blockxsize": 16, "blockysize": 48},
    "one tile larger than the image": {"tiled": True, "blockxsize": 256, "blockysize": 256},
    "sparse": {"tiled": True, "blockxsize": 16, "blockysize": 16, "SPARSE_OK": "YES"},
    "a COG": {"driver": "COG", "blocksize": 128, "compress": "deflate"},
}

BANDS_AND_TYPES = (
    refused(31, "one band", scene(dn_BRC=scene_numbers()[:1], names=None), "band-count"),
    refused(31, "three named bands", scene(dn_BRC=scene_numbers()[:3], names=BANDS[:3]), "band-mapping"),
    refused(32, "13 bands without names", scene(dn_BRC=numbers(13, 40, 40), names=None), "band-mapping"),
    mapped(33, "bands in another order", reordered, **PLAIN),
    mapped(33, "names in lower case", scene(names=[name.lower() for name in BANDS]), **PLAIN),
    refused(34, "names against the file", scene(), "band-mapping", options={"bands": "B03,B02,B04,B08"}),
    refused(35, "uint8", of_type(np.uint8, factor=1 / 50), "dtype"),
    refused(36, "int16 with negatives", of_type(np.int16, factor=-1.0), "dtype"),
    refused(37, "float64 reflectance", of_type(np.float64, factor=1e-4), "dtype"),
    refused(38, "complex", of_type(np.complex64), "dtype"),
    refused(38, "complex whole numbers", raw(32, 5), "dtype"),
    refused(39, "uint32", of_type(np.uint32), "dtype"),
    refused(39, "int8", of_type(np.int8, factor=1 / 100), "dtype"),
    refused(39, "1 bit", of_type(np.uint8, factor=0, nbits=1), "dtype"),
    mapped(39, "12 bits", lambda path: write_scene(path, np.minimum(scene_numbers(), 4095), nbits=12)),
    refused(39, "float16", raw(16, 3), "dtype", "raster-corrupt"),
    refused(39, "uint64", raw(64, 1), "dtype"),
    refused(39, "24 bits", raw(24, 1), "dtype", "raster-corrupt"),
    mapped(40, "NaN and infinite pixels", floats(some_missing), valid=some_valid, **FLOAT),
    mapped(40, "NaN, and another nodata", floats(some_missing, nodata=-9999), valid=some_valid, **FLOAT),
    seen_late(41, "nothing but NaN", floats(lambda dn: dn.fill(np.nan)), "no-valid-data", **FLOAT),
    seen_late(41, "nothing but nodata", scene(dn_BRC=np.zeros((4, 40, 50), np.uint16)), "no-valid-data"),
    seen_late(41, "a mask of nothing", partial(masked, keep=False), "no-valid-data"),
    mapped(42, "constant", scene(dn_BRC=np.full((4, 70, 90), 1234, np.uint16)), valid=whole(70, 90)),
    mapped(42, "constant and largest", scene(dn_BRC=np.full((4, 70, 90), 65_535, np.uint16)), valid=whole(70, 90)),
    mapped(43, "nodata below the type", nodata_text("-9999"), **PLAIN),
    mapped(43, "nodata beyond the type", nodata_text("1e20"), **PLAIN),
    mapped(43, "nodata that is no number", nodata_text("none"), **PLAIN),
    mapped(43, "nodata NaN of whole numbers", nodata_text("nan"), **PLAIN),
    mapped(44, "nodata NaN", floats(some_missing, nodata=np.nan), valid=some_valid, **FLOAT),
    mapped(45, "an internal mask", masked, valid=unmasked),
    refused(46, "RGBA with names", with_alpha, "band-mapping"),
    refused(46, "RGBA without names", partial(with_alpha, names=None), "band-count"),
    refused(46, "RGBA, called four bands", partial(with_alpha, names=None), "band-mapping", options=SAYS),
    mapped(46, "four bands and alpha", partial(with_alpha, names=(*BANDS, "alpha"), bands=4), valid=unmasked),
    refused(47, "a palette", palette, "dtype", "band-count"),
    mapped(48, "offset of baseline 04.00", baseline_0400, **PLAIN),
    mapped(48, "the same in tags", partial(baseline_0400, tags=True), **PLAIN),
    refused(48, "scale without offset", scene(tags={"scale": "0.0001", "processing_level": "L1C"}), "radiometry"),
    mapped(59, "one pixel", sized(1, 1), valid=whole(1, 1)),
    mapped(59, "20 000 rows of one pixel", sized(20_000, 1), valid=whole(20_000, 1)),
    mapped(59, "one row of 20 000 pixels", sized(1, 20_000), valid=whole(1, 20_000)),
    mapped(59, "smaller than a window", sized(13, 9), valid=whole(13, 9)),
    *(mapped(62, name, scene(**profile), **PLAIN) for name, profile in CODECS.items()),
    mapped(63, "nothing but clouds", level_field(9000, 800), valid=whole(70, 90)),
    mapped(63, "night", level_field(1, 4), valid=whole(70, 90)),
    mapped(63, "water", level_field(200, 60), valid=whole(70, 90)),
)
