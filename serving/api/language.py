"""Which of the six languages a client reads best, by ``Accept-Language`` (RFC 9110, section 12.5.4)."""

from __future__ import annotations

import math
from typing import Final

from landcover.errors import ConfigError
from landcover.labels import Language, canonical_language

_LIMIT: Final = 1000
"""Characters of the header that are read."""


def preferred(header: str | None) -> Language | None:
    """The best of our languages, or None when none is named: then all are given.

    A header that is not as it should be is passed over in parts, as one that names no language of ours would be.
    """
    best: tuple[float, Language | None] = (0.0, None)
    for item in (header or "")[:_LIMIT].split(","):
        tag, _, quality = item.partition(";")
        weight = _weight(quality)
        language = _known(tag)
        if language is not None and weight > best[0]:
            best = weight, language
    return best[1]


def _known(tag: str) -> Language | None:
    try:
        return canonical_language(tag)
    except ConfigError:
        return None


def _weight(text: str) -> float:
    """``q=0.5``; nothing is 1, nonsense 0."""
    if not text.strip():
        return 1.0
    name, _, value = text.partition("=")
    try:
        weight = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if math.isfinite(weight) and 0 <= weight <= 1 else 0.0
