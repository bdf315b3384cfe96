"""Band statistics against numpy, and the command that prints them."""

import numpy as np
import pytest
import yaml

from training import statistics
from training.datasets import SiteDataset, find_sites

BANDS = ("B02", "B12")


def test_statistics_weigh_sites_by_the_root_of_their_pixels(data_root):
    found = find_sites(data_root / "s2_landcover")
    legends = {"source_legend": "dynamic-world", "target_legend": "unccd7"}
    sites = [SiteDataset(found[name], bands=BANDS, **legends) for name in ("paris", "worldcereal_preproc")]
    values, weights = [], []
    for site in sites:
        image = np.concatenate([site.scene(when)["image"].numpy().reshape(2, -1) for when in site.geo.index.index], 1)
        image = image[:, (image != 0).any(axis=0)]
        values.append(np.sqrt(np.minimum(image * 2e-4, 2.0)))
        weights.append(np.full(image.shape[1], site.area**0.5 / image.shape[1]))
    wanted = np.average(np.concatenate(values, 1), axis=1, weights=np.concatenate(weights))
    spread = np.average((np.concatenate(values, 1) - wanted[:, None]) ** 2, axis=1, weights=np.concatenate(weights))
    mean, std = statistics.band_statistics(sites, scale=2e-4, offset=0.0)
    np.testing.assert_allclose(mean, wanted)
    np.testing.assert_allclose(std, spread**0.5)


def test_command_prints_lines_for_a_config(repository, data_root, monkeypatch, capsys):
    monkeypatch.setenv("STEPPE_DATA", str(data_root))
    assert statistics.main([str(repository / "configs/train/smoke.yaml")]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert len(printed["mean"]) == len(printed["std"]) == 9
    assert min(printed["std"]) > 0
    assert printed["mean"][0] == pytest.approx(0.45, abs=0.1)
