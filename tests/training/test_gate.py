"""The promotion gate: rules against hand-made matrices, and the command against real bundles."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from landcover.errors import BundleInvalid, ConfigError
from landcover.legends import get_legend
from landcover.metrics import score
from tests.bundles import tiny_bundle, tiny_manifest
from tests.training.memory import MemorySource, memory_scene
from training.evaluation import evaluate_scenes
from training.evaluation_store import save
from training.gate import (
    ChampionMismatch,
    Gate,
    GateRefused,
    Override,
    Verdict,
    check_comparable,
    compare,
    gate_from_config,
    parse_override,
)
from training.inference import bundle_predictor
from training.order import CrossValidation, Order, read_cross_validation
from training.promotion import Standing, find_champion, judge

LEGEND = get_legend("unccd7")
SIZES = {"tile": 64, "overlap": 32}


def scores(right, wrong):
    """Class k: ``right[k]`` pixels right, ``wrong[k]`` pixels mapped as the next class."""
    matrix = np.diag(right) + np.roll(np.diag(wrong), 1, axis=1)
    return score(matrix, LEGEND.names[: len(right)])


def by_name(comparisons):
    return {comparison.name: comparison for comparison in comparisons}


def test_equal_models_pass():
    same = scores([90, 80, 70], [10, 20, 30])
    comparisons = compare(same, same, Gate(tolerance=0.0, macro_iou=0.0, overall_accuracy=0.0))
    assert all(comparison.verdict == "ok" for comparison in comparisons)
    assert len(comparisons) == 2 + 3


def test_a_class_that_falls_is_refused_although_the_mean_rises():
    champion, candidate = scores([50, 80, 80], [50, 20, 20]), scores([95, 80, 60], [5, 20, 40])
    found = by_name(compare(champion, candidate, Gate()))
    assert candidate.macro_iou > champion.macro_iou
    falls = [name for name, comparison in found.items() if not comparison.holds]
    expected = [
        f"IoU of {name}"
        for name, old, new in zip(champion.names, champion.iou, candidate.iou, strict=True)
        if new < old - 0.02
    ]
    assert falls == expected
    assert falls


@pytest.mark.parametrize(("tolerance", "holds"), [(0.08, True), (0.07, False)])
def test_the_tolerance_of_a_single_class_wins(tolerance, holds):
    champion, candidate = scores([80, 80], [20, 20]), scores([75, 80], [25, 20])
    name = champion.names[0]
    lost = champion.iou[0] - candidate.iou[0]
    assert 0.03 < lost < 0.08
    gate = Gate(tolerance=1.0, classes={name: lost + tolerance - 0.075}, macro_iou=1.0, overall_accuracy=1.0)
    assert by_name(compare(champion, candidate, gate))[f"IoU of {name}"].holds is holds


def test_a_class_without_labels_is_not_compared():
    # Nobody labelled class 2; the champion never maps it, the candidate maps it by mistake.
    champion = score([[9, 1, 0], [1, 9, 0], [0, 0, 0]], LEGEND.names[:3])
    candidate = score([[9, 0, 1], [1, 9, 0], [0, 0, 0]], LEGEND.names[:3])
    found = by_name(compare(champion, candidate, Gate()))
    assert found[f"IoU of {LEGEND.names[2]}"].verdict == "undefined"
    assert found[f"IoU of {LEGEND.names[2]}"].holds


def test_the_refusal_names_class_figures_and_tolerance():
    comparisons = compare(scores([80, 80], [20, 20]), scores([40, 80], [60, 20]), Gate())
    verdict = Verdict("a@1", "0" * 64, "x", (), comparisons)
    with pytest.raises(GateRefused) as caught:
        verdict.enforce()
    assert caught.value.exit_code == 8
    assert re.search(
        rf"IoU of {LEGEND.names[0]} falls from 0\.667 to 0\.\d\d\d, more than the tolerance of 0\.02", str(caught.value)
    )


def test_an_override_lets_pass_and_is_recorded_only_where_it_was_needed():
    override = Override("Ada", "wetland matters more", "2026-11-01T00:00:00Z")
    bad = Verdict("a@1", "0" * 64, "x", (), compare(scores([80, 80], [20, 20]), scores([40, 80], [60, 20]), Gate()))
    forced = bad.overridden_by(override)
    forced.enforce()
    assert json.loads(json.dumps(forced.to_json()))["override"]["who"] == "Ada"
    good = Verdict("a@1", "0" * 64, "x", (), compare(scores([80], [0]), scores([80], [0]), Gate()))
    assert good.overridden_by(override).override is None


@pytest.mark.parametrize("text", ["", "Ada", "Ada:", ": because", "  :  "])
def test_an_override_without_who_and_why_is_none(text):
    with pytest.raises(ValueError, match="WHO: WHY"):
        parse_override(text)


def test_an_override_keeps_colons_of_the_reason():
    override = parse_override(" Ada  Lovelace : ratio 1:2,\n as agreed ")
    assert (override.who, override.why) == ("Ada Lovelace", "ratio 1:2, as agreed")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"tolerance": -0.1}, "tolerance is -0.1"),
        ({"tolerance": "much"}, "tolerance is 'much'"),
        ({"macro_iou": True}, "macro_iou is True"),
        ({"classes": {"lava": 0.1}}, "classes {'lava': 0.1}"),
        ({"classes": {LEGEND.names[0]: 2}}, f"{LEGEND.names[0]} is 2"),
        ([0.1], "not understood"),
    ],
)
def test_gates_that_cannot_be_used(entry, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        gate_from_config(entry, LEGEND)


def test_a_gate_from_a_configuration():
    gate = gate_from_config({"tolerance": 0.01, "classes": {LEGEND.names[1]: 0.3}}, LEGEND)
    assert gate == Gate(tolerance=0.01, classes={LEGEND.names[1]: 0.3})
    assert gate_from_config(None, LEGEND) == Gate()


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"legend_id": "change3"}, "legend"), ({"dates": 2}, "dates"), ({"bands": ("B02", "B03", "B04", "B05")}, "bands")],
)
def test_a_champion_of_another_kind_is_refused(changes, says):
    facts = MemorySource([]).facts()
    check_comparable(tiny_manifest(), facts)
    if "bands" in changes:
        changes = changes | {"statistics": dict.fromkeys(changes["bands"], tiny_manifest().statistics["B02"])}
    with pytest.raises(ChampionMismatch, match=rf"champion tiny@0\.1\.0 has {says}"):
        check_comparable(tiny_manifest(**changes), facts)


def order(folder, **changes):
    basis = {"config": folder / "c", "text": {"name": "tiny"}, "checkpoint": folder / "k", "version": "9"}
    return Order(**(basis | {"output": folder} | changes))


def test_the_newest_version_is_the_champion_and_never_an_older_one_in_its_place(tmp_path):
    assert find_champion(None, tmp_path, "tiny") is None
    for version in ("0.9.0", "0.10.0", "0.11.0"):
        tiny_bundle(tmp_path, version=version)
    assert find_champion(None, tmp_path, "tiny").manifest.version == "0.11.0"
    (tmp_path / "tiny/0.11.0/manifest.json").write_text("{")
    with pytest.raises(BundleInvalid, match=r"0\.11\.0"):
        find_champion(None, tmp_path, "tiny")
    named = find_champion(tmp_path / "tiny/0.9.0", tmp_path, "tiny")
    assert named.manifest.version == "0.9.0"


@pytest.fixture
def scenes():
    return tuple(memory_scene(f"s{number}", shape=(64, 70), seed=number) for number in range(3))


def evaluated(predict, scenes):
    return evaluate_scenes(predict, scenes, LEGEND, tile=64, overlap=32)


def test_both_graphs_are_scored_on_the_test_scenes(tmp_path, scenes):
    champion = tiny_bundle(tmp_path, provenance={"sites": {"train": ["s1"]}})
    mine = evaluated(bundle_predictor(champion), scenes)
    standing = Standing(legend=LEGEND, scenes=scenes, evaluation=mine, cross_validation=None)
    verdict = judge(champion, standing, Gate(tolerance=0.0), SIZES)
    assert verdict.passed
    assert verdict.scenes == ("s0", "s1", "s2")
    assert "trained on s1" in verdict.basis
    assert by_name(verdict.comparisons)["macro IoU"].champion == mine.pooled.macro_iou


def cross_validation(folder, predict, scenes):
    """The report and the folds as a cross-validation leaves them: each scene held out by one of two folds."""
    parts = [evaluated(predict, scenes[:1]), evaluated(predict, scenes[1:])]
    for fold, part in enumerate(parts):
        save_in = folder / "folds"
        save_in.mkdir(parents=True, exist_ok=True)
        save(save_in / f"fold{fold}-abc.npz", part, ())
    whole = evaluated(predict, scenes).to_json()
    report = json.loads(json.dumps(whole)) | {"split": "held-out folds", "temperatures": {"fold 0": 1.0, "fold 1": 4.0}}
    (folder / "report.json").write_text(json.dumps(report))
    return read_cross_validation(folder, LEGEND)


def test_a_network_trained_on_all_sites_is_compared_where_the_champion_held_out(tmp_path, scenes):
    champion = tiny_bundle(tmp_path, provenance={"sites": {"train": ["s0"], "test": ["s1", "s2"]}})
    predict = bundle_predictor(champion)
    crossed = cross_validation(tmp_path / "report", predict, scenes)
    assert crossed.temperature == pytest.approx(2.0)
    standing = Standing(legend=LEGEND, scenes=scenes, evaluation=None, cross_validation=crossed)
    verdict = judge(champion, standing, Gate(tolerance=0.0, macro_iou=0.0, overall_accuracy=0.0), SIZES)
    assert verdict.scenes == ("s1", "s2")
    assert verdict.passed
    expected = evaluated(predict, scenes[1:]).pooled
    assert by_name(verdict.comparisons)["overall accuracy"].candidate == expected.overall_accuracy


def test_recorded_cross_validations_are_compared_where_the_labels_are_the_same(tmp_path, scenes):
    tiny = tiny_bundle(tmp_path)
    crossed = cross_validation(tmp_path / "report", bundle_predictor(tiny), scenes)
    standing = Standing(legend=LEGEND, scenes=scenes, evaluation=None, cross_validation=crossed)
    before = dict(crossed.report) | {"created": "2020-01-01T00:00:00Z"}
    champion = replace(tiny, manifest=replace(tiny.manifest, scores={"cross_validation": before}))
    assert judge(champion, standing, Gate(tolerance=0.0), SIZES).passed
    other = dict(crossed.report) | {"confusion_matrix": np.eye(7, dtype=int).tolist()}
    champion = replace(tiny, manifest=replace(tiny.manifest, scores={"cross_validation": other}))
    assert judge(champion, standing, Gate(), SIZES).problem


def test_one_report_for_both_is_no_comparison(tmp_path, scenes):
    tiny = tiny_bundle(tmp_path)
    crossed = cross_validation(tmp_path / "report", bundle_predictor(tiny), scenes)
    standing = Standing(legend=LEGEND, scenes=scenes, evaluation=None, cross_validation=crossed)
    champion = replace(tiny, manifest=replace(tiny.manifest, scores={"cross_validation": crossed.report}))
    with pytest.raises(GateRefused, match="no two cross-validations of the same labels"):
        judge(champion, standing, Gate(), SIZES).enforce()


def test_what_cannot_be_compared_is_refused_not_waved_through(tmp_path, scenes):
    champion = tiny_bundle(tmp_path)
    crossed = CrossValidation(tmp_path / "report.json", {"confusion_matrix": np.eye(7).tolist()})
    verdict = judge(
        champion, Standing(legend=LEGEND, scenes=scenes, evaluation=None, cross_validation=crossed), Gate(), SIZES
    )
    with pytest.raises(GateRefused, match="no scenes that neither version was trained on"):
        verdict.enforce()
    verdict.overridden_by(parse_override("Ada: first of its kind")).enforce()


def test_files_of_older_folds_do_no_harm(tmp_path, scenes):
    champion = tiny_bundle(tmp_path, provenance={"sites": {"train": ["s0"], "test": ["s1", "s2"]}})
    crossed = cross_validation(tmp_path / "report", bundle_predictor(champion), scenes)
    folder = tmp_path / "report/folds"
    (folder / "fold2-abc.npz").write_bytes((folder / "fold0-abc.npz").read_bytes())  # there were three folds once
    standing = Standing(legend=LEGEND, scenes=scenes, evaluation=None, cross_validation=crossed)
    assert judge(champion, standing, Gate(), SIZES).scenes == ("s1", "s2")


def test_folds_of_another_run_are_not_used(tmp_path, scenes):
    champion = tiny_bundle(tmp_path, provenance={"sites": {"test": ["s1"]}})
    crossed = cross_validation(tmp_path / "report", bundle_predictor(champion), scenes)
    changed = dict(crossed.report) | {"confusion_matrix": np.eye(7, dtype=int).tolist()}
    standing = Standing(
        legend=LEGEND, scenes=scenes, evaluation=None, cross_validation=CrossValidation(crossed.path, changed)
    )
    assert judge(champion, standing, Gate(), SIZES).problem


def test_a_manifest_holds_the_report_it_was_published_with(tmp_path):
    report = {"split": "held-out folds", "temperatures": {"0": 2.0}, "classes": [{"name": n} for n in LEGEND.names]}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"type": "Feature", "properties": {"steppe:scores": {"cross_validation": report}}}))
    assert read_cross_validation(path, LEGEND) == CrossValidation(path, report)
    path.write_text(json.dumps({"type": "Feature", "properties": {}}))
    with pytest.raises(ConfigError, match="nor holds one"):
        read_cross_validation(path, LEGEND)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"split": "test"}, "not of a cross-validation"),
        ({"split": "held-out folds, difference of two maps"}, "difference of two maps, not of a cross-validation"),
        ({"temperatures": {}}, "not of a cross-validation"),
        ({"classes": [{"name": "lava"}]}, "scores lava"),
        ({"classes": None}, "no report of steppe evaluate"),
    ],
)
def test_reports_that_do_not_stand_for_a_test(tmp_path, change, says):
    report = {
        "split": "held-out folds",
        "temperatures": {"fold 0": 1.0},
        "classes": [{"name": n} for n in LEGEND.names],
    }
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    assert read_cross_validation(path, LEGEND).temperature == 1
    path.write_text(json.dumps(report | change))
    with pytest.raises(ConfigError, match=says):
        read_cross_validation(path, LEGEND)
    with pytest.raises(ConfigError, match="cannot read"):
        read_cross_validation(tmp_path / "nothing.json", LEGEND)
