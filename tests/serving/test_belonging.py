"""A state folder and a database belong together (A11: servers whose results would be removed by each other)."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from landcover.errors import ConfigError
from serving import cli
from serving.belonging import FILE, StateFolderUnusable, claim
from serving.database.opening import FILE as SQLITE
from serving.database.opening import open_database
from serving.settings import Settings
from tests.service import left_in


def test_a_folder_is_taken_once_and_found_again(database, tmp_path):
    for _ in range(3):
        claim(tmp_path / "state", database)
    assert set(json.loads((tmp_path / "state" / FILE).read_text())) == {"database", "folder"}
    assert [name for name in left_in(tmp_path / "state") if not name.startswith(SQLITE)] == [FILE]


def test_several_servers_may_take_it_at_the_same_time(database, tmp_path):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: claim(tmp_path / "state", database), range(6)))


def test_another_folder_for_the_same_database(database, tmp_path):
    claim(tmp_path / "state", database)
    for _ in range(2):
        with pytest.raises(StateFolderUnusable, match="all of them share"):
            claim(tmp_path / "mine", database)
    assert left_in(tmp_path / "mine") == []
    with database.transaction() as transaction:  # what the documentation says where the folder is lost
        transaction.run("DELETE FROM meta WHERE name = 'folder'")
    claim(tmp_path / "mine", database)
    with pytest.raises(StateFolderUnusable, match="all of them share"):
        claim(tmp_path / "state", database)


def test_another_database_for_the_same_folder(database, tmp_path):
    claim(tmp_path / "state", database)
    other = open_database(Settings(state=tmp_path / "other", database_url=None))
    with pytest.raises(StateFolderUnusable, match="another database"):
        claim(tmp_path / "state", other)
    claim(tmp_path / "other", other)
    other.close()


def test_a_crash_between_the_two_marks(database, tmp_path):
    claim(tmp_path / "state", database)
    with database.transaction() as transaction:
        transaction.run("DELETE FROM meta WHERE name = 'folder'")
    claim(tmp_path / "state", database)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"database": "x"}'])
def test_a_damaged_mark(database, tmp_path, text):
    (tmp_path / "state").mkdir(exist_ok=True)
    (tmp_path / "state" / FILE).write_text(text)
    with pytest.raises(StateFolderUnusable, match="damaged"):
        claim(tmp_path / "state", database)


def test_the_mark_does_not_tell_the_secret(database, tmp_path):
    claim(tmp_path / "state", database)
    with database.reading() as transaction:
        secret = transaction.run("SELECT value FROM meta WHERE name = 'secret'")[0]["value"]
    assert json.loads((tmp_path / "state" / FILE).read_text())["database"] not in secret


def test_serve_says_so(environment, tmp_path, postgres_cluster, capsys):
    """From SQLite to PostgreSQL with the same folder: its results would be swept as nobody's."""
    database = open_database(Settings())
    claim(tmp_path / "state", database)
    database.close()
    environment.setenv("STEPPE_DATABASE_URL", postgres_cluster.url)
    environment.setenv("STEPPE_DATABASE_SCHEMA", f"test_{uuid.uuid4().hex}")
    assert cli.main(["serve", "--port", "0"]) == ConfigError.exit_code
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("steppe: STEPPE_STATE has uploads and results of another database")
