"""Send scenes to a service and fetch files from it, each whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx2

from landcover.errors import RasterChanged, RasterUnreadable
from landcover.staging import os_errors
from serving.client.errors import AnswerNotUnderstood, TransferDamaged
from serving.client.line import Line

_PIECE: Final = 1 << 18
"""Bytes; a slow line still shows progress."""

_PARTIAL: Final = 206
_TRIES: Final = 2
"""Times that a file is fetched whose digest is wrong: an unhappy proxy may mend, a wrong file does not."""


def send(line: Line, scene: Path) -> str:
    """Upload a scene.

    Returns:
        Its id.

    Raises:
        RasterUnreadable: when it cannot be read.
        RasterChanged: when it changes meanwhile.
        SteppeError: when the service does not take it.
    """
    told = line.patience.trying(lambda: _send_once(line, scene))
    match told:
        case {"id": str(upload)}:
            return upload
    raise AnswerNotUnderstood("the service did not say what it calls the upload; is it another version of Steppe?")


def _send_once(line: Line, scene: Path) -> dict[str, Any]:
    try:
        with scene.open("rb") as file:
            size = scene.stat().st_size
            headers = {"Content-Type": "image/tiff", "Content-Length": str(size)}
            return line.once("POST", "uploads", content=_pieces(line, file, scene.name, size), headers=headers)
    except httpx2.LocalProtocolError as error:
        raise RasterChanged(f"{scene.name!r} changed while it was sent; run again when nobody writes to it") from error
    except OSError as error:
        raise RasterUnreadable(f"{scene.name!r} cannot be read: {error.strerror}") from error


def _pieces(line: Line, file: BinaryIO, name: str, size: int) -> Iterator[bytes]:
    done = 0
    line.watcher.transfer("sending", name, 0, size)
    while piece := file.read(_PIECE):
        yield piece
        done += len(piece)
        line.watcher.transfer("sending", name, done, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file that a service has.

    Attributes:
        path: relative to the service's address.
        name: for people.
        size: bytes; 0 = not known.
        sha256: digest, hexadecimal; None for what the service writes anew for whoever asks, as the STAC Item.
    """

    path: str
    name: str
    size: int
    sha256: str | None


def fetch(line: Line, wanted: Wanted, place: Path) -> None:
    """Fetch a file; after a lost connection it goes on where it was.

    Raises:
        TransferDamaged: when what arrives is not what the service says that it has.
        DiskFull: no room.
        OutputNotWritable: it cannot be written.
        SteppeError: when the service does not give it.
    """
    for _ in range(_TRIES):
        with os_errors(place):
            place.write_bytes(b"")
        line.patience.trying(lambda: _fetch_once(line, wanted, place))
        if wanted.sha256 is None:
            return
        with place.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256:
                return
    raise TransferDamaged(
        f"{wanted.name} arrives with another SHA-256 than the service says it has; something on the way alters files, "
        "or they are damaged there"
    )


def _fetch_once(line: Line, wanted: Wanted, place: Path) -> None:
    """Fetch what is missing of a file.

    Raises:
        Passing: when it did not come to its end.
    """
    have = place.stat().st_size
    if have >= wanted.size > 0:
        return
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with line.answer("GET", wanted.path, headers=headers) as response:
        goes_on = response.status_code == _PARTIAL and _begins_at(response, have)
        with os_errors(place), place.open("ab" if goes_on else "wb") as file:
            for piece in response.iter_raw():
                file.write(piece)
                line.patience.sign_of_life()
                line.watcher.transfer("fetching", wanted.name, file.tell(), max(wanted.size, file.tell()))


def _begins_at(response: httpx2.Response, offset: int) -> bool:
    return str(response.headers.get("content-range", "")).startswith(f"bytes {offset}-")
