"""``POST /processes/{id}/execution``: a request becomes a job, whose results are the answer if somebody waits."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from serving.access.principal import Principal
from serving.api.access import Runner
from serving.api.addresses import base_of
from serving.api.door.body import read_json
from serving.api.negotiation import preferred
from serving.api.ogc.answers import ended_answer
from serving.api.ogc.desk import Desk, Terms, desk_of
from serving.api.ogc.documents import status_info
from serving.api.ogc.forms import Execute, Preference, parsed, preference
from serving.api.ogc.pricing import quotation
from serving.api.ogc.waiting import ended
from serving.api.presence import watch
from serving.api.problems import ClientGone
from serving.api.refusals import KeyInvalid, TookTooLong
from serving.database.protocol import StoreUnavailable
from serving.jobs.record import Job
from serving.jobs.store import JobGone
from serving.processes.orders import Answering
from serving.processes.outputs import QML, Output
from serving.processes.process import InputsInvalid, Process
from serving.telemetry.exchange import exchange_of

router = APIRouter(tags=["processes"])

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose form is right."""

    who: Principal
    process: Process
    inputs: BaseModel
    outputs: Sequence[str]
    terms: Terms
    base: str


@router.post("/processes/{process}/execution", summary="Execute a process", response_model=None)
async def execute(
    request: Request,
    process: str,
    who: Runner,
    *,
    dry_run: Annotated[bool, Query(description="Only say what it would cost, and what was found.")] = False,
) -> Response:
    """Make a job of the request; with `Prefer: respond-async` the job is the answer, else its results are."""
    desk = desk_of(request)
    asked = await _read(request, desk.process(process), who, desk)
    if dry_run:
        return JSONResponse(await run_sync(_quote, desk, asked))
    wish = preference(", ".join(request.headers.getlist("prefer")))
    with desk.keys.using(who.id, asked.terms.idempotency_key):
        job = await run_sync(_accept, desk, asked)
        exchange_of(request.scope).job = job.id
        if wish.respond_async and wish.wait_s is None:
            return _accepted(job, request, wish)
        return await _waited(request, desk, job, wish)


async def _read(request: Request, process: Process, who: Principal, desk: Desk) -> _Asked:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise KeyInvalid("the Idempotency-Key is expected to be 1 to 255 visible ASCII characters, such as a UUID")
    document = await read_json(request, desk.settings.max_json_bytes)
    form, accept = parsed(Execute, document), ", ".join(request.headers.getlist("accept"))
    if form.outputs is None and form.response == "raw":
        _accepted_only(process.outputs, accept)  # what cannot be answered is not looked at
    inputs = parsed(process.inputs, form.inputs)
    outputs, answering = _wanted(process, inputs, form, accept)
    terms = Terms(
        answering=answering,
        subscriber=await run_sync(desk.subscriber, form.subscriber),  # names are looked up
        idempotency_key=key,
        body_digest=_digest(process, document) if key is not None else None,
        request_id=getattr(request.state, "request_id", None),
    )
    return _Asked(who, process, inputs, outputs, terms, base_of(request))


def _digest(process: Process, document: object) -> str:
    """The same for documents that say the same."""
    return hashlib.sha256(json.dumps([process.id, document], sort_keys=True).encode()).hexdigest()


def _wanted(process: Process, inputs: BaseModel, form: Execute, accept: str) -> tuple[Sequence[str], Answering]:
    """Which outputs, and how they are handed out.

    Without a choice all of them (18-062r2, /req/core/process-execute-default-outputs), or the one that the client
    accepts where it accepts one only.

    Raises:
        InputsInvalid: when the process has no such output, or not in that format.
    """
    made = {output.name: output for output in process.made_of(inputs)}
    if form.outputs is None:
        chosen = _accepted_only(made.values(), accept) if form.response == "raw" else None
        names = [chosen] if chosen else list(made)
        return names, Answering(response=form.response, modes=dict.fromkeys(names))
    if not form.outputs:
        raise InputsInvalid(f"outputs is empty; leave it out, or name some of {', '.join(made)}")
    for name, choice in form.outputs.items():
        if name not in made:
            raise InputsInvalid(f"no such output is made of these inputs; there are {', '.join(made)}")
        wanted = choice.format.mediaType if choice.format else None
        offered = made[name].media_type
        if wanted and wanted.partition(";")[0].strip().lower() != offered.partition(";")[0]:
            raise InputsInvalid(f"output {name} is made as {offered}, in no other format")
    modes = {name: choice.transmissionMode for name, choice in form.outputs.items()}
    return list(modes), Answering(response=form.response, modes=modes)


def _accepted_only(outputs: Iterable[Output], accept: str) -> str | None:
    """The output of the media type that a client wants and no other; the first that has it.

    Nobody who accepts XML means a style.
    """
    offered: dict[str, str] = {}
    for output in outputs:
        if output.media_type == QML:
            continue
        offered.setdefault(output.media_type.partition(";")[0], output.name)
    return preferred(accept, offered)


def _quote(desk: Desk, asked: _Asked) -> dict[str, Any]:
    """What a request would cost; nothing of it stays."""
    images = desk.images(asked.who, asked.base)
    try:
        plan = asked.process.plan(asked.inputs, asked.outputs, images)
    finally:
        images.drop()
    return quotation(plan, asked.process, asked.who, desk)


def _accept(desk: Desk, asked: _Asked) -> Job:
    """The job of a request: a new one, or that of the request which this one repeats."""
    key = asked.terms.idempotency_key
    if key is not None and (known := desk.store.recall(asked.who.id, key, asked.terms.body_digest)):
        return known
    desk.check_room(asked.who)
    images = desk.images(asked.who, asked.base)
    try:
        plan = asked.process.plan(asked.inputs, asked.outputs, images)
        job, new = desk.accept(asked.who, asked.process, plan, asked.terms)
    except StoreUnavailable:
        raise  # the job may be there, for who repeats the request to find; its images go with it, or when they are old
    except BaseException:
        images.drop()
        raise
    if not new:  # what came with the repetition is there already
        images.drop()
    return job


async def _waited(request: Request, desk: Desk, job: Job, wish: Preference) -> Response:
    """The results, when they come in time.

    Raises:
        TookTooLong: when they do not.
        ClientGone: when nobody waits any more; the job goes, unless a repetition of the request would find it.
    """
    seconds = desk.settings.sync_timeout_s if wish.wait_s is None else wish.wait_s
    try:
        async with watch(request) as presence:
            job = await ended(desk.store, job, presence, seconds)
    except ClientGone:
        await _drop(desk, job)
        raise
    if job.state.ended:
        return await run_sync(ended_answer, desk, job, base_of(request))
    if wish.respond_async:
        return _accepted(job, request, wish)
    await _drop(desk, job)
    raise TookTooLong(
        f"the work takes longer than the {seconds:g} s that an answer is waited for; send it with Prefer: "
        "respond-async and ask for the job"
    )


async def _drop(desk: Desk, job: Job) -> None:
    if job.new.idempotency_key is None:
        # Somebody else was quicker; or it stays until it is old, which is no reason for another answer.
        with suppress(JobGone, StoreUnavailable):
            await run_sync(desk.dismiss, job.id, None)


def _accepted(job: Job, request: Request, wish: Preference) -> Response:
    base = base_of(request)
    headers = {"Location": f"{base}jobs/{job.id}", "Preference-Applied": wish.applied}
    return JSONResponse(status_info(job, base), 201, headers)
