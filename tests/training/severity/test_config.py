"""The shipped configuration runs as it is."""

from tests.training.fits import WARNINGS
from tests.training.severity.conftest import REPOSITORY
from training import cli

pytestmark = WARNINGS


def test_shipped_config_runs(plots_root, tmp_path, monkeypatch):
    monkeypatch.setenv("STEPPE_DATA", str(plots_root))
    monkeypatch.chdir(tmp_path)
    config = str(REPOSITORY / "configs/train/landsat_severity.yaml")
    assert cli.train(["fit", "-c", config, "--trainer.fast_dev_run=1"]) == 0
