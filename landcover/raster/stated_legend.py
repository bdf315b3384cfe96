"""The legend that a class map states itself, in the tag that ``cog.legend_tags`` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from landcover.errors import ConfigError
from landcover.legends import LEGENDS, LandClass, Legend
from landcover.raster.metadata import tags_of
from landcover.raster.opening import open_raster
from landcover.raster.protocol import DEFAULT_POLICY, ReadPolicy
from landcover.raster.scene import existing

TAG: Final = "legend"


def stated_legend(path: str | Path, *, policy: ReadPolicy = DEFAULT_POLICY) -> Legend | None:
    """The legend in a map's tags; None when there is none that can be read.

    Args:
        path: a TIFF or JPEG 2000 file.
        policy: limits of opening.

    Raises:
        DataError: when it is no raster that can be opened.
    """
    _, dataset = open_raster(existing(path), policy)
    with dataset:
        text = tags_of(dataset).get(TAG, "")
    return parse_legend(text)


def legend_text(legend: Legend) -> str:
    """What the tag holds: the inverse of ``parse_legend``."""
    classes = [
        {"code": item.code, "name": item.name, "title": item.title, "color": item.color} for item in legend.classes
    ]
    whole = {"id": legend.id, "version": legend.version, "title": legend.title, "classes": classes}
    return json.dumps(whole, ensure_ascii=False)


def parse_legend(text: str) -> Legend | None:
    """A legend from its JSON; the one that Steppe knows where id, version and codes are the same.

    Args:
        text: what a tag holds. Other tools may use a tag of that name for anything.
    """
    try:
        said: dict[str, Any] = json.loads(text)
        classes = tuple(
            LandClass(int(one["code"]), str(one["name"]), str(one["title"]), str(one["color"]))
            for one in said["classes"]
        )
        found = Legend(str(said["id"]), str(said["version"]), str(said["title"]), classes, "stated by the map")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, ConfigError):
        return None
    known = LEGENDS.get(found.id)
    same = known is not None and (known.version, known.codes) == (found.version, found.codes)
    return known if same else found
