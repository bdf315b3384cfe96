"""What both databases promise alike."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.database import schema
from serving.database.opening import open_database
from serving.database.protocol import DatabaseUnusable, StoreUnavailable, ValueUnstorable
from serving.database.statements import percent_style

OTHER = ("CREATE TABLE note (seq {serial}, words TEXT)", "CREATE TABLE other (number BIGINT)")


@pytest.fixture
def notes(database, database_settings):
    """A database with a table to play with."""
    schema.migrate(database, database_settings.database_schema, [*schema.STEPS, OTHER])
    return database


def write(database, words):
    with database.transaction() as transaction:
        transaction.run("INSERT INTO note (words) VALUES (:words)", words=words)


def read(database):
    with database.reading() as transaction:
        return [row["words"] for row in transaction.run("SELECT words FROM note ORDER BY seq")]


def test_rows_come_as_mappings(notes):
    write(notes, "a")
    with notes.transaction() as transaction:
        (row,) = transaction.run("UPDATE note SET words = :words RETURNING seq, words", words="b")
        assert dict(row) == {"seq": 1, "words": "b"}
        assert transaction.run("SELECT words FROM note WHERE seq = :seq", seq=2) == []
        assert list(transaction.run("DELETE FROM note")) == []


@pytest.mark.parametrize("text", ["", "ключ 🗺", "50 % of :words :: '%s' %(words)s", "\u2028", "x" * 1_000_000])
def test_texts_come_back_as_they_were(notes, text):
    write(notes, text)
    assert read(notes) == [text]


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**63, -(2**63)])
def test_what_only_one_of_them_keeps_is_refused(notes, value):
    with pytest.raises(ValueUnstorable), notes.transaction() as transaction:
        transaction.run("SELECT :value", value=value)


@pytest.mark.parametrize("number", [0, 2**63 - 1, -(2**63) + 1, None])
def test_numbers_have_64_bits(notes, number):
    with notes.transaction() as transaction:
        transaction.run("INSERT INTO other VALUES (:number)", number=number)
        assert transaction.run("SELECT number FROM other")[0]["number"] == number


def test_quoted_colons_casts_and_percent_signs_are_no_parameters(notes):
    with notes.transaction() as transaction:
        row = transaction.run("SELECT ':no %s' AS a, 7 % 4 AS b, 'it''s :no' AS c, :yes AS d", yes="here")[0]
    assert dict(row) == {"a": ":no %s", "b": 3, "c": "it's :no", "d": "here"}
    assert percent_style("SELECT 1::bigint, :a_1") == "SELECT 1::bigint, %(a_1)s"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_an_error_takes_everything_back(notes, error):
    with pytest.raises(error), notes.transaction() as transaction:  # noqa: PT012 - it is raised in the middle
        transaction.run("INSERT INTO note (words) VALUES ('a')")
        raise error
    assert read(notes) == []
    write(notes, "b")
    assert read(notes) == ["b"]


def test_a_wrong_statement_is_our_own_mistake_and_does_not_spoil_the_next(notes):
    for _ in range(20):
        with pytest.raises(Exception, match="nowhere"), notes.transaction() as transaction:
            transaction.run("SELECT * FROM nowhere")
    write(notes, "a")
    assert read(notes) == ["a"]


def test_a_reader_sees_one_moment_and_cannot_write(notes):
    write(notes, "a")
    with notes.reading() as transaction:
        before = transaction.run("SELECT words FROM note")
        write(notes, "b")
        assert transaction.run("SELECT words FROM note") == before
    with pytest.raises(StoreUnavailable), notes.reading() as transaction:
        transaction.run("INSERT INTO note (words) VALUES ('c')")
    assert read(notes) == ["a", "b"]


def test_many_threads_may_use_it(notes):
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: (write(notes, str(number)), read(notes)), range(100)))
    assert sorted(read(notes), key=int) == [str(number) for number in range(100)]


def test_after_closing_it_says_so(database_settings):
    database = open_database(database_settings)
    database.close()
    database.close()
    for begin in (database.transaction, database.reading):
        with pytest.raises(StoreUnavailable), begin():
            pass


def test_closing_lets_a_reader_end(database_settings):
    database = open_database(database_settings)
    with database.reading() as transaction:
        database.close()
        assert transaction.run("SELECT value FROM meta WHERE name = 'version'")


def test_closing_waits_for_no_longer_than_a_writer_takes(database_settings):
    database = open_database(database_settings)
    begun, over = threading.Event(), threading.Event()

    def write_slowly():
        with database.transaction() as transaction:
            begun.set()
            over.wait(10)
            transaction.run("UPDATE meta SET value = 'kept' WHERE name = 'secret'")

    with ThreadPoolExecutor(2) as pool:
        writer = pool.submit(write_slowly)
        begun.wait(10)
        closer = pool.submit(database.close)
        over.set()
        writer.result(10)
        closer.result(10)
    again = open_database(database_settings)
    with again.reading() as transaction:
        assert transaction.run("SELECT value FROM meta WHERE name = 'secret'")[0]["value"] == "kept"
    again.close()


def test_several_may_open_an_empty_one_at_the_same_time(database_settings):
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: open_database(database_settings), range(6)))
    assert len({schema.secret(database) for database in opened}) == 1
    for database in opened:
        database.close()


def test_tables_are_renewed_and_what_is_in_them_stays(database, database_settings):
    name = database_settings.database_schema
    with database.transaction() as transaction:
        transaction.run("INSERT INTO meta VALUES ('mine', 'x')")
    newer = [*schema.STEPS, OTHER]
    for _ in range(2):
        schema.migrate(database, name, newer)
    newest = [*newer, ("ALTER TABLE note ADD COLUMN tone TEXT",)]
    schema.migrate(database, name, newest)
    with database.reading() as transaction:
        assert transaction.run("SELECT tone FROM note") == []
        values = {row["name"]: row["value"] for row in transaction.run("SELECT * FROM meta")}
    assert values["version"] == str(len(newest))
    assert values["mine"] == "x"


def test_a_step_that_breaks_leaves_the_version_before(database, database_settings):
    with pytest.raises(Exception, match="syntax"):
        schema.migrate(database, database_settings.database_schema, [*schema.STEPS, (*OTHER, "MAKE TABLE")])
    schema.migrate(database, database_settings.database_schema, [*schema.STEPS, OTHER])
    write(database, "a")


def test_a_newer_database_is_refused(database, database_settings):
    schema.migrate(database, database_settings.database_schema, [*schema.STEPS, OTHER])
    with pytest.raises(DatabaseUnusable, match="newer"):
        open_database(database_settings)
