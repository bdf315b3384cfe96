"""The few words of a picture, in the languages that a Latin or Cyrillic font can set.

Arabic and Chinese need fonts (and, for Arabic, a text engine) that no installation can be expected to have: there are
no pictures in these languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from landcover.errors import WrongUse
from landcover.labels import Language, canonical_language

type Subject = Literal["land cover", "land degradation"]
"""What a map is of."""


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of a picture in one language.

    Attributes:
        language: ISO 639-1 code.
        subjects: title of a picture by what the map is of.
        place: title and place, with braces.
        period: first and last date of what was seen, with braces.
        mapped_area: heading of the legend; says that areas are pixel counts.
        share_of_map: after "no data", whose share is of the whole map.
        model: before the model's name, with its colon.
        unlike: said of a map whose image is unlike anything that the model was trained on.
        km: unit of the scale bar.
        km2: unit of areas.
        north: letter of the north arrow.
        decimal: decimal separator.
        thousands: separator of thousands.
    """

    language: Language
    subjects: Mapping[Subject, str]
    place: str
    period: str
    mapped_area: str
    share_of_map: str
    model: str
    unlike: str
    km: str
    km2: str
    north: str
    decimal: str
    thousands: str

    def title(self, subject: Subject, place: str) -> str:
        """What is shown, and of what place where that has a name."""
        return self.place.format(self.subjects[subject], place) if place else self.subjects[subject]

    def number(self, value: float, digits: int) -> str:
        """A number with this language's separators."""
        text = f"{value:,.{digits}f}"
        return text.replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousands)


ENGLISH: Final = Words(
    language="en",
    subjects={"land cover": "Land cover", "land degradation": "Land degradation"},
    place="{} of {}",
    period="{} to {}",
    mapped_area="Mapped area (pixel count)",
    share_of_map="share of map",
    model="Model:",
    unlike="Caution: the image is unlike those the model was trained on",
    km="km",
    km2="sq km",  # the font that comes with Pillow has no superscript two
    north="N",
    decimal=".",
    thousands=",",
)
_WORDS: Final[Mapping[Language, Words]] = {
    "en": ENGLISH,
    "fr": Words(
        language="fr",
        subjects={"land cover": "Couverture terrestre", "land degradation": "Dégradation des terres"},
        place="{}\N{NO-BREAK SPACE}: {}",
        period="du {} au {}",
        mapped_area="Surface cartographiée (comptage de pixels)",
        share_of_map="part de la carte",
        model="Modèle\N{NO-BREAK SPACE}:",
        unlike="Attention\N{NO-BREAK SPACE}: l'image ne ressemble pas à celles de l'apprentissage du modèle",
        km="km",
        km2="km²",
        north="N",
        decimal=",",
        thousands="\N{NO-BREAK SPACE}",
    ),
    "es": Words(
        language="es",
        subjects={"land cover": "Cobertura terrestre", "land degradation": "Degradación de la tierra"},
        place="{}: {}",
        period="del {} al {}",
        mapped_area="Superficie cartografiada (recuento de píxeles)",
        share_of_map="parte del mapa",
        model="Modelo:",
        unlike="Atención: la imagen no se parece a las del entrenamiento del modelo",
        km="km",
        km2="km²",
        north="N",
        decimal=",",
        thousands="\N{NO-BREAK SPACE}",
    ),
    "ru": Words(
        language="ru",
        subjects={"land cover": "Земной покров", "land degradation": "Деградация земель"},
        place="{}: {}",
        period="{} \N{EN DASH} {}",
        mapped_area="Площадь по карте (подсчёт пикселей)",
        share_of_map="доля карты",
        model="Модель:",
        unlike="Внимание: снимок не похож на те, на которых обучена модель",
        km="км",
        km2="км²",
        north="\N{CYRILLIC CAPITAL LETTER ES}",
        decimal=",",
        thousands="\N{NO-BREAK SPACE}",
    ),
}


def words_for(language: str) -> Words:
    """The words of a language.

    Raises:
        WrongUse: pictures cannot be had in that language.
    """
    tongue = canonical_language(language)
    if tongue not in _WORDS:
        raise WrongUse(
            f"a picture cannot be drawn in the language {tongue!r}: common typefaces lack its letters; choose one of "
            f"{', '.join(_WORDS)}, or leave the picture out"
        )
    return _WORDS[tongue]
