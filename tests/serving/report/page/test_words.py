"""The words: complete in six languages; numbers as each language writes them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

import indicators.caveats
import indicators.comparison.caveats
import serving.report.page
from landcover.errors import ConfigError
from landcover.labels import LANGUAGES
from serving.report.page.figures import Figures
from serving.report.page.words import words_for

ENGLISH = words_for("en").texts
SAME = {
    "fr": {"total", "zone", "place", "version", "provenance", "licence", "extent_in", "stock_in", "condition_km2"},
    "es": {"cmp_factor", "cmp_no", "total", "extent_in", "stock_in", "condition_km2"},
}
"""Words that are the same as in English."""
SYMBOLS = {"direction", "decimal", "thousands", "percent_number", "with_unit", "km", "km2", "north", "list"}
SYMBOLS |= {"comma", "years", "arrow", "pair", "fingerprint", "cmp_sides"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_has_the_language(language):
    texts = words_for(language).texts
    assert set(texts) == set(ENGLISH)
    assert all(texts.values())
    for key, text in texts.items():
        assert text.count("{}") == ENGLISH[key].count("{}"), key


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_nothing_is_english(language):
    texts = words_for(language).texts
    same = {key for key, text in texts.items() if text == ENGLISH[key]} - SYMBOLS
    assert same == SAME.get(language, set())


@pytest.mark.parametrize(("language", "script"), [("ru", "CYRILLIC"), ("ar", "ARABIC"), ("zh", "CJK")])
def test_texts_are_in_their_script(language, script):
    for key, text in words_for(language).texts.items():
        letters = [letter for letter in text.replace("Steppe", "") if letter.isalpha()]
        if key in SYMBOLS or not letters:
            continue
        inside = sum(unicodedata.name(letter).startswith(script) for letter in letters)
        assert inside >= len(letters) / 2, f"{key}: {text}"


def test_templates_ask_only_for_words_there_are():
    folder = Path(serving.report.page.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in [*folder.glob("templates/*"), *folder.glob("*.py")])
    found = re.findall(r"""\b(?:t|words|own|self\.words)\(\s*["']([a-z_0-9]+)["']""", source)
    asked = {key for key in found if not key.endswith("_")}
    assert asked <= set(ENGLISH)
    assert len(asked) > 80
    made = ("assumption_", "role_", "status_", "result_", "judged_", "of_", "percent_", "cmp_cause_", "cmp_factor_")
    unused = {key for key in ENGLISH if key not in asked and not key.startswith(made)}
    assert unused <= {"direction", "hotspots", "brightspots"}


def test_unknown_keys_are_mistakes():
    with pytest.raises(ConfigError, match="no text 'nonsense'"):
        words_for("en")("nonsense")
    with pytest.raises(ConfigError, match="not available"):
        words_for("de")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "1,234,567.80"),
        ("zh", "1,234,567.80"),
        ("ar", "1,234,567.80"),
        ("fr", "1\u202f234\u202f567,80"),
        ("es", "1\u00a0234\u00a0567,80"),
        ("ru", "1\u00a0234\u00a0567,80"),
    ],
)
def test_numbers(language, text):
    assert Figures(words_for(language)).number(1234567.8) == text


def test_small_numbers_are_not_nothing():
    figures = Figures(words_for("en"))
    assert figures.number(0.0) == "0.00"
    assert figures.number(0.001) == "<0.01"
    assert figures.number(-0.001) == ">\u22120.01"
    assert figures.number(0.005) == "0.01"
    assert figures.signed(-0.0) == "0.00"
    assert figures.signed(3) == "+3.00"
    assert figures.signed(-3) == "\u22123.00"
    assert figures.signed(None) == "\u2013"
    assert figures.percent(None) == "\u2013"
    assert figures.percent(12.345) == "12.35\u00a0%" or figures.percent(12.345) == "12.34\u00a0%"


def test_estimate_and_margin_have_the_same_decimals():
    figures = Figures(words_for("en"))
    assert figures.margin(21158.4, 615.77) == "21,158 ± 616"
    assert figures.margin(12.5, 1.25) == "12.50 ± 1.25"


def test_numbers_keep_their_sign_at_the_left_among_arabic_letters():
    text = Figures(words_for("ar")).change(-12.5)
    assert text == "\u2066\u221212.50\u2069\u00a0كم²"
    assert Figures(words_for("en")).change(-12.5) == "\u221212.50\u00a0km²"


def test_a_countrys_own_process_stands_as_it_is():
    assert words_for("fr").process("Salinisation des sols") == "Salinisation des sols"
    assert words_for("fr").process("Stable") == "Sans effet"
    assert words_for("fr").item("assumption", "transition matrix") == "Matrice de transition"
    assert words_for("fr").item("assumption", "another") == "another"


def test_every_caveat_has_words():
    modules = (indicators.caveats, indicators.comparison.caveats)
    source = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in modules)
    slugs = set(re.findall(r'Caveat\(\s*"([a-z-]+)"', source))
    assert len(slugs) > 10
    for language in set(LANGUAGES) - {"en"}:
        assert all(words_for(language).notice(slug) for slug in slugs)
    assert words_for("en").notice("two-products") == ""
    assert words_for("fr").notice("something-new") == ""
