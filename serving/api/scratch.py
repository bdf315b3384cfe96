"""A folder for one request, gone when its answer has been sent or anything has failed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from anyio import CancelScope
from anyio.to_thread import run_sync
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from landcover.staging import os_errors
from serving.settings import Settings

PREFIX: Final = "steppe-"
UPLOAD: Final = "upload.tif"


class Scratch:
    """The folder of one request.

    Args:
        settings: say where it is made.

    Raises:
        DiskFull: no room for it.
        OutputNotWritable: it cannot be made.
    """

    def __init__(self, settings: Settings) -> None:
        with os_errors(Path(UPLOAD)):
            self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=settings.scratch))
        self.handed_over = False

    def send(self, path: Path, media_type: str, headers: Mapping[str, str]) -> FileResponse:
        """Answer with a file; from now on the answer removes the folder."""
        self.handed_over = True
        return _LastFile(self, path, media_type, headers)

    async def remove(self) -> None:
        """Remove the folder and everything in it, also while the request is being cancelled."""
        with CancelScope(shield=True):
            await run_sync(lambda: shutil.rmtree(self.folder, ignore_errors=True))


class _LastFile(FileResponse):
    """A file that is removed after sending, however sending ends."""

    def __init__(self, scratch: Scratch, path: Path, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(path, headers=headers, media_type=media_type, filename=path.name)
        self._scratch = scratch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._scratch.remove()


@asynccontextmanager
async def scratch_folder(settings: Settings) -> AsyncIterator[Scratch]:
    """A scratch folder that goes at the end of the context, unless an answer has taken it over.

    Raises:
        DiskFull: no room for it.
        OutputNotWritable: it cannot be made.
    """
    scratch = Scratch(settings)
    try:
        yield scratch
    finally:
        if not scratch.handed_over:
            await scratch.remove()
