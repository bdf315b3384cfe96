"""What the commands that can use a service have in common: ``--server URL`` and all that goes with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landcover.errors import WrongUse
from landcover.labels import Language
from serving.commands.common import answering, report
from serving.commands.watching import service_bar
from serving.request import Outputs, refuse_empty
from serving.settings import load_settings
from serving.signals import stop_like_interrupt

if TYPE_CHECKING:  # load what --help should not wait for
    from serving.client.errand import Errand
    from serving.client.line import Line
    from serving.client.watching import Watcher

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Let the service at this address do the work, for example https://steppe.example.org. Its key comes from "
        "STEPPE_API_KEY or --key-file.",
    ),
]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", metavar="FILE", help="File with the API key of --server, on one line.")
]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Leave job and uploads in the service of --server; default: remove them.")
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Ask --server only what it would cost, what is allowed and which scenes would be mapped."
    ),
]
TileOption = Annotated[
    str | None,
    typer.Option(metavar="33UUP", help="Sentinel-2 tile whose clearest scene --server looks for, instead of a file."),
]
MaxCloudOption = Annotated[
    float | None,
    typer.Option(metavar="20", min=0, max=100, help="Most clouds in percent of scenes that --server looks for."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUse:
    """How a service is used.

    Attributes:
        server: its address.
        key_file: file with the key, or None.
        keep: whether job and uploads stay there.
        dry_run: whether it only says what it would cost.
        as_json: whether the answer is JSON.
    """

    server: str
    key_file: Path | None = None
    keep: bool = False
    dry_run: bool = False
    as_json: bool = False

    @contextmanager
    def line(self, watcher: Watcher | None = None) -> Generator[Line]:
        """The line to it.

        Raises:
            WrongUse: when the address is none.
            KeyUnusable: when the key cannot be used.
        """
        from serving.client.line import Line  # noqa: PLC0415 - loads the client of HTTP
        from serving.client.server import chosen_key, server_at  # noqa: PLC0415

        settings = load_settings()
        server = server_at(self.server, chosen_key(self.key_file, settings.api_key))
        with Line(server, settings.server_patience_s, watcher) as line:
            yield line


def refuse_for_service(options: Mapping[str, object]) -> None:
    """Refuse options that only mean something where the work is done here.

    Raises:
        WrongUse: with those that were given.
    """
    given = _given(options)
    if given:
        raise WrongUse(
            f"{given} is for work on this machine, the service of --server decides that itself; leave it out"
        )


def refuse_without_service(options: Mapping[str, object]) -> None:
    """Refuse options that only mean something with a service.

    Raises:
        WrongUse: with those that were given.
    """
    given = _given(options)
    if given:
        raise WrongUse(f"{given} is for work in a service; name it by --server URL, or leave it out")


def _given(options: Mapping[str, object]) -> str:
    return " and ".join(name for name, value in options.items() if value is not None and value is not False)


def scenes_here(words: Sequence[str] | None) -> tuple[Path, ...]:
    """The scenes of work on this machine.

    Raises:
        WrongUse: when there is none, or one is an address.
    """
    if not words:
        raise WrongUse("there is no scene to map; name it, a GeoTIFF or a folder of band files")
    if any("://" in word for word in words):
        raise WrongUse("a scene at an address is fetched by a service; name it by --server URL, or download the scene")
    return tuple(map(Path, words))


def searched_or_given(
    words: Sequence[str] | None, search: Mapping[str, object], *, places: Sequence[str], placed: object
) -> tuple[str, ...]:
    """The scenes for a service: given, or none when it is to look for them.

    Args:
        words: what was given.
        search: options that say what to look for.
        places: options that say where.
        placed: whether one of them was given.

    Raises:
        WrongUse: when both were given, or neither is complete.
    """
    asked = _given(search)
    if words and asked:
        raise WrongUse(
            f"{asked} is for scenes that the service looks for, but scenes were given; leave one of them out"
        )
    if not words and (search.get("--dates") is None or not placed):
        raise WrongUse(
            f"there is no scene to map; name one, or give --dates and {' or '.join(places)} to look for some"
        )
    return tuple(words or ())


def check_request(*, language: Language, preview: Path | None, min_area: str | None = None) -> None:
    """Say what the service would refuse before anything is sent to it.

    Raises:
        ConfigError: when pictures are not made in that language.
        WrongUse: when the least area is none.
    """
    from serving.outputs.words import words_for  # noqa: PLC0415
    from serving.treatment import MinimumPatch  # noqa: PLC0415

    if preview is not None:
        words_for(language)
    if min_area is not None:
        MinimumPatch.parse(min_area)


def needed_output(output: Path | None) -> Path:
    """The name of the map.

    Raises:
        WrongUse: when there is none.
    """
    if output is None:
        raise WrongUse("--output (-o) says where the map goes; give it, for example -o map.tif")
    return output


@dataclass(frozen=True, slots=True)
class Asked:
    """What a service is asked for, in the words of the command line.

    Attributes:
        process: ``classify`` or ``degradation``.
        scenes: files or addresses, by the name of the input; none where the service looks for scenes.
        inputs: all other inputs; None = the service's default.
    """

    process: str
    scenes: Mapping[str, Sequence[str]]
    inputs: Mapping[str, object]

    def errand(self, *, keep: bool) -> Errand:
        """As the client takes it; files are looked at before anything is sent.

        Raises:
            WrongUse: when an input is empty, or an address is not https.
            DataError: when a file cannot be sent.
        """
        from serving.client.errand import Errand  # noqa: PLC0415 - loads the client of HTTP
        from serving.client.scenes import scene_of  # noqa: PLC0415

        for name, value in self.inputs.items():
            refuse_empty(f"--{name.replace('_', '-')}", value if isinstance(value, str) else None)
        return Errand(
            process=self.process,
            scenes={name: tuple(map(scene_of, words)) for name, words in self.scenes.items() if words},
            inputs={name: value for name, value in self.inputs.items() if value is not None},
            keep=keep,
        )

    @property
    def title(self) -> str:
        """For the progress bar."""
        names = [Path(word).name for words in self.scenes.values() for word in words]
        named = " and ".join(names[:2]) if len(names) <= 2 else f"{names[0]} and {len(names) - 1} more"  # noqa: PLR2004
        doing = {"classify": "classifying", "degradation": "comparing"}[self.process]
        return f"{doing} {named or self.inputs.get('tile') or 'the area'}"


def work_in_service(use: ServiceUse, asked: Asked, outputs: Outputs | None, *, language: Language = "en") -> None:
    """Have the work done, or priced, by a service, and tell what came of it.

    Args:
        use: which service.
        asked: what for.
        outputs: names of the files; None only for a dry run.
        language: of class names.

    Raises:
        SteppeError: what the service says, or what goes wrong on the way.
    """
    from serving.client.errand import quote, run_errand  # noqa: PLC0415 - loads the client of HTTP

    errand = asked.errand(keep=use.keep)
    shown = sys.stderr.isatty() and not use.as_json
    with (
        stop_like_interrupt(publishes=not use.dry_run),
        service_bar(asked.title, shown=shown) as watcher,
        use.line(watcher) as line,
    ):
        if use.dry_run or outputs is None:
            told, outcome = quote(errand, line), None
        else:
            told, outcome = {}, run_errand(errand, outputs, line)
    if outcome is None:
        tell_quotation(told, as_json=use.as_json)
    else:
        report(outcome, as_json=use.as_json, language=language)


def tell_quotation(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what work would cost."""
    from serving.client.quotation import quotation_lines, quotation_warnings  # noqa: PLC0415

    with answering():
        if as_json:
            typer.echo(json.dumps(told, indent=2))
            return
        for line in quotation_lines(told):
            typer.echo(line)
        for warning in quotation_warnings(told):
            typer.secho(f"warning: {warning}", fg=typer.colors.YELLOW, err=True)
