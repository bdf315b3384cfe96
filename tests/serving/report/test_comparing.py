"""Comparisons of reports against brute force on their rasters, and of what they say of rules."""

import csv
import io
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine

from indicators.areas import PixelAreas
from indicators.caveats import MapSource
from indicators.codes import NODATA, OUTSIDE
from indicators.condition.oneout import SINGLE_EVIDENCE, STRICT, one_out_all_out
from indicators.productivity.lpd import PRAIS2026, get_lpd_table
from indicators.reporting.documents import AccountUnreadable
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.crosswalks import get_crosswalk
from landcover.errors import ConfigError, GridMismatch
from landcover.grid import Grid
from landcover.labels import LANGUAGES
from landcover.legends import get_legend
from serving.cli import main
from serving.report import files
from serving.report.comparingfolder import read_report
from serving.report.comparingmaking import make_comparison
from serving.report.comparingpage import comparison_data
from serving.report.grounds import Grounds, MapGround, parse_grounds
from serving.report.making import make_report
from serving.report.page.comparison import comparison_page
from serving.report.page.figures import Figures
from serving.report.page.render import policy
from serving.report.page.words import words_for
from serving.report.pagedata import classes_of
from tests.serving.report.classmaps import UTM, class_codes, write_map
from tests.serving.report.page.reading import Reader
from tests.serving.report.reports import MADE, layers_in, make, request_of, write_maps

EDITED = UNCCD7_TRANSITIONS.edited({(2, 3): -1, (2, 1): 0}, matrix_id="mine", version="2")
NAMES = ("degraded", "stable", "improved", "no_data", "water")
CODES = (-1, 0, 1, NODATA, OUTSIDE)
CCI = get_crosswalk("esa-cci")
OTHER_CCI = replace(
    CCI, id="other-cci", mapping=tuple((code, {100: 1, 150: 6}.get(code, to)) for code, to in CCI.mapping)
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two reports in which everything differs, and their comparison."""
    root = tmp_path_factory.mktemp("reports")
    maps = write_maps(root, (1, 2, 3, 4))
    a = make(root / "a", maps[:2], layers=layers_in(root, 10))
    b = make(
        root / "b",
        maps[2:],
        layers=layers_in(root, 20),
        table=get_lpd_table("gpg_v1"),
        matrix=EDITED,
        policy=SINGLE_EVIDENCE,
    )
    return root, *compared(root, a, b)


def compared(root, a, b, name="out", **more):
    folder = root / name
    folder.mkdir()
    made = make_comparison(a, b, folder, **more)
    return folder, json.loads((folder / files.COMPARISON).read_text("utf-8")), made


def read(path):
    with rasterio.open(path) as file:
        return file.read(1)


def layers_of(folder):
    initial, final = classes_of(read(folder / files.TRANSITIONS))
    return {
        "initial": initial,
        "final": final,
        "productivity": read(folder / files.PRODUCTIVITY),
        "soc": read(folder / files.SOC),
    }


def areas_of(grid):
    found = PixelAreas(grid).rows(0, grid.height)
    return found if found.ndim > 1 else np.broadcast_to(found[:, None], (grid.height, grid.width))


def condition(sides, choice, rules):
    """The condition of all pixels when each factor is taken from one report."""
    one = {layer: sides[choice[layer]][layer] for layer in ("initial", "final", "productivity", "soc")}
    cover = rules[choice["matrix"]]["matrix"].degradation(one["initial"], one["final"])
    policy = rules[choice["nodata_policy"]]["policy"]
    found = one_out_all_out([cover, one["productivity"], one["soc"]], policy=policy)
    return np.where(one["initial"] == 7, OUTSIDE, found)


def test_effects_against_all_orders_of_exchange_on_the_rasters(made):
    root, folder, document, _ = made
    sides = {name: layers_of(root / name) for name in "ab"}
    rules = {"a": {"matrix": UNCCD7_TRANSITIONS, "policy": STRICT}, "b": {"matrix": EDITED, "policy": SINGLE_EVIDENCE}}
    factors = ("initial", "final", "productivity", "soc", "matrix", "nodata_policy")
    counted = (sides["a"]["initial"] != NODATA) | (sides["b"]["initial"] != NODATA)
    km2 = areas_of(UTM)[counted]
    areas = {}
    for taken in itertools.product("ab", repeat=len(factors)):
        found = condition(sides, dict(zip(factors, taken, strict=True)), rules)[counted]
        areas[taken] = np.array([km2[found == code].sum() for code in CODES])
    expected = {factor: np.zeros(len(CODES)) for factor in factors}
    orders = list(itertools.permutations(factors))
    for order in orders:
        choice = dict.fromkeys(factors, "a")
        for factor in order:
            before = areas[tuple(choice.values())]
            choice[factor] = "b"
            expected[factor] += (areas[tuple(choice.values())] - before) / len(orders)
    assert [effect["factor"] for effect in document["effects"]] == list(factors)
    for effect in document["effects"]:
        assert list(effect["km2"]) == list(NAMES)
        np.testing.assert_allclose(list(effect["km2"].values()), expected[effect["factor"]], atol=1e-9)
        assert not effect["alike"]
        assert effect["causes"]
    a, b = (condition(sides, dict.fromkeys(factors, name), rules) for name in "ab")
    table = [[km2[(a[counted] == row) & (b[counted] == col)].sum() for col in CODES] for row in CODES]
    np.testing.assert_allclose(document["agreement"]["km2"], table, atol=1e-9)
    digits = dict(zip(CODES, range(1, 6), strict=True))
    codes = np.vectorize(digits.get)(a) * 10 + np.vectorize(digits.get)(b)
    np.testing.assert_array_equal(read(folder / files.DISAGREEMENT), np.where(counted, codes, NODATA))


def test_tables_add_up(made):
    _, folder, document, _ = made
    for row in document["conditions"]:
        effects = sum(effect["km2"][row["condition"]] for effect in document["effects"])
        assert effects == pytest.approx(row["difference_km2"], abs=1e-9)
        assert row["difference_km2"] == pytest.approx(row["b_km2"] - row["a_km2"], abs=1e-9)
    assert sum(row["a_km2"] for row in document["conditions"]) == pytest.approx(document["compared_km2"])
    for year in ("initial", "final"):
        rows = [row for row in document["classes"] if row["year"] == year]
        assert sum(row["b_km2"] for row in rows) == pytest.approx(document["compared_km2"])
        effect = next(effect for effect in document["effects"] if effect["factor"] == year)
        for name in NAMES:
            parts = sum(pair["effect_km2"][name] for pair in document["rules"]["classes"][year])
            assert parts == pytest.approx(effect["km2"][name], abs=1e-9)
    for name in (files.CONDITIONS_CSV, files.CLASSES_CSV, files.EFFECTS_CSV, files.RULES_CSV):
        header, *rows = csv.reader(io.StringIO((folder / name).read_text("utf-8"), newline=""))
        assert rows
        assert all(len(row) == len(header) for row in rows)
    assert {path.name for path in folder.iterdir()} >= {files.COMPARISON_PAGE, "disagreement.qml"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_the_same_in_every_language(made, language):
    _, folder, document, found = made
    html = comparison_page(comparison_data(found.comparison, folder / files.DISAGREEMENT, language), language)
    page = Reader(html)
    assert ("html", "lang", language) in page.attributes
    assert "sha256-" in policy(html)
    assert {"script", "link", "iframe"}.isdisjoint(page.tags)
    figures = Figures(words_for(language))
    effects = next(table for table in page.tables if len(table) == len(document["effects"]) + 3)
    rows = [row for row in effects[1:-1] if len(row) > len(effects[-1])]
    shown = [name for name in NAMES if name in {row["condition"] for row in document["conditions"]}]
    for row, effect in zip(rows, document["effects"], strict=True):
        assert row[-len(shown) :] == [figures.signed(effect["km2"][name]) for name in shown]
    for name in ("A", "B"):
        assert any(name in text for text in page.texts)
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_hostile_names_are_escaped(made):
    _, folder, _, found = made
    name = "<script>alert(1)</script>{{ 7 * 7 }}"
    one = replace(found.comparison.first, account=replace(found.comparison.first.account, zone=name))
    data = comparison_data(replace(found.comparison, first=one), folder / files.DISAGREEMENT, "en")
    html = comparison_page(data)
    assert "<script" not in html
    assert "{{ 7 * 7 }}" in html


def test_the_command_publishes_all_or_nothing(made, tmp_path, capsys):
    root, *_ = made
    out = tmp_path / "out"
    assert main(["report", "compare", str(root / "a"), str(root / "b"), "-o", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["comparison"] == ["a", "b"]
    assert {path.name for path in out.iterdir()} == set(document["files"])
    assert sum(document["effect_on_degraded_km2"].values()) == pytest.approx(document["difference_km2"]["degraded"])
    again = ["report", "compare", str(root / "a"), str(root / "b"), "-o"]
    assert main([*again, str(out)]) == 2
    assert "holds a comparison already" in capsys.readouterr().err
    assert main([*again, str(root / "a")]) == 2
    assert "holds other files than those of a comparison" in capsys.readouterr().err
    assert main([*again, str(out), "--replace"]) == 0
    assert "of the difference in degraded land is due to" in capsys.readouterr().out
    assert main(["report", "compare", str(root / "a"), str(tmp_path), "-o", str(tmp_path / "no")]) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_reports_that_are_one_differ_in_nothing(made):
    root, *_ = made
    _, document, found = compared(root, root / "a", root / "a", "same", language="ar")
    assert all(effect["alike"] and not effect["causes"] for effect in document["effects"])
    assert all(value == 0 for effect in document["effects"] for value in effect["km2"].values())
    assert document["agreed_percent"] == 100
    assert document["caveats"] == []
    assert not document["rules"]["matrix"] + document["rules"]["lpd_table"] + document["rules"]["nodata_policy"]
    assert document["a"]["outside_km2"] == 0
    account = found.comparison.first.account
    assert next(row["a_km2"] for row in document["conditions"] if row["condition"] == "degraded") == pytest.approx(
        account.sdg.degraded
    )


def test_two_matrices_say_which_cells(tmp_path):
    maps = write_maps(tmp_path)
    a, b = make(tmp_path / "a", maps), make(tmp_path / "b", maps, matrix=EDITED)
    _, document, _ = compared(tmp_path, a, b)
    assert document["judged_by"] == "land_cover"
    cells = document["rules"]["matrix"]
    assert [(cell["initial"], cell["final"], cell["a"], cell["b"]) for cell in cells] == [
        (2, 1, 1, 0),
        (2, 3, UNCCD7_TRANSITIONS.sign(2, 3), -1),
    ]
    initial, final = classes_of(read(a / files.TRANSITIONS))
    km2 = areas_of(UTM)
    for cell in cells:
        area = km2[(initial == cell["initial"]) & (final == cell["final"])].sum()
        assert cell["a_km2"] == pytest.approx(area)
        assert cell["b_km2"] == pytest.approx(area)
    for row in document["conditions"]:
        total = sum(cell["effect_km2"][row["condition"]] for cell in cells)
        assert total == pytest.approx(row["difference_km2"], abs=1e-9)
    effects = {effect["factor"]: effect for effect in document["effects"]}
    assert effects["matrix"]["causes"] == [{"what": "matrix", "a": "unccd7-default 1", "b": "mine 2"}]
    assert effects["initial"]["alike"]


def test_two_crosswalks_of_one_product_say_which_classes(tmp_path):
    rng = np.random.default_rng(5)
    maps = [
        write_map(tmp_path / f"cci{n}.tif", rng.choice([10, 50, 100, 130, 150, 190], (60, 80)), legend="esa-cci")
        for n in range(2)
    ]
    a = make(tmp_path / "a", maps, crosswalk=CCI)
    b = make(tmp_path / "b", maps, crosswalk=OTHER_CCI)
    _, document, _ = compared(tmp_path, a, b)
    assert [caveat["slug"] for caveat in document["caveats"]] == ["two-crosswalks"]
    km2 = areas_of(UTM)
    became = dict(OTHER_CCI.mapping)
    moved = {code: (to, became[code]) for code, to in CCI.mapping if became[code] != to}
    assert moved
    for year, path in zip(("initial", "final"), maps, strict=True):
        codes = read(path)
        pairs = document["rules"]["classes"][year]
        assert {source["code"] for pair in pairs for source in pair["sources"]} == set(moved)
        for pair in pairs:
            sources = [source["code"] for source in pair["sources"]]
            assert {moved[code] for code in sources} == {(pair["a"], pair["b"])}
            assert pair["km2"] == pytest.approx(km2[np.isin(codes, sources)].sum())
    assert all(source["title"] for pair in pairs for source in pair["sources"])
    effects = {effect["factor"]: effect for effect in document["effects"]}
    assert [cause["what"] for cause in effects["initial"]["causes"]] == ["crosswalk"]


@pytest.mark.parametrize("table", ["gpg_v1", "gpg_v2"])
def test_two_tables_of_productivity_say_which_rows(made, tmp_path, table):
    root, other = made[0], get_lpd_table(table)
    b = make(tmp_path / "b", write_maps(tmp_path), layers=layers_in(tmp_path, 10), table=other)
    _, document, _ = compared(tmp_path, root / "a", b)
    rows = {tuple(row.values()) for row in document["rules"]["lpd_table"]}
    outcomes = {row[:3]: row[4] for row in other.rows}
    assert rows == {(*row[:3], row[4], outcomes[row[:3]]) for row in PRAIS2026.rows if row[4] != outcomes[row[:3]]}
    assert rows
    causes = [effect["causes"] for effect in document["effects"] if effect["factor"] == "productivity"]
    assert causes == [[{"what": "lpd_table", "a": "prais2026 1", "b": f"{table} 1"}]]
    assert all(effect["alike"] for effect in document["effects"] if effect["factor"] != "productivity")
    difference = {row["condition"]: row["difference_km2"] for row in document["conditions"]}
    for name, km2 in difference.items():
        assert sum(part["effect_km2"][name] for part in document["rules"]["productivity"]) == pytest.approx(
            km2, abs=1e-9
        )


def test_other_grids_are_brought_to_the_finer_one(tmp_path):
    fine = class_codes(seed=1)
    coarse_grid = Grid(UTM.crs, UTM.transform @ Affine.scale(2), 20, 40)
    maps = [write_map(tmp_path / "f1.tif", fine), write_map(tmp_path / "f2.tif", class_codes(seed=2))]
    coarse = [write_map(tmp_path / f"c{n}.tif", class_codes(20, 40, seed=n), grid=coarse_grid) for n in (1, 2)]
    a, b = make(tmp_path / "a", maps), make(tmp_path / "b", coarse)
    folder, document, _ = compared(tmp_path, a, b)
    assert document["resampled"] == ["b transitions"]
    with rasterio.open(folder / files.DISAGREEMENT) as file:
        assert (file.height, file.width) == (40, 80)
    km2 = areas_of(UTM)
    told = read(a / files.TRANSITIONS) != NODATA
    assert document["a"]["outside_km2"] == pytest.approx(km2[40:][told[40:]].sum())
    assert document["b"]["outside_km2"] == pytest.approx(0, abs=0.02)
    assert {"two-resolutions"} == {caveat["slug"] for caveat in document["caveats"]}


def test_what_only_one_report_has_is_said(made, tmp_path):
    b = make(tmp_path / "a", write_maps(tmp_path), years=(2001, 2015))
    _, document, _ = compared(tmp_path, made[0] / "a", b)
    assert [document[side]["name"] for side in "ab"] == [f"{made[0].name}/a", f"{tmp_path.name}/a"]
    assert document["judged_by"] == "land_cover"
    assert [caveat["slug"] for caveat in document["caveats"]] == ["reports-other-period", "reports-land-cover-only"]


def test_what_is_refused(tmp_path):
    maps = write_maps(tmp_path)
    a = make(tmp_path / "a", maps)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="'empty' is no folder of a report"):
        make_comparison(a, tmp_path / "empty", tmp_path / "empty")
    far = Grid(UTM.crs, UTM.transform @ Affine.translation(5000, 0), UTM.height, UTM.width)
    b = make(tmp_path / "b", [write_map(tmp_path / f"far{n}.tif", class_codes(seed=n), grid=far) for n in (1, 2)])
    (tmp_path / "out").mkdir()
    with pytest.raises(GridMismatch, match="no place in common"):
        make_comparison(a, b, tmp_path / "out")
    account = json.loads((b / files.ACCOUNT).read_text("utf-8"))
    account["grounds"]["maps"][0]["crosswalk"]["rules"][0]["to"] = "x"
    (b / files.ACCOUNT).write_text(json.dumps(account), "utf-8")
    with pytest.raises(AccountUnreadable, match="made of"):
        make_comparison(a, b, tmp_path / "out")
    regional = json.loads((a / files.ACCOUNT).read_text("utf-8"))
    regional["accounts"][0]["joint"]["axes"].insert(0, {"name": "region", "codes": [0]})
    (tmp_path / "out" / files.ACCOUNT).write_text(json.dumps(regional), "utf-8")
    (tmp_path / "out" / files.TRANSITIONS).write_bytes(b"")
    with pytest.raises(ConfigError, match="'out' has regional matrices"):
        make_comparison(tmp_path / "out", a, tmp_path / "out")
    del account["grounds"]
    (b / files.ACCOUNT).write_text(json.dumps(account), "utf-8")
    with pytest.raises(AccountUnreadable, match="does not say what it was made of"):
        make_comparison(a, b, tmp_path / "out")


def test_areas_with_other_boundaries_are_compared_where_both_have_land_cover(tmp_path):
    maps = write_maps(tmp_path)
    a, b = make(tmp_path / "a", maps), make(tmp_path / "b", maps[::-1])
    account = json.loads((b / files.ACCOUNT).read_text("utf-8"))
    account["grounds"]["areas"] = "0" * 64
    (b / files.ACCOUNT).write_text(json.dumps(account), "utf-8")
    holed = class_codes(seed=3)
    holed[30:] = 255
    c = make(tmp_path / "c", [write_map(tmp_path / "holed.tif", holed), maps[1]])
    _, document, _ = compared(tmp_path, c, b)
    assert [caveat["slug"] for caveat in document["caveats"]] == ["reports-other-areas"]
    told = [read(folder / files.TRANSITIONS) != NODATA for folder in (b, c)]
    assert document["compared_km2"] == pytest.approx(areas_of(UTM)[told[0] & told[1]].sum())
    assert document["b"]["outside_km2"] == pytest.approx(areas_of(UTM)[told[0] & ~told[1]].sum())
    _, document, _ = compared(tmp_path, c, a, "same-areas")
    assert document["compared_km2"] == pytest.approx(areas_of(UTM)[told[0] | told[1]].sum())
    assert document["b"]["outside_km2"] == 0


def test_a_report_holds_what_a_comparison_needs(tmp_path):
    maps, layers = write_maps(tmp_path), layers_in(tmp_path)
    request = request_of(maps, layers=layers)
    folder = tmp_path / "report"
    folder.mkdir()
    made = make_report(request, folder, now=MADE)
    joint = made.made.whole.joint
    for axis, name in (("productivity", files.PRODUCTIVITY), ("soc", files.SOC)):
        with rasterio.open(folder / name) as file:
            codes, dtype, nodata = file.read(1), file.dtypes[0], file.nodata
        assert (dtype, nodata) == ("int16", NODATA)
        counts = dict(zip(joint.axis(axis).codes, joint.over([axis]).pixels.tolist(), strict=True))
        assert counts == {code: int((codes == code).sum()) for code in CODES[:4]}
        assert (folder / name).with_suffix(".qml").is_file()
        assets = json.loads((folder / files.ITEM).read_text("utf-8"))["assets"]
        assert assets[axis]["classification:classes"]
    read_back = read_report(folder)
    assert read_back.grounds.policy == STRICT
    assert read_back.grounds.lpd_table.identity == PRAIS2026.identity
    assert [layer.name for layer in read_back.grounds.layers] == ["trend", "state", "performance", "soc condition"]
    assert all(len(layer.sha256) == 64 for layer in read_back.grounds.layers)


def test_grounds_come_back_with_a_national_legend():
    legend = replace(get_legend("esa-cci"), id="national")
    crosswalk = replace(CCI, id="national-to-unccd7", source_legend="national", source=legend)
    source = MapSource(product="national", crosswalk=crosswalk.identity, version="3", year=2000, resolution_m=30.5)
    ground = MapGround(source=source, file="n.tif", sha256="1" * 64, crosswalk=crosswalk, legend=legend)
    grounds = Grounds(maps=(ground, ground), policy=SINGLE_EVIDENCE, areas="2" * 64)
    back = parse_grounds(json.loads(json.dumps(grounds.to_document())))
    assert back.to_document() == grounds.to_document()
    assert back.maps[0].source == source
    for broken in (None, {}, {**grounds.to_document(), "maps": []}, {**grounds.to_document(), "nodata_policy": {}}):
        with pytest.raises(AccountUnreadable):
            parse_grounds(broken)
