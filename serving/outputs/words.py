"""The few words of a picture, in the languages that a Latin or Cyrillic font can set.

Arabic and Chinese need fonts (and, for Arabic, a text engine) that no installation can be expected to have: pictures
in these languages are in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from landcover.labels import canonical_language


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of a picture in one language.

    Attributes:
        language: ISO 639-1 code.
        mapped_area: heading of the legend; says that areas are pixel counts.
        share_of_map: after "no data", whose share is of the whole map.
        model: before the model's name, with its colon.
        km: unit of the scale bar.
        km2: unit of areas.
        north: letter of the north arrow.
        decimal: decimal separator.
        thousands: separator of thousands.
    """

    language: str
    mapped_area: str
    share_of_map: str
    model: str
    km: str
    km2: str
    north: str
    decimal: str
    thousands: str

    def number(self, value: float, digits: int) -> str:
        """A number with this language's separators."""
        text = f"{value:,.{digits}f}"
        return text.replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousands)


ENGLISH: Final = Words(
    language="en",
    mapped_area="Mapped area (pixel count)",
    share_of_map="share of map",
    model="Model:",
    km="km",
    km2="sq km",  # the font that comes with Pillow has no superscript two
    north="N",
    decimal=".",
    thousands=",",
)
_OTHERS: Final[Mapping[str, Words]] = {
    "fr": Words(
        language="fr",
        mapped_area="Surface cartographiée (comptage de pixels)",
        share_of_map="part de la carte",
        model="Modèle\N{NO-BREAK SPACE}:",
        km="km",
        km2="km²",
        north="N",
        decimal=",",
        thousands="\N{NO-BREAK SPACE}",
    ),
    "es": Words(
        language="es",
        mapped_area="Superficie cartografiada (recuento de píxeles)",
        share_of_map="parte del mapa",
        model="Modelo:",
        km="km",
        km2="km²",
        north="N",
        decimal=",",
        thousands="\N{NO-BREAK SPACE}",
    ),
    "ru": Words(
        language="ru",
        mapped_area="Площадь по карте (подсчёт пикселей)",
        share_of_map="доля карты",
        model="Модель:",
        km="км",
        km2="км²",
        north="\N{CYRILLIC CAPITAL LETTER ES}",
        decimal=",",
        thousands="\N{NO-BREAK SPACE}",
    ),
}


def words_for(language: str) -> Words:
    """The words of a language, or the English ones for Arabic and Chinese.

    Raises:
        ConfigError: the language is not one of the six of the United Nations.
    """
    return _OTHERS.get(canonical_language(language), ENGLISH)
