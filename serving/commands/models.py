"""``steppe models``: list, show and verify bundles."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from landcover.precision import Precision
from serving.commands.common import JsonOption, ProviderOption, answering, echo_table
from serving.registry.folders import Entry, open_registry
from serving.settings import load_settings

app = typer.Typer(help="List, show and verify model bundles.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="Model, newest version when none is given.")]


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
            "ok" if entry.problem is None else f"[red]broken:[/] {entry.problem}",
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
    from landcover.bundle import verify_bundle  # noqa: PLC0415
    from serving.engines import open_engine  # noqa: PLC0415 - loads the runtime

    settings = load_settings()
    bundle = open_registry(settings).get(reference)
    verify_bundle(bundle)
    reproduced = []
    for precision in (Precision.FP32, *bundle.manifest.variants):
        engine = open_engine(bundle, settings, provider=provider, precision=precision)
        reproduced.append(f"{precision} on {engine.provider} to {engine.self_test():.1e}")
    typer.echo(
        f"{bundle.manifest.identifier}: {len(bundle.manifest.files)} files match their sha256; "
        f"golden sample reproduced by {', '.join(reproduced)}"
    )


def _summary(entry: Entry) -> dict[str, Any]:
    summary: dict[str, Any] = {"name": entry.name, "version": entry.version, "problem": entry.problem}
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
