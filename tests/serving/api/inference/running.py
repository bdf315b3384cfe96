"""The service as far as inference needs it."""

from __future__ import annotations

from contextlib import contextmanager

from serving.api.app import create_app
from tests.service import make_settings


@contextmanager
def running(app):
    """Look at the models once; close what was opened."""
    app.state.models.poll()
    try:
        yield app
    finally:
        app.state.batchers.close()
        app.state.database.close()


@contextmanager
def serving(tmp_path, registry, zoo, **changes):
    """A service with settings of its own."""
    with running(create_app(make_settings(tmp_path, registry, zoo, **changes))) as app:
        yield app
