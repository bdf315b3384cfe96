"""``steppe models``: list, show and verify bundles, and say which version answers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from landcover.bundle import Bundle, verify_bundle
from landcover.errors import BundleInvalid, WrongUse
from landcover.precision import Precision
from serving.commands.common import JsonOption, ProviderOption, answering, echo_table
from serving.registry.aliases import known
from serving.registry.folders import Entry, Registry, open_registry, unknown_model
from serving.registry.words import CHAMPION, split_reference
from serving.settings import Settings, load_settings

app = typer.Typer(help="List, show and verify model bundles, and say which version answers.", no_args_is_help=True)

Reference = Annotated[
    str, typer.Argument(metavar="NAME[@VERSION]", help="Model; its champion, else its newest version.")
]
VersionReference = Annotated[str, typer.Argument(metavar="NAME@VERSION", help="Model and version.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Model.")]


@app.command("list")
def list_models(*, as_json: JsonOption = False) -> None:
    """List the models in the zoo and in STEPPE_REGISTRY, newest version first."""
    entries = open_registry(load_settings()).entries()
    if as_json:
        with answering():
            typer.echo(json.dumps([_summary(entry) for entry in entries], indent=2))
        return
    from rich.table import Column, Table  # noqa: PLC0415 - slow to import

    table = Table(Column("model", overflow="fold", no_wrap=True), "version", "legend", "bands", "levels", "state")
    for entry in entries:
        shown = _summary(entry)
        table.add_row(
            entry.name,
            entry.version,
            shown.get("legend", ""),
            " ".join(shown.get("bands", [])),
            " ".join(shown.get("levels", [])),
            _standing(entry),
        )
    with answering():
        echo_table(table)


@app.command("show")
def show(reference: Reference, *, as_json: JsonOption = False) -> None:
    """Print a model's card, or its manifest (a STAC Item) with --json."""
    bundle = open_registry(load_settings()).get(reference)
    with answering():
        typer.echo(json.dumps(bundle.manifest.to_item(), indent=2) if as_json else bundle.card())


@app.command("verify")
def verify(reference: Reference, *, provider: ProviderOption = None) -> None:
    """Check every file's SHA-256, load the graph and its variants and run their golden samples."""
    settings = load_settings()
    bundle = open_registry(settings).get(reference)
    typer.echo(_verified(bundle, settings, provider))


@app.command("promote")
def promote(reference: VersionReference, *, provider: ProviderOption = None) -> None:
    """Make a version the champion: after a test as by verify, it answers to the plain name, in a running service, too.

    Without a champion the newest version answers. Newer versions that are added later do not replace a champion.
    """
    settings = load_settings()
    registry = open_registry(settings)
    name, version = _named(reference)
    said = _verified(registry.get(f"{name}@{version}"), settings, provider)
    registry.aliases.change(name, lambda aliases: aliases.promoted(version))
    typer.echo(f"{said}; {name}@{version} is the champion")


@app.command("rollback")
def rollback(name: Name) -> None:
    """Make the version champion again that was before the last promotion; without one the newest version answers."""
    registry = open_registry(load_settings())
    there = [entry.version for entry in _versions(registry, name) if entry.bundle is not None]
    champion = registry.aliases.change(name, lambda aliases: aliases.rolled_back(there)).champion
    typer.echo(
        f"{name}@{champion} is the champion" if champion else f"{name} has no champion, its newest version answers"
    )


@app.command("retire")
def retire(
    reference: VersionReference,
    *,
    last: Annotated[bool, typer.Option("--last", help="Also the last version that works; then none answers.")] = False,
) -> None:
    """Take a version out of service: it answers 410, and never to the plain name; the bundle stays where it is."""
    registry = open_registry(load_settings())
    name, version = _named(reference)
    versions = _versions(registry, name)
    known(name, version, [entry.version for entry in versions])
    if not last:
        _refuse_last(versions, version)
    registry.aliases.change(name, lambda aliases: aliases.with_retired(version))
    typer.echo(f"{name}@{version} is retired")


@app.command("restore")
def restore(reference: VersionReference) -> None:
    """Bring a retired version back into service."""
    name, version = _named(reference)
    open_registry(load_settings()).aliases.change(name, lambda aliases: aliases.with_restored(version))
    typer.echo(f"{name}@{version} is in service")


@app.command("history")
def history(name: Name, *, as_json: JsonOption = False) -> None:
    """What was promoted, rolled back, retired and restored, and when."""
    registry = open_registry(load_settings())
    _versions(registry, name)
    moves = registry.aliases.read(name).moves
    with answering():
        if as_json:
            typer.echo(json.dumps([asdict(move) for move in moves], indent=2))
            return
        for move in moves:
            typer.echo(f"{move.time}  {move.action}  {move.version or 'none: the newest answers'}")


def _named(reference: str) -> tuple[str, str]:
    """Name and version of a reference that has both.

    Raises:
        WrongUse: when it has not.
    """
    name, version = split_reference(reference) or ("", None)
    if version is None or version == CHAMPION:
        raise WrongUse(f"expected is NAME@VERSION, for example steppe-s2-landcover@1.1.0, not {reference[:130]!r}")
    return name, version


def _versions(registry: Registry, name: str) -> list[Entry]:
    """The versions of a model.

    Raises:
        ModelNotFound: when there are none.
    """
    entries = registry.entries()
    found = [entry for entry in entries if entry.name == name]
    if not found:
        raise unknown_model(name, [f"{entry.name}@{entry.version}" for entry in entries])
    return found


def _refuse_last(versions: list[Entry], version: str) -> None:
    """Refuse that a version retires when no other one in service could answer.

    Raises:
        WrongUse: then.
    """
    if version in {entry.version for entry in versions if entry.retired}:
        return
    whole = {entry.version for entry in versions if not entry.retired and _is_whole(entry)}
    if whole == {version}:
        raise WrongUse(
            f"{versions[0].name}@{version} is the only version in service that works, without it no request for "
            f"{versions[0].name} is answered; add or restore another one first, or give --last"
        )


def _is_whole(entry: Entry) -> bool:
    """Whether all files of a version are there and as its manifest says."""
    if entry.bundle is None:
        return False
    try:
        verify_bundle(entry.bundle)
    except BundleInvalid:
        return False
    return True


def _verified(bundle: Bundle, settings: Settings, provider: str | None) -> str:
    """What was found in order about a bundle.

    Raises:
        BundleInvalid: what was not.
    """
    from serving.engines import open_engine  # noqa: PLC0415 - loads the runtime

    verify_bundle(bundle)
    reproduced = []
    for precision in (Precision.FP32, *bundle.manifest.variants):
        engine = open_engine(bundle, settings, provider=provider, precision=precision)
        reproduced.append(f"{precision} on {engine.provider} to {engine.self_test():.1e}")
    return (
        f"{bundle.manifest.identifier}: {len(bundle.manifest.files)} files match their sha256; "
        f"golden sample reproduced by {', '.join(reproduced)}"
    )


def _standing(entry: Entry) -> str:
    """Where a version stands, for the table."""
    marks = [word for word, holds in (("champion", entry.champion), ("retired", entry.retired)) if holds]
    return ", ".join([*marks, "ok" if entry.problem is None else f"[red]broken:[/] {entry.problem}"])


def _summary(entry: Entry) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "name": entry.name,
        "version": entry.version,
        "problem": entry.problem,
        "champion": entry.champion,
        "retired": entry.retired,
    }
    if entry.bundle is not None:
        manifest = entry.bundle.manifest
        summary |= {
            "title": manifest.title,
            "legend": manifest.legend_id,
            "bands": list(manifest.bands),
            "levels": list(manifest.levels),
            "precisions": [Precision.FP32, *manifest.variants],
            "sha256": entry.bundle.digest,
        }
    return summary
