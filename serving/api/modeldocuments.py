"""What the service tells of models, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from landcover.bundle import Bundle
from landcover.labels import LANGUAGES, Language, title
from landcover.legends import Legend
from landcover.manifest import Manifest
from landcover.precision import Precision
from serving.registry.aliases import Aliases
from serving.registry.live import LiveEntry


def version_document(entry: LiveEntry, base: str) -> dict[str, Any]:
    """One version in a list.

    Args:
        entry: the version.
        base: address of the service, with a slash at its end.
    """
    return {
        "name": entry.name,
        "version": entry.version,
        "title": entry.bundle.manifest.title if entry.bundle else None,
        "sha256": entry.bundle.digest if entry.bundle else None,
        "graphs": _graphs(entry.bundle.manifest) if entry.bundle else {},
        "state": entry.state,
        "champion": entry.champion,
        "current": entry.current,
        "problem": entry.problem,
        "links": _links(f"{base}models/{entry.name}/versions/{entry.version}", rel="item"),
    }


def model_document(name: str, entries: Sequence[LiveEntry], aliases: Aliases, base: str) -> dict[str, Any]:
    """A model with its versions.

    Args:
        name: of the model.
        entries: its versions, newest first.
        aliases: what was done to them.
        base: address of the service, with a slash at its end.
    """
    here = f"{base}models/{name}"
    current = next((entry for entry in entries if entry.current), None)
    return {
        "name": name,
        "title": current.bundle.manifest.title if current and current.bundle else None,
        "current": current.version if current else None,
        "champion": aliases.champion,
        "retired": dict(aliases.retired),
        "versions": [version_document(entry, base) for entry in entries],
        "history": [asdict(move) for move in aliases.moves],
        "links": [
            {"rel": "self", "type": "application/json", "href": here},
            {"rel": "up", "type": "application/json", "href": f"{base}models"},
            {"rel": "legend", "type": "application/json", "href": f"{here}/legend"},
            {"rel": "card", "type": "text/markdown", "href": f"{here}/card"},
        ],
    }


def item_document(bundle: Bundle, base: str) -> dict[str, Any]:
    """The manifest as a STAC Item that says where it is."""
    model = f"{base}models/{bundle.manifest.name}"
    links = [
        *_links(f"{model}/versions/{bundle.manifest.version}", rel="self"),
        {"rel": "version-history", "type": "application/json", "href": model},
    ]
    return bundle.manifest.to_item() | {"links": links}


def legend_document(legend: Legend, language: Language | None) -> dict[str, Any]:
    """Codes, machine names, colours and titles of the classes.

    Args:
        legend: the legend.
        language: of the titles; None = all six.
    """
    languages = (language,) if language else LANGUAGES
    return {
        "id": legend.id,
        "version": legend.version,
        "title": legend.title,
        "nodata": legend.nodata,
        "classes": [
            {
                "code": entry.code,
                "name": entry.name,
                "color": entry.color,
                "titles": {code: title(legend.id, entry.code, code) for code in languages},
            }
            for entry in legend.classes
        ],
    }


def _graphs(manifest: Manifest) -> dict[str, str]:
    """SHA-256 of the graph of each variant, which answers name as what computed them."""
    files = {precision: manifest.model_file(precision) for precision in (Precision.FP32, *manifest.variants)}
    return {precision: manifest.files[name].sha256 for precision, name in files.items() if name in manifest.files}


def _links(version: str, *, rel: str) -> list[dict[str, str]]:
    return [
        {"rel": rel, "type": "application/geo+json", "href": version},
        {"rel": "legend", "type": "application/json", "href": f"{version}/legend"},
        {"rel": "style", "type": "application/xml", "href": f"{version}/legend.qml"},
        {"rel": "card", "type": "text/markdown", "href": f"{version}/card"},
    ]
