"""A configuration of field plots goes to its own commands, everything else to the common ones."""

import subprocess
import sys

import pytest

from tests.training.severity.conftest import REPOSITORY
from training.severity.dispatch import command_module

SEVERITY = str(REPOSITORY / "configs/train/landsat_severity.yaml")
SCENES = str(REPOSITORY / "configs/train/smoke.yaml")


@pytest.mark.parametrize("command", ["evaluate", "publish"])
@pytest.mark.parametrize(
    ("arguments", "room"),
    [
        (["-c", SEVERITY, "--json"], "training.severity"),
        ([f"--config={SEVERITY}"], "training.severity"),
        (["--version", "1", "-c", SCENES], "training"),
        (["-c", "nowhere.yaml"], "training"),
        (["--help"], "training"),
        (["-c"], "training"),
    ],
)
def test_the_data_of_the_configuration_decides(command, arguments, room):
    assert command_module(command, arguments) == f"{room}.{command}"


def test_a_broken_file_goes_where_it_is_reported(tmp_path):
    for content in (b"data: [", b"\xff\xfe\x00", b"- 1", b"data: 3"):
        (tmp_path / "config.yaml").write_bytes(content)
        assert command_module("evaluate", ["-c", str(tmp_path / "config.yaml")]) == "training.evaluate"


def test_choosing_loads_no_torch():
    code = (
        "import sys; from training.severity.dispatch import command_module; "
        f"command_module('evaluate', ['-c', {SEVERITY!r}]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
