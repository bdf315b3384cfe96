"""Cells of the transition matrix: sign, depth, doubts, and regions that judge differently."""

from __future__ import annotations

import pytest

from indicators.codes import NODATA
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError
from serving.report.page.bars import pieces
from serving.report.page.conditions import Conditions
from serving.report.page.cover import CoverChange, Flow
from serving.report.page.matrix import lines
from serving.report.page.sections import Crosstab, Stock
from tests.serving.report.page import country


def test_every_cell_has_the_sign_of_the_matrix():
    for line in lines(country.page_data().cover):
        for code, cell in zip(country.page_data().cover.codes, line.cells, strict=True):
            if NODATA in {code, line.code} or code == line.code:
                assert cell.glyph == ""
                assert cell.tint in {"same", "none"}
            else:
                sign = UNCCD7_TRANSITIONS.sign(line.code, code)
                assert cell.glyph == {-1: "\N{MINUS SIGN}", 0: "0", 1: "+"}[sign]
                assert cell.tint[0] == {-1: "d", 0: "s", 1: "i"}[sign]
                assert cell.unlikely == ((line.code, code) in UNCCD7_TRANSITIONS.unlikely)


def test_depth_grows_with_area():
    areas = (0.0, 1.0, 6.2, 6.3, 25.0, 26.0, 56.0, 57.0, 100.0)
    flows = (Flow(2, 6, 100.0, -1, "Vegetation loss"),)
    for km2 in areas:
        cover = CoverChange("unccd7", (2, 3, 6), (*flows, Flow(3, 2, km2, 1, "Afforestation")))
        depth = int(lines(cover)[1].cells[0].tint[1])
        assert depth == max(1, sum(km2 > limit for limit in (0, 6.25, 25, 56.25)))


def test_regions_may_judge_differently():
    flows = (Flow(2, 1, 8.0, -1, "Woody encroachment"), Flow(2, 1, 2.0, 1, "Afforestation"))
    cell = lines(CoverChange("unccd7", (1, 2), flows))[1].cells[0]
    assert (cell.km2, cell.glyph, cell.tint) == (10.0, "\N{PLUS-MINUS SIGN}", "d4")


def test_flows_are_checked():
    with pytest.raises(ConfigError, match="repeat"):
        CoverChange("unccd7", (1, 2), (Flow(1, 2, 1.0, 0, "a"),) * 2)
    with pytest.raises(ConfigError, match="unknown codes"):
        CoverChange("unccd7", (1, 2), (Flow(1, 3, 1.0, 0, "a"),))
    with pytest.raises(ConfigError, match="area -1"):
        Flow(1, 2, -1.0, 0, "a")
    with pytest.raises(ConfigError, match="sign 2"):
        Flow(1, 2, 1.0, 2, "a")
    with pytest.raises(ConfigError, match="as many cells"):
        Crosstab((1,), (1, 2), ((1.0,),))


def test_shares():
    conditions = Conditions(1.0, 2.0, 3.0, 4.0, of_km2=20.0)
    assert [conditions.percent(code) for code in conditions.codes] == [5.0, 15.0, 10.0, 20.0]
    assert Conditions(0, 0, 0, 0, 0).percent(-1) is None
    plain, turned = (pieces(conditions, mirrored=mirrored) for mirrored in (False, True))
    assert [(piece.x, piece.width) for piece in plain] == [(0, 100), (100, 300), (400, 200), (600, 400)]
    assert [piece.x for piece in turned] == [900, 600, 400, 0]
    assert Stock(1, 50.0, 45.0).change_percent == -10
    assert Stock(1, None, 45.0).change_percent is None
    assert Stock(1, 0.0, 45.0).change_percent is None
