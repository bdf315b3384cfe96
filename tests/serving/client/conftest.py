"""A real service on loopback, with a worker, for commands that use one."""

from types import SimpleNamespace

import pytest

from serving.api.app import create_app
from serving.reader.pool import ReaderPool
from serving.reader.terms import Terms
from tests.crew import open_test_shop, working
from tests.service import left_in, make_settings
from tests.serving.api.live import live, quiet


@pytest.fixture(scope="session")
def readers(tmp_path_factory, folders):
    """Readers that all tests of the client share."""
    settings = make_settings(tmp_path_factory.mktemp("readers"), *folders)
    with ReaderPool(Terms.of(settings)) as pool:
        yield pool


@pytest.fixture
def service_settings(tmp_path, folders):
    """The state of the service lies apart from whatever the command would use by itself."""
    folder = tmp_path / "service"
    folder.mkdir()
    return make_settings(folder, *folders)


@pytest.fixture
def open_service(service_settings):
    """A service without a worker: its jobs wait."""
    quiet()
    app = create_app(service_settings)
    with live(app, service_settings) as line:
        url = f"http://127.0.0.1:{line.port}"
        yield SimpleNamespace(url=url, settings=service_settings, app=app, store=app.state.desk.store)


@pytest.fixture
def crew(service_settings, readers):
    """A worker."""
    with open_test_shop(service_settings, readers) as shop, working(shop):
        yield shop


@pytest.fixture
def service(open_service, crew):  # noqa: ARG001 - does the jobs
    """A service with a worker."""
    return open_service


def left_on(service):
    """What uploads and results are in the service."""
    state = service.settings.state
    return [name for name in left_in(state) if (state / name).is_file() and not name.startswith("steppe.db")]
