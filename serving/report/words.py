"""The words of tables and workbooks in the six languages of the United Nations.

Names of classes, conditions and processes are official ones, of ``landcover.labels``; the rest are Steppe's
translations, in ``words.json`` beside this file, by the keys of ``indicators.reporting.texts.ENGLISH`` and a few more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from indicators.reporting.table import Column
from indicators.reporting.texts import ENGLISH, Text
from landcover.labels import Language, canonical_language

RIGHT_TO_LEFT: Final = frozenset({"ar"})
"""Languages that are written from right to left."""

_UNITLESS: Final = frozenset({"", "pixels"})

_UNITS: Final = {"km2": "unit_km2", "t/ha": "unit_t_ha", "percentage points": "unit_points"}


def say(text: Text, language: str) -> str:
    """A text of a table in a language.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    tongue = canonical_language(language)
    return text.say(tongue, _words(tongue))


def word(key: str, language: str, **values: str) -> str:
    """A word of the workbook by its key, with values for ``{...}``; raises as ``say``."""
    return _words(canonical_language(language))[key].format(**values)


def heading(column: Column, language: str) -> str:
    """The title of a column with its unit: ``Cropland (km²)``; raises as ``say``."""
    title = say(column.title, language)
    if column.unit in _UNITLESS:
        return title
    unit = word(_UNITS[column.unit], language) if column.unit in _UNITS else column.unit
    return f"{title} ({unit})"


@cache
def _words(language: Language) -> Mapping[str, str]:
    spoken: dict[str, dict[str, str]] = json.loads(files(__package__).joinpath("words.json").read_text("utf-8"))
    own = {key: each[language] for key, each in spoken.items() if language in each}
    return MappingProxyType({**ENGLISH, **own} if language == "en" else own)
