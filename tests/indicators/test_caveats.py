"""Which caveats a pair of maps has, and that each is one sentence with advice."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from indicators.caveats import MapSource, compare_maps, may_state_neutrality, nodata_caveats, outside_map
from indicators.transition_cells import Cell, matrix_of
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.crosswalks import get_crosswalk
from landcover.errors import WrongUse


def source(product="esa-cci", year=2000, **more):
    given = {"product": product, "crosswalk": get_crosswalk(product).identity, "year": year, "resolution_m": 300.0}
    return MapSource(**(given | more))


CCI, LATER = source(), source(year=2015)
EDITED = UNCCD7_TRANSITIONS.edited({(2, 3): -1, (3, 2): 1}, matrix_id="mali", version="3")
WARMING = UNCCD7_TRANSITIONS.edited({(1, 1): -1}, matrix_id="odd", version="1")
OTHER_RULES = replace(get_crosswalk("esa-cci"), version="2", source=None).identity


def slugs(before, after, **more):
    return [caveat.slug for caveat in compare_maps(before, after, **more)]


def worldcover(year, **more):
    return source("worldcover", year, resolution_m=10.0, **more)


CASES = {
    "nothing to say": (CCI, LATER, []),
    "two products": (
        CCI,
        worldcover(2021),
        ["two-products", "two-crosswalks", "sparse-vegetation", "two-resolutions"],
    ),
    "two products with one line at sparse vegetation": (
        source("cgls-lc100", 2015, resolution_m=10.0),
        worldcover(2021),
        ["two-products", "cgls-oceans", "two-crosswalks", "period-preset"],
    ),
    "two crosswalks": (CCI, source(year=2015, crosswalk=OTHER_RULES), ["two-crosswalks"]),
    "WorldCover's two years": (worldcover(2020), worldcover(2021), ["worldcover-versions", "short-period"]),
    "WorldCover's two versions": (
        worldcover(2020, version="v100"),
        worldcover(2021, version="v200"),
        ["worldcover-versions", "short-period"],
    ),
    "WorldCover in one version": (
        worldcover(2020, version="v200"),
        worldcover(2021, version="v200"),
        ["short-period"],
    ),
    "two versions": (source(version="2.0.7"), source(year=2015, version="2.1.1"), ["two-versions"]),
    "one version stated": (source(version="2.0.7"), LATER, []),
    "Dynamic World": (
        source("dynamic-world", 2016),
        source("dynamic-world", 2023),
        ["dynamic-world-scenes", "period-preset"],
    ),
    "CGLS": (source("cgls-lc100", 2017), source("cgls-lc100", 2019), ["cgls-oceans"]),
    "two sizes": (CCI, source(year=2015, resolution_m=304.0), ["two-resolutions"]),
    "one size": (CCI, source(year=2015, resolution_m=302.0), []),
    "size not known": (CCI, source(year=2015, resolution_m=None), []),
    "one year apart": (source(year=2018), source(year=2019), ["short-period"]),
    "the same year": (source(year=2018), source(year=2018), ["short-period"]),
    "years missing": (CCI, source(year=None), ["years-missing"]),
    "as Trends.Earth": (source(year=2015), source(year=2019), ["period-preset"]),
    "as PRAIS": (source(year=2016), source(year=2023), ["period-preset"]),
    "models": (
        source(product="esa-cci"),
        replace(LATER, product="steppe-tiny@1", crosswalk=get_crosswalk("unccd7").identity),
        ["two-products", "two-crosswalks"],
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_caveats_of_a_pair(what):
    before, after, expected = CASES[what]
    assert slugs(before, after) == expected


def test_every_text_is_one_sentence_that_says_what_to_do():
    made = [caveat for before, after, _ in CASES.values() for caveat in compare_maps(before, after)]
    made += [*compare_maps(CCI, LATER, matrices=(EDITED, WARMING)), *nodata_caveats(0.1), *nodata_caveats(0.3)]
    made += outside_map("Gao", 1.0, 2.0)
    assert len({caveat.slug for caveat in made}) == 16
    for caveat in made:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", caveat.slug)
        assert re.fullmatch(r"[A-Z0-9].*\.", caveat.text)
        assert not re.search(r"[.?!] [A-Z]", caveat.text)
        assert ";" in caveat.text or ", so " in caveat.text


def test_matrices():
    assert slugs(CCI, LATER, matrices=(EDITED, EDITED)) == ["edited-matrix"]
    assert (
        "mali 3, odd 1 differs from UNCCD's default in 2 and 1 of 49 signs"
        in compare_maps(CCI, LATER, matrices=(UNCCD7_TRANSITIONS, EDITED, WARMING))[0].text
    )
    assert slugs(CCI, LATER, matrices=(WARMING,)) == ["edited-matrix", "matrix-judges-stability"]
    renamed = replace(UNCCD7_TRANSITIONS, id="te", version="7", citation="Trends.Earth file")
    assert slugs(CCI, LATER, matrices=(renamed,)) == []
    cells = [Cell((one, other), 0) for one in range(1, 7) for other in range(1, 7)]
    ipcc = matrix_of(cells, matrix_id="ipcc", version="1", legend_id="ipcc6", citation="made for this test")
    assert "in its legend" in compare_maps(CCI, LATER, matrices=(ipcc,))[0].text


def test_texts_name_the_numbers():
    found = {caveat.slug: caveat.text for caveat in compare_maps(CCI, worldcover(2021))}
    assert "esa-cci and worldcover" in found["two-products"]
    assert "esa-cci-to-unccd7@1 and worldcover-to-unccd7@1" in found["two-crosswalks"]
    assert "pixels of 10 m and 300 m" in found["two-resolutions"]
    same = source(year=2015, crosswalk=CCI.crosswalk[:-1] + "x")
    assert "two editions of esa-cci-to-unccd7@1" in compare_maps(CCI, same)[0].text
    assert "begins in 2015 as Trends.Earth" in compare_maps(source(year=2015), source(year=2019))[0].text
    assert "the PRAIS manual has it, while Trends.Earth" in compare_maps(source(year=2016), source(year=2019))[0].text


def test_years_in_the_wrong_order():
    with pytest.raises(WrongUse, match="final map shows 2000, the initial one 2015; swap"):
        compare_maps(LATER, CCI)


@pytest.mark.parametrize(
    ("share", "slug", "may"),
    [
        (0.0, None, True),
        (0.05, None, True),
        (0.0501, "nodata-land", True),
        (0.2, "nodata-land", True),
        (0.2001, "nodata-land-much", False),
        (1.0, "nodata-land-much", False),
    ],
)
def test_land_without_data(share, slug, may):
    assert [caveat.slug for caveat in nodata_caveats(share)] == ([slug] if slug else [])
    assert may_state_neutrality(share) == may


def test_shares_that_are_none():
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(WrongUse, match="no share of land"):
            nodata_caveats(share)
        assert not may_state_neutrality(share)


def test_zones_beyond_the_maps():
    assert outside_map("Gao", 99.95, 100.0) == ()
    (caveat,) = outside_map("Gao", 104_000.0, 105_474.9)
    assert "104,000 of the 105,475 km2 of Gao" in caveat.text
