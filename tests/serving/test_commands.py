"""Commands as processes: signals, taken ports, and commands whose packages are missing."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import serving
from landcover.errors import ConfigError
from serving import cli, start
from serving.signals import INTERRUPTED, STOPPING, Interrupted, held_off, stop_like_interrupt
from serving.staging import Staging
from tests.bundles import BANDS, tiny_bundle
from tests.rasters import write_tiff
from tests.scenes import smooth_numbers
from tests.service import left_in

ROOT = Path(serving.__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_stopped_command_leaves_nothing(tmp_path, number):
    tiny_bundle(tmp_path / "zoo")
    scene, folder = tmp_path / "scene.tif", tmp_path / "out"
    folder.mkdir()
    write_tiff(scene, smooth_numbers(6000, 700), names=BANDS)
    environment = os.environ | {"STEPPE_REGISTRY": str(tmp_path / "zoo"), "STEPPE_MODEL": "tiny"}
    # A shell's background job, as CI may be, ignores SIGINT and would pass that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "serving", "classify", str(scene), "-o", str(folder / "map.tif")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not any(folder.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert said.strip().splitlines()[-1] == "steppe: interrupted, nothing was published"
    assert list(folder.iterdir()) == []


def test_an_interrupt_when_all_is_published_does_not_deny_it(scene, out, environment, capsys):
    publish = Staging.publish

    def stop(staging):
        publish(staging)
        raise KeyboardInterrupt

    environment.setattr(Staging, "publish", stop)
    assert cli.main(["classify", str(scene), "-o", str(out / "map.tif")]) == INTERRUPTED
    assert capsys.readouterr().err.splitlines() == ["steppe: interrupted"]
    assert left_in(out) == ["map.qml", "map.tif"]


def test_commands_that_publish_nothing_do_not_say_that(scene, environment, capsys):
    def stop(*_args, **_keywords):
        raise KeyboardInterrupt

    environment.setattr("serving.pipeline.write_products", stop)
    assert cli.main(["bench", "scene", str(scene)]) == INTERRUPTED
    assert capsys.readouterr().err.splitlines() == ["steppe: interrupted"]
    environment.setattr("serving.commands.models.open_registry", stop)
    assert cli.main(["models", "list"]) == INTERRUPTED
    assert capsys.readouterr().err.splitlines() == ["steppe: interrupted"]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("more", [["--areas", "areas.json"], ["--json"]])
def test_a_reader_that_stops_early_is_no_error(scene, out, more):
    """As ``steppe classify ... | head -1``; here the reader has gone before the first line."""
    command = [sys.executable, "-m", "serving", "classify", str(scene), "-o", "map.tif", *more]
    read, write = os.pipe()
    os.close(read)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            command, stdout=closed, stderr=subprocess.PIPE, text=True, cwd=out, env=environment, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert {"map.qml", "map.tif"} <= set(left_in(out))


IGNORING = """
trap '' HUP
exec "$0" -c '
import os, signal
from serving.signals import stop_like_interrupt
with stop_like_interrupt():
    os.kill(os.getpid(), signal.SIGHUP)
    print("went on")
    os.kill(os.getpid(), signal.SIGTERM)
    print("never")
'
"""


def test_a_signal_that_is_ignored_from_the_start_stays_ignored():
    """As ``nohup`` starts a command that shall outlive its terminal."""
    done = subprocess.run(["/bin/sh", "-c", IGNORING, sys.executable], capture_output=True, text=True, check=False)
    assert done.stdout == "went on\n"
    assert done.stderr.splitlines()[-1] == "serving.signals.Interrupted: interrupted"


STARTING = """
import importlib.abc, os, sys

number, place, *sys.argv[1:] = sys.argv[1:]

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == place:
            os.kill(os.getpid(), int(number))

sys.meta_path.insert(0, Interrupting())
from serving.start import main
sys.exit(main())
"""
"""Runs a command that gets a signal when a module is about to be imported."""


@pytest.mark.parametrize(
    ("number", "place"),
    [(signal.SIGINT, "typer"), (signal.SIGTERM, "serving.commands.classify"), (signal.SIGHUP, "onnxruntime")],
)
@pytest.mark.usefixtures("environment")
def test_an_interrupt_while_starting_is_one_line(scene, out, number, place):
    command = [sys.executable, "-c", STARTING, str(int(number)), place, "classify", str(scene)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    done = subprocess.run([*command, "-o", str(out / "map.tif")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "steppe: interrupted\n")
    assert left_in(out) == []


def test_servers_and_training_have_their_own_way_with_signals(monkeypatch):
    """Whatever was set when the command began is as Python sets it when they run."""
    seen = {}

    class Plugin:
        name = "train"
        value = "training.cli:train"

        def load(self):
            seen.update({number: signal.getsignal(number) for number in STOPPING})
            return lambda _arguments: 0

    before = {number: signal.getsignal(number) for number in STOPPING}
    monkeypatch.setattr(cli, "entry_points", lambda **_: [Plugin()])
    monkeypatch.setattr(sys, "argv", ["steppe", "train"])
    try:
        assert start.main() == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    default = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    assert seen == default


def test_handlers_are_those_of_before():
    before = [signal.getsignal(number) for number in STOPPING]
    with stop_like_interrupt(), held_off():
        assert not set(before) & {signal.getsignal(number) for number in STOPPING}
    with pytest.raises(Interrupted), stop_like_interrupt():
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in STOPPING] == before


def test_what_holds_signals_off_on_other_threads_does_nothing():
    before = signal.getsignal(signal.SIGINT)

    def work():
        with held_off():
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() is before


def test_a_taken_port_is_one_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["serve", "--port", str(port)]) == ConfigError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"steppe: cannot listen on 127.0.0.1, port {port}")


def test_a_command_whose_packages_are_missing_says_so(monkeypatch, capsys):
    def run(_arguments):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    class Plugin:
        name = "train"
        value = "training.cli:train"

        def load(self):
            return run

    monkeypatch.setattr(cli, "entry_points", lambda **_: [Plugin()])
    assert cli.main(["train", "--help"]) == ConfigError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("steppe: steppe train needs the training packages (torch is missing)")
