"""The ``steppe`` command.

Commands of the service are defined in ``serving.commands``. Those of the school (``train``, ``evaluate``, ``publish``)
live in rooms that the service must not import; they are found by name as entry points and loaded when they run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Final

import typer

from landcover.errors import ConfigError, RasterTooLarge, SteppeError
from serving.commands import bench, classify, degradation, indices, jobs, keys, models, report, serve
from serving.memory import return_freed_memory
from serving.sentence import sentence
from serving.signals import INTERRUPTED, end_as_usual
from serving.version import VERSION

PLUGIN_GROUP: Final = "steppe.commands"

_NO_MEMORY: Final = (
    "this machine has too little free memory for the work; give it a part of the data (for a map --bbox or --aoi), or "
    "free memory"
)

_OWN: Final = frozenset({"classify", "degradation", "indices", "report", "serve", "models", "jobs", "keys", "bench"})
"""Commands of this room."""

_ROOMS: Final = frozenset({"landcover", "indicators", "models", "training", "serving"})

_PLUGIN_HELP: Final = {
    "train": "Train a model: check, stats, folds, fit, validate, test, predict.",
    "evaluate": "Predict whole sites with a checkpoint or bundle and report accuracy.",
    "publish": "Export a checkpoint as a bundle, after checking it against the network.",
}


def build_app(*, plugins: bool = True) -> typer.Typer:
    """The command tree.

    Args:
        plugins: with the sub-commands that other rooms contribute; to find them, all that is installed is looked
            through.
    """
    app = typer.Typer(
        name="steppe",
        help="Classify satellite scenes into land-cover maps, serve models over HTTP, train and publish models.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    app.command("classify")(classify.classify)
    app.command("degradation")(degradation.degradation)
    app.command("indices")(indices.indices)
    app.add_typer(report.app, name="report")
    app.command("serve")(serve.serve)
    app.add_typer(models.app, name="models")
    app.add_typer(jobs.app, name="jobs")
    app.add_typer(keys.app, name="keys")
    app.add_typer(bench.app, name="bench")
    if plugins:
        for plugin in sorted(entry_points(group=PLUGIN_GROUP), key=lambda found: found.name):
            _add_plugin(app, plugin)
    return app


def is_own(words: Sequence[str]) -> bool:
    """Whether a command line, without the program's name, is of this room and not of one that is found by name."""
    return bool(words) and words[0] in _OWN


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; default: the process's own.

    Returns:
        Exit code: 0 done, 2 wrong use, 3 data (or more of them than memory takes), 4 configuration, 6 no space,
        130 interrupted, 1 anything else that has a clear sentence; docs/classify.md has all of them. A programming
        error is not caught: its traceback belongs in a report.
    """
    words = sys.argv[1:] if argv is None else argv
    own = is_own(words)
    if own:  # a step of training frees and takes gigabytes again and again, and would fault in every page anew
        return_freed_memory()
    try:
        build_app(plugins=not own)(args=argv, prog_name="steppe")
    except SteppeError as error:
        typer.secho(f"steppe: {sentence(error)}", fg=typer.colors.RED, err=True)
        return error.exit_code
    except MemoryError:
        typer.secho(f"steppe: {_NO_MEMORY}", fg=typer.colors.RED, err=True)
        return RasterTooLarge.exit_code
    except SystemExit as leave:
        if leave.code == INTERRUPTED:
            typer.secho("steppe: interrupted", fg=typer.colors.RED, err=True)
        return leave.code if isinstance(leave.code, int) else 0
    return 0


def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,  # noqa: FBT002
) -> None:
    if version:
        typer.echo(f"steppe {VERSION}")
        raise typer.Exit


def _add_plugin(app: typer.Typer, plugin: EntryPoint) -> None:
    """Register a command that hands its arguments, as they are, to another room."""

    def run(context: typer.Context) -> None:
        end_as_usual()
        try:
            code = plugin.load()(list(context.args))
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in _ROOMS:
                raise  # a defect of ours, not a missing installation
            raise ConfigError(
                f"steppe {plugin.name} needs the training packages ({error.name} is missing); "
                "install steppe[train] or run `make env`"
            ) from error
        raise typer.Exit(int(code or 0))

    app.command(
        plugin.name,
        help=_PLUGIN_HELP.get(plugin.name, f"From {plugin.value}."),
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(run)
