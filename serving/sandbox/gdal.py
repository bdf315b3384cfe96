"""The environment of a process in which GDAL decodes foreign bytes: it opens what it is told to and nothing else.

GDAL reads its settings once, when it is loaded: they must be in the environment before the interpreter starts. The
drivers that refer to other data are switched off. What would be fetched is pointed at a place that is not there.
"""

from __future__ import annotations

import os
from typing import Final

SKIPPED_DRIVERS: Final = (
    *("VRT", "GTI", "DERIVED", "GDALG", "STACIT", "STACTA", "TIL", "MRF"),  # made of other data sets
    *("WMS", "WMTS", "WCS", "HTTP", "EEDA", "EEDAI", "PLMOSAIC", "DAAS"),  # fetch
)
"""Drivers that open other data sets than the one they are told to. ``MEM`` stays: GDAL uses it itself."""

_GDAL: Final = {
    "GDAL_SKIP": ",".join(SKIPPED_DRIVERS),
    "GDAL_DRIVER_PATH": "disable",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    "GDAL_CACHEMAX": "64",
    "GDAL_NUM_THREADS": "1",
    "CPL_DEBUG": "OFF",
}
_NETWORK: Final = {
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "/vsicurl/none",
    "GDAL_HTTP_NETRC": "NO",
    "GDAL_HTTP_TIMEOUT": "2",
    "GDAL_HTTP_CONNECTTIMEOUT": "2",
    "GDAL_HTTP_LOW_SPEED_TIME": "2",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
    "GDAL_HTTP_MAX_RETRY": "0",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PROJ_NETWORK": "OFF",
}
_PROCESS: Final = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # each arena reserves 64 MiB of address space
    "OPENBLAS_NUM_THREADS": "1",  # no thread but the first when the process closes itself in
    "OMP_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_KEPT: Final = ("GDAL_DATA", "PROJ_DATA", "PROJ_LIB", "LD_LIBRARY_PATH")
"""Where an installation has its files."""


def closed_environment() -> dict[str, str]:
    """The whole environment: proxies, credentials and settings of this process are not in it."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | _GDAL | _NETWORK | _PROCESS
