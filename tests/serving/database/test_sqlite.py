"""SQLite: where it may be, what it refuses, locks, damage and a full disk (F7, F8, F20, F21)."""

import ctypes
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress

import pytest

from landcover.errors import DiskFull
from serving.database import filesystem, sqlite
from serving.database.opening import FILE, open_database
from serving.database.protocol import DatabaseUnusable, StoreUnavailable
from serving.settings import Settings
from tests.service import left_in


@pytest.fixture
def file(sqlite_settings):
    """A database with some pages, closed."""
    database = open_database(sqlite_settings)
    with database.transaction() as transaction:
        for number in range(200):
            transaction.run("INSERT INTO meta VALUES (:name, :value)", name=f"n{number}", value="x" * 1000)
    database.close()
    return sqlite_settings.state / FILE


def hasty(settings, seconds=0.2):
    return settings.model_copy(update={"database_wait_s": seconds})


@contextmanager
def stranger(file, begin):
    """Another program that has begun a transaction."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(begin)
        connection.execute("SELECT count(*) FROM meta").fetchall()
        yield connection


def test_every_commit_is_flushed_to_the_disk(file, sqlite_settings):
    database = open_database(sqlite_settings)
    with database.transaction() as transaction:
        assert transaction.run("PRAGMA synchronous")[0] == {"synchronous": 2}
        assert transaction.run("PRAGMA journal_mode")[0] == {"journal_mode": "wal"}
    database.close()
    assert left_in(file.parent) == [FILE]  # closed cleanly: the log is in the file


def test_nobody_else_may_read_it(file):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("start", "size"), [(0, 100), (16, 2), (100, 4000), (4096, 4096), (20_000, 60_000), (-5000, 5000)]
)
def test_a_damaged_file_is_refused_and_left_alone(file, sqlite_settings, start, size):
    content = bytearray(file.read_bytes())
    start %= len(content)
    content[start : start + size] = bytes(byte ^ 0xA5 for byte in content[start : start + size])
    file.write_bytes(content)
    with pytest.raises(DatabaseUnusable, match="restore") as refused:
        open_database(sqlite_settings)
    assert str(file.parent) not in str(refused.value)
    assert file.read_bytes() == content


def test_half_a_file_is_refused_and_left_alone(file, sqlite_settings):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(DatabaseUnusable, match="restore"):
        open_database(sqlite_settings)
    assert file.read_bytes() == content[: len(content) // 2]


def test_damage_met_later_is_no_answer(file, sqlite_settings):
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    file.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="restore"):
        open_database(sqlite_settings, verify=False)


@pytest.mark.parametrize("pragma", ["", "PRAGMA application_id = 1196444487"])
def test_the_database_of_another_program_is_left_alone(sqlite_settings, pragma):
    sqlite_settings.state.mkdir()
    file = sqlite_settings.state / FILE
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(pragma)
        connection.execute("CREATE TABLE job (theirs)")
        connection.commit()
    content = file.read_bytes()
    with pytest.raises(DatabaseUnusable, match="another program"):
        open_database(sqlite_settings)
    assert file.read_bytes() == content
    assert left_in(file.parent) == [FILE]


@pytest.mark.parametrize("what", ["file", "folder", "state"])
def test_what_is_in_the_way_is_named_without_its_path(tmp_path, what):
    state = tmp_path / "state"
    if what == "file":
        state.write_text("a file")
    elif what == "folder":
        (state / FILE).mkdir(parents=True)
    else:
        state = tmp_path / ("x" * 300)
    with pytest.raises(DatabaseUnusable, match="cannot be opened") as refused:
        open_database(Settings(state=state, database_url=None))
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("name", ["nfs", "cifs", "ceph"])
def test_a_network_file_system_is_refused(sqlite_settings, monkeypatch, name):
    number = next(number for number, known in filesystem.NETWORK.items() if known == name)
    monkeypatch.setattr(filesystem, "_statfs_type", lambda _folder: number)
    with pytest.raises(DatabaseUnusable, match=rf"network file system \({name}\).*STEPPE_DATABASE_URL"):
        open_database(sqlite_settings)
    assert left_in(sqlite_settings.state) == []


@pytest.mark.parametrize(
    ("mounted", "answer"),
    [("fuse.sshfs", "fuse.sshfs"), ("fuseblk", None), ("fuse.fuse-overlayfs", None), (None, "fuse")],
)
def test_a_file_system_run_by_a_program_may_be_local(tmp_path, monkeypatch, mounted, answer):
    monkeypatch.setattr(filesystem, "_statfs_type", lambda _folder: 0x65735546)
    mounts = tmp_path / "mountinfo"
    device = tmp_path.stat().st_dev
    number = f"{filesystem.os.major(device)}:{filesystem.os.minor(device)}"
    line = f"36 35 {number} / /mnt rw,noatime master:1 - {mounted} source rw\n" if mounted else ""
    mounts.write_text(f"22 1 0:999 / /proc rw - proc proc rw\n{line}")
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    assert filesystem.network_name(tmp_path) == answer


@pytest.mark.skipif(sys.platform != "linux", reason="statfs of Linux")
def test_the_type_of_a_file_system_is_read():
    assert filesystem._statfs_type(filesystem.Path("/proc")) == 0x9FA0  # PROC_SUPER_MAGIC
    with pytest.raises(FileNotFoundError):
        filesystem._statfs_type(filesystem.Path("/nowhere"))
    assert ctypes.sizeof(ctypes.c_long) * 64 >= 120  # struct statfs


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_locked_database_is_unavailable_in_time_and_still_read(file, sqlite_settings, begin):
    database = open_database(hasty(sqlite_settings))
    with stranger(file, begin):
        start = time.monotonic()
        with pytest.raises(StoreUnavailable, match="locked"), database.transaction():
            pass
        assert 0.1 < time.monotonic() - start < 2
        with database.reading() as transaction:
            assert transaction.run("SELECT value FROM meta WHERE name = 'version'")
    with database.transaction() as transaction:  # it recovers by itself
        transaction.run("DELETE FROM meta WHERE name = 'n1'")
    database.close()


@pytest.mark.usefixtures("file")
def test_a_writer_of_this_process_that_waits_too_long_hears_so(sqlite_settings):
    database = open_database(hasty(sqlite_settings))
    with database.transaction(), pytest.raises(StoreUnavailable, match="locked"), database.transaction():
        pass
    with database.transaction():
        pass
    database.close()


def test_a_long_reader_lets_others_write_and_the_log_is_cut_afterwards(file, sqlite_settings, monkeypatch):
    monkeypatch.setattr(sqlite, "WAL_LIMIT", 200_000)
    log = file.with_name(FILE + "-wal")
    database = open_database(sqlite_settings)

    def write(times):
        for number in range(times):
            with database.transaction() as transaction:
                transaction.run("UPDATE meta SET value = :value WHERE name LIKE 'n%'", value=str(number) * 900)

    with stranger(file, "BEGIN"):
        write(40)
        assert log.stat().st_size > 8_000_000
    write(40)  # the checkpoint that was not possible before; the next ones come every 4 MB
    assert log.stat().st_size < 6_000_000
    database.close()


FILLER = """
import resource, signal, sys
from pathlib import Path
from landcover.errors import DiskFull
from serving.database.opening import open_database
from serving.database.protocol import StoreUnavailable
from serving.settings import Settings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
database = open_database(Settings(state=Path(sys.argv[1]), database_url=None))
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
rows = 0
try:
    while True:
        with database.transaction() as transaction:
            transaction.run("INSERT INTO meta VALUES (:name, :value)", name=f"full{rows}", value="x" * 5000)
        rows += 1
except (DiskFull, StoreUnavailable) as error:
    print(rows, type(error).__name__)
"""


@pytest.mark.usefixtures("file")
def test_a_full_disk_loses_nothing_that_was_committed(sqlite_settings):
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(sqlite_settings.state)], capture_output=True, text=True, check=True
    )
    rows, error = done.stdout.split()
    assert error in {"DiskFull", "StoreUnavailable"}
    assert int(rows) > 10
    database = open_database(sqlite_settings)
    with database.reading() as transaction:
        kept = transaction.run("SELECT count(*) AS n FROM meta WHERE name LIKE 'full%'")[0]["n"]
        assert transaction.run("PRAGMA integrity_check")[0] == {"integrity_check": "ok"}
    database.close()
    assert kept == int(rows)


@pytest.mark.usefixtures("file")
def test_no_room_is_told_apart_from_other_troubles(sqlite_settings):
    database = open_database(sqlite_settings)
    with database.transaction() as transaction:
        pages = transaction.run("PRAGMA page_count")[0]["page_count"]
    database._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFull, match="make room"), database.transaction() as transaction:  # noqa: PT012
        for number in range(300):
            transaction.run("INSERT INTO meta VALUES (:name, :value)", name=f"more{number}", value="x" * 4000)
    with database.transaction() as transaction:
        assert transaction.run("SELECT count(*) AS n FROM meta WHERE name LIKE 'more%'")[0]["n"] == 0
    database.close()


def test_an_old_sqlite_is_refused(sqlite_settings, monkeypatch):
    monkeypatch.setattr(sqlite, "OLDEST", (99, 0, 0))
    with pytest.raises(DatabaseUnusable, match=r"99\.0\.0"):
        open_database(sqlite_settings)


def test_the_state_folder_follows_the_xdg_specification(monkeypatch, tmp_path):
    for name in ("STEPPE_STATE", "STEPPE_DATABASE_URL", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().state == tmp_path / ".local" / "state" / "steppe"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert Settings().state == tmp_path / ".local" / "state" / "steppe"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert Settings().state == tmp_path / "xdg" / "steppe"
    monkeypatch.setenv("STEPPE_STATE", str(tmp_path / "mine"))
    assert Settings().state == tmp_path / "mine"


def test_one_that_another_process_claims_this_very_moment_is_ours(sqlite_settings, monkeypatch):
    file = sqlite_settings.state / FILE
    connect = sqlite3.connect

    def claim(statement):
        if "sqlite_master" in statement:
            with closing(connect(file, timeout=0, isolation_level=None)) as other, suppress(sqlite3.OperationalError):
                other.execute(f"PRAGMA application_id = {sqlite.APPLICATION_ID}")
                other.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")

    def watched(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(claim)
        return connection

    monkeypatch.setattr(sqlite.sqlite3, "connect", watched)
    sqlite.SqliteDatabase(file, wait_s=1).close()
