"""What keeps workers running, with small commands in their place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import pytest

from serving.telemetry.report import WorkerReport
from serving.work import supervisor
from serving.work.supervisor import Supervisor

STAYS = "import sys; open(sys.argv[1] + '/' + sys.argv[2], 'a').write('x'); sys.stdin.read()"
DIES = "import sys; open(sys.argv[1] + '/' + sys.argv[2], 'a').write('x'); sys.exit(3)"
DEAF = "import sys, time; open(sys.argv[1] + '/' + sys.argv[2], 'a').write('x'); time.sleep(600)"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(supervisor, "LOOK_S", 0.01)
    monkeypatch.setattr(supervisor, "STOP_S", 0.5)


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def crew(count, code, folder, **options):
    options.setdefault("report", lambda _report: None)
    return Supervisor(count, command=(sys.executable, "-S", "-c", code, str(folder)), **options)


def starts(folder):
    """How often each worker was started."""
    return sorted(len(path.read_text()) for path in folder.iterdir())


def test_workers_run_and_end_with_their_pipe(tmp_path):
    with crew(2, STAYS, tmp_path) as workers:
        until(lambda: starts(tmp_path) == [1, 1])
        assert (workers.alive, workers.count) == (2, 2)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert workers.alive == 0


def test_counting_while_a_worker_is_taken_away(tmp_path):
    """Health is asked from other threads than the one that buries workers."""

    class Post:
        looks = iter([SimpleNamespace(poll=lambda: None), None])
        process = property(lambda self: next(self.looks))

    workers = crew(1, STAYS, tmp_path)
    workers._posts[0] = Post()
    assert workers.alive == 1


def test_a_worker_that_was_killed_is_started_at_once(tmp_path, caplog):
    with crew(1, STAYS, tmp_path) as workers:
        until(lambda: starts(tmp_path) == [1])
        workers._posts[0].process.kill()
        until(lambda: starts(tmp_path) == [2])
    assert "exit code -9" in caplog.text


def test_workers_that_die_again_and_again_are_started_less_often(tmp_path):
    with crew(1, DIES, tmp_path):
        time.sleep(1.5)
    (count,) = starts(tmp_path)
    assert 2 <= count <= 5  # after 0.1, 0.2, 0.4, 0.8 seconds


def test_a_worker_that_lived_long_is_started_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "STEADY_S", 0.0)
    with crew(1, DIES, tmp_path):
        until(lambda: starts(tmp_path) and starts(tmp_path)[0] >= 5)


def test_workers_that_do_not_end_are_killed(tmp_path):
    workers = crew(1, DEAF, tmp_path)
    with workers:
        until(lambda: starts(tmp_path) == [1])
        process = workers._posts[0].process
        began = time.monotonic()
    assert 0.4 < time.monotonic() - began < 5
    assert process.returncode == -signal.SIGKILL


def test_a_command_that_is_not_there_is_tried_again(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(supervisor, "SLOWEST_S", 0.05)
    with Supervisor(1, report=print, command=(str(tmp_path / "absent"),)) as workers:
        until(lambda: caplog.text.count("cannot be started") >= 3)
        assert workers.alive == 0


def test_no_workers():
    with Supervisor(0, report=print) as workers:
        assert (workers.alive, workers.count) == (0, 0)


def test_reports_are_handed_on_and_nonsense_is_not(tmp_path, caplog):
    line = WorkerReport(process="classify", model="tiny@1", pixels=7, seconds=0.5).to_line()
    code = f"""
        import os, sys
        os.write(1, b'nonsense\\n' + {line!r} + b'x' * 200_000 + b'\\n' + {line!r})
        sys.stdin.read()
    """
    heard, failing = [], [True]

    def report(one):
        heard.append(one)
        if failing.pop() if failing else False:
            raise ZeroDivisionError

    with crew(1, textwrap.dedent(code), tmp_path, report=report):
        until(lambda: len(heard) == 2)
    assert heard[0].pixels == 7
    assert "ZeroDivisionError" in caplog.text


def test_the_environment_is_what_was_given(tmp_path):
    code = "import os, sys; open(sys.argv[1] + '/told', 'w').write(os.environ['STEPPE_TEST']); sys.stdin.read()"
    with crew(1, code, tmp_path, environment={**os.environ, "STEPPE_TEST": "yes"}):
        until(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text() == "yes")


def test_workers_end_when_their_server_is_killed(tmp_path):
    """However it ends, its end of the pipe closes."""
    code = f"""
        import sys, time
        from serving.work.supervisor import Supervisor
        stays = "import os, sys; open(sys.argv[1] + '/pid', 'w').write(str(os.getpid())); sys.stdin.read()"
        with Supervisor(1, report=print, command=(sys.executable, "-S", "-c", stays, {str(tmp_path)!r})):
            time.sleep(600)
    """
    server = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    try:
        told = tmp_path / "pid"
        until(lambda: told.exists() and told.read_text())
        worker = int(told.read_text())
        assert os.path.exists(f"/proc/{worker}")  # noqa: PTH110
    finally:
        server.kill()
        server.wait()
    until(lambda: not alive(worker))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
