"""What a reader tries when the service starts, to show that it cannot: see ``selftest``, which writes the files.

Nothing here does harm where it succeeds: files are read and made in a folder that is removed, a socket is opened to
whoever asks, a program ends at once.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import rasterio

from landcover.raster.scene import open_request
from serving.reader.questions import request_from_json
from serving.sandbox.gdal import SKIPPED_DRIVERS
from serving.sandbox.limits import Limits

GOOD_FILE: Final = "good.tif"
VIRTUAL_FILE: Final = "virtual.tif"
OVERVIEWS_FILE: Final = "overviews.tif"
GEOLOCATION_FILE: Final = "geolocation.tif"

READ_GOOD: Final = "read a good raster"
READ_ELSEWHERE: Final = "read a file elsewhere"
LIST_ELSEWHERE: Final = "list a folder elsewhere"
CREATE: Final = "create a file"
CONNECT: Final = "connect to a server"
DATAGRAM: Final = "open a socket for datagrams"
START: Final = "start a program"
SIGNAL: Final = "signal another process"
FOLLOW: Final = "follow a raster's overviews to another file"

_FREE: Final = 4 * 2**20

type _Attempt = Callable[[], object]


class _Refused(Exception):
    """What was tried did not happen."""


def probe(question: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Try everything that a reader must not do.

    Args:
        question: ``path``, a folder that may be read, with the files named above; ``elsewhere``, a raster that may not;
            ``port`` of a server on this machine; ``request`` for a scene.
        limits: what the process may use.

    Returns:
        What was ``allowed`` and what was ``refused``, in words.
    """
    answer: dict[str, Any] = {"allowed": [], "refused": []}
    for name, attempt in _attempts(question, limits).items():
        try:
            attempt()
        except Exception:  # noqa: BLE001 - in whatever words it is refused
            answer["refused"].append(name)
        else:
            answer["allowed"].append(name)
    return answer


def _attempts(question: Mapping[str, Any], limits: Limits) -> dict[str, _Attempt]:
    folder, elsewhere = Path(question["path"]), Path(question["elsewhere"])

    def steppe(name: str) -> None:
        with open_request(folder / name, request_from_json(question["request"])) as scene:
            scene.read(scene.grid.extent)

    return {
        READ_GOOD: partial(steppe, GOOD_FILE),
        READ_ELSEWHERE: elsewhere.read_bytes,
        LIST_ELSEWHERE: partial(os.listdir, elsewhere.parent),
        CREATE: (folder / "created").touch,
        CONNECT: partial(_connect, question["port"]),
        DATAGRAM: lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        START: _start,
        SIGNAL: partial(os.kill, os.getppid(), 0),
        "allocate memory beyond its limit": partial(_allocate, limits.memory_bytes),
        "use a driver that opens other files": _use_skipped_driver,
        "open a raster that is made of others": partial(_open_plainly, folder / VIRTUAL_FILE),
        "map a raster that is made of others": partial(steppe, VIRTUAL_FILE),
        FOLLOW: partial(_follow, folder / OVERVIEWS_FILE),
        "map a raster with overviews elsewhere": partial(steppe, OVERVIEWS_FILE),
        "map a raster with geolocation elsewhere": partial(steppe, GEOLOCATION_FILE),
    }


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=2).close()


def _start() -> None:
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise _Refused


def _allocate(limit: int) -> None:
    del bytearray(limit - _FREE)[:1]


def _open_plainly(path: Path) -> None:
    with rasterio.open(path) as dataset:
        dataset.read()


def _use_skipped_driver() -> None:
    with rasterio.Env() as env:
        if not set(SKIPPED_DRIVERS) & set(env.drivers()):
            raise _Refused


def _follow(path: Path) -> None:
    with rasterio.open(path, driver="GTiff") as dataset:
        if not dataset.overviews(1):
            raise _Refused
