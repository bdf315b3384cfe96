"""PostgreSQL: connections that break, and what is said then (F19)."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from landcover.errors import ConfigError
from serving.database.opening import open_database
from serving.database.protocol import DatabaseUnusable, StoreUnavailable
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


def test_a_server_that_is_connected_but_says_nothing_is_not_waited_for(opened, postgres_cluster):
    with ThreadPoolExecutor(3) as pool:  # several idle connections
        list(pool.map(lambda _: version(opened), range(20)))
    with postgres_cluster.frozen():
        start = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            version(opened)
        assert time.monotonic() - start < 3
    assert version(opened)


def test_silence_in_the_middle_takes_everything_back(opened, postgres_cluster):
    start = time.monotonic()
    with pytest.raises(StoreUnavailable), opened.transaction() as transaction:  # noqa: PT012
        transaction.run("INSERT INTO meta VALUES ('b', 'x')")
        with postgres_cluster.frozen():
            transaction.run("SELECT 1")
    assert time.monotonic() - start < 3  # it is not told to take it back, either: it would not hear that
    with opened.reading() as transaction:
        assert not transaction.run("SELECT 1 FROM meta WHERE name = 'b'")


def test_a_transaction_that_the_server_ended_for_its_idleness(opened):
    with pytest.raises(StoreUnavailable), opened.transaction() as transaction:  # noqa: PT012
        transaction.run("SET idle_in_transaction_session_timeout = 50")
        time.sleep(0.3)
        transaction.run("SELECT 1")
    assert version(opened)


@pytest.mark.parametrize("password", ["se@cret", "se/cret", "12/cret", "@cret", "a/b@cret"])
def test_a_password_that_is_not_escaped_is_not_taken_for_a_host(tmp_path, password, caplog):
    """libpq would say the rest of it as the name of a host that is not there."""
    settings = Settings(state=tmp_path, database_url=f"postgresql://ann:{password}@localhost/steppe")
    with pytest.raises(ConfigError, match="@ as %40") as refused:
        open_database(settings)
    assert "cret" not in str(refused.value) + caplog.text


def test_a_wrong_password_is_not_said(tmp_path, postgres_cluster, caplog):
    url = postgres_cluster.guarded("the right one").replace("right", "hidden")
    with pytest.raises(StoreUnavailable) as refused:
        open_database(Settings(state=tmp_path, database_url=url))
    assert "password authentication failed" in caplog.text  # the operator is told
    assert "hidden" not in str(refused.value) + caplog.text


def test_a_user_without_rights_is_told_what_is_missing(tmp_path, postgres_cluster):
    with psycopg.connect(postgres_cluster.url, autocommit=True) as plain:
        plain.execute("DROP ROLE IF EXISTS poor")
        plain.execute("CREATE ROLE poor LOGIN")
        url = postgres_cluster.url.replace("steppe@", "poor@")
        settings = Settings(state=tmp_path, database_url=url, database_schema="not_there")
        with pytest.raises(DatabaseUnusable, match="lacks rights"):
            open_database(settings)
        plain.execute("CREATE SCHEMA not_there AUTHORIZATION poor")
        open_database(settings).close()
        plain.execute("DROP SCHEMA not_there CASCADE")
        plain.execute("DROP ROLE poor")
