"""The words of the page in the six languages of the United Nations: one file for each language.

Words that only the page of a comparison has are together in one more.
Terms follow UNCCD's reporting manual in that language (PRAIS 4, ``locales/<language>/LC_MESSAGES/SO1.po``); names of
classes, processes and conditions come from ``landcover.labels``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from landcover.errors import ConfigError, UnknownLegend
from landcover.labels import Language, canonical_language, nodata_title, process_title, title
from landcover.legends import DEGRADATION_NODATA

_ISOLATE: Final = "\N{LEFT-TO-RIGHT ISOLATE}{}\N{POP DIRECTIONAL ISOLATE}"


@dataclass(frozen=True, slots=True)
class Words:
    """All texts of a page in one language.

    Attributes:
        language: ISO 639-1 code.
        texts: text by key; braces where values go.
    """

    language: Language
    texts: Mapping[str, str]

    def __call__(self, key: str, *values: object) -> str:
        """A text with its values.

        Raises:
            ConfigError: there is no such text, which is a mistake in a template.
        """
        if key not in self.texts:
            raise ConfigError(f"the page has no text {key!r}")
        return self.texts[key].format(*values) if values else self.texts[key]

    def notice(self, slug: str) -> str:
        """What a caveat says in this language; empty in English and where nobody has translated it."""
        return _notices().get(slug, {}).get(self.language, "")

    def item(self, kind: str, name: str) -> str:
        """Name of an assumption or of the role of a file, where there are words for it; else as it is."""
        return self.texts.get(f"{kind}_{name.lower().replace(' ', '_').replace('-', '_')}", name)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return self.texts["direction"]

    @property
    def right_to_left(self) -> bool:
        """Whether the language is written from right to left."""
        return self.direction == "rtl"

    def apart(self, text: str) -> str:
        """A number as it stands in a sentence: its sign stays at its left also among Arabic letters."""
        return _ISOLATE.format(text) if self.right_to_left else text

    def label(self, legend_id: str, code: int) -> str:
        """Name of a class, or of no data."""
        return nodata_title(self.language) if code == DEGRADATION_NODATA else title(legend_id, code, self.language)

    def condition(self, code: int) -> str:
        """Name of -1, 0, 1 or -32768."""
        return self.label("degradation3", code)

    def process(self, name: str) -> str:
        """Name of a process; a name of a country's own matrix stands as it is."""
        if name == "Stable":
            return self("neutral")
        try:
            return process_title(name, self.language)
        except UnknownLegend:
            return name


@cache
def words_for(language: str) -> Words:
    """The words of a language.

    Raises:
        ConfigError: when it is not one of the six.
    """
    tongue = canonical_language(language)
    texts: dict[str, str] = {**_read(tongue), **{key: each[tongue] for key, each in _comparing().items()}}
    return Words(tongue, texts)


@cache
def _comparing() -> dict[str, dict[str, str]]:
    """Words that only the page of a comparison has, by key and language."""
    return _read("comparison")


@cache
def _notices() -> dict[str, dict[str, str]]:
    return _read("notices")


def _read(name: str) -> dict[str, Any]:
    text = files("serving.report.page").joinpath("locales", f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
