"""One registry for all tests of the service's doors, and settings that use it."""

import logging
import os
import signal
import sys
import uuid
from importlib.util import find_spec

import pytest

from serving.database.opening import open_database
from serving.reader.pool import ReaderPool
from serving.reader.terms import Terms
from serving.settings import Settings
from serving.telemetry import logs
from tests.service import left_in, make_registry, make_settings, write_scene
from tests.websites import World, authority


@pytest.fixture(scope="session", autouse=True)
def captured_output_stays_open():
    """OpenVINO's converter loads absl where TensorBoard brought it along, and absl's log handler closes its stream when
    uvicorn configures logging, unless that is the process's own; under pytest it would be the file that captures."""
    if find_spec("absl"):
        from absl import logging  # noqa: PLC0415 (only where it is installed)

        logging.get_absl_handler().python_handler.stream = sys.__stderr__


@pytest.fixture(autouse=True)
def logs_end_with_their_test():
    """Commands send logs to standard error, which is another stream in every test."""
    yield
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, logs._OurHandler)]:
        root.removeHandler(handler)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Registry with the tiny model, and an empty zoo."""
    return make_registry(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def readers(tmp_path_factory, folders):
    """Readers that all tests share; one is always ready."""
    settings = make_settings(tmp_path_factory.mktemp("readers"), *folders)
    with ReaderPool(Terms.of(settings)) as pool:
        yield pool


@pytest.fixture
def settings(tmp_path, folders):
    return make_settings(tmp_path, *folders)


@pytest.fixture
def scene(tmp_path):
    """A good scene with a hole."""
    return write_scene(tmp_path / "scene.tif")


@pytest.fixture
def out(tmp_path):
    """An empty folder for results."""
    folder = tmp_path / "out"
    folder.mkdir()
    assert left_in(folder) == []
    return folder


@pytest.fixture
def environment(monkeypatch, folders, tmp_path):
    """The settings as the environment gives them to the command line."""
    for name in [name for name in os.environ if name.startswith("STEPPE_")]:
        monkeypatch.delenv(name)
    chosen = {"registry": folders[0], "zoo": folders[1], "model": "tiny", "threads": 1, "provider": "cpu"}
    chosen["state"] = tmp_path / "state"
    for name, value in chosen.items():
        monkeypatch.setenv(f"STEPPE_{name.upper()}", str(value))
    return monkeypatch


@pytest.fixture(autouse=True, scope="session")
def signals_are_heard():
    """Under nohup, or in the background of a shell, tests and all they start would inherit that signals are ignored."""
    usual = {
        signal.SIGHUP: signal.SIG_DFL,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGINT: signal.default_int_handler,
    }
    ignored = [number for number in usual if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, usual[number])
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def sqlite_settings(tmp_path):
    return Settings(state=tmp_path / "state", database_url=None, database_wait_s=5)


@pytest.fixture
def postgres_settings(tmp_path, postgres_cluster):
    """A schema of its own in the shared server."""
    schema = f"test_{uuid.uuid4().hex}"
    return Settings(
        state=tmp_path / "state", database_url=postgres_cluster.url, database_schema=schema, database_wait_s=5
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def database_settings(request):
    """Settings of an empty database: every test that uses it runs on both."""
    return request.getfixturevalue("sqlite_settings" if request.param == "sqlite" else "postgres_settings")


@pytest.fixture
def database(database_settings):
    opened = open_database(database_settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def ca():
    """A certificate authority that all tests share."""
    return authority()


@pytest.fixture
def world(ca):
    """A world of hosts for each test."""
    made = World(ca)
    yield made
    made.close()
