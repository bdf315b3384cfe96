"""A PostgreSQL server of our own: in a temporary folder, on a UNIX socket, gone after the tests.

Debian's package ``postgresql`` is enough; its own cluster is left alone and need not run. The server refuses to run as
root, so there it runs as ``postgres`` or ``nobody``.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

GUARDED = "guarded"
"""A role that has to give a password."""

ABSENT = "no PostgreSQL on this machine: install Debian's package postgresql to run these tests"


def find_binaries():
    """Folder with ``initdb`` and ``postgres`` of the newest version, or None."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def _version(folder):
    found = re.match(r"\d+", folder.parent.name)
    return int(found[0]) if found else 0


class Cluster:
    """One server. ``stop`` and ``start`` keep its data, as a restart does.

    Tests kill programs, not machines: what the system holds for the disk is safe, and flushing it takes seconds. Only
    ``durable`` servers do.
    """

    def __init__(self, binaries, *, durable=False):
        self._binaries = binaries
        self._options = ["-clisten_addresses=", *([] if durable else ["-cfsync=off", "-cfull_page_writes=off"])]
        self._folder = Path(tempfile.mkdtemp(prefix="steppe-pg-"))  # short: a socket's path has at most 107 bytes
        self._process = None
        self._as_user = []
        if os.geteuid() == 0:
            user = _unprivileged()
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self._run("initdb", "-D", self._data, "-U", "steppe", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        rules = self._folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")
        self.start()

    @property
    def url(self):
        return f"postgresql://steppe@/postgres?host={self._folder}"

    def guarded(self, password):
        """Address of an owner of the database who has to give a password, which is in it."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [GUARDED]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(sql.Identifier(GUARDED)))
            words = sql.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(words.format(sql.Identifier(GUARDED), sql.Literal(password)))
        return f"postgresql://{GUARDED}:{quote(password, safe='')}@/postgres?host={self._folder}"

    @property
    def processes(self):
        """Process ids of the server and all its sessions."""
        return [self._process.pid, *map(int, self._children.read_text().split())]

    @property
    def _children(self):
        return Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")

    @contextmanager
    def frozen(self):
        """Connected, but without an answer: as when its machine or its disk hangs."""
        held = self.processes
        for process in held:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in held:
                os.kill(process, signal.SIGCONT)

    @property
    def _data(self):
        return str(self._folder / "data")

    def start(self):
        """Start, and wait until it answers."""
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self._command(
                    "postgres", "-D", self._data, "-k", str(self._folder), "-clisten_addresses=", *self._options
                ),
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        end = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self._folder / "log").read_text(errors="replace")) from None
                time.sleep(0.02)
            else:
                return

    def stop(self, how=signal.SIGINT):
        """Stop: SIGINT ends every session at once, SIGQUIT also leaves the recovery to the next start."""
        self._process.send_signal(how)
        self._process.wait(30)

    def remove(self):
        """Stop without tidying up, and remove all there was."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder)

    def _command(self, program, *arguments):
        # The server ends with whoever started it, should that be killed.
        return ["setpriv", "--pdeathsig", "INT", *self._as_user, str(self._binaries / program), *arguments]

    def _run(self, program, *arguments):
        done = subprocess.run(self._command(program, *arguments), capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)


def _unprivileged():
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
