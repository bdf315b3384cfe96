"""The words of reports in six languages: none is missing, none is left in English by mistake, values stay."""

import string

import pytest

from indicators.reporting.table import Column
from indicators.reporting.tables import GROUPS
from indicators.reporting.texts import ENGLISH, Text, class_text, condition_text, words
from landcover.errors import ConfigError
from landcover.labels import LANGUAGES
from serving.report.words import _words, heading, say, word

SAME = {
    "CP-1.T1", "area", "code", "confidence", "method", "missing_for", "no_data", "pair", "period", "periods", "total",
    "years", "zones", "zone", "pixels", "type", "actions", "place", "name", "version", "note", "sha256", "unit_km2",
    "unit_t_ha", "sheet_zones", "pixel", "table", "group_land", "year", "medium", "no", "balance",
}  # fmt: skip
"""Words that are the same in English and in one of the other languages."""


def values(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there_with_its_values(language):
    spoken, english = _words(language), _words("en")
    assert spoken.keys() == english.keys() >= ENGLISH.keys()
    for key, text in spoken.items():
        assert text == text.strip(), key
        assert values(text) == values(english[key]), key
    if language != "en":
        left = {key for key, text in spoken.items() if text == english[key]}
        assert left <= SAME, language


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_sheets_fit_and_differ(language):
    names = [f"{group} {word(key, language)}" for group, key in GROUPS.items()]
    names += [word(key, language) for key in _words("en") if key.startswith("sheet_")]
    assert max(map(len, names)) <= 31
    assert len(set(names)) == len(names)
    assert not any(set(name) & set("[]:*?/\\'") for name in names)


def test_texts_within_texts():
    text = words("missing_for", name=words("years", name=words("baseline"), initial="2000", final="2015"), reason="x")
    assert say(text, "en") == "Baseline, 2000-2015: x"
    assert say(text, "fr-FR") == "Période de référence, 2000-2015 : x"
    assert say(class_text(3), "ru") == "Пахотные земли"
    assert say(condition_text(-1), "es") == "Degradada"
    assert say(Text("Deforestation", "process"), "zh") == "森林砍伐"


def test_headings_have_units():
    column = Column("a_km2", class_text(3), "km2")
    assert (heading(column, "en"), heading(column, "ar")) == ("Cropland (km²)", "أراضي المحاصيل (كم²)")
    assert heading(Column("a", words("pixels"), "pixels"), "en") == "Pixels"
    with pytest.raises(ConfigError, match="not available"):
        heading(column, "de")
