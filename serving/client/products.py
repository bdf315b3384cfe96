"""Files of a result under the names that were asked for here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from landcover.quality import QUALITY_LEGEND
from landcover.raster.qml import qml_text
from landcover.staging import os_errors
from serving.client.errors import AnswerNotUnderstood
from serving.hrefs import relative_href
from serving.staging import write_file

ITEM: Final = "item"

_INPUTS: Final = "steppe:inputs"
"""Where the service names inputs that have no address of its own; beside their maps they are files again."""

OUTPUTS: Final = {
    "map": "map",
    "style": "style",
    "confidence": "confidence",
    "probabilities": "probabilities",
    "uncertainty": "uncertainty",
    "quality": "quality",
    "quicklook": "preview",
    "areas": "areas",
    "features": "features",
    "stac": ITEM,
}
"""Output of the processes for each role of ``serving.request.Outputs.files``; ``quality_style`` is made here."""


def write_quality_style(place: Path) -> None:
    """The style of the observation quality, whose codes are the same everywhere.

    Raises:
        DiskFull: no room.
        OutputNotWritable: it cannot be written.
    """
    write_file(place, qml_text(QUALITY_LEGEND).encode())


def rename_in_item(place: Path, files: Mapping[str, Path]) -> None:
    """Let a STAC Item refer to the files by their names here; those that were not wanted are left out.

    Args:
        place: the Item as it came.
        files: final names by role, the Item's included.

    Raises:
        AnswerNotUnderstood: when it is no Item.
        DiskFull: no room.
        OutputNotWritable: it cannot be written.
    """
    item = files["stac"]
    with os_errors(place):
        content = place.read_bytes()
    document = _item_in(content)
    document["assets"] = {
        role: {**asset, "href": relative_href(files[role], item)}
        for role, asset in document["assets"].items()
        if role in files
    }
    named = _inputs_of(document)
    document["links"] = [
        *(link for link in document["links"] if link.get("rel") != "self"),
        *({"rel": "derived_from", "href": name, "title": "Input"} for name in named),
    ]
    write_file(place, (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def _inputs_of(document: dict[str, Any]) -> list[str]:
    """Take the names of the inputs out of an Item."""
    properties = document.get("properties")
    named = properties.pop(_INPUTS, []) if isinstance(properties, dict) else []
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _item_in(content: bytes) -> dict[str, Any]:
    try:
        match json.loads(content):
            case {"assets": dict(assets), "links": list(links)} as document:
                if all(isinstance(part, dict) for part in (*assets.values(), *links)):
                    return dict(document)
    except ValueError:
        pass
    raise AnswerNotUnderstood("what the service sent as the STAC Item is none; use a steppe of the same version")
