"""Tables of another version than this Steppe's (F29)."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest

from landcover.errors import ConfigError
from serving import cli
from serving.database import schema
from serving.database.opening import _open, open_database
from serving.database.protocol import DatabaseUnusable
from tests.serving.api.databases.conftest import open_houses
from tests.serving.api.ogc.conftest import furnish

NEWER = [*schema.STEPS, ("ALTER TABLE job ADD COLUMN later TEXT", "CREATE TABLE later (number BIGINT)")]
MAP = {"map": {}}


@pytest.fixture
def furnished(tmp_path, database_settings):
    """Settings of a service on an empty database, and a scene."""
    names = ("database_url", "database_schema", "database_wait_s")
    return furnish(tmp_path, **{name: getattr(database_settings, name) for name in names})


def bring(settings, steps):
    """The database as other versions of Steppe leave it."""
    with closing(_open(settings, verify=False)) as database:
        schema.migrate(database, settings.database_schema, steps)


def test_an_older_one_is_renewed(furnished, readers):
    settings, body = furnished
    bring(settings, schema.STEPS[:1])
    with ExitStack() as stack:
        (house,) = open_houses(stack, settings, body, readers, 1)
        assert house.ended(house.begin(outputs=MAP))["status"] == "successful"
    with closing(open_database(settings)) as database, database.reading() as transaction:
        version = transaction.run("SELECT value FROM meta WHERE name = 'version'")[0]["value"]
    assert version == str(len(schema.STEPS))


def test_jobs_go_on_when_a_newer_one_renews_the_tables(furnished, readers, paused):
    settings, body = furnished
    with ExitStack() as stack:
        (house,) = open_houses(stack, settings, body, readers, 1)
        running = house.begin(outputs=MAP)
        waiting = house.begin(outputs=MAP)
        assert paused.began.wait(10)
        bring(settings, NEWER)
        accepted = house.begin(outputs=MAP)
        paused.go_on.set()
        assert {house.ended(job)["status"] for job in (running, waiting, accepted)} == {"successful"}
        with pytest.raises(DatabaseUnusable, match="version 3, this Steppe knows 2; start the newer one"):
            open_database(settings)


def test_serve_refuses_a_newer_one_in_a_sentence(furnished, environment, capsys):
    settings, _ = furnished
    bring(settings, NEWER)
    environment.setenv("STEPPE_STATE", str(settings.state))
    environment.setenv("STEPPE_DATABASE_SCHEMA", settings.database_schema)
    if settings.database_url is not None:
        environment.setenv("STEPPE_DATABASE_URL", settings.database_url.get_secret_value())
    assert cli.main(["serve", "--port", "0"]) == ConfigError.exit_code
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("steppe: the database has version 3, this Steppe knows 2;")
