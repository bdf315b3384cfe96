"""What a reader does with questions: open, read, forget, take a digest."""

from __future__ import annotations

import errno
import json
import mmap
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Final

import numpy as np
from affine import Affine
from rasterio.io import MemoryFile

from landcover.errors import SteppeError
from landcover.grid import Window
from landcover.raster.categorical import open_codes
from landcover.raster.far import far_files
from landcover.raster.georeference import grid_of
from landcover.raster.protocol import Mask, ReadPolicy, Scene
from landcover.raster.quality import open_mask
from landcover.raster.scene import open_request
from landcover.raster.stated_legend import legend_text
from serving.reader.errors import ReaderEnded, ReadingLimit
from serving.reader.memory import arrays_in, block_planes, mask_planes
from serving.reader.pieces import files_of
from serving.reader.questions import grid_from_json, grid_to_json, request_from_json
from serving.reader.wire import BAD, GOOD, MAX_LEGEND, Ended, receive_question, send_answer
from serving.sandbox.limits import Limits

_MAX_WORDS: Final = 4000  # characters of a message; some list all bands of a file

type _Answer = dict[str, Any]


class Desk:
    """Answers for one input.

    Args:
        limits: what the process may use, for messages.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._scene: Scene | None = None
        self._mask: Mask | None = None
        self._memory: mmap.mmap | None = None
        self._does: dict[str, Callable[[dict[str, Any]], _Answer]] = {
            "scene": self._open_scene,
            "mask": self._open_mask,
            "codes": self._open_codes,
            "read": self._read,
            "rows": self._rows,
            "pass": self._pass_over,
            "digest": self._digest,
            "probe": self._probe,
        }

    def serve(
        self, channel: socket.socket, aside: socket.socket, question: dict[str, Any], lanes: Sequence[int]
    ) -> None:
        """Answer the first question and all that follow; those of the second channel beside them.

        Args:
            channel: where questions come from.
            aside: where those come from that take long.
            question: the first one.
            lanes: descriptors of the channels that bytes of far files come through.

        Raises:
            Ended: when nobody asks any more.
        """
        with far_files(files_of(question.get("files", []), lanes)):
            self._answer(channel, question, [])
            beside = partial(copy_context().run, self._serve_aside, aside)
            Thread(target=beside, name="aside", daemon=True).start()
            while True:
                self._answer(channel, *receive_question(channel))

    def _serve_aside(self, channel: socket.socket) -> None:
        with suppress(Ended, OSError):
            while True:
                self._answer(channel, *receive_question(channel))

    def _answer(self, channel: socket.socket, question: dict[str, Any], descriptors: list[int]) -> None:
        try:
            self._take_memory(descriptors)
            answer = self._does[question["do"]](question)
        except Exception as error:  # noqa: BLE001 - whatever decoding foreign bytes ends in, it is answered
            send_answer(channel, BAD, self._fault(error))
        else:
            send_answer(channel, GOOD, answer)

    def _take_memory(self, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            try:
                self._memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
            finally:
                os.close(descriptor)

    def _fault(self, error: Exception) -> _Answer:
        if _is_for_memory(error):
            limit = f"{self._limits.memory_bytes // 10**6:,} MB"
            error = ReadingLimit(
                f"reading the raster takes more memory than the {limit} there are for it; store it with smaller tiles"
            )
        if isinstance(error, SteppeError):
            return {"slug": error.slug, "message": str(error)[:_MAX_WORDS]}
        return {"slug": ReaderEnded.slug, "message": type(error).__name__}

    def _open_scene(self, question: Mapping[str, Any]) -> _Answer:
        scene = open_request(Path(question["path"]), request_from_json(question["request"]))
        self._scene, radiometry = scene, scene.radiometry
        return {
            **grid_to_json(scene.grid),
            "level": scene.level,
            "radiometry": None if radiometry is None else [radiometry.scale, radiometry.offset],
            "datetime": scene.datetime,
            "identifier": scene.identifier,
        }

    def _open_codes(self, question: Mapping[str, Any]) -> _Answer:
        codes = open_codes(Path(question["path"]), policy=ReadPolicy(**question["policy"]))
        self._scene, legend = codes.scene, "" if codes.legend is None else legend_text(codes.legend)
        return {
            **grid_to_json(codes.grid),
            "dtype": codes.scene.dtype.name,
            "nodata": codes.nodata,
            "scaled": codes.scaled,
            "legend": legend if len(json.dumps(legend)) <= MAX_LEGEND else "",
            "datetime": codes.scene.datetime,
            "identifier": codes.scene.identifier,
        }

    def _open_mask(self, question: Mapping[str, Any]) -> _Answer:
        self._mask = open_mask(Path(question["path"]), grid_from_json(question["grid"]), bands=question["bands"])
        return {"mask": self._mask and self._mask.kind.name, "name": self._mask.name if self._mask else ""}

    def _read(self, question: Mapping[str, Any]) -> _Answer:
        scene, memory = _opened(self._scene), _opened(self._memory)
        window = Window(*question["window"])
        block = scene.read(window)
        planes = block_planes(len(scene.bands), window.height, window.width, scene.dtype)
        data_BRC, valid_RC = arrays_in(memory, planes)
        data_BRC[:], valid_RC[:] = block.data, block.valid
        return {}

    def _rows(self, question: Mapping[str, Any]) -> _Answer:
        mask, memory = _opened(self._mask), _opened(self._memory)
        found_RW, reached_RW = mask.rows(question["start"], question["stop"])
        codes_RW, inside_RW = arrays_in(memory, mask_planes(*found_RW.shape))
        codes_RW[:], inside_RW[:] = found_RW, reached_RW
        return {}

    def _pass_over(self, question: Mapping[str, Any]) -> _Answer:
        _opened(self._scene).pass_over(Window(*question["window"]) if question["window"] else None)
        return {}

    def _digest(self, _question: Mapping[str, Any]) -> _Answer:
        return {"digest": (self._scene or _opened(self._mask)).input_digest()}

    def _probe(self, question: Mapping[str, Any]) -> _Answer:
        from serving.reader.probes import probe  # noqa: PLC0415 - once, when the service starts

        return probe(question, self._limits)


def warm_up() -> None:
    """Have libraries load their tables of coordinate reference systems before anybody waits for it."""
    profile = {"driver": "GTiff", "count": 1, "height": 1, "width": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    transform = Affine(10, 0, 500_000, 0, -10, 5_500_000)
    with MemoryFile() as file:
        with file.open(transform=transform, **profile) as dataset:
            dataset.write(np.ones((1, 1, 1), np.uint8))
        with file.open() as dataset:
            dataset.read()
            grid_of(dataset, file.name)


def _opened[Opened](opened: Opened | None) -> Opened:
    if opened is None:
        raise RuntimeError("asked for before it was opened")
    return opened


def _is_for_memory(error: BaseException) -> bool:
    """Whether an error, or one that it came from, is that there is no more memory; GDAL says it in words of its own."""
    return any(
        isinstance(cause, MemoryError)
        or "OutOfMemory" in type(cause).__name__
        or (isinstance(cause, OSError) and cause.errno == errno.ENOMEM)
        or (isinstance(cause, RuntimeError) and "start new thread" in str(cause))
        for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
