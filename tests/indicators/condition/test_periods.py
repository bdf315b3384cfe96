from copy import deepcopy

import pytest

from indicators.condition.period_documents import from_document
from indicators.condition.periods import PeriodTable, Years
from indicators.condition.presets import PRAIS_2026, PRESETS, TRENDS_EARTH_2026, period_preset
from landcover.errors import ConfigError

# UNCCD PRAIS 4 manual and Trends.Earth, as in the table of periods of the domain's facts.
TABLE = {
    ("prais_2026", "land_cover"): [(2000, 2015), (2016, 2019), (2016, 2023)],
    ("trends_earth_2026", "land_cover"): [(2000, 2015), (2015, 2019), (2015, 2022)],
    ("trends_earth_2026", "soc"): [(2000, 2015), (2015, 2019), (2015, 2022)],
    ("prais_2026", "trend"): [(2000, 2015), (2004, 2019), (2008, 2023)],
    ("prais_2026", "performance"): [(2000, 2015), (2004, 2019), (2008, 2023)],
    ("trends_earth_2026", "trend"): [(2001, 2015), (2004, 2019), (2008, 2023)],
    ("trends_earth_2026", "performance"): [(2001, 2015), (2004, 2019), (2008, 2023)],
    ("prais_2026", "state_history"): [(2000, 2012), (2004, 2016), (2008, 2020)],
    ("trends_earth_2026", "state_history"): [(2001, 2012), (2004, 2016), (2008, 2020)],
    ("prais_2026", "state_recent"): [(2013, 2015), (2017, 2019), (2021, 2023)],
    ("trends_earth_2026", "state_recent"): [(2013, 2015), (2017, 2019), (2021, 2023)],
}


@pytest.mark.parametrize(("place", "expected"), TABLE.items())
def test_presets_have_the_years_of_the_manual(place, expected):
    periods = period_preset(place[0]).periods
    assert [(years.first, years.last) for years in (getattr(period, place[1]) for period in periods)] == expected
    assert [period.reported_as for period in periods] == [2015, 2019, 2023]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_survive_their_document(preset):
    assert from_document(preset.to_document()) == preset
    assert from_document(preset.to_document()).identity == preset.identity
    assert preset.identity.startswith(f"{preset.id}@1#")


def test_short_documents_take_what_follows_from_the_rest():
    document = PRAIS_2026.to_document()
    for period in document["periods"]:
        del period["soc"], period["performance"]
    assert from_document(document) == PRAIS_2026


def test_land_cover_of_another_year_changes_the_name():
    found = PRAIS_2026.with_land_cover_until("report_2", 2022)
    assert found.period("report_2").land_cover == found.period("report_2").soc == Years(2016, 2022)
    assert found.identity.startswith("prais_2026@1+report_2-until-2022#")
    assert found.period("report_1") is PRAIS_2026.period("report_1")
    with pytest.raises(PeriodTable, match="ends in 2018, that of report_1 in 2019"):
        PRAIS_2026.with_land_cover_until("report_2", 2018)


def test_years_of_a_stack_are_checked():
    period = TRENDS_EARTH_2026.period("report_1")
    assert period.annual == Years(2004, 2019)
    period.check_annual(range(2000, 2024))
    with pytest.raises(PeriodTable, match="report_1: the stack of annual images lack 2004, 2019"):
        period.check_annual(range(2005, 2019))
    period.check_land_cover([2000, 2015, 2019])
    with pytest.raises(PeriodTable, match="report_1: the land-cover maps lack 2015"):
        period.check_land_cover([2000, 2019])


def changed(**changes):
    """The PRAIS table with members of the second period replaced."""
    document = deepcopy(PRAIS_2026.to_document())
    document["periods"][1] |= changes
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed(name="report_2"), "baseline, report_2, report_2; expected baseline, report_1, report_2"),
        (changed(name="soon"), "'soon'; expected one of baseline"),
        (changed(reported_as=2014), "reported as 2014, baseline as 2015: out of order"),
        (changed(land_cover=[2010, 2019]), "land_cover of report_1 begins in 2010, within the baseline"),
        (changed(soc=[2014, 2019]), "soc of report_1 begins in 2014, within the baseline"),
        (changed(land_cover=[2018, 2019]), "years between are missing"),
        (changed(land_cover=[2016, 2023]), "ends in 2023, that of report_1 in 2023"),
        (changed(trend=[2000, 2014]), "trend of report_1 ends in 2014, that of baseline in 2015"),
        (changed(land_cover=[2019, 2016]), "2019 to 2016 run backwards"),
        (changed(land_cover=[2019, 2019]), "compares 2019 with itself"),
        (changed(state_history=[2004, 2017]), "overlap the historical ones"),
        (changed(state_recent=[2017]), r"report_1: state_recent is \[2017\]; expected two years"),
        (changed(state_recent=["2017", 2019]), "'2017' for a year"),
        (changed(state_recent=[True, 2019]), "True for a year"),
        (changed(trend=[2004, 20190]), "20190 for a year"),
        (changed(trends=[2004, 2019]), "unknown member trends"),
        ({**PRAIS_2026.to_document(), "periods": []}, "periods come as none"),
        ({**PRAIS_2026.to_document(), "periods": {}}, "no list"),
        ({**PRAIS_2026.to_document(), "periods": [3]}, "a period is no object"),
        ({**PRAIS_2026.to_document(), "id": ""}, "text of 1 to 100 letters in one line as its id"),
        ({"id": "a"}, "lacks version, periods"),
        ([], "the period table is no object"),
    ],
)
def test_one_clear_error(document, message):
    with pytest.raises(PeriodTable, match=message) as caught:
        from_document(document)
    assert isinstance(caught.value, ConfigError)
    assert "\n" not in str(caught.value)


def test_unknown_names():
    with pytest.raises(PeriodTable, match="choose one of prais_2026, trends_earth_2026"):
        period_preset("prais_2022")
    with pytest.raises(PeriodTable, match="no period 'report_3'"):
        PRAIS_2026.period("report_3")
