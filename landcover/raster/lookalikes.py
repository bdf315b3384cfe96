"""What a file is that is no raster Steppe reads, told by its first bytes, so that a message can say it."""

from __future__ import annotations

from typing import Final

TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of classic and BigTIFF, both byte orders."""

JPEG2000: Final = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
"""First bytes of JPEG 2000: boxes, bare codestream."""

HEAD_BYTES: Final = 512

_BINARY: Final = (
    (b"PK", "a ZIP archive, unpack it first"),
    (b"\x1f\x8b", "compressed with gzip, unpack it first"),
    (b"BZh", "compressed with bzip2, unpack it first"),
    (b"\xfd7zXZ\0", "compressed with xz, unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd, unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, unpack it first"),
    (b"\x89PNG\r\n", "a PNG picture, which has no place on a map"),
    (b"\xff\xd8\xff", "a JPEG picture, which has no place on a map"),
    (b"GIF8", "a GIF picture, which has no place on a map"),
    (b"RIFF", "a RIFF file (WebP, sound or video)"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\0", "an SQLite file (GeoPackage, MBTiles); export the raster as GeoTIFF"),
    (b"CDF\x01", "netCDF; convert it to GeoTIFF"),
    (b"CDF\x02", "netCDF; convert it to GeoTIFF"),
    (b"CDF\x05", "netCDF; convert it to GeoTIFF"),
    (b"\x89HDF\r\n", "HDF5 or netCDF 4; convert it to GeoTIFF"),
    (b"\x0e\x03\x13\x01", "HDF4; convert it to GeoTIFF"),
    (b"NITF", "NITF; convert it to GeoTIFF"),
    (b"NSIF", "NSIF; convert it to GeoTIFF"),
    (b"GRIB", "GRIB; convert it to GeoTIFF"),
    (b"\x93NUMPY", "a NumPy array, which has no place on a map"),
    (b"PAR1", "a Parquet table"),
)
_TEXT: Final = (
    (b"<vrtdataset", "a VRT, which refers to other files; convert it to GeoTIFF with gdal_translate"),
    (b"<gdaltileindexdataset", "a tile index, which refers to other files; build one GeoTIFF of it"),
    (b"<gdal_w", "a description of a web service; fetch the raster as GeoTIFF"),
    (b"<!doctype html", "a web page, perhaps an error page; fetch the file again"),
    (b"<html", "a web page, perhaps an error page; fetch the file again"),
    (b"<", "XML, perhaps an error message; fetch the file again"),
    (b"{", "JSON, perhaps an error message; fetch the file again"),
    (b"[", "JSON, perhaps an error message; fetch the file again"),
)
_TAR_AT: Final = 257


def looks_like(head: bytes) -> str | None:
    """What a file is and what to do with it, by its first bytes; None when that is not known."""
    for start, words in _BINARY:
        if head.startswith(start):
            return words
    if head[_TAR_AT:].startswith(b"ustar"):
        return "a tar archive, unpack it first"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((words for start, words in _TEXT if text.startswith(start)), None)
