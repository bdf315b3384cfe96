"""Folds keep groups together and are of about equal size and mixture."""

import numpy as np
import pytest
import yaml
from sklearn.model_selection import StratifiedGroupKFold

from landcover.errors import OutputNotWritable
from tests.training.memory import memory_scene
from training.folds import Folds, grouped, main, make_folds, read_folds
from training.split_error import SplitError
from training.splits import SplitChoice


def random_groups(seed, groups=40, classes=5):
    draw = np.random.default_rng(seed)
    sizes = draw.lognormal(8, 1.2, groups)
    mixtures = draw.dirichlet(np.full(classes, 0.3), groups)
    return {
        f"g{number:02d}": (size * mixture).astype(np.int64)
        for number, (size, mixture) in enumerate(zip(sizes, mixtures, strict=True))
    }


def imbalance(pixels_GK, folds):
    """Largest distance of a fold's share of a class from the ideal."""
    totals = np.sum(list(pixels_GK.values()), axis=0)
    shares = [np.sum([pixels_GK[group] for group in fold], axis=0) / totals for fold in folds]
    return np.abs(np.array(shares) - 1 / len(folds)).max()


def sklearn_folds(pixels_GK, count):
    """scikit-learn's stratified group folds on one row per hundred pixels."""
    rows = [
        (group, label) for group, pixels in pixels_GK.items() for label, n in enumerate(pixels) for _ in range(n // 100)
    ]
    groups, labels = zip(*rows, strict=True)
    splitter = StratifiedGroupKFold(count)
    return [sorted({groups[i] for i in held}) for _, held in splitter.split(np.zeros(len(rows)), labels, groups)]


@pytest.mark.parametrize("seed", range(4))
def test_as_balanced_as_scikit_learn(seed):
    pixels = random_groups(seed)
    ours, theirs = make_folds(pixels, 5), sklearn_folds(pixels, 5)
    assert sorted(group for fold in ours for group in fold) == sorted(pixels)
    assert imbalance(pixels, ours) <= imbalance(pixels, theirs) + 0.03


def test_no_chance_is_involved():
    pixels = random_groups(9)
    assert make_folds(pixels, 4) == make_folds(dict(reversed(pixels.items())), 4)


@pytest.mark.parametrize("count", [1, 4])
def test_fold_counts_that_do_not_fit_are_refused(count):
    with pytest.raises(SplitError, match=f"{count} folds of 3 groups"):
        make_folds(random_groups(0, groups=3), count)


def test_sites_that_belong_together():
    sites = ("bercy", "paris", "presto_a", "presto_b", "rome")
    assert grouped(sites, ["paris, bercy", "presto_*"]) == {
        "paris, bercy": ["bercy", "paris"],
        "presto_*": ["presto_a", "presto_b"],
        "rome": ["rome"],
    }


@pytest.mark.parametrize(
    ("together", "message"), [(["tokyo"], "fits no site"), (["p*", "paris"], "sites of another group")]
)
def test_groups_that_fit_nothing_or_overlap_are_refused(together, message):
    with pytest.raises(SplitError, match=message):
        grouped(("paris", "pisa"), together)


def test_split_by_folds(tmp_path):
    path = tmp_path / "folds.yaml"
    path.write_text("folds: [[a, b], [c], [d]]\n")
    scenes = [memory_scene(name) for name in "abcd"]
    assigned = SplitChoice(folds=str(path), fold=1).assign(scenes)
    assert {name: [scene.info.name for scene in found] for name, found in assigned.items()} == {
        "train": ["a", "b", "d"],
        "val": ["c"],
        "test": ["c"],
    }
    everything = SplitChoice(folds=str(path), fold="none").assign(scenes)
    assert [len(everything[name]) for name in ("train", "val", "test")] == [4, 2, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folds: [[a, b], [c], [d]]", "no fold 3"),
        ("folds: [[a, b], [c]]", "'d' is in no fold"),
        ("folds: [[a, b], [c], [d, e]]", "'e' does not exist"),
        ("folds: [[a, b], [c], [d, a]]", "'a' stands twice"),
        ("folds: [[a, b, c, d]]", "at least two folds"),
        ("- a", "no list of lists"),
        ("folds: [", "cannot read"),
    ],
)
def test_bad_folds_are_one_clear_sentence(tmp_path, text, message):
    path = tmp_path / "folds.yaml"
    path.write_text(text)
    with pytest.raises(SplitError, match=message):
        SplitChoice(folds=str(path), fold=3).assign([memory_scene(name) for name in "abcd"])


def test_the_command_writes_folds_that_can_be_used(repository, data_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STEPPE_DATA", str(data_root))
    config = repository / "configs/train/s2_landcover.yaml"
    path = tmp_path / "new" / "folds.yaml"
    assert main(["-c", str(config), "-k", "3", "--together", "paris, bercy", "-o", str(path)]) == 0
    folds = read_folds(path)
    assert len(folds.folds) == 3
    assert any({"paris", "bercy"} <= set(fold) for fold in folds.folds)
    assert capsys.readouterr().out.count("share of each class") == 3


def test_a_file_of_another_kind_is_not_replaced(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("model: {}\n")
    with pytest.raises(OutputNotWritable, match=r"'train\.yaml' exists and is no file of folds"):
        main(["-c", str(path), "-k", "3", "-o", str(path)])
    assert path.read_text() == "model: {}\n"


def test_the_shipped_folds_keep_neighbours_together(repository):
    content = yaml.safe_load((repository / "configs/folds/s2_landcover.yaml").read_text())
    folds = Folds(tuple(map(tuple, content["folds"])))
    sites = [site for fold in folds.folds for site in fold]
    numbers = folds.assign(sites)
    assert len(folds.folds) == 5
    for members in grouped(sites, content["together"]).values():
        assert len({numbers[site] for site in members}) == 1
