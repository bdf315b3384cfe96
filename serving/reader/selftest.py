"""Proof, before the service answers anybody, that readers are closed in on this machine.

Kernels, containers and builds of GDAL differ, and a setting that has no effect is not noticed by itself. So a reader
tries what it must not do, with harmless files that are written here.
"""

from __future__ import annotations

import socket
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from affine import Affine

from landcover.errors import ConfigError
from landcover.raster.protocol import SceneRequest
from serving.reader import probes
from serving.reader.answers import Probed
from serving.reader.errors import ReaderEnded, ReaderUnavailable, ReadingLimit
from serving.reader.process import Reader
from serving.reader.questions import request_to_json
from serving.reader.terms import Terms
from serving.settings import Settings

BAND: Final = "B04"
_SIDE: Final = 32

_BY_LANDLOCK: Final = frozenset({probes.READ_ELSEWHERE, probes.LIST_ELSEWHERE, probes.CREATE, probes.FOLLOW})
_BY_FILTER: Final = frozenset({probes.DATAGRAM, probes.START, probes.SIGNAL})

_VIRTUAL: Final = """<VRTDataset rasterXSize="{side}" rasterYSize="{side}">
  <GeoTransform>500000, 10, 0, 5500000, 0, -10</GeoTransform>
  <VRTRasterBand dataType="UInt16" band="1">
    <SimpleSource><SourceFilename relativeToVRT="0">{path}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
  </VRTRasterBand>
</VRTDataset>
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How readers are closed in on this machine.

    Attributes:
        landlock: ABI of the kernel's Landlock; 0 where there is none, and then a reader can read what this user can.
        filtered: whether its system calls are filtered.
        refused: what a reader tried in vain, in words.
    """

    landlock: int
    filtered: bool
    refused: tuple[str, ...]


def check_sandbox(settings: Settings) -> Sandbox:
    """Start a reader and see that it cannot do what it must not.

    What only the kernel could refuse, and does not, is told and not an error, unless ``require_landlock`` is set.

    Args:
        settings: limits of readers.

    Raises:
        ConfigError: when no reader starts, it cannot read a good raster, or it can do what it must not.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="steppe-") as folder:
            return _check(Path(folder), Terms.of(settings))
    except (ReaderUnavailable, ReaderEnded, ReadingLimit) as error:
        raise ConfigError(f"rasters cannot be read: {error}") from error
    except OSError as error:
        raise ConfigError(f"readers of rasters cannot be checked: {error.strerror}") from error


def _check(folder: Path, terms: Terms) -> Sandbox:
    question = write_probes(folder)
    reader = Reader.start(terms)
    reader.name = "probe"
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            found = reader.ask(Probed, question | {"port": server.getsockname()[1]})
    finally:
        reader.close()
    _judge(found, reader)
    return Sandbox(reader.ready.landlock, reader.ready.filtered, found.refused)


def _judge(found: Probed, reader: Reader) -> None:
    if probes.READ_GOOD not in found.allowed:
        raise ConfigError(
            "the process that reads rasters cannot read a good one; see that the folders of Python, GDAL and PROJ are "
            "where they were installed, and that STEPPE_READER_MEMORY_BYTES is not too small"
        )
    excused = frozenset() if reader.ready.landlock else _BY_LANDLOCK
    excused |= frozenset() if reader.ready.filtered else _BY_FILTER
    if not (reader.ready.landlock or reader.ready.filtered):
        excused |= {probes.CONNECT}
    leaks = [name for name in found.allowed if name != probes.READ_GOOD and name not in excused]
    if leaks:
        raise ConfigError(
            f"the process that reads rasters is not closed in: it could {', and '.join(leaks)}; run the service on a "
            "system that restricts it, or report this with the versions of kernel and GDAL"
        )


def write_probes(folder: Path) -> dict[str, Any]:
    """Write what a reader shall try in vain, and say it as the question for ``probes.probe`` but for a port.

    Args:
        folder: an empty one.
    """
    inside, outside = folder / "inside", folder / "outside"
    inside.mkdir()
    outside.mkdir()
    sentinel = outside / "sentinel.tif"
    _write(sentinel)
    _write(inside / probes.GOOD_FILE)
    _write(inside / probes.OVERVIEWS_FILE, OVERVIEWS={"OVERVIEW_FILE": str(sentinel)})
    _write(inside / probes.GEOLOCATION_FILE, GEOLOCATION={"X_DATASET": str(sentinel), "Y_DATASET": str(sentinel)})
    (inside / probes.VIRTUAL_FILE).write_text(_VIRTUAL.format(side=_SIDE, path=sentinel), encoding="utf-8")
    request = SceneRequest(bands_wanted=(BAND,), bands=(BAND,), dtype=np.dtype(np.uint16))
    return {
        "do": "probe",
        "path": str(inside),
        "readable": [str(inside)],
        "elsewhere": str(sentinel),
        "request": request_to_json(request),
    }


def _write(path: Path, **domains: dict[str, str]) -> None:
    """A small raster of one band, with tags in further domains."""
    profile = {"driver": "GTiff", "count": 1, "height": _SIDE, "width": _SIDE, "dtype": "uint16", "crs": "EPSG:32633"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", transform=Affine(10, 0, 5e5, 0, -10, 5.5e6), **profile) as dataset:
            for domain, tags in domains.items():
                dataset.update_tags(ns=domain, **tags)
            dataset.write(np.full((1, _SIDE, _SIDE), 7, np.uint16))
