"""The STAC Item of a job as clients get it: whatever it refers to can be fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from serving.processes.outputs import STYLES

ID_DIGITS: Final = 12
"""Hexadecimal digits of the job that the id of an Item ends in: two maps of one scene by one model are two Items."""

INPUTS: Final = "steppe:inputs"
"""Names of inputs that have no address: an upload, or a file of the operator's folder."""

_STYLES: Final = {style.file: style.name for style in STYLES}


def published(
    document: Mapping[str, Any], *, job: str, href: str, media_type: str, names: Mapping[str, str]
) -> dict[str, Any]:
    """The Item with an id of its own and absolute addresses; the same whenever it is asked for.

    Args:
        document: the Item as it lies beside the files of the job.
        job: id of the job.
        href: address of the Item; the other outputs have it up to the last slash.
        media_type: of the Item.
        names: of the outputs, by their files.
    """
    folder, names = href.rpartition("/")[0], {**names, **_STYLES}
    assets = {
        role: {**asset, "href": f"{folder}/{names.get(asset['href'], asset['href'])}"}
        for role, asset in document["assets"].items()
    }
    links = [link for link in document["links"] if _is_address(link["href"])]
    named = [link["href"] for link in document["links"] if link not in links]
    return {
        **document,
        "id": f"{document['id']}-{short_id(job)}",
        "properties": {**document["properties"], **({INPUTS: named} if named else {})},
        "links": [{"rel": "self", "href": href, "type": media_type}, *links],
        "assets": assets,
    }


def short_id(job: str) -> str:
    """The part of a job's id that stands in the id of its Item."""
    return job.replace("-", "")[:ID_DIGITS]


def _is_address(href: str) -> bool:
    return href.startswith("https://")
