"""``steppe keys``: make, list and take back API keys."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from landcover.errors import WrongUse
from serving.commands.common import JsonOption, answering, echo_table
from serving.settings import load_settings

if TYPE_CHECKING:  # loads databases, which --help should not wait for
    from serving.access.keys import Key
    from serving.access.keystore import KeyStore
    from serving.access.principal import Scope

app = typer.Typer(help="Make, list and take back the keys of the HTTP service.", no_args_is_help=True)

_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
_MOST_DAYS: Final = 3660
_NAME_LENGTH: Final = 100

NameOption = Annotated[str, typer.Option("--name", help="Whose key it is or what for; for people, up to 100 letters.")]
ScopesOption = Annotated[
    str,
    typer.Option(
        metavar="run,tiles,metrics,admin",
        help="run: classify, jobs, uploads, inference; tiles: read maps; metrics: /metrics; admin: everybody's jobs.",
    ),
]
ExpiresOption = Annotated[str | None, typer.Option(metavar="90d", help="When it ends: 12h, 90d, 8w; default: never.")]
PixelsOption = Annotated[
    int | None, typer.Option(min=1, help="Most pixels a minute; default: STEPPE_PIXELS_PER_MINUTE.")
]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Most unfinished jobs; default: STEPPE_MAX_JOBS_PER_KEY.")]
EntryOption = Annotated[
    bool,
    typer.Option(
        "--entry",
        help="Keep nothing here: print the line for the file of STEPPE_KEYS_FILE, and the key on standard error.",
    ),
]


@app.command("create")
def create(
    *,
    name: NameOption,
    scopes: ScopesOption = "run,tiles",
    expires: ExpiresOption = None,
    pixels_per_minute: PixelsOption = None,
    max_jobs: JobsOption = None,
    entry: EntryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it, this once: only a digest of it is kept."""
    from serving.access.keyfile import Entry  # noqa: PLC0415
    from serving.access.keys import mint  # noqa: PLC0415
    from serving.access.keystore import new_key  # noqa: PLC0415

    minted = mint()
    key = new_key(
        minted,
        _checked_name(name),
        _parse_scopes(scopes),
        expires=_parse_expiry(expires),
        pixels_per_minute=pixels_per_minute,
        max_jobs=max_jobs,
    )
    if entry:
        with answering():
            typer.echo(Entry.of(key).model_dump_json(exclude_none=True))
        typer.echo(minted.text, err=True)
        return
    with _store() as store:
        store.add(key)
    with answering():
        typer.echo(json.dumps({"key": minted.text, **_summary(key)}, indent=2) if as_json else minted.text)
    typer.echo(f"key {key.id} was made; it is not shown again", err=True)


@app.command("list")
def list_keys(*, as_json: JsonOption = False) -> None:
    """List all keys of the database, those that are over included; never the keys themselves."""
    from serving.access.keystore import now  # noqa: PLC0415

    with _store() as store:
        keys = store.load()
    if as_json:
        with answering():
            typer.echo(json.dumps([_summary(key) for key in keys], indent=2))
        return
    from rich.markup import escape  # noqa: PLC0415 - slow to import
    from rich.table import Column, Table  # noqa: PLC0415 - slow to import

    whole = [Column(heading, no_wrap=True) for heading in ("id", "last used", "state")]
    table = Table(whole[0], "name", "scopes", whole[1], "limits", whole[2])
    for key in keys:
        table.add_row(
            key.id,
            escape(key.name),
            " ".join(sorted(key.scopes)),
            f"{key.last_used:%Y-%m-%d}" if key.last_used else "never",
            _limits(key),
            _state(key, now()),
        )
    with answering():
        echo_table(table)


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key, from `steppe keys list`.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Take a key back; running services refuse it within two seconds, jobs it has started go on."""
    with _store() as store:
        key = store.revoke(key_id)
    with answering():
        typer.echo(json.dumps(_summary(key), indent=2) if as_json else f"key {key.id} opens nothing any more")


@contextmanager
def _store() -> Generator[KeyStore]:
    from serving.access.keystore import KeyStore  # noqa: PLC0415
    from serving.database.handle import DatabaseHandle  # noqa: PLC0415

    database = DatabaseHandle(load_settings())
    try:
        yield KeyStore(database)
    finally:
        database.close()


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > _NAME_LENGTH or not name.isprintable():
        raise WrongUse(f"--name was expected to have 1 to {_NAME_LENGTH} printable letters")
    return name.strip()


def _parse_scopes(text: str) -> frozenset[Scope]:
    from serving.access.principal import Scope  # noqa: PLC0415

    words = [word.strip() for word in text.split(",")]
    known = [scope.value for scope in Scope]
    if not set(words) <= set(known):
        raise WrongUse(f"--scopes takes some of {', '.join(known)} with commas between; correct it")
    return frozenset(map(Scope, words))


def _parse_expiry(text: str | None) -> datetime | None:
    from serving.access.keystore import now  # noqa: PLC0415

    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,4})([hdw])", text)
    span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if span is None or span > timedelta(days=_MOST_DAYS):
        raise WrongUse(f"--expires takes hours, days or weeks, for example 12h, 90d or 8w, up to {_MOST_DAYS} days")
    return now() + span


def _limits(key: Key) -> str:
    pixels = [f"{key.pixels_per_minute:,} px/min"] if key.pixels_per_minute else []
    return ", ".join(pixels + ([f"{key.max_jobs} jobs"] if key.max_jobs else []))


def _state(key: Key, moment: datetime) -> str:
    if key.revoked is not None:
        return "revoked"
    if not key.usable(moment):
        return "expired"
    return f"until {key.expires:%Y-%m-%d}" if key.expires else "valid"


def _summary(key: Key) -> dict[str, Any]:
    def text(moment: datetime | None) -> str | None:
        return moment.isoformat().replace("+00:00", "Z") if moment else None

    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created": text(key.created),
        "expires": text(key.expires),
        "revoked": text(key.revoked),
        "last_used": text(key.last_used),
        "pixels_per_minute": key.pixels_per_minute,
        "max_jobs": key.max_jobs,
    }
