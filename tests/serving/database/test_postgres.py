"""PostgreSQL: connections that break, and what is said then (F19)."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from landcover.errors import ConfigError
from serving.database.opening import open_database
from serving.database.protocol import StoreUnavailable
from serving.settings import Settings, load_settings


@pytest.fixture
def opened(postgres_settings):
    database = open_database(postgres_settings.model_copy(update={"database_wait_s": 1.0, "database_connections": 3}))
    yield database
    database.close()


def version(database):
    with database.reading() as transaction:
        return transaction.run("SELECT value FROM meta WHERE name = 'version'")[0]["value"]


def test_every_commit_is_flushed_to_the_disk(opened, postgres_settings):
    with opened.transaction() as transaction:
        assert transaction.run("SHOW synchronous_commit")[0] == {"synchronous_commit": "on"}
        assert transaction.run("SHOW search_path")[0] == {"search_path": postgres_settings.database_schema}
        assert transaction.run("SHOW idle_in_transaction_session_timeout")[0].popitem()[1] == "1min"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_it_reconnects_by_itself_after_a_restart(opened, postgres_cluster, how):
    with ThreadPoolExecutor(3) as pool:  # several idle connections
        list(pool.map(lambda _: version(opened), range(20)))
    postgres_cluster.stop(how)
    try:
        start = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            version(opened)
        assert time.monotonic() - start < 5
    finally:
        postgres_cluster.start()
    assert version(opened)


def test_a_transaction_that_loses_its_connection_is_taken_back(opened):
    with opened.transaction() as transaction:
        transaction.run("INSERT INTO meta VALUES ('a', 'before')")
    with pytest.raises(StoreUnavailable), opened.transaction() as transaction:  # noqa: PT012
        transaction.run("UPDATE meta SET value = 'after' WHERE name = 'a'")
        pid = transaction.run("SELECT pg_backend_pid() AS pid")[0]["pid"]
        with opened.transaction() as other:
            other.run("SELECT pg_terminate_backend(:pid)", pid=pid)
        transaction.run("SELECT 1")
    with opened.reading() as transaction:
        assert transaction.run("SELECT value FROM meta WHERE name = 'a'")[0]["value"] == "before"


def test_a_row_that_stays_locked_is_unavailable_in_time(opened):
    with opened.transaction() as transaction:
        transaction.run("UPDATE meta SET value = value")
        start = time.monotonic()
        with pytest.raises(StoreUnavailable, match="locked"), opened.transaction() as other:
            other.run("UPDATE meta SET value = value")
        assert 0.5 < time.monotonic() - start < 5
        with opened.reading() as reader:
            assert reader.run("SELECT 1 AS one")


def test_connections_are_no_more_than_allowed(opened):
    taken = opened.reading
    with taken(), taken(), taken(), pytest.raises(StoreUnavailable, match="in use"), taken():
        pass
    assert version(opened)


def test_a_server_that_became_a_standby_is_left(opened):
    with opened.transaction() as transaction:
        transaction.run("SET default_transaction_read_only = on")
        transaction.run("SET transaction_read_only = off")
    with pytest.raises(StoreUnavailable), opened.transaction() as transaction:  # noqa: PT012
        transaction.run("SET TRANSACTION READ ONLY")
        transaction.run("DELETE FROM meta")
    assert version(opened)


def test_nobody_there(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql://someone:hidden@127.0.0.1:{closed.getsockname()[1]}/steppe"
        with pytest.raises(StoreUnavailable) as refused:
            open_database(Settings(state=tmp_path, database_url=url))
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://a:hidden@b/c", "hidden", "postgresql://a:hidden@b/c?no=such", ""])
def test_an_address_that_is_none_is_refused_without_being_repeated(tmp_path, url):
    settings = Settings(state=tmp_path, database_url=url)
    with pytest.raises(ConfigError) as refused:
        open_database(settings)
    assert "hidden" not in str(refused.value)
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize("name", ["", "a b", 'a"b', "1a", "A", "x" * 64])
def test_a_schema_has_a_plain_name(name):
    with pytest.raises(ConfigError, match="STEPPE_DATABASE_SCHEMA"):
        load_settings(database_schema=name)


def test_schemas_are_apart(postgres_settings, postgres_cluster):
    one = open_database(postgres_settings)
    two = open_database(
        postgres_settings.model_copy(update={"database_schema": f"{postgres_settings.database_schema}_b"})
    )
    with one.transaction() as transaction:
        transaction.run("INSERT INTO meta VALUES ('only', 'here')")
    with two.reading() as transaction:
        assert not transaction.run("SELECT 1 FROM meta WHERE name = 'only'")
    one.close()
    two.close()
    with psycopg.connect(postgres_cluster.url) as plain:
        assert plain.execute("SELECT to_regclass('public.meta')").fetchone() == (None,)
