"""Choose the format of an answer by the ``Accept`` header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from fastapi import Request

from serving.api.problems import NotAcceptable

COG: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
PNG: Final = "image/png"
JSON: Final = "application/json"
OFFERED: Final = {"image/tiff": COG, "application/geotiff": COG, PNG: PNG, JSON: JSON}
"""What a client may ask for, in the order of preference where it does not care."""


_ANYTHING: Final = frozenset({"*/*", "multipart/*", "multipart/related"})


class _Range(NamedTuple):
    """One element of the header: ``image/*;q=0.8``."""

    pattern: str
    quality: float

    def matches(self, media_type: str) -> bool:
        kind = media_type.split("/", maxsplit=1)[0]
        return self.pattern in {"*/*", f"{kind}/*", media_type}

    @property
    def specificity(self) -> int:
        return 2 - self.pattern.count("*")


def choose(accept: str | None, offered: Mapping[str, str] = OFFERED) -> str:
    """What to answer with.

    Args:
        accept: the header, or None.
        offered: what there is, by media type, in the order of preference where the client does not care.

    Raises:
        NotAcceptable: when the client accepts none of the formats.
    """
    ranges = _parse(accept or "*/*")
    best, best_quality = None, 0.0
    for media_type, answer in offered.items():
        quality = _wish(ranges, media_type)
        if quality > best_quality:
            best, best_quality = answer, quality
    if best is None:
        raise NotAcceptable(f"none of the accepted formats can be made; accept one of {', '.join(offered)}")
    return best


def preferred(accept: str, offered: Mapping[str, str]) -> str | None:
    """The one output that a client accepts, or None where it takes anything, or several at once.

    Args:
        accept: the header, or nothing.
        offered: outputs by media type, without parameters.

    Raises:
        NotAcceptable: when the client accepts none of them.
    """
    ranges = _parse(accept or "*/*")
    if any(entry.pattern in _ANYTHING and entry.quality > 0 for entry in ranges):
        return None
    return choose(accept, offered)


def accepts(accept: str, media_type: str) -> bool:
    """Whether a client that sent this header takes an answer of this type; one of the JSON family is JSON, too."""
    ranges = _parse(accept or "*/*")
    return _wish(ranges, media_type) > 0 or (media_type.endswith("+json") and _wish(ranges, JSON) > 0)


def json_only(request: Request) -> None:
    """A dependency of routes that do something and answer JSON: refuse before anything is done.

    Raises:
        NotAcceptable: when the client does not take JSON.
    """
    choose(", ".join(request.headers.getlist("accept")), {JSON: JSON})


def _wish(ranges: list[_Range], media_type: str) -> float:
    """How much it is wanted, 0 to 1. The most specific range decides: "image/*;q=0.5, image/png;q=0" refuses PNG."""
    matching = [entry for entry in ranges if entry.matches(media_type)]
    return max(matching, key=lambda entry: entry.specificity).quality if matching else 0.0


def _parse(accept: str) -> list[_Range]:
    ranges = []
    for element in accept.split(","):
        pattern, *parameters = (part.strip().lower() for part in element.split(";"))
        if pattern:
            ranges.append(_Range(pattern, _quality(parameters)))
    return ranges


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
