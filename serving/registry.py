"""Find model bundles in folders: the ones that ship with Steppe and the user's own.

A folder holds ``<name>/<version>``. A bundle that cannot be read is listed as broken with its reason and never hides
the good ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from landcover.bundle import Bundle, load_bundle, version_key
from landcover.errors import BundleInvalid, ModelNotFound
from landcover.manifest import NAME_PATTERN
from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """One version folder.

    Attributes:
        name: model name.
        version: version.
        path: the folder.
        bundle: the bundle, or None when it is broken.
        problem: why it is broken, or None.
    """

    name: str
    version: str
    path: Path
    bundle: Bundle | None
    problem: str | None


class Registry:
    """Bundles below some root folders; an earlier root wins over a later one for the same name and version.

    Folders are read at every call: a bundle that is dropped in is there for the next request.
    """

    def __init__(self, *roots: Path) -> None:
        self._roots = roots

    def entries(self) -> list[Entry]:
        """Everything found, sorted by name, newest version first, broken ones included."""
        found: dict[tuple[str, str], Entry] = {}
        for root in self._roots:
            for path in _version_folders(root):
                key = (path.parent.name, path.name)
                if key not in found:
                    found[key] = _entry(path)
        newest_first = sorted(found.values(), key=lambda entry: version_key(entry.version), reverse=True)
        return sorted(newest_first, key=lambda entry: entry.name)

    def get(self, reference: str) -> Bundle:
        """The bundle of ``name`` (its newest version) or ``name@version``.

        Raises:
            ModelNotFound: when there is none, listing what there is.
            BundleInvalid: when the one asked for is broken.
        """
        name, _, version = reference.partition("@")
        matches = [
            entry for entry in self.entries() if entry.name == name and (not version or entry.version == version)
        ]
        if not matches:
            known = ", ".join(f"{entry.name}@{entry.version}" for entry in self.entries()) or "none"
            raise ModelNotFound(f"model {reference[:130]!r} is not in the registry; there is: {known}")
        # Without a version the newest readable one serves; with one, exactly that or its problem.
        readable = [entry.bundle for entry in matches if entry.bundle is not None]
        if not readable:
            raise BundleInvalid(matches[0].problem or "the bundle cannot be read")
        return readable[0]


def open_registry(settings: Settings) -> Registry:
    """The registry of these settings: the user's folder first, then the zoo."""
    roots = [settings.registry] if settings.registry else []
    return Registry(*roots, settings.zoo)


def _version_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [
        version
        for name in root.iterdir()
        if name.is_dir() and NAME_PATTERN.fullmatch(name.name)
        for version in name.iterdir()
        if version.is_dir() and NAME_PATTERN.fullmatch(version.name)
    ]


def _entry(path: Path) -> Entry:
    try:
        bundle = load_bundle(path)
    except BundleInvalid as error:
        return Entry(path.parent.name, path.name, path, None, str(error))
    return Entry(path.parent.name, path.name, path, bundle, None)
