"""What a file says about itself: processing level, radiometry and date; and whether all that is said agrees.

Dataset tags read here (as in GDAL's metadata, any case): ``processing_level``, ``datetime``, ``scale`` and ``offset``.
``scale`` and ``offset`` mean reflectance = digital number * scale + offset, so the offset is in reflectance: -0.1 for
Sentinel-2 from processing baseline 04.00 on, not -1000. GDAL's own band scale and offset mean the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rasterio.io import DatasetReader

from landcover.errors import LevelMismatch, RadiometryMismatch
from landcover.sensors import Radiometry

_LEVEL: Final = re.compile(r"(?:LEVEL[-_ ]?|L)([0-9][A-Z]{0,3})")
_DATE: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2}):?(\d{2}):?(\d{2})(?:\.\d+)?Z?)?")


@dataclass(frozen=True, slots=True)
class Statement[T]:
    """Something that was said about the input, and by whom."""

    value: T
    source: str


def normalise_level(text: str) -> str:
    """``Level-1C``, ``level_1c`` and ``L1C`` are all ``L1C``; what is not understood stays, in upper case."""
    match = _LEVEL.fullmatch(text.strip().upper())
    return f"L{match[1]}" if match else text.strip().upper()


def normalise_datetime(text: str) -> str | None:
    """ISO 8601 of ``20171107``, ``2017-11-07``, ``20170216T102101`` or a full UTC time.

    None for anything else, also for a day or an hour that cannot be.
    """
    match = _DATE.fullmatch(text.strip())
    if not match:
        return None
    year, month, day, hour, minute, second = match.groups()
    date = f"{year}-{month}-{day}"
    said = date if hour is None else f"{date}T{hour}:{minute}:{second}Z"
    try:
        datetime.fromisoformat(said)
    except ValueError:
        return None
    return said


def _same_radiometry(one: Radiometry, other: Radiometry) -> bool:
    return math.isclose(one.scale, other.scale, rel_tol=1e-6) and math.isclose(
        one.offset, other.offset, rel_tol=1e-6, abs_tol=1e-9
    )


def agreed_level(statements: Iterable[Statement[str]]) -> str | None:
    """The one processing level that everything said about the input agrees on; None when nothing is said.

    Raises:
        LevelMismatch: naming the two that contradict each other.
    """
    first: Statement[str] | None = None
    for raw in statements:
        said = Statement(normalise_level(raw.value), raw.source)
        first = first or said
        if said.value != first.value:
            raise LevelMismatch(
                f"processing level is {first.value} by {first.source}, but {said.value} by {said.source}; "
                "correct the one that is wrong"
            )
    return first.value if first else None


def agreed_radiometry(statements: Iterable[Statement[Radiometry]]) -> Radiometry | None:
    """The one scale and offset that everything said about the input agrees on; None when nothing is said.

    Raises:
        RadiometryMismatch: naming the two that contradict each other.
    """
    first: Statement[Radiometry] | None = None
    for said in statements:
        first = first or said
        if not _same_radiometry(said.value, first.value):
            raise RadiometryMismatch(
                f"scale and offset are {first.value.scale:g}, {first.value.offset:g} by {first.source}, but "
                f"{said.value.scale:g}, {said.value.offset:g} by {said.source}; reflectance = DN * scale + offset "
                "must be the same for all bands: correct the one that is wrong, or leave it out"
            )
    return first.value if first else None


def tags_of(dataset: DatasetReader) -> dict[str, str]:
    """Dataset tags with names in lower case."""
    return {key.casefold(): value for key, value in dataset.tags().items()}


def level_statements(tags: Mapping[str, str], name: str) -> list[Statement[str]]:
    """The processing level in a file's tags."""
    value = tags.get("processing_level", "").strip()
    return [Statement(value, f"the tags of {name!r}")] if value else []


def band_radiometry(dataset: DatasetReader, indexes: Sequence[int], name: str) -> list[Statement[Radiometry]]:
    """GDAL band scales and offsets of the given bands (counted from 1), when at least one is not identity."""
    pairs = [(dataset.scales[index - 1], dataset.offsets[index - 1]) for index in indexes]
    if all(pair == (1.0, 0.0) for pair in pairs):
        return []
    return [
        Statement(Radiometry(scale, offset), f"band {index} of {name!r}")
        for index, (scale, offset) in zip(indexes, pairs, strict=True)
    ]


def tag_radiometry(tags: Mapping[str, str], name: str) -> list[Statement[Radiometry]]:
    """Scale and offset in a file's tags.

    Raises:
        RadiometryMismatch: when only one of them is there, or one is no number.
    """
    scale, offset = tags.get("scale"), tags.get("offset")
    if scale is None and offset is None:
        return []
    if scale is None or offset is None:
        there, missing = ("offset", "scale") if scale is None else ("scale", "offset")
        raise RadiometryMismatch(f"the tags of {name!r} state {there} without {missing}; add the other one")
    try:
        value = Radiometry(float(scale), float(offset))
    except ValueError as error:
        raise RadiometryMismatch(
            f"the tags of {name!r} state no numbers: scale {scale!r}, offset {offset!r}"
        ) from error
    return [Statement(value, f"the tags of {name!r}")]


def level_by_caller(level: str | None) -> list[Statement[str]]:
    """The processing level that the caller states, if any."""
    return [] if level is None else [Statement(level, "the caller (--level or --product)")]


def radiometry_by_caller(radiometry: Radiometry | None) -> list[Statement[Radiometry]]:
    """The scale and offset that the caller states, if any."""
    return [] if radiometry is None else [Statement(radiometry, "the caller (--product)")]
