"""Field plots: digital numbers as the service sees them, folds that hold, and values that cannot be."""

import numpy as np
import pytest

from landcover.errors import ConfigError
from landcover.scaling import to_reflectance
from landcover.sensors import get_product
from tests.training.severity.conftest import write_plots
from training.severity.data import COLUMNS, FieldCoverData, HoldOut
from training.severity.folds import fold_of_plots, same_spectrum
from training.severity.plots import Plots, PlotsUnusable, read_plots, to_digital_numbers
from training.split_error import SplitError

LANDSAT = get_product("landsat-8-c2-l2")
EXPECTED = [3, 2, 1, 0, 3, 2, 1, 0, 4, 4]
"""Folds of the plots 100 to 109: a change would make all published figures incomparable."""


def plots_of(dn_PB, sites=None):
    dn_PB = np.asarray(dn_PB, dtype=np.uint16)
    count = len(dn_PB)
    sites = np.arange(count) if sites is None else np.asarray(sites)
    return Plots(sites, dn_PB, np.zeros(count), np.zeros((count, 0)), "")


def test_digital_numbers_are_rounded_and_never_nodata():
    reflectance = np.array([[0.1, 0.25, 0.0, -0.3, 2.5]])
    dn = to_digital_numbers(reflectance, LANDSAT)
    assert dn.dtype == np.uint16
    assert dn[0, 3:].tolist() == [1, 65535]
    assert to_reflectance(dn[:, :3], LANDSAT.radiometry) == pytest.approx(reflectance[:, :3], abs=0.5 * 2.75e-5 + 1e-6)


def test_reads_what_was_written(tmp_path):
    plots = read_plots(write_plots(tmp_path / "plots.csv", plots=50), COLUMNS, LANDSAT)
    assert len(plots) == 50
    assert plots.sites[:3].tolist() == [1, 3, 5]
    assert plots.others_PO.shape == (50, 2)
    assert plots.bare + plots.others_PO.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("swir2", "swir9", 1), r"lacks the columns \['swir2'\]"),
        (lambda text: text.splitlines()[0], "has no rows"),
        (
            lambda text: "\n".join([*text.splitlines()[:3], "9,0.1,0.2,nan,0,.1,.1,.1,.1,.1"]),
            "line 4: bare_fraction is",
        ),
        (lambda text: "\n".join([*text.splitlines()[:3], "9,0.1,0.2,0.3,0,.1,.1,,.1,.1"]), "line 4: nir is ''"),
        (
            lambda text: "\n".join([*text.splitlines()[:3], "9,10,20,70,0,.1,.1,.1,.1,.1"]),
            "line 4: bare_fraction is 70",
        ),
    ],
)
def test_bad_tables_are_refused_with_the_line(tmp_path, change, says):
    path = write_plots(tmp_path / "plots.csv", plots=5)
    path.write_text(change(path.read_text()))
    with pytest.raises(PlotsUnusable, match=says) as refused:
        read_plots(path, COLUMNS, LANDSAT)
    assert refused.value.exit_code == 3


def test_a_missing_file_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("STEPPE_DATA", raising=False)
    data = FieldCoverData(root=str(tmp_path))
    with pytest.raises(PlotsUnusable, match="STEPPE_DATA"):
        data.train_dataloader()


@pytest.mark.parametrize("rule", ["random", "blocks", "bright"])
def test_every_plot_is_in_one_fold_and_equal_spectra_never_part(rule):
    random = np.random.default_rng(4)
    dn_PB = random.integers(1, 20_000, (60, 5))
    dn_PB = np.concatenate([dn_PB, dn_PB[:20], dn_PB[:5]])
    plots = plots_of(dn_PB, sites=random.permutation(len(dn_PB)))
    folds = fold_of_plots(plots, rule, 5)
    groups = same_spectrum(plots)
    assert all(len(set(folds[groups == group])) == 1 for group in range(groups.max() + 1))
    assert np.bincount([folds[groups == group][0] for group in range(groups.max() + 1)]).tolist() == [12] * 5


def test_the_random_rule_never_changes():
    plots = plots_of(np.arange(50).reshape(10, 5) + 7000, sites=range(100, 110))
    assert fold_of_plots(plots, "random", 5).tolist() == EXPECTED
    turned = plots_of(plots.dn_PB[::-1], sites=plots.sites[::-1])
    assert fold_of_plots(turned, "random", 5).tolist() == EXPECTED[::-1]


def test_blocks_are_runs_and_bright_folds_do_not_overlap():
    random = np.random.default_rng(5)
    plots = plots_of(random.integers(1, 20_000, (50, 5)))
    assert (np.diff(fold_of_plots(plots, "blocks", 5)) >= 0).all()
    bright = fold_of_plots(plots, "bright", 5)
    means = plots.dn_PB.mean(axis=1)
    assert all(means[bright == fold].max() <= means[bright == fold + 1].min() for fold in range(4))


def test_impossible_folds_are_refused():
    with pytest.raises(SplitError, match="3 folds of 2 distinct spectra"):
        fold_of_plots(plots_of([[1] * 5, [2] * 5, [2] * 5]), "random", 3)
    with pytest.raises(ConfigError, match="there is no fold 5 of 5"):
        HoldOut(fold=5)


def test_batches_hold_training_plots_only_in_an_order_of_seed_and_epoch(plots_root, monkeypatch):
    monkeypatch.setenv("STEPPE_DATA", str(plots_root))
    data = FieldCoverData(batch_size=32, hold_out=HoldOut(fold=2), seed=7)
    held = {tuple(row) for row in data.plots.dn_PB[data.held_out_plots()].tolist()}
    loader = data.train_dataloader()
    loader.sampler.set_epoch(3)
    first, again = ([batch["image"] for batch in loader] for _ in range(2))
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    assert first[0].shape == (1, 5, 32, 1)
    seen = {tuple(row) for image in first for row in image[0, :, :, 0].T.int().tolist()}
    assert seen.isdisjoint(held)
    loader.sampler.set_epoch(4)
    assert not (next(iter(loader))["image"] == first[0]).all()
    (validation,) = next(iter(data.val_dataloader()[0]))["image"].shape[2:3]
    assert validation == len(held)
