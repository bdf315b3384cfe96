"""The promotion gate of severity models compares recorded cross-validations, and only of the same plots."""

import numpy as np
import pytest
import yaml

from landcover.bundle import load_bundle
from landcover.metrics import score
from tests.bundles import tiny_bundle
from tests.training.severity.conftest import REPOSITORY
from training.gate import ChampionMismatch, Gate, GateRefused, parse_override
from training.severity.gate import COVER_SCORE, judge
from training.severity.order import read_order
from training.severity.scores import Estimates
from training.severity.table import read_table
from training.severity.verdict import reach_verdict

PLOTS_FILE = "a" * 64


def verdict_of(error, *, seed=0, rule="random", bounds="bare_ground.yaml"):
    """Two folds whose estimates are off by ``error`` in the mean."""
    random = np.random.default_rng(seed)
    table = read_table(REPOSITORY / "configs/severity" / bounds)
    folds = []
    for plots in (300, 200):
        bare = random.random(plots)
        mean = np.clip(bare + random.normal(0, error, plots), 0, 1)
        folds.append(Estimates(bare, mean, random.random(plots), np.eye(5, dtype=np.float32)[table.levels(mean)]))
    return reach_verdict(folds, table, rule)


def champion(folder, *verdicts, plots=PLOTS_FILE):
    scores = {"cross_validation": [verdict.to_json() for verdict in verdicts]}
    return tiny_bundle(folder, scores=scores, provenance={"training_files_sha256": plots})


def test_without_a_champion_there_is_nothing_to_hold_against_a_model():
    assert judge(None, verdict_of(0.1), PLOTS_FILE, Gate()).passed


def test_a_better_version_passes_and_a_worse_one_is_refused_by_its_figures(tmp_path):
    good, bad = verdict_of(0.05), verdict_of(0.2)
    assert judge(champion(tmp_path, bad), good, PLOTS_FILE, Gate()).passed
    found = judge(champion(tmp_path / "other", verdict_of(0.3, rule="bright"), good), bad, PLOTS_FILE, Gate())
    cover, overall = found.comparisons[:2]
    assert cover.name == COVER_SCORE
    assert (cover.champion, cover.candidate) == (pytest.approx(good.cover.r2, abs=1e-4), bad.cover.r2)
    assert overall.champion == pytest.approx(score(np.array(good.levels.matrix), good.levels.names).overall_accuracy)
    with pytest.raises(GateRefused, match=r"R2 of the bare fraction falls from 0\.9"):
        found.enforce()
    assert judge(champion(tmp_path / "third", good), bad, PLOTS_FILE, Gate(1.0, {}, 1.0, 1.0)).passed


def test_levels_of_another_table_are_not_compared(tmp_path):
    found = judge(
        champion(tmp_path, verdict_of(0.05, bounds="bare_ground_subhumid.yaml")), verdict_of(0.05), PLOTS_FILE, Gate()
    )
    assert [each.name for each in found.comparisons] == [COVER_SCORE]
    assert "tables of levels differ" in found.basis


@pytest.mark.parametrize(("old", "plots"), [(verdict_of(0.1), "b" * 64), (verdict_of(0.1, rule="bright"), PLOTS_FILE)])
def test_what_cannot_be_compared_is_refused_until_somebody_answers_for_it(tmp_path, old, plots):
    found = judge(champion(tmp_path, old, plots=plots), verdict_of(0.1), PLOTS_FILE, Gate())
    with pytest.raises(GateRefused, match=r"against tiny@0\.1\.0, its manifest has no cross-validation on the same"):
        found.enforce()
    forced = found.overridden_by(parse_override("Ada: new plots"))
    forced.enforce()
    assert forced.to_json()["override"]["why"] == "new plots"


def test_a_champion_of_another_legend_is_named_before_anything_is_trained(tmp_path, plots_root, monkeypatch):
    monkeypatch.setenv("STEPPE_DATA", str(plots_root))
    other = tiny_bundle(tmp_path)
    with pytest.raises(ChampionMismatch, match=r"champion tiny@0\.1\.0 has legend unccd7"):
        read_order(arguments(tmp_path, "--checkpoint", "x.ckpt", "--champion", str(other.path)))


@pytest.mark.parametrize("option", [("--champion", "b"), ("--force", "Ada: so")])
def test_another_table_alone_is_not_judged(tmp_path, option, capsys):
    with pytest.raises(SystemExit) as stopped:
        read_order(arguments(tmp_path, "--bundle", "b", *option))
    assert stopped.value.code == 2
    assert "leave --champion and --force out" in capsys.readouterr().err


def test_the_gate_of_a_configuration_knows_the_levels(tmp_path):
    text = yaml.safe_load((REPOSITORY / "configs/publish/landsat_severity.yaml").read_text())
    text |= {"table": str(REPOSITORY / "configs/severity/bare_ground.yaml"), "gate": {"classes": {"severe": 0.2}}}
    (tmp_path / "publish.yaml").write_text(yaml.safe_dump(text))
    order = read_order(arguments(tmp_path, "--checkpoint", "x", "-p", str(tmp_path / "publish.yaml")))
    assert order.gate == Gate(classes={"severe": 0.2})
    assert order.champion is None


def test_the_shipped_version_is_the_champion_of_the_next(tmp_path):
    shipped = load_bundle(REPOSITORY / "models/zoo/steppe-landsat-severity/0.1.0")
    order = read_order(arguments(tmp_path, "--checkpoint", "x", "--champion", str(shipped.path)))
    assert order.champion.digest == shipped.digest


def arguments(folder, *more):
    configs = REPOSITORY / "configs"
    return [
        *("-c", str(configs / "train/landsat_severity.yaml"), "-p", str(configs / "publish/landsat_severity.yaml")),
        *("--version", "9.0.0", "-o", str(folder), *more),
    ]
