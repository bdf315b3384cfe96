"""Find model bundles in folders: the ones that ship with Steppe and the user's own.

A folder holds ``<name>/<version>``. A bundle that cannot be read is listed as broken with its reason and never hides
the good ones.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from landcover.bundle import Bundle, load_bundle, version_key
from landcover.errors import BundleInvalid, ModelNotFound
from landcover.manifest import NAME_PATTERN
from serving.registry.aliases import NOTHING_SAID, Aliases, AliasFiles
from serving.registry.words import CHAMPION, AliasesDamaged, ModelRetired, split_reference
from serving.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One version folder.

    Attributes:
        name: model name.
        version: version.
        path: the folder.
        bundle: the bundle, or None when it is broken.
        problem: why it is broken, or None.
        champion: whether it was promoted.
        retired: whether it is out of service.
    """

    name: str
    version: str
    path: Path
    bundle: Bundle | None
    problem: str | None
    champion: bool = False
    retired: bool = False


class Registry:
    """Bundles below some root folders; an earlier root wins over a later one for the same name and version.

    Folders are read at every call: a bundle that is dropped in is there for the next request.

    Args:
        roots: folders of bundles.
        aliases: champions and retired versions; default: there are none.
    """

    def __init__(self, *roots: Path, aliases: AliasFiles | None = None) -> None:
        self._roots = roots
        self.aliases = aliases or AliasFiles(None)

    def entries(self) -> list[Entry]:
        """Everything found, sorted by name, newest version first, broken ones included."""
        found: dict[tuple[str, str], Path] = {}
        for root in self._roots:
            for path in version_folders(root) or ():
                found.setdefault((path.parent.name, path.name), path)
        said = {name: self._said(name) for name, _ in found}
        entries = [_entry(path, said[name]) for (name, _), path in found.items()]
        newest_first = sorted(entries, key=lambda entry: version_key(entry.version), reverse=True)
        return sorted(newest_first, key=lambda entry: entry.name)

    def get(self, reference: str) -> Bundle:
        """The bundle of ``name`` (its champion, else its newest version), ``name@version`` or ``name@champion``.

        Raises:
            ModelNotFound: when there is none, listing what there is.
            ModelRetired: when it is out of service.
            BundleInvalid: when the one asked for is broken.
        """
        asked = split_reference(reference)
        entries = self.entries()
        matches = [entry for entry in entries if asked and entry.name == asked[0]]
        if asked is None or not matches:
            raise unknown_model(reference, [f"{entry.name}@{entry.version}" for entry in entries])
        said = self._said(asked[0])
        version = asked[1] or said.champion
        if version == CHAMPION:
            version = champion_of(asked[0], said)
        matches = [entry for entry in matches if version in {None, entry.version}]
        if not matches:
            raise unknown_model(f"{asked[0]}@{version}", [f"{entry.name}@{entry.version}" for entry in entries])
        return _first_readable(matches)

    def _said(self, name: str) -> Aliases:
        """Champion and retired versions of a model; a damaged file takes no model down."""
        try:
            return self.aliases.read(name)
        except AliasesDamaged as error:
            _log.warning("%s", error)
            return NOTHING_SAID


def open_registry(settings: Settings) -> Registry:
    """The registry of these settings: the user's folder first, then the zoo."""
    return Registry(*roots_of(settings), aliases=AliasFiles(settings.registry))


def roots_of(settings: Settings) -> tuple[Path, ...]:
    """Folders of bundles, the one that wins first."""
    return (settings.registry, settings.zoo) if settings.registry else (settings.zoo,)


def version_folders(root: Path) -> list[Path] | None:
    """Folders ``<name>/<version>`` below a root; None when the root is not there or cannot be read."""
    found: list[Path] = []
    try:
        names = [path for path in root.iterdir() if NAME_PATTERN.fullmatch(path.name) and path.is_dir()]
    except OSError:
        return None
    for name in names:
        with suppress(OSError):
            found += [path for path in name.iterdir() if NAME_PATTERN.fullmatch(path.name) and path.is_dir()]
    return found


def read_version(path: Path) -> Bundle:
    """The bundle of a version folder.

    Raises:
        BundleInvalid: when it cannot be read, or carries the name of the alias.
    """
    if path.name == CHAMPION:
        raise BundleInvalid(f"no version may be called {CHAMPION}, which is an alias; publish under another version")
    return load_bundle(path)


def unknown_model(reference: str, there: list[str]) -> ModelNotFound:
    """The error of a reference to what is not there."""
    return ModelNotFound(f"model {reference[:130]!r} is not in the registry; there is: {', '.join(there) or 'none'}")


def champion_of(name: str, aliases: Aliases) -> str:
    """The champion of a model.

    Raises:
        ModelNotFound: when none was promoted.
    """
    if aliases.champion is None:
        raise ModelNotFound(f"model {name} has no champion; promote one, or ask for a version")
    return aliases.champion


def retired_model(identifier: str, aliases: Mapping[str, str] | None = None) -> ModelRetired:
    """The error of a reference to a version that is out of service."""
    since = (aliases or {}).get(identifier.partition("@")[2])
    return ModelRetired(f"model {identifier} is retired{f' since {since}' if since else ''}; ask for another version")


def none_works(name: str, retired: Sequence[str], fault: Exception | str) -> BundleInvalid:
    """The error of a model whose versions are retired or broken.

    Args:
        name: of the model.
        retired: versions that are retired and not broken, newest first.
        fault: why the newest one in service is broken.
    """
    return BundleInvalid(
        f"of model {name} no version that works is in service: {', '.join(retired)} retired, the others are broken "
        f"({str(fault).rstrip('.')}); bring one back with steppe models restore"
    )


def _first_readable(matches: list[Entry]) -> Bundle:
    """Without a version the newest readable one serves; with one, exactly that or its problem."""
    serving = [entry for entry in matches if not entry.retired]
    if not serving:
        raise retired_model(f"{matches[0].name}@{matches[0].version}")
    readable = [entry.bundle for entry in serving if entry.bundle is not None]
    if not readable:
        fault = serving[0].problem or "the bundle cannot be read"
        retired = [entry.version for entry in matches if entry.retired and entry.bundle is not None]
        raise none_works(matches[0].name, retired, fault) if retired else BundleInvalid(fault)
    return readable[0]


def _entry(path: Path, said: Aliases) -> Entry:
    name, version = path.parent.name, path.name
    marks = {"champion": version == said.champion, "retired": version in said.retired}
    try:
        return Entry(name, version, path, read_version(path), None, **marks)
    except BundleInvalid as error:
        return Entry(name, version, path, None, str(error), **marks)
