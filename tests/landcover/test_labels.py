import pytest

from landcover import labels
from landcover.errors import ConfigError, UnknownLegend, UnmappedCodes
from landcover.legends import LEGENDS, get_legend
from tests.landcover.vectors import vector

OFFICIAL = vector("labels_un6")["labels"]
GROUPS = {"unccd7": "land_cover", "lpd5": "lpd5", "degradation3": "degradation3"}
CASES = [
    (legend_id, int(code), language, text)
    for legend_id, group in GROUPS.items()
    for code, names in OFFICIAL[group].items()
    for language, text in names.items()
]


@pytest.mark.parametrize(("legend_id", "code", "language", "text"), CASES)
def test_titles_are_the_official_ones(legend_id, code, language, text):
    assert labels.title(legend_id, code, language) == text


def test_every_official_label_was_compared():
    assert len(CASES) == (7 + 5 + 3) * 6
    assert set(labels.LANGUAGES) == set(OFFICIAL["land_cover"]["1"])


@pytest.mark.parametrize("process", OFFICIAL["process"])
@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_processes_are_the_official_ones(process, language):
    assert labels.process_title(process, language) == OFFICIAL["process"][process][language]


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_stable_and_other_are_processes_too(language):
    assert labels.process_title("Stable", language) == OFFICIAL["degradation3"]["0"][language]
    assert labels.process_title("Other", language)
    assert labels.process_name("Bush encroachment", language) == "Bush encroachment"
    assert labels.process_name("Deforestation", language) == OFFICIAL["process"]["Deforestation"][language]


@pytest.mark.parametrize("process", OFFICIAL["process"])
def test_processes_are_known_by_their_names_in_all_languages(process):
    for name in OFFICIAL["process"][process].values():
        assert labels.process_called(f"  {name.upper()} ") == process
    assert labels.process_called(" Bush  encroachment ") == "Bush  encroachment"


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_nodata_has_a_name(language):
    expected = OFFICIAL["nodata"]["-32768"][language]
    assert labels.nodata_title(language) == expected
    assert labels.title("unccd7", 255, language) == expected
    assert labels.title("worldcover", -32768, language) == expected


@pytest.mark.parametrize("legend_id", LEGENDS)
@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_every_class_of_every_legend_has_a_title(legend_id, language):
    named = labels.titles(legend_id, language)
    assert tuple(named) == get_legend(legend_id).codes
    assert all(named.values())


def test_english_titles_of_legends_and_labels_agree():
    for legend_id in LEGENDS:
        expected = {c.code: c.title for c in get_legend(legend_id).classes}
        assert labels.titles(legend_id, "en") == expected


def test_without_a_translation_the_english_title_stands():
    assert labels.title("worldcover", 95, "ru") == "Mangroves"
    assert labels.title("severity5", 3, "fr") == "Severe"


def test_sepal_classes_have_the_same_names():
    for code in get_legend("unccd7").codes:
        assert labels.title("sepal7", 10 * code, "ar") == labels.title("unccd7", code, "ar")


@pytest.mark.parametrize("tag", ["zh", "ZH", "zh-Hans-CN", "zh_CN", " zh "])
def test_language_tags_with_a_region_are_understood(tag):
    assert labels.title("unccd7", 7, tag) == OFFICIAL["land_cover"]["7"]["zh"]


def test_unknown_words_are_refused():
    with pytest.raises(ConfigError, match=r"'de'.*ar, en, es, fr, ru, zh"):
        labels.title("unccd7", 1, "de")
    with pytest.raises(UnknownLegend):
        labels.title("mars7", 1, "en")
    with pytest.raises(UnmappedCodes, match="code 0"):
        labels.title("unccd7", 0, "en")
    with pytest.raises(UnknownLegend, match=r"'Erosion'.*Deforestation"):
        labels.process_title("Erosion", "en")
