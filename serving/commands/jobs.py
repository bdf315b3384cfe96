"""``steppe jobs``: list, show and cancel jobs, of the job table on this machine or of a service."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from landcover.errors import ConfigError
from serving.commands.common import JsonOption, answering, echo_table
from serving.commands.service import KeyFileOption, ServiceUse, refuse_without_service
from serving.jobs.record import State
from serving.sentence import sentence
from serving.settings import load_settings

if TYPE_CHECKING:  # loads databases, which --help should not wait for
    from serving.jobs.view import Jobs, JobView

app = typer.Typer(
    help="List, show and cancel jobs: everybody's, by the database of STEPPE_STATE or STEPPE_DATABASE_URL on the "
    "machine of the service, or with --server those of your key.",
    no_args_is_help=True,
)

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Ask the service at this address, with the key of STEPPE_API_KEY or --key-file; default: the database.",
    ),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the job, from `steppe jobs list`.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of jobs, from `steppe jobs list`.")]


_WIDTH: Final = 120
"""Columns of the list: ids of 36 letters, and all the rest beside them."""


class NoJobTable(ConfigError):
    """There is no job table where the settings say."""

    slug = "no-job-table"


@app.command("list")
def list_jobs(
    *,
    states: Annotated[
        list[State] | None, typer.Option("--state", help="Only jobs in this state; may come several times.")
    ] = None,
    processes: Annotated[
        list[str] | None,
        typer.Option("--process", metavar="classify|degradation", help="Only jobs of this process; likewise."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most jobs to list, the newest.")] = 50,
    server: ServerOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first; an upload whose sender waits for the map is not among them. `show` says more."""
    with _jobs(server, key_file) as jobs:
        found = jobs.listed(states=states or (), processes=processes or (), limit=limit)
    with answering():
        if as_json:
            typer.echo(json.dumps([job.to_json(whole=False) for job in found], indent=2))
        elif found:
            _echo_jobs(found, owners=server is None)
        else:
            typer.echo("there are no such jobs" if states or processes else "there are no jobs")


@app.command("show")
def show(job: Id, *, server: ServerOption = None, key_file: KeyFileOption = None, as_json: JsonOption = False) -> None:
    """Print all that is known of a job: where it stands, why it failed, and on the service's machine what was asked."""
    with _jobs(server, key_file) as jobs:
        found = jobs.get(job)
    with answering():
        if as_json:
            typer.echo(json.dumps(found.to_json(), indent=2))
            return
        for line in _record(found):
            typer.echo(line)


@app.command("cancel")
def cancel(
    ids: Ids, *, server: ServerOption = None, key_file: KeyFileOption = None, as_json: JsonOption = False
) -> None:
    """Stop jobs, within ten seconds and for good; of those that have ended, remove record and results.

    Of several ids each is tried; one that is not there ends the command with code 4 when all others are done.
    """
    from landcover.errors import SteppeError  # noqa: PLC0415
    from serving.jobs.store import JobGone, JobNotFound  # noqa: PLC0415

    done: list[dict[str, Any]] = []
    missing: list[SteppeError] = []
    with _jobs(server, key_file) as jobs:
        for job in dict.fromkeys(ids):
            try:
                stopped = jobs.dismiss(job)
            except (JobNotFound, JobGone) as error:
                missing.append(error)
                continue
            done.append({"jobID": job, "done": "dismissed" if stopped else "removed"})
    with answering():
        if as_json:
            typer.echo(json.dumps(done, indent=2))
        else:
            for one in done:
                words = (
                    "is dismissed" if one["done"] == "dismissed" else "had ended; its record and results are removed"
                )
                typer.echo(f"job {one['jobID']} {words}")
    for absent in missing[:-1]:
        typer.secho(f"steppe: {sentence(absent)}", fg=typer.colors.RED, err=True)
    if missing:
        raise missing[-1]


@contextmanager
def _jobs(server: str | None, key_file: Any) -> Generator[Jobs]:
    """The jobs of a service, or of the database of this machine."""
    if server is not None:
        from serving.client.jobs import ServiceJobs  # noqa: PLC0415 - loads the client of HTTP

        with ServiceUse(server=server, key_file=key_file).line() as line:
            yield ServiceJobs(line)
        return
    refuse_without_service({"--key-file": key_file})
    with _table() as jobs:
        yield jobs


@contextmanager
def _table() -> Generator[Jobs]:
    """The jobs of the database of this machine.

    Raises:
        NoJobTable: when there is none; looking for jobs makes none.
    """
    from serving.database.handle import DatabaseHandle  # noqa: PLC0415
    from serving.database.opening import FILE  # noqa: PLC0415
    from serving.dismissal import Dismissal, TableJobs  # noqa: PLC0415
    from serving.folders import StateFolders  # noqa: PLC0415
    from serving.jobs.table import JobTable  # noqa: PLC0415

    settings = load_settings()
    if settings.database_url is None and not (settings.state / FILE).is_file():
        raise NoJobTable(
            "there is no job table here: no service has run with this STEPPE_STATE; set it, or STEPPE_DATABASE_URL, as "
            "the service has it, or ask the service by --server"
        )
    folders = StateFolders.of(settings)
    database = DatabaseHandle(settings)
    try:
        yield TableJobs(Dismissal(JobTable(database()), folders.results, folders.uploads))
    finally:
        database.close()


def _echo_jobs(found: Any, *, owners: bool) -> None:
    from rich import box  # noqa: PLC0415 - slow to import
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415

    # Ids are there to be copied, so they stay whole; what a job says is in `show`, no line has room for that, too.
    whole = [Column(heading, no_wrap=True) for heading in ("id", "created (UTC)", "state")]
    rest = [Column(heading, overflow="fold") for heading in ("process", "model", *(["owner"] if owners else []))]
    table = Table(*whole, *rest, box=box.SIMPLE_HEAD, pad_edge=False)
    for job in found:
        table.add_row(
            job.id,
            _when(job.created, seconds=False),
            job.state.value + (f" {job.progress} %" if job.state is State.RUNNING else ""),
            escape(sentence(job.process)),
            escape(sentence(job.model or "")),
            *([escape(sentence(job.owner or ""))] if owners else []),
        )
    echo_table(table, least=_WIDTH)


def _said(job: JobView) -> str:
    """The problem of a failed job, the message of any other."""
    return sentence(str((job.problem or {}).get("detail", job.message)))


def _record(job: JobView) -> Iterator[str]:
    """Everything of a job, a line each; the request below as JSON."""
    told: dict[str, str | None] = {
        "job": job.id,
        "process": job.process,
        "model": job.model,
        "state": f"{job.state.value}, {job.progress} %",
        "message": job.message or None,
        "problem": None if job.problem is None else str(job.problem.get("type", "")).rpartition("/")[2],
        "why": None if job.problem is None else _said(job),
        "created": _when(job.created),
        "started": _span(job.started, since=job.created, words="after waiting"),
        "finished": _span(job.finished, since=job.started, words="after"),
        "updated": _when(job.updated),
        "owner": job.owner,
        "pixels": f"{job.pixels:,}" if job.pixels else None,
        "attempts": None if job.attempt is None else str(job.attempt),
    }
    for name, value in told.items():
        if value:
            yield f"{name.ljust(9)} {sentence(value)}"
    if job.request is not None:
        yield "request"
        yield json.dumps(job.request, indent=2)


def _when(moment: datetime | None, *, seconds: bool = True) -> str:
    if moment is None:
        return ""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC" if seconds else "%Y-%m-%d %H:%M")


def _span(moment: datetime | None, *, since: datetime | None, words: str) -> str:
    """A moment, and how long that is after another one."""
    if moment is None or since is None:
        return _when(moment)
    return f"{_when(moment)}, {words} {(moment - since).total_seconds():.1f} s"
