"""Hand out the results of a job: raw, as a document, by value or by reference (18-062r2, table 11)."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import anyio
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from serving.api.ogc.items import published
from serving.api.refusals import OutputNotFound, ResultNotReady
from serving.jobs.record import Job, State
from serving.processes.orders import Answering, Request
from serving.processes.outputs import HTML, STYLES, Output, names_of
from serving.processes.process import Process
from serving.results import ResultGone, Results, reading

INLINE_BYTES: Final = 1 << 20
"""Largest output that a document holds when the request does not say how; larger ones are links. Base64 of a map of a
whole Sentinel-2 tile would be a string of tens of megabytes in the middle of a JSON document."""

_ITEM: Final = "item"

_CHUNK: Final = 1 << 20

_UNRANGED: Final = frozenset({400, 416})
"""What the file's own answer to a range is that it cannot read, or does not have."""


@dataclass(frozen=True, slots=True)
class Made:
    """One output of a finished job.

    Attributes:
        job: id of the job.
        output: which.
        path: its file.
        href: its address.
        names: of all outputs of its process, by their files.
        mode: how it was asked for; None = nothing was said.
    """

    job: str
    output: Output
    path: Path
    href: str
    names: Mapping[str, str]
    mode: str | None = None

    @property
    def by_reference(self) -> bool:
        """Whether it stands as a link in a document."""
        if self.mode is None:
            return self.path.stat().st_size > INLINE_BYTES
        return self.mode == "reference"

    @property
    def content(self) -> bytes | None:
        """What is handed out instead of the file: a STAC Item with the addresses of the files it names; else None."""
        if self.output.name != _ITEM:
            return None
        document = json.loads(self.path.read_bytes())
        item = published(document, job=self.job, href=self.href, media_type=self.output.media_type, names=self.names)
        return json.dumps(item, allow_nan=False).encode()

    @property
    def link(self) -> dict[str, str]:
        """A link to it."""
        return {"href": self.href, "type": self.output.media_type, "title": self.output.title}


def made_by(job: Job, process: Process, results: Results, base: str) -> list[Made]:
    """The outputs that a request asked for.

    Raises:
        ResultNotReady: when the job has not ended with results.
    """
    kept = {one.output.name: one for one in kept_of(job, process, results, base)}
    answering = Request.model_validate(job.new.request).answering
    return [replace(kept[name], mode=mode) for name, mode in answering.modes.items() if name in kept]


def kept_of(job: Job, process: Process, results: Results, base: str) -> list[Made]:
    """All files there are of a job: also what others needed and the styles of the maps, which an Item refers to.

    Raises:
        ResultNotReady: when the job has not ended with results.
        ResultGone: when they have been removed meanwhile.
    """
    folder, names = results.root / result_of(job), names_of(process.id)
    kept = [
        Made(job.id, output, folder / output.file, f"{base}jobs/{job.id}/results/{output.name}", names)
        for output in (*process.outputs, *STYLES)
        if (folder / output.file).is_file()
    ]
    if not folder.is_dir():
        raise ResultGone("the result has been removed meanwhile; ask for it again to make it anew")
    return kept


def result_of(job: Job) -> str:
    """The folder of a job's result.

    Raises:
        ResultNotReady: when the job has not ended with results.
    """
    if job.state is not State.SUCCESSFUL or job.result is None:
        raise ResultNotReady(
            f"the job is {job.state.value}, it has no results yet; GET /jobs/{job.id} says when it has"
        )
    return job.result


def one_of(made: Sequence[Made], name: str) -> Made:
    """The output of a name.

    Raises:
        OutputNotFound: when the job has none.
    """
    for one in made:
        if one.output.name == name:
            return one
    raise OutputNotFound(f"the job has no such output; it has {', '.join(one.output.name for one in made)}")


def answer(made: Sequence[Made], answering: Answering, headers: Mapping[str, str]) -> Response:
    """The results as they were asked for.

    Args:
        made: the outputs.
        answering: raw or document.
        headers: of the answer.

    Raises:
        ResultGone: when they have been removed meanwhile.
    """
    if answering.response == "document":
        return JSONResponse(document(made), headers=dict(headers))
    if all(one.mode == "reference" for one in made):
        links = ", ".join(
            f'<{one.href}>; rel="{one.output.name}"; type="{one.output.media_type.partition(";")[0]}"' for one in made
        )
        monitor = [headers["Link"]] if "Link" in headers else []
        return Response(status_code=204, headers={**headers, "Link": ", ".join([links, *monitor])})
    if len(made) == 1:
        return send(made[0], headers)
    return _related(made, headers)


def document(made: Sequence[Made]) -> dict[str, Any]:
    """All outputs as a JSON object: schema ``results.yaml``; raises what ``answer`` raises."""
    with reading():
        return {one.output.name: _inline(one) for one in made}


def send(one: Made, headers: Mapping[str, str]) -> Response:
    """One output; raises what ``answer`` raises."""
    with reading():
        if (content := one.content) is not None:
            return Response(content, headers=dict(headers), media_type=one.output.media_type)
        known = one.path.stat()  # what is not there is said now, not when the answer has begun
        page = one.output.media_type == HTML
        own = _page_headers(one.path) if page else {}
    return ResultFile(
        one.path,
        media_type=one.output.media_type,
        filename=one.output.file,
        headers={**headers, **own},
        stat_result=known,
        content_disposition_type="inline" if page else "attachment",
    )


def _page_headers(path: Path) -> dict[str, str]:
    """A page is to be looked at: it says itself which style sheet and pictures it has, and nothing else may run."""
    from serving.report.page.render import policy  # noqa: PLC0415 - only for pages

    return {"Content-Security-Policy": policy(path.read_text(encoding="utf-8"))}


class ResultFile(FileResponse):
    """A file, or the ranges of it that were asked for; ranges that it does not have are a problem like any other."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            HTTPException: when the field Range cannot be followed.
        """

        async def checked(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _UNRANGED:
                told = Headers(raw=message["headers"]).get("content-range")
                raise HTTPException(message["status"], headers={"Content-Range": told} if told else None)
            await send(message)

        await super().__call__(scope, receive, checked)


def _inline(one: Made) -> dict[str, Any]:
    """An output within a document: schema ``inlineOrRefData.yaml``."""
    if one.by_reference:
        return one.link
    media_type = one.output.media_type
    if media_type.endswith("json"):
        return {"value": json.loads(one.content or one.path.read_bytes()), "mediaType": media_type}
    content = base64.b64encode(one.path.read_bytes()).decode()
    return {"value": content, "encoding": "base64", "mediaType": media_type}


def _related(made: Sequence[Made], headers: Mapping[str, str]) -> Response:
    """Several raw outputs: multipart/related (RFC 2387), streamed from their files."""
    boundary = f"steppe-{secrets.token_hex(16)}"
    with reading():
        parts = list(_parts(made, boundary))
        length = sum(len(part) if isinstance(part, bytes) else part.stat().st_size for part in parts)

    async def stream() -> AsyncIterator[bytes]:
        for part in parts:
            if isinstance(part, bytes):
                yield part
                continue
            async with await anyio.open_file(part, "rb") as file:
                while chunk := await file.read(_CHUNK):
                    yield chunk

    return StreamingResponse(
        stream(),
        media_type=f'multipart/related; boundary="{boundary}"',
        headers={**headers, "Content-Length": str(length)},
    )


def _parts(made: Sequence[Made], boundary: str) -> Iterator[bytes | Path]:
    for one in made:
        head = f"--{boundary}\r\nContent-Type: {one.output.media_type}\r\nContent-ID: <{one.output.name}>\r\n"
        if one.mode == "reference":
            yield f"{head}Content-Location: {one.href}\r\n\r\n\r\n".encode()
            continue
        content = one.content
        length = one.path.stat().st_size if content is None else len(content)
        yield f"{head}Content-Length: {length}\r\n\r\n".encode()
        yield one.path if content is None else content
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
